"""Shipped results are about the shipped data, and say how they were made."""

from __future__ import annotations

import numpy as np
import pytest

import xai
from xai.workflows import FAMILIES, MODELS, compare_models, rashomon
from xai.workflows.cohort import read_cohort, split_rows
from xai.workflows.stored import RECIPES, stored_comparison, stored_rashomon


@pytest.mark.parametrize("name", RECIPES)
def test_a_stored_comparison_is_of_these_data_by_this_recipe(name):
    found = stored_comparison(name)
    cohort = read_cohort(xai.load_dataset(name))
    split = split_rows(cohort, RECIPES[name]["test"], 0)
    assert found.provenance.data_hash == cohort.hash
    assert found.provenance.seed == 0
    assert found.provenance.options["test"] == RECIPES[name]["test"]
    assert set(found.models) == set(MODELS)
    assert {"hemicycle", "xgboost", "scikit-learn"} <= set(found.provenance.versions)
    assert (found.n_train, found.n_test, found.held_out) == (len(split.train), len(split.test), split.how)
    assert found.columns == tuple(cohort.X.columns)
    assert (found.transfer is not None) == (cohort.site is not None)
    assert np.isfinite(found.importance_frame()).all(axis=None)


@pytest.mark.parametrize("name", RECIPES)
def test_a_stored_rashomon_check_is_of_these_data_by_this_recipe(name):
    found = stored_rashomon(name)
    assert found.provenance.data_hash == read_cohort(xai.load_dataset(name)).hash
    assert found.provenance.options["test"] == RECIPES[name]["test"]
    assert len(found.models) == 200
    assert {one.family for one in found.models} == set(FAMILIES)
    assert found.share.within == sum(one.within for one in found.models)
    assert found.held_out == stored_comparison(name).held_out


@pytest.mark.slow
def test_a_run_gives_the_stored_numbers():
    """Of models whose arithmetic does not depend on the library's version to the last bit."""
    data, options = xai.load_dataset("heart_four_hospitals"), RECIPES["heart_four_hospitals"]
    stored = stored_comparison("heart_four_hospitals")
    found = compare_models(data, ("decision_tree", "logistic_regression"), **options)
    for name, result in found.models.items():
        assert result.auc.value == pytest.approx(stored.models[name].auc.value, abs=0.01)
        for method, importance in result.importances.items():
            then = stored.models[name].importances[method].values
            assert importance.values.corr(then, method="spearman") > 0.95
    again = rashomon(data, n_models=30, **options)
    then = stored_rashomon("heart_four_hospitals")
    assert again.reference_loss == pytest.approx(then.reference_loss, abs=0.02)
    np.testing.assert_allclose([one.loss for one in again.models], [one.loss for one in then.models[:30]], rtol=0.05)
