"""Results that were written are the results that are read."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import xai
from xai.core.errors import InputError
from xai.workflows import CompareConfig, ModelComparison, Obedience, Rashomon, believe, compare_models, rashomon

from .test_compare_models import as_dataset, one_informative

QUICK = CompareConfig(sizes=(1, 2), n_background=10, n_repeats=2, n_folds=2, n_boot=50, n_boot_agreement=10)


@pytest.fixture(scope="module")
def compared():
    X, y = one_informative(120)
    site = np.where(np.arange(120) % 2, "east", "west")
    models = ("svm", "decision_tree")
    return compare_models(as_dataset(X, y, site), models, n_rows=4, config=QUICK)


@pytest.fixture(scope="module")
def simple():
    return rashomon(one_informative(100), "logistic_regression", n_models=6)


@pytest.mark.slow
def test_a_comparison_comes_back(compared, tmp_path):
    compared.to_json(tmp_path / "c.json")
    again = ModelComparison.from_json(tmp_path / "c.json")
    pd.testing.assert_frame_equal(again.to_frame(), compared.to_frame(), check_exact=True)
    for aspects in (False, True):
        pd.testing.assert_frame_equal(
            again.importance_frame(aspects=aspects), compared.importance_frame(aspects=aspects), check_exact=True
        )
    pd.testing.assert_frame_equal(again.agreement_frame(), compared.agreement_frame(), check_exact=True)
    pd.testing.assert_frame_equal(again.curve_frame(), compared.curve_frame(), check_exact=True)
    pd.testing.assert_frame_equal(again.agreement.to_frame(), compared.agreement.to_frame(), check_exact=True)
    assert list(again.agreement.pairs) == list(compared.agreement.pairs)
    assert again.transfer == compared.transfer
    assert again.aspects == compared.aspects
    assert again.provenance.to_dict() == json.loads(json.dumps(compared.provenance.to_dict()))
    assert again.in_words() == compared.in_words()
    assert again.to_json() == compared.to_json()
    one, other = again.models["svm"], compared.models["svm"]
    assert (one.notes, dict(one.hyperparameters)) == (other.notes, dict(other.hyperparameters))
    assert one.performance.metrics == other.performance.metrics
    np.testing.assert_array_equal(one.performance.confusion, other.performance.confusion)
    # what stays behind
    assert one.fitted is None
    assert one.importances["shapley"].attribution is None


def test_numbers_that_json_has_not(compared, tmp_path):
    compared.to_json(tmp_path / "c.json")
    text = (tmp_path / "c.json").read_text()
    assert "NaN" not in text
    flat = compared.models["svm"].importances["shapley"].values
    pair = compared.agreement.pairs["svm / permutation", "decision_tree / permutation"]
    assert np.isnan(pair.sign.value)  # neither is signed
    again = ModelComparison.from_json(tmp_path / "c.json")
    assert np.isnan(again.agreement.pairs["svm / permutation", "decision_tree / permutation"].sign.value)
    pd.testing.assert_series_equal(again.models["svm"].importances["shapley"].values, flat, check_exact=True)


def test_a_rashomon_check_comes_back(simple, tmp_path):
    simple.to_json(tmp_path / "r.json")
    again = Rashomon.from_json(tmp_path / "r.json")
    assert again.models == simple.models
    assert (again.share, again.by_family, again.best) == (simple.share, simple.by_family, simple.best)
    assert again.description == simple.description
    assert again.agreement.spearman == simple.agreement.spearman
    pd.testing.assert_frame_equal(again.importances, simple.importances, check_exact=True)
    assert again.to_json() == simple.to_json()


def test_a_test_of_explanations_comes_back(tmp_path):
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 2)), columns=["a", "b"])
    model = xai.wrap_model(lambda frame: frame["a"].to_numpy(), feature_names=["a", "b"])
    found = believe(model, X, {"true": {"a": 1, "b": 0}, "false": {"a": 0, "b": 1}}, n_boot=50)
    found.to_json(tmp_path / "o.json")
    again = Obedience.from_json(tmp_path / "o.json")
    assert again.gains == found.gains
    assert again.apart == found.apart
    for name in ("true", "false", "random"):
        np.testing.assert_array_equal(again.insertion[name], found.insertion[name])
    assert again.in_words() == found.in_words()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "holds no Rashomon"),
        ("[]", "holds no Rashomon"),
        ('{"format": "something else"}', "its format is 'something else'"),
        ('{"format": "hemicycle/Rashomon/1"}', "holds no Rashomon .KeyError"),
    ],
)
def test_other_files_are_refused(content, words, tmp_path):
    (tmp_path / "r.json").write_text(content)
    with pytest.raises(InputError, match=words):
        Rashomon.from_json(tmp_path / "r.json")


def test_a_missing_file_and_another_result(simple, tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        Rashomon.from_json(tmp_path / "none.json")
    simple.to_json(tmp_path / "r.json")
    with pytest.raises(InputError, match="no ModelComparison of this version"):
        ModelComparison.from_json(tmp_path / "r.json")
