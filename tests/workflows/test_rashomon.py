"""Rashomon check: where simple models are the truth, where they cannot be, and counts by hand."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.svm import SVC

import xai
from xai.core.errors import InputError, ModelError
from xai.workflows import FAMILIES, rashomon
from xai.workflows.cohort import read_cohort, split_rows
from xai.workflows.rashomon import _Drawn, _measured
from xai.workflows.registry import fit
from xai.workflows.simple import FAMILIES as REGISTRY

FOREST = RandomForestClassifier(60, min_samples_leaf=3, random_state=0)


def linear_truth(n=400, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, 3)), columns=["a", "b", "c"])
    return X, (rng.random(n) < 1 / (1 + np.exp(-1.5 * X["a"]))).astype(int)


def xor_truth(n=400, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, 4)), columns=["a", "b", "c", "d"])
    return X, ((X["a"] > 0) ^ (X["b"] > 0)).astype(int)


@pytest.fixture(scope="module")
def linear():
    steps = []
    found = rashomon(linear_truth(), FOREST, n_models=60, progress=lambda share, text: steps.append((share, text)))
    return found, steps


@pytest.fixture(scope="module")
def xor():
    return rashomon(xor_truth(), FOREST, n_models=30)


def test_a_linear_truth_is_met_by_nearly_all_simple_models(linear):
    found, steps = linear
    assert found.by_family["l1_logistic"].value > 0.9
    assert found.share.value > 0.7
    assert found.best.within
    assert found.agreement.n_units == 3
    assert found.importances["best"].idxmax() == found.importances["reference"].idxmax() == "a"
    assert steps[-1] == (1.0, "done")


def test_xor_is_met_by_few(xor):
    assert xor.share.value < 0.1
    assert xor.by_family["l1_logistic"].within == 0
    assert xor.by_family["spline_logistic"].within == 0  # sums of single columns cannot do it
    assert xor.share.high < 0.25


def test_losses_and_limit_are_what_they_say(linear):
    found, _ = linear
    X, y = linear_truth()
    split = split_rows(read_cohort((X, y)), 0.3, 0)
    forest = FOREST.fit(X.iloc[split.train], y.iloc[split.train])
    answers = forest.predict_proba(X.iloc[split.test])[:, 1]
    truth = y.iloc[split.test].to_numpy()
    assert found.reference_loss == pytest.approx(log_loss(truth, answers))
    each = -np.log(np.where(truth == 1, answers, 1 - answers).clip(np.finfo(float).eps))
    assert found.epsilon == pytest.approx(each.std(ddof=1) / np.sqrt(len(each)))
    frame = found.to_frame()
    assert (frame["within"] == (frame["loss"] <= found.reference_loss + found.epsilon)).all()
    assert found.best.left_out_loss == frame["left_out_loss"].min()
    assert sum(share.of for share in found.by_family.values()) == len(frame) == 60


def test_the_interval_is_clopper_and_pearsons(linear):
    share = linear[0].share
    k, n = share.within, share.of
    assert share.low == pytest.approx(beta.ppf(0.025, k, n - k + 1))
    assert share.high == pytest.approx(1.0 if k == n else beta.ppf(0.975, k + 1, n - k))


def test_epsilon_decides():
    data = linear_truth(150)
    shares = [rashomon(data, LogisticRegression(), n_models=9, epsilon=epsilon).share.value for epsilon in (0.0, 100.0)]
    assert shares[1] == 1.0
    assert shares[0] < 1.0


def test_test_labels_choose_nothing(monkeypatch):
    X, y = linear_truth(150)
    split = split_rows(read_cohort((X, y)), 0.3, 0)
    shuffled = y.copy()
    shuffled.iloc[split.test] = 1 - y.iloc[split.test]
    one = rashomon((X, y), LogisticRegression(), n_models=9, epsilon=0.0)
    assert one.best == min(one.models, key=lambda model: model.left_out_loss)
    # A share is drawn class by class: other labels must not move the rows that are held out.
    monkeypatch.setattr(import_module("xai.workflows.rashomon"), "split_rows", lambda *_: split)
    fixed = rashomon((X, shuffled), LogisticRegression(), n_models=9, epsilon=0.0)
    assert [m.left_out_loss for m in fixed.models] == [m.left_out_loss for m in one.models]
    assert fixed.description == one.description
    assert [m.loss for m in fixed.models] != [m.loss for m in one.models]


@pytest.mark.parametrize("family", list(FAMILIES))
def test_descriptions_say_what_the_model_does(family):
    X, y = linear_truth(200)
    X["kind"] = pd.Categorical(np.where(np.arange(200) % 3, "u", "v"))
    cohort = read_cohort((X, y))
    rng = np.random.default_rng(0)
    options = {**REGISTRY[family].draw(rng), **({} if family == "tree" else {"C": 1.0})}
    fitted = fit(family, REGISTRY[family].make(options), cohort.X, cohort.y)
    text = REGISTRY[family].tell(fitted.estimator, cohort.X)
    assert "a" in text
    assert "__" not in text  # no names of pipeline branches
    if family == "tree":
        assert "<=" in text
    else:
        assert text.startswith("log-odds =")


def test_the_formula_can_be_calculated_by_hand():
    X, y = linear_truth(200)
    cohort = read_cohort((X, y))
    fitted = fit("l1", REGISTRY["l1_logistic"].make({"C": 5.0}), cohort.X, cohort.y)
    formula = REGISTRY["l1_logistic"].tell(fitted.estimator, cohort.X).split("\n")[:-1]
    row = X.iloc[0]
    total = float(formula[0].removeprefix("log-odds = "))
    for line in formula[1:]:
        weight, term = line.strip().split(" × ")
        inside, scale = term.split(" / ")
        name, centre = inside.strip("()").split(" − ")
        total += float(weight) * (row[name] - float(centre)) / float(scale)
    assert total == pytest.approx(fitted.estimator.decision_function(X.iloc[:1])[0], abs=0.01)


def test_spline_effects_are_differences_of_the_models_answers():
    X, y = linear_truth(200)
    cohort = read_cohort((X, y))
    make = REGISTRY["spline_logistic"].make
    fitted = fit("spline", make({"n_knots": 3, "degree": 3, "C": 1.0}), cohort.X, cohort.y)
    text = REGISTRY["spline_logistic"].tell(fitted.estimator, cohort.X)
    line = next(line for line in text.split("\n") if line.startswith("  a: "))
    last = float(line.rsplit("→", 1)[1])
    middle = X.median().to_frame().T
    high = middle.assign(a=X["a"].quantile(0.95))
    effect = fitted.estimator.decision_function(high) - fitted.estimator.decision_function(middle)
    assert last == pytest.approx(effect[0], abs=0.006)
    assert last > 0


def test_a_wrapped_model_is_used_as_it_is_and_flagged():
    X, y = linear_truth(150)
    names = np.where(y == 1, "ill", "fine")
    model = xai.wrap_model(LogisticRegression().fit(X[["a", "b"]], names))
    found = rashomon((X, np.where(y == 1, "ill", "fine")), model, n_models=6)
    assert "as it is" in found.notes[0]
    assert found.importances.loc["c", "reference"] == 0
    assert found.reference == "the given sklearn model"
    split = split_rows(read_cohort((X, names)), 0.3, 0)
    answers = model.with_output("probability").predict(X.iloc[split.test])
    assert found.reference_loss == pytest.approx(log_loss(names[split.test], answers, labels=["fine", "ill"]))


def test_repeatable():
    frames = [rashomon(linear_truth(120), LogisticRegression(), n_models=6, seed=seed).to_frame() for seed in (1, 1, 2)]
    pd.testing.assert_frame_equal(frames[0], frames[1])
    assert not frames[0].equals(frames[2])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_models": 2}, InputError, "at least 3"),
        ({"epsilon": -1.0}, InputError, "difference in log loss"),
        ({"epsilon": np.nan}, InputError, "difference in log loss"),
        ({"model": "forest"}, InputError, "unknown model"),
        ({"model": SVC()}, ModelError, "gives no probabilities"),
        ({"model": 3}, InputError, "scikit-learn's manner"),
        ({"test": 0.001}, InputError, "to measure on"),
    ],
)
def test_bad_options(options, error, message):
    with pytest.raises(error, match=message):
        rashomon(linear_truth(60), **options)


def test_bad_data():
    X, y = linear_truth(60)
    with pytest.raises(InputError, match="one class only"):
        rashomon((X, np.zeros(60)))
    with pytest.raises(InputError, match="numbers of a regression"):
        rashomon((X, X["a"]))
    other = xai.wrap_model(LogisticRegression().fit(X, np.where(y == 1, "cat", "dog")))
    with pytest.raises(InputError, match="tells cat from dog"):
        rashomon((X, np.where(y == 1, "ill", "fine")), other)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["alzheimers_csf", "heart_four_hospitals"])
def test_bundled_data(name):
    found = rashomon(xai.load_dataset(name), n_models=30)
    assert 0 < found.reference_loss < 0.7
    assert found.share.low <= found.share.value <= found.share.high
    assert found.description
    assert len(found.in_words()) > 80


def test_left_out_losses_allow_for_hard_rows():
    """One loses 0.2 more than the other on the row they share, and was also measured on a hard row of its own."""
    nan = np.nan
    drawn = [
        _Drawn("tree", {}, None, 0.0, np.array([0.5, 5.0, nan, nan])),
        _Drawn("tree", {}, None, 9.0, np.array([0.3, nan, nan, 0.1])),
    ]
    one, other = _measured(drawn, 1.0)
    level = (0.4 + 5.0 + 0.1) / 3
    assert one.left_out_loss == pytest.approx(level + 0.1 / 2)
    assert other.left_out_loss == pytest.approx(level - 0.1 / 2)
    assert (one.within, other.within) == (True, False)
