"""Native importances equal the libraries' own; permutation importance on functions known by construction."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import xai
from xai.core.errors import InputError, ModelError
from xai.shapley.importance import native, permutation


@pytest.fixture(scope="module")
def data() -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(8)
    X = pd.DataFrame(rng.normal(size=(200, 3)), columns=["a", "b", "c"])
    return X, (X.a + 0.5 * X.b > 0).to_numpy(int)


def test_native_importances_are_the_libraries_own(data):
    import catboost
    import lightgbm
    import xgboost

    X, y = data
    trees = xgboost.XGBClassifier(n_estimators=5, n_jobs=1).fit(X, y)
    light = lightgbm.LGBMClassifier(n_estimators=5, n_jobs=1, verbose=-1, importance_type="gain").fit(X, y)
    cat = catboost.CatBoostClassifier(iterations=5, verbose=0, thread_count=1, allow_writing_files=False).fit(X, y)
    forest = RandomForestClassifier(5, random_state=0).fit(X, y)
    for model, kind in (
        (trees, "mean gain (share)"),
        (light, "total gain"),
        (cat, "prediction values change"),
        (forest, "mean decrease in impurity"),
    ):
        series = native(model)
        assert list(series.index) == ["a", "b", "c"]
        assert np.allclose(series, model.feature_importances_, rtol=1e-6)
        assert series.attrs["kind"] == kind
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    series = native(pipeline)
    assert list(series.index) == ["a", "b", "c"]
    assert np.allclose(series, np.abs(pipeline[-1].coef_[0]))
    linear = xgboost.XGBRegressor(booster="gblinear", n_jobs=1).fit(X, y)
    assert native(linear).attrs["kind"] == "|coefficient| (share)"
    assert native(linear).sum() == pytest.approx(1.0)


def test_importances_of_a_pipeline_are_summed_over_the_column_they_come_from():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"age": rng.normal(size=80), "site": rng.choice(["north", "south"], 80)})
    y = (X["age"] > 0).astype(int)
    coded = ColumnTransformer([("n", StandardScaler(), ["age"]), ("c", OneHotEncoder(), ["site"])])
    model = make_pipeline(coded, RandomForestClassifier(5, random_state=0)).fit(X, y)
    own = model[-1].feature_importances_
    assert list(native(model).index) == ["n__age", "c__site_north", "c__site_south"]
    series = native(model, X)
    assert list(series.index) == ["age", "site"]
    assert np.allclose(series, [own[0], own[1] + own[2]])
    assert series.attrs["kind"] == "mean decrease in impurity"
    mixing = make_pipeline(StandardScaler(), PCA(1), LogisticRegression()).fit(X[["age"]].assign(b=1.0), y)
    with pytest.raises(ModelError, match="mixes columns"):
        native(mixing, X[["age"]].assign(b=1.0))


def test_models_without_importances_say_so(data):
    with pytest.raises(ModelError, match="no importances of its own"):
        native(HistGradientBoostingClassifier(max_iter=2).fit(*data))
    with pytest.raises(ModelError, match="no importances of its own"):
        native(lambda frame: frame.a)


def test_permutation_of_an_ignored_column_is_exactly_zero(data):
    X, y = data

    def score(frame: pd.DataFrame) -> np.ndarray:
        return 1 / (1 + np.exp(-5 * (frame.a + 0.5 * frame.b)))

    model = xai.wrap_model(score, "probability", classes=[0, 1])
    table = permutation(model, X, y, n_repeats=5)
    assert table.attrs["score"] == "negative log loss"
    assert tuple(table.loc["c"]) == (0.0, 0.0)
    assert table.loc["a", "mean"] > table.loc["b", "mean"] > 0
    assert table.equals(permutation(model, X, y, n_repeats=5))
    assert not table.equals(permutation(model, X, y, n_repeats=5, seed=1))


def test_permutation_of_a_linear_regression_has_a_closed_form():
    rng = np.random.default_rng(9)
    X = pd.DataFrame(rng.normal(size=(4000, 2)), columns=["a", "b"])
    y = 3 * X.a + X.b
    table = permutation(lambda frame: 3 * frame.a + frame.b, X, y, n_repeats=20)
    assert table.attrs["score"] == "R2"
    # Shuffling a column of weight w costs a mean squared error of 2 w^2 times its variance.
    expected = 2 * np.array([9.0, 1.0]) * X.var(ddof=0).to_numpy() / y.var(ddof=0)
    assert table["mean"].to_numpy() == pytest.approx(expected, rel=0.02)


def test_permutation_keeps_categories_and_reports_progress():
    import lightgbm

    rng = np.random.default_rng(10)
    X = pd.DataFrame({"kind": pd.Categorical(rng.choice(["u", "v"], 200)), "z": rng.normal(size=200)})
    model = lightgbm.LGBMClassifier(n_estimators=5, n_jobs=1, verbose=-1).fit(X, X.kind == "u")
    seen = []
    table = permutation(model, X, X.kind == "u", n_repeats=3, progress=lambda done, _: seen.append(done))
    assert table.loc["kind", "mean"] > 0.1
    assert table.loc["z", "mean"] == pytest.approx(0.0, abs=1e-9)
    assert seen == [0.5, 1.0]


def test_permutation_without_probabilities(data):
    from sklearn.svm import LinearSVC

    X, y = data
    assert permutation(LinearSVC().fit(X, y), X, y, n_repeats=2).attrs["score"] == "ROC AUC"
    table = permutation(LinearSVC().fit(X, np.digitize(X.a, [-1, 1])), X, np.digitize(X.a, [-1, 1]), n_repeats=2)
    assert table.attrs["score"] == "accuracy"
    assert table["mean"].idxmax() == "a"


def test_stacked_shuffles_are_those_of_one_call_a_shuffle(data, monkeypatch):
    """The last block is not full, a block ends inside a column, and no table is larger than it may be."""
    X, y = data
    sizes = []

    def score(frame: pd.DataFrame) -> np.ndarray:
        sizes.append(len(frame))
        return 1 / (1 + np.exp(-5 * (frame.a + 0.5 * frame.b * frame.c)))

    model = xai.wrap_model(score, "probability", classes=[0, 1])
    tables, largest = [], []
    for rows in (1, 800, 10**6):
        sizes.clear()
        monkeypatch.setattr("xai.shapley.importance.BLOCK_ROWS", rows)
        tables.append(permutation(model, X, y, n_repeats=5))
        largest.append(max(sizes))
    assert largest == [200, 800, 200 * 3 * 5]
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table, tables[0], rtol=1e-12)
    rng, losses = np.random.default_rng([0, 1]), []
    for _ in range(5):
        p = score(X.assign(b=X["b"].to_numpy()[rng.permutation(200)]))
        losses.append(-np.log(np.where(y == 1, p, 1 - p)).mean())
    p = score(X)
    whole = -np.log(np.where(y == 1, p, 1 - p)).mean()
    assert tables[0].loc["b", "mean"] == pytest.approx(np.mean(losses) - whole, rel=1e-9)


def test_permutation_refuses(data):
    X, y = data
    model = RandomForestClassifier(3, random_state=0).fit(X, y)
    with pytest.raises(InputError, match="labels the model does not know: '7'"):
        permutation(model, X, np.where(y == 1, 7, 0))
    with pytest.raises(InputError, match="one value a row"):
        permutation(model, X, y[:5])
    with pytest.raises(InputError, match="at least 2 rows"):
        permutation(model, X[:1], y[:1])
    with pytest.raises(InputError, match="n_repeats"):
        permutation(model, X, y, n_repeats=0)
    with pytest.raises(InputError, match="not defined"):
        permutation(lambda frame: frame.a, X, np.ones(len(X)))
