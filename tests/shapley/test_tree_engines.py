"""Tree engines against brute-force Shapley values of trees read from each library's own dump."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn import ensemble, tree

import xai
from tests.shapley import oracles
from xai.core.errors import InputError
from xai.models import open_model
from xai.shapley.trees.engine import TreeConfig

NAMES = ["a", "b", "c", "d"]


def table(missing: bool, n: int = 240) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    X = pd.DataFrame(rng.normal(size=(n, 4)).round(3), columns=NAMES)
    if missing:
        X.loc[rng.random(n) < 0.2, "a"] = np.nan
        X.loc[rng.random(n) < 0.2, "c"] = np.nan
    return X


def target(X: pd.DataFrame, task: str) -> np.ndarray:
    raw = (X.a.fillna(1.5) * X.b + X.c.fillna(-1.0) + 0.3 * X.d).to_numpy()
    if task == "regression":
        return raw
    return (raw > 0).astype(int) + ((raw > 1).astype(int) if task == "multiclass" else 0)


def compare(model, X: pd.DataFrame, trees: list[oracles.Node], constant=None, rows: int = 6) -> None:
    a = xai.explain(model, X.iloc[:rows])
    scale = np.abs(a.outputs).max()
    for i in range(rows):
        phi, base = oracles.brute_force(trees, X.to_numpy(float)[i])
        if constant is None:  # a start value that the dump does not hold
            constant = a.base_values[i] - base
        assert np.abs(a.values[i] - phi).max() < 1e-5 * scale
        assert np.abs(a.base_values[i] - base - constant).max() < 1e-5 * scale
    assert np.abs(a.additivity_gap).max() < 1e-5 * scale


tasks = pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
gaps = pytest.mark.parametrize("missing", [False, True])


def n_outputs(task: str) -> int:
    return 3 if task == "multiclass" else 1


@tasks
@gaps
@pytest.mark.parametrize("booster", ["gbtree", "dart"])
def test_xgboost(task, missing, booster):
    import xgboost

    X = table(missing)
    kind = xgboost.XGBRegressor if task == "regression" else xgboost.XGBClassifier
    fitted = kind(n_estimators=4, max_depth=3, learning_rate=0.5, n_jobs=1, booster=booster).fit(X, target(X, task))
    compare(fitted, X, oracles.xgboost_trees(fitted.get_booster(), n_outputs(task)))


@tasks
@gaps
@pytest.mark.parametrize("options", [{}, {"boosting_type": "dart", "drop_rate": 0.6, "learning_rate": 0.5}])
def test_lightgbm(task, missing, options):
    import lightgbm

    X = table(missing)
    kind = lightgbm.LGBMRegressor if task == "regression" else lightgbm.LGBMClassifier
    fitted = kind(n_estimators=4, num_leaves=6, n_jobs=1, verbose=-1, **options).fit(X, target(X, task))
    compare(fitted, X, oracles.lightgbm_trees(fitted.booster_, n_outputs(task)), constant=0.0)


@tasks
@gaps
def test_catboost(task, missing, tmp_path):
    import catboost

    X = table(missing)
    kind = catboost.CatBoostRegressor if task == "regression" else catboost.CatBoostClassifier
    fitted = kind(iterations=4, depth=3, learning_rate=0.5, thread_count=1, verbose=0, allow_writing_files=False)
    fitted.fit(X, target(X, task))
    fitted.save_model(str(tmp_path / "m.json"), format="json")
    compare(fitted, X, *oracles.catboost_trees(str(tmp_path / "m.json"), n_outputs(task)))


@tasks
# Extra trees take missing values only in newer scikit-learn.
@pytest.mark.parametrize(
    ("kind", "missing"), [("tree", False), ("tree", True), ("forest", False), ("forest", True), ("extra", False)]
)
def test_sklearn_trees(task, kind, missing):
    X = table(missing)
    suffix = "Regressor" if task == "regression" else "Classifier"
    if kind == "tree":
        fitted = getattr(tree, f"DecisionTree{suffix}")(max_depth=3, random_state=0)
    else:
        name = "RandomForest" if kind == "forest" else "ExtraTrees"
        fitted = getattr(ensemble, f"{name}{suffix}")(4, max_depth=3, random_state=0)
    fitted.fit(X, target(X, task))
    members = [fitted] if kind == "tree" else fitted.estimators_

    def value(v: np.ndarray) -> np.ndarray:
        return (v[:, 0] if task == "regression" else v[0] / v[0].sum()) / len(members)

    compare(fitted, X, [oracles.sklearn_tree(member.tree_, value) for member in members], constant=0.0)


@tasks
def test_sklearn_boosting(task):
    X = table(missing=False)
    kind = ensemble.GradientBoostingRegressor if task == "regression" else ensemble.GradientBoostingClassifier
    fitted = kind(n_estimators=4, max_depth=3, random_state=0).fit(X, target(X, task))
    trees = [
        oracles.sklearn_tree(member.tree_, lambda v, c=c: oracles.one_hot(0.1 * v[0, 0], c, n_outputs(task)))
        for stage in fitted.estimators_
        for c, member in enumerate(stage)
    ]
    compare(fitted, X, trees)


@tasks
@gaps
def test_sklearn_histogram_boosting(task, missing):
    X = table(missing)
    kind = ensemble.HistGradientBoostingRegressor if task == "regression" else ensemble.HistGradientBoostingClassifier
    fitted = kind(max_iter=4, max_leaf_nodes=6, early_stopping=False).fit(X, target(X, task))
    compare(fitted, X, oracles.histogram_trees(fitted, n_outputs(task)))


QUERIES = 12


@gaps
@pytest.mark.parametrize("library", ["xgboost", "lightgbm", "catboost"])
def test_ranking(library, missing, tmp_path):
    X = table(missing)
    relevance = np.digitize(target(X, "regression"), [-0.5, 0.5, 1.5])
    size = len(X) // QUERIES
    if library == "xgboost":
        import xgboost

        fitted = xgboost.XGBRanker(n_estimators=4, max_depth=3, n_jobs=1)
        fitted.fit(X, relevance, qid=np.repeat(np.arange(QUERIES), size))
        trees, constant = oracles.xgboost_trees(fitted.get_booster(), 1), None
    elif library == "lightgbm":
        import lightgbm

        fitted = lightgbm.LGBMRanker(n_estimators=4, num_leaves=6, n_jobs=1, verbose=-1)
        fitted.fit(X, relevance, group=[size] * QUERIES)
        trees, constant = oracles.lightgbm_trees(fitted.booster_, 1), 0.0
    else:
        import catboost

        options = {"iterations": 4, "depth": 3, "learning_rate": 0.5, "loss_function": "YetiRank"}
        fitted = catboost.CatBoostRanker(thread_count=1, verbose=0, allow_writing_files=False, **options)
        fitted.fit(X, relevance, group_id=np.repeat(np.arange(QUERIES), size))
        fitted.save_model(str(tmp_path / "m.json"), format="json")
        trees, constant = oracles.catboost_trees(str(tmp_path / "m.json"), 1)
    assert xai.wrap_model(fitted).task == "ranking"
    compare(fitted, X, trees, constant)
    assert np.abs(xai.explain(fitted, X).values).max() > 0.01


@pytest.mark.parametrize(
    ("objective", "base_score"), [("binary:logistic", 0.2), ("reg:squarederror", 7.0), ("reg:gamma", 3.0)]
)
@pytest.mark.parametrize("booster", ["gbtree", "dart"])
def test_xgboost_with_a_base_score_of_its_own(objective, base_score, booster):
    import xgboost

    X = table(missing=True)
    y = target(X, "binary" if objective.startswith("binary") else "regression")
    options = {"rate_drop": 0.5} if booster == "dart" else {}
    kind = xgboost.XGBClassifier if objective.startswith("binary") else xgboost.XGBRegressor
    fitted = kind(
        n_estimators=4, max_depth=3, n_jobs=1, booster=booster, objective=objective, base_score=base_score, **options
    ).fit(X, y if objective != "reg:gamma" else np.abs(y) + 0.1)
    link = {"binary:logistic": np.log(0.2 / 0.8), "reg:squarederror": 7.0, "reg:gamma": np.log(3.0)}[objective]
    weights = json.loads(fitted.get_booster().save_raw("json"))["learner"]["gradient_booster"].get("weight_drop")
    trees = oracles.xgboost_trees(fitted.get_booster(), 1)
    if weights is None:
        compare(fitted, X, trees, constant=link)
        return
    # The dump of DART holds leaves before the dropped trees' weights: values are linear in trees.
    a = xai.explain(fitted, X[:6])
    for i in range(6):
        parts = [oracles.brute_force([tree], X.to_numpy(float)[i]) for tree in trees]
        phi = sum(weight * part[0] for weight, part in zip(weights, parts, strict=True))
        base = link + sum(weight * part[1] for weight, part in zip(weights, parts, strict=True))
        assert np.abs(a.values[i] - phi).max() < 1e-5 * np.abs(a.outputs).max()
        assert np.abs(a.base_values[i] - base).max() < 1e-5 * np.abs(a.outputs).max()


def categorical_table() -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(3)
    X = table(missing=True).assign(d=pd.Categorical(rng.choice(["low", "mid", "top"], 240)))
    return X, ((X.d == "mid") ^ (X.b > 0)).astype(int).to_numpy()


def coded(X: pd.DataFrame) -> pd.DataFrame:
    return X.assign(d=X.d.cat.codes.astype(float))


def test_categories_xgboost_and_lightgbm():
    import lightgbm
    import xgboost

    X, y = categorical_table()
    boosted = xgboost.XGBClassifier(
        n_estimators=4, max_depth=3, n_jobs=1, enable_categorical=True, max_cat_to_onehot=1
    ).fit(X, y)
    light = lightgbm.LGBMClassifier(n_estimators=4, num_leaves=6, n_jobs=1, verbose=-1).fit(X, y)
    for fitted, trees in (
        (boosted, oracles.xgboost_trees(boosted.get_booster(), 1)),
        (light, oracles.lightgbm_trees(light.booster_, 1)),
    ):
        a = xai.explain(fitted, X.iloc[:6])
        for i in range(6):
            phi, _ = oracles.brute_force(trees, coded(X).to_numpy(float)[i])
            assert np.abs(a.values[i] - phi).max() < 1e-5 * np.abs(a.outputs).max()
        # Text, or categories in another order, is the same data.
        texts = X.assign(d=X.d.astype(str))
        shuffled = X.assign(d=X.d.cat.set_categories(["top", "low", "mid"]))
        for other in (texts, shuffled):
            assert np.array_equal(xai.explain(fitted, other.iloc[:6]).values, a.values)


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_categories_catboost_one_hot(task, tmp_path):
    import catboost

    X, y = categorical_table()
    labels = tuple(X.d.cat.categories)
    texts = X.assign(d=X.d.astype(str))
    kind = catboost.CatBoostRegressor if task == "regression" else catboost.CatBoostClassifier
    fitted = kind(
        iterations=4, depth=3, learning_rate=0.5, one_hot_max_size=5, cat_features=["d"], thread_count=1, verbose=0,
        allow_writing_files=False,
    )  # fmt: skip
    fitted.fit(texts, y + 0.1 * texts.b if task == "regression" else y)
    path = str(tmp_path / "m.json")
    fitted.save_model(path, format="json", pool=catboost.Pool(texts, y, cat_features=["d"]))
    trees, (bias,) = oracles.catboost_trees(path, 1, labels)
    a = xai.explain(fitted, texts[:6])
    assert np.abs(a.values[:, 3]).max() > 0.01
    for i in range(6):
        phi, base = oracles.brute_force(trees, coded(X).to_numpy(float)[i])
        assert np.abs(a.values[i] - phi).max() < 1e-6 * np.abs(a.outputs).max()
        assert np.abs(a.base_values[i] - base - bias).max() < 1e-6 * np.abs(a.outputs).max()


def test_categories_catboost_are_additive_and_matter():
    import catboost

    X, y = categorical_table()
    X = X.assign(d=X.d.astype(str))
    fitted = catboost.CatBoostClassifier(
        iterations=20, depth=3, thread_count=1, verbose=0, allow_writing_files=False, cat_features=["d"]
    ).fit(X, y)
    a = xai.explain(fitted, X)
    assert np.abs(a.additivity_gap).max() < 1e-5 * np.abs(a.outputs).max()
    votes = dict(zip(a.units.names, a.global_votes(), strict=True))
    assert min(votes["d"], votes["b"]) > 5 * max(votes["a"], votes["c"])


@tasks
@pytest.mark.parametrize("grow_policy", ["Depthwise", "Lossguide"])
def test_catboost_trees_that_are_not_symmetric_come_from_tables(task, grow_policy, tmp_path):
    import catboost

    # Few rows, so that some branches stop early.
    X = table(missing=False, n=100)
    kind = catboost.CatBoostRegressor if task == "regression" else catboost.CatBoostClassifier
    fitted = kind(grow_policy=grow_policy, iterations=4, thread_count=1, verbose=0, allow_writing_files=False)
    fitted.fit(X, target(X, task))
    fitted.save_model(str(tmp_path / "m.cbm"))
    fitted.save_model(str(tmp_path / "m.json"), format="json")
    trees = oracles.branching_catboost_trees(tmp_path / "m.json")
    for model in (fitted, open_model(tmp_path / "m.cbm")):
        compare(model, X, trees)
        a = xai.explain(model, X)
        assert a.provenance.engine == "tree tables (numba)"
        assert "no exact values" in a.provenance.options["engine_choice"]
        with pytest.raises(InputError, match="no exact SHAP engine"):
            xai.explain(model, X, config=TreeConfig(engine="native"))
    if task == "regression":
        # The library gives values here, but they are wrong: that is why its engine is not used.
        own = fitted.get_feature_importance(catboost.Pool(X), type="ShapValues").sum(axis=1)
        assert np.abs(own - fitted.predict(X)).max() > 0.01


def test_early_stopped_xgboost_counts_the_best_rounds_only():
    import xgboost

    X = table(missing=False)
    y = target(X, "binary")
    fitted = xgboost.XGBClassifier(n_estimators=60, learning_rate=1.0, early_stopping_rounds=3, n_jobs=1)
    fitted.fit(X[:120], y[:120], eval_set=[(X[120:], y[120:])], verbose=False)
    assert fitted.best_iteration + 1 < fitted.get_booster().num_boosted_rounds()
    a = xai.explain(fitted, X)
    assert np.abs(a.additivity_gap).max() < 1e-5 * np.abs(a.outputs).max()
    probability = xai.wrap_model(fitted.get_booster(), "probability").predict(X)
    assert np.allclose(probability, fitted.predict_proba(X), atol=1e-6)
