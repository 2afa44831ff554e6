"""Readers: a forest answers exactly what its library answers."""

from __future__ import annotations

import catboost
import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn import ensemble, tree

from xai import wrap_model
from xai.shapley.trees import READERS
from xai.shapley.trees.forest import UnreadableError

N = 400


def table(missing=True, categories=False):
    rng = np.random.default_rng(11)
    X = pd.DataFrame(rng.normal(size=(N, 5)).round(1), columns=list("abcde"))
    X["b"] = np.where(rng.random(N) < 0.4, 0.0, X["b"])
    if missing:
        X = X.mask(rng.random(X.shape) < 0.15)
    if categories:
        X["e"] = pd.Categorical(rng.choice(list("uvwxyz"), N)).rename_categories(list("zyxwvu"))
        X.loc[rng.random(N) < 0.1, "e"] = np.nan
    return X


def target(X, task):
    raw = (X.a.fillna(1.0) * X.b.fillna(0.5) + X.c.fillna(-1.0)).to_numpy()
    if not isinstance(X.e.dtype, pd.CategoricalDtype):
        raw = raw + X.e.fillna(2.0).to_numpy()
    else:
        raw = raw + X.e.cat.codes.to_numpy() % 3
    return raw if task == "regression" else np.digitize(raw, [0.0] if task == "binary" else [-0.5, 0.8])


def check(fitted, X, tolerance):
    wrapped = wrap_model(fitted)
    source = READERS[wrapped.framework].read(wrapped)
    frame = wrapped.check(X)
    raw = wrapped.predict_checked(frame)
    ours = source.forest.predict(source.numbers(frame))
    assert np.abs(ours - raw).max() < tolerance * np.abs(raw).max()
    return source.forest


tasks = pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])


@tasks
@pytest.mark.parametrize("booster", ["gbtree", "dart"])
@pytest.mark.parametrize("categories", [False, True])
def test_xgboost(task, booster, categories):
    X = table(categories=categories)
    kind = xgboost.XGBRegressor if task == "regression" else xgboost.XGBClassifier
    options = {"rate_drop": 0.4} if booster == "dart" else {}
    fitted = kind(
        n_estimators=12, max_depth=4, booster=booster, n_jobs=1, enable_categorical=True, max_cat_to_onehot=2, **options
    ).fit(X, target(X, task))
    forest = check(fitted, X, 2e-6)
    assert (len(forest.columns) > 5) == categories


@pytest.mark.parametrize(
    "options", [{"base_score": 0.2}, {"objective": "count:poisson"}, {"objective": "reg:gamma", "base_score": 3.0}]
)
def test_xgboost_base_scores(options):
    X = table()
    y = np.abs(target(X, "regression")) + 0.1
    check(xgboost.XGBRegressor(n_estimators=5, max_depth=3, n_jobs=1, **options).fit(X, y), X, 2e-6)
    binary = {**options, "objective": "binary:logistic", "base_score": 0.2}
    check(xgboost.XGBClassifier(n_estimators=5, max_depth=3, n_jobs=1, **binary).fit(X, y > 1), X, 2e-6)


def test_xgboost_thresholds_are_compared_in_single_precision():
    x = np.float32(np.linspace(0.1, 0.9, 17))
    X = pd.DataFrame({"a": np.repeat(x, 8).astype(float)})
    fitted = xgboost.XGBRegressor(n_estimators=3, n_jobs=1, tree_method="exact").fit(X, np.repeat(np.arange(17) % 5, 8))
    forest = check(fitted, X, 2e-6)
    edges = np.unique(forest.threshold[forest.left >= 0])
    near = np.concatenate([edges, np.nextafter(edges, 2), np.nextafter(edges, -2), np.nextafter(np.float32(edges), 2)])
    check(fitted, pd.DataFrame({"a": near}), 2e-6)


def test_xgboost_early_stopping_and_ranking():
    X = table()
    y = target(X, "binary")
    fitted = xgboost.XGBClassifier(n_estimators=60, learning_rate=1.0, early_stopping_rounds=2, n_jobs=1)
    fitted.fit(X[:200], y[:200], eval_set=[(X[200:], y[200:])], verbose=False)
    forest = check(fitted, X, 2e-6)
    assert len(forest.roots) == fitted.best_iteration + 1 < fitted.get_booster().num_boosted_rounds()
    ranker = xgboost.XGBRanker(n_estimators=6, max_depth=3, n_jobs=1).fit(X, y, group=[100] * 4)
    check(ranker, X, 2e-6)
    light = lightgbm.LGBMRanker(n_estimators=6, num_leaves=7, verbose=-1, n_jobs=1).fit(X, y, group=[100] * 4)
    check(light, X, 1e-12)


@tasks
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"zero_as_missing": True},
        {"use_missing": False},
        {"boosting_type": "dart", "drop_rate": 0.5},
        {"boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.7},
    ],
)
@pytest.mark.parametrize("categories", [False, True])
def test_lightgbm(task, options, categories):
    X = table(categories=categories)
    kind = lightgbm.LGBMRegressor if task == "regression" else lightgbm.LGBMClassifier
    fitted = kind(n_estimators=8, num_leaves=9, n_jobs=1, verbose=-1, min_child_samples=5, **options)
    check(fitted.fit(X, target(X, task)), X, 1e-12)
    # Values that training did not have in that column: NaN where there was none, zeros.
    if not categories:
        full = table(missing=False)
        fitted.fit(full, target(full, task))
        check(fitted, X, 1e-12)


def test_lightgbm_integer_categories():
    rng = np.random.default_rng(5)
    X = table().assign(e=rng.integers(0, 40, N))
    booster = lightgbm.train(
        {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 5, "cat_smooth": 1, "min_data_per_group": 1},
        lightgbm.Dataset(X, target(X, "regression") + X.e % 3, categorical_feature=["e"]),
        6,
    )
    strange = X.assign(e=np.where(np.arange(N) % 5 == 0, [np.nan, -3.0, 1000.0, 7.6][0:1] * N, X.e))
    forest = check(booster, X, 1e-12)
    assert any(column.members for column in forest.columns)
    for value in (np.nan, -3.0, 1000.0, 7.6):
        check(booster, strange.assign(e=np.where(strange.e.isna(), value, X.e)), 1e-12)


@tasks
@pytest.mark.parametrize("nan_mode", ["Min", "Max"])
def test_catboost(task, nan_mode):
    X = table()
    kind = catboost.CatBoostRegressor if task == "regression" else catboost.CatBoostClassifier
    fitted = kind(iterations=10, depth=4, thread_count=1, verbose=0, allow_writing_files=False, nan_mode=nan_mode).fit(
        X, target(X, task)
    )
    assert check(fitted, X, 1e-12).symmetric


@tasks
@pytest.mark.parametrize("grow_policy", ["Depthwise", "Lossguide"])
@pytest.mark.parametrize("nan_mode", ["Min", "Max"])
def test_catboost_trees_that_are_not_symmetric(task, grow_policy, nan_mode):
    X = table()
    kind = catboost.CatBoostRegressor if task == "regression" else catboost.CatBoostClassifier
    fitted = kind(
        iterations=10, depth=4, thread_count=1, verbose=0, allow_writing_files=False, nan_mode=nan_mode,
        grow_policy=grow_policy,
    ).fit(X, target(X, task))  # fmt: skip
    forest = check(fitted, X, 1e-12)
    assert not forest.symmetric
    assert READERS["catboost"].size(wrap_model(fitted))[1] >= len(forest.left)


def test_what_is_not_read_says_so():
    X = table(missing=False)
    y = target(X, "regression")
    linear = lightgbm.LGBMRegressor(n_estimators=2, linear_tree=True, verbose=-1, n_jobs=1).fit(X, y)
    texts = X.assign(e=X.e.astype(str))
    quiet = {"iterations": 2, "thread_count": 1, "verbose": 0, "allow_writing_files": False}
    categories = catboost.CatBoostRegressor(cat_features=["e"], **quiet).fit(texts, y)
    uneven = catboost.CatBoostRegressor(grow_policy="Lossguide", cat_features=["e"], **quiet).fit(texts, y)
    straight = xgboost.XGBRegressor(booster="gblinear", n_estimators=2, n_jobs=1).fit(X, y)
    several = xgboost.XGBRegressor(multi_strategy="multi_output_tree", n_estimators=2, n_jobs=1).fit(X, np.c_[y, -y])
    started = ensemble.GradientBoostingRegressor(n_estimators=2, init=tree.DecisionTreeRegressor()).fit(X, y)
    for fitted, reason in (
        (linear, "linear models"),
        (categories, "categories"),
        (uneven, "categories"),
        (straight, "no trees"),
        (several, "several outputs"),
        (started, "init="),
    ):
        wrapped = wrap_model(fitted)
        with pytest.raises(UnreadableError, match=reason):
            READERS[wrapped.framework].read(wrapped)


@tasks
@pytest.mark.parametrize(
    "kind", ["DecisionTree", "RandomForest", "ExtraTrees", "GradientBoosting", "HistGradientBoosting"]
)
def test_sklearn(task, kind):
    X = table(missing=kind in {"DecisionTree", "RandomForest", "HistGradientBoosting"})
    home = tree if kind == "DecisionTree" else ensemble
    options = {"DecisionTree": {"max_depth": 4}, "HistGradientBoosting": {"max_iter": 5, "early_stopping": False}}
    suffix = "Regressor" if task == "regression" else "Classifier"
    fitted = getattr(home, kind + suffix)(random_state=0, **options.get(kind, {"n_estimators": 5, "max_depth": 4}))
    check(fitted.fit(X, target(X, task)), X, 1e-12)
