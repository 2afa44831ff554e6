"""Following columns through pipelines: what is made of one column, what is made of several."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
)

import xai
from xai.shapley.sources import pipeline_sources


@pytest.fixture(scope="module", name="X")
def medical() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "a": rng.normal(size=60),
            "a_b": rng.choice(["u", "v", "w"], 60),  # a name that starts like another's output
            "b": rng.normal(size=60),
            "c": rng.choice(["y", "z"], 60),
            "unused": rng.normal(size=60),
        }
    )
    table.loc[::7, "b"] = np.nan
    return table


def of(steps, X: pd.DataFrame):
    y = np.arange(len(X)) % 2
    fitted = make_pipeline(*steps, LogisticRegression()).fit(X, y)
    model = xai.wrap_model(fitted)
    return pipeline_sources(model, model.check(X)), fitted


def test_the_usual_medical_pipeline(X):
    numbers = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    steps = (
        ColumnTransformer(
            [("n", numbers, ["b", "a"]), ("t", OneHotEncoder(drop="first"), make_column_selector(dtype_include=object))]
        )
        if X.a_b.dtype == object
        else ColumnTransformer([("n", numbers, ["b", "a"]), ("t", OneHotEncoder(drop="first"), ["a_b", "c"])])
    )
    found, fitted = of([steps], X)
    assert found.mixed == ()
    # b, a, b's indicator, a_b without its first of three, c without its first of two
    assert found.columns == ((1,), (3, 4), (0, 2), (5,), ())
    a = xai.explain(fitted, X[:5], background=X)
    assert a.units.names == ("a", "a_b", "b", "c", "unused")
    assert np.abs(a.additivity_gap).max() < 1e-10
    assert (a.values[:, 4] == 0).all()
    played = xai.explain(fitted, X[:5], "exact", background=X)
    assert np.allclose(a.values, played.values, atol=1e-10)


@pytest.mark.parametrize("columns", [slice(0, 2), [True, True, False], np.array([0, 1]), [-3, -2]])
def test_columns_by_position(columns):
    table = pd.DataFrame(np.random.default_rng(1).normal(size=(40, 3)), columns=["p", "q", "r"])
    found, _ = of([make_column_transformer((SplineTransformer(3), columns), remainder="passthrough")], table)
    assert found.mixed == ()
    assert found.columns == (tuple(range(5)), tuple(range(5, 10)), (10,))


def test_arrays_without_names():
    table = np.random.default_rng(2).normal(size=(40, 3))
    y = np.arange(40) % 2
    fitted = make_pipeline(StandardScaler(), SelectKBest(k=2), KBinsDiscretizer(3), LogisticRegression()).fit(table, y)
    model = xai.wrap_model(fitted)
    found = pipeline_sources(model, model.check(table))
    kept = np.flatnonzero(fitted[1].get_support())
    assert found.mixed == ()
    assert [found.columns[i] for i in kept] == [(0, 1, 2), (3, 4, 5)]
    assert sum(map(len, found.columns)) == 6


def test_nested_pipelines_and_unions():
    table = pd.DataFrame(np.random.default_rng(3).normal(size=(40, 2)), columns=["p", "q"])
    both = FeatureUnion([("scaled", StandardScaler()), ("bins", KBinsDiscretizer(2, encode="ordinal"))])
    inner = make_pipeline(both, LogisticRegression())
    found, _ = of([make_pipeline(StandardScaler())], table)
    assert found.columns == ((0,), (1,))
    fitted = make_pipeline(StandardScaler(), inner).fit(table, np.arange(40) % 2)
    model = xai.wrap_model(fitted)
    assert pipeline_sources(model, model.check(table)).columns == ((0, 2), (1, 3))


def test_what_mixes_is_said_to_mix():
    table = pd.DataFrame(np.random.default_rng(4).normal(size=(40, 2)), columns=["p", "q"])
    for step, mixed in (
        (PCA(1), 1),
        (Normalizer(), 2),
        (KNNImputer(), 2),
        (FunctionTransformer(np.cumsum, kw_args={"axis": 1}), 2),
        (PolynomialFeatures(2, include_bias=False, interaction_only=False), 1),  # p q is of both, p^2 of one
        (make_column_transformer((PCA(1), ["p", "q"]), (StandardScaler(), ["q"])), 1),
    ):
        found, _ = of([step], table)
        assert len(found.mixed) == mixed
    found, _ = of([PCA(2), StandardScaler()], table)
    assert len(found.mixed) == 2


def test_fitted_transformers_are_left_as_they_were():
    table = pd.DataFrame({"p": list("uvw") * 10, "q": list("xy") * 15})
    _, fitted = of([OrdinalEncoder()], table)
    model = xai.wrap_model(fitted)
    pipeline_sources(model, model.check(table))
    assert list(fitted[0].feature_names_in_) == ["p", "q"]
    assert list(fitted[0].get_feature_names_out()) == ["p", "q"]
