"""One shape for every framework: spaces, names, columns, types, and errors that name the culprit."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
from sklearn import ensemble, linear_model, svm
from sklearn.compose import make_column_transformer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import xai
from xai.core.errors import InputError, MissingExtraError, ModelError

NAMES = ["age", "dose", "pulse"]
LABELS = {"binary": ["healthy", "ill"], "multiclass": ["a", "b", "c"]}


def rows(n: int = 150) -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(0).normal(size=(n, 3)), columns=NAMES)


def target(X: pd.DataFrame, task: str) -> np.ndarray:
    raw = (X.age + X.dose * X.pulse).to_numpy()
    if task == "count":
        return np.random.default_rng(1).poisson(np.exp(np.clip(raw, -2, 2)))
    if task == "regression":
        return raw
    return np.digitize(raw, [0] if task == "binary" else [-0.5, 0.5])


def build(framework: str, task: str):
    import catboost
    import lightgbm
    import xgboost

    classifier = task in LABELS
    if framework == "xgboost":
        kind = xgboost.XGBClassifier if classifier else xgboost.XGBRegressor
        extra = {"objective": "count:poisson"} if task == "count" else {}
        return kind(n_estimators=4, max_depth=3, n_jobs=1, **extra)
    if framework == "lightgbm":
        kind = lightgbm.LGBMClassifier if classifier else lightgbm.LGBMRegressor
        extra = {"objective": "poisson"} if task == "count" else {}
        return kind(n_estimators=4, num_leaves=5, n_jobs=1, verbose=-1, **extra)
    if framework == "catboost":
        kind = catboost.CatBoostClassifier if classifier else catboost.CatBoostRegressor
        extra = {"loss_function": "Poisson"} if task == "count" else {}
        return kind(iterations=4, depth=3, thread_count=1, verbose=0, allow_writing_files=False, **extra)
    table = {
        "binary": linear_model.LogisticRegression(),
        "multiclass": linear_model.LogisticRegression(),
        "regression": linear_model.Ridge(),
        "count": linear_model.PoissonRegressor(),
    }
    return table[task]


FRAMEWORKS = ("xgboost", "lightgbm", "catboost", "sklearn")
frameworks = pytest.mark.parametrize("framework", FRAMEWORKS)


@frameworks
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_classifiers(framework, task):
    X = rows()
    # XGBoost's own classifier takes class numbers only.
    labels = np.array([0, 1, 2] if framework == "xgboost" else LABELS[task])[target(X, task)]
    native = build(framework, task).fit(X, labels)
    names = tuple(str(label) for label in np.unique(labels))
    model = xai.wrap_model(native)
    assert (model.framework, model.task, model.output) == (framework, task, "margin")
    assert tuple(str(label) for label in model.classes) == names
    assert model.feature_names == tuple(NAMES)
    assert len(model.hash) == 64
    margin, probability = model.predict(X), model.with_output("probability").predict(X)
    assert margin.shape == (150, 1 if task == "binary" else 3)
    assert model.output_names == (names[1:] if task == "binary" else names)
    assert model.with_output("probability").output_names == names
    assert np.allclose(probability, native.predict_proba(X), atol=1e-6)
    if task == "binary":
        assert np.allclose(1 / (1 + np.exp(-margin[:, 0])), probability[:, 1], atol=1e-6)
    else:
        shares = np.exp(margin) / np.exp(margin).sum(axis=1, keepdims=True)
        assert np.allclose(shares, probability, atol=1e-6)
    with pytest.raises(ModelError, match="no output 'value': it has 'margin', 'probability'"):
        model.with_output("value")
    assert xai.wrap_model(model, "probability").output == "probability"
    assert xai.wrap_model(model) is model


@frameworks
@pytest.mark.parametrize("task", ["regression", "count"])
def test_regressions(framework, task):
    X = rows()
    native = build(framework, task).fit(X, target(X, task))
    model = xai.wrap_model(native)
    assert model.task == "regression"
    assert model.output_names == ("value",)
    assert model.classes is None
    if task == "regression":
        assert tuple(model.spaces) == ("value",)
        expected = native.predict(X)
    else:
        assert set(model.spaces) == {"margin", "value"}
        assert model.output == "margin"
        value = model.with_output("value").predict(X)
        assert np.allclose(np.log(value), model.predict(X), atol=1e-5)
        # CatBoost's own predict answers the raw score of a Poisson model.
        expected = native.predict(X, prediction_type="Exponent") if framework == "catboost" else native.predict(X)
        model = model.with_output("value")
    assert np.allclose(model.predict(X)[:, 0], expected, atol=1e-6)


def test_native_boosters_give_the_same_numbers():
    X = rows()
    for framework, booster in (("xgboost", "get_booster"), ("lightgbm", "booster_")):
        native = build(framework, "multiclass").fit(X, target(X, "multiclass"))
        raw = getattr(native, booster)
        raw = raw() if callable(raw) else raw
        one, two = xai.wrap_model(native), xai.wrap_model(raw)
        assert two.classes == (0, 1, 2)
        assert np.array_equal(one.predict(X), two.predict(X))
        assert one.hash == two.hash
        named = xai.wrap_model(raw, classes=["a", "b", "c"])
        assert named.output_names == ("a", "b", "c")
        assert named.classes == ("a", "b", "c")
        with pytest.raises(InputError, match="2 classes were given, but the model has 3"):
            xai.wrap_model(raw, classes=["a", "b"])


def test_a_binary_booster_knows_no_labels():
    X = rows()
    booster = build("xgboost", "binary").fit(X, target(X, "binary")).get_booster()
    model = xai.wrap_model(booster)
    assert model.output_names == ("1",)
    assert xai.wrap_model(booster, classes=["benign", "malignant"]).output_names == ("malignant",)
    renamed = xai.wrap_model(booster, output_names=["risk"])
    assert renamed.output_names == ("risk",)
    with pytest.raises(InputError, match="output_names must be 1"):
        xai.wrap_model(booster, output_names=["p", "q"])


def test_ranking():
    import lightgbm
    import xgboost

    X = rows()
    y, group = target(X, "multiclass"), [50, 50, 50]
    rankers = (
        xgboost.XGBRanker(n_estimators=3, n_jobs=1).fit(X, y, group=group),
        lightgbm.LGBMRanker(n_estimators=3, n_jobs=1, verbose=-1).fit(X, y, group=group),
    )
    for ranker in rankers:
        model = xai.wrap_model(ranker)
        assert (model.task, model.output, model.output_names) == ("ranking", "margin", ("score",))
        assert np.allclose(model.predict(X)[:, 0], ranker.predict(X), atol=1e-6)


@pytest.mark.parametrize(
    ("estimator", "spaces"),
    [
        (ensemble.RandomForestClassifier(3), {"probability"}),
        (ensemble.GradientBoostingClassifier(n_estimators=3), {"margin", "probability"}),
        (ensemble.HistGradientBoostingClassifier(max_iter=3), {"margin", "probability"}),
        (svm.SVC(), {"margin"}),
        (svm.LinearSVC(), {"margin"}),
    ],
)
def test_scikit_learn_spaces(estimator, spaces):
    X = rows()
    for task, k in (("binary", 1), ("multiclass", 3)):
        model = xai.wrap_model(estimator.fit(X, target(X, task)))
        assert set(model.spaces) == spaces
        assert model.output == ("margin" if "margin" in spaces else "probability")
        assert model.predict(X).shape == (150, k if model.output == "margin" else len(model.classes))


def test_pipelines_and_searches():
    X = rows().assign(sex=np.random.default_rng(2).choice(["f", "m"], 150))
    y = target(X, "binary")
    change = make_column_transformer((OneHotEncoder(), ["sex"]), (StandardScaler(), NAMES))
    for last, space in ((build("xgboost", "binary"), "margin"), (ensemble.RandomForestClassifier(3), "probability")):
        pipeline = make_pipeline(change, last).fit(X, y)
        model = xai.wrap_model(pipeline)
        assert model.output == space
        assert model.feature_names == (*NAMES, "sex")
        assert np.allclose(model.with_output("probability").predict(X), pipeline.predict_proba(X), atol=1e-6)
    search = GridSearchCV(linear_model.Ridge(), {"alpha": [0.1, 1.0]}).fit(X[NAMES], y)
    assert np.allclose(xai.wrap_model(search).predict(X)[:, 0], search.predict(X[NAMES]))
    with pytest.raises(ModelError, match="predicts nothing"):
        xai.wrap_model(make_pipeline(StandardScaler()).fit(X[NAMES]))


def test_functions():
    X = rows()
    model = xai.wrap_model(lambda frame: frame[["age", "dose"]])
    assert (model.output, model.output_names) == ("value", ())
    assert model.predict(X).shape == (150, 2)
    assert model.output_names == ("value_0", "value_1")
    assert model.hash == ""
    sure = xai.wrap_model(lambda frame: np.full(len(frame), 0.25), "probability", classes=["no", "yes"])
    assert (sure.task, sure.output_names) == ("binary", ("no", "yes"))
    assert np.array_equal(sure.predict(X)[0], [0.75, 0.25])
    with pytest.raises(ModelError, match="shape"):
        xai.wrap_model(lambda frame: np.zeros(7)).predict(X)
    with pytest.raises(ModelError, match=r"answered nan for row 3, output 'value'"):
        xai.wrap_model(lambda frame: frame.age.where(frame.index != 3).to_numpy()).predict(X)
    with pytest.raises(ModelError, match="callable could not predict: division by zero"):
        xai.wrap_model(lambda frame: 1 / 0).predict(X)


def test_columns_are_found_by_name_or_missed_by_name():
    X = rows()
    for framework in FRAMEWORKS:
        model = xai.wrap_model(build(framework, "regression").fit(X, target(X, "regression")))
        expected = model.predict(X)
        assert np.array_equal(model.predict(X[["pulse", "age", "dose"]].assign(extra=1)), expected)
        assert np.array_equal(model.predict(X.to_numpy()), expected)
        with pytest.raises(InputError, match=r"lacks 1 .*columns: 'dose'. Did you write 'dosis' instead of 'dose'"):
            model.predict(X.rename(columns={"dose": "dosis"}))
        with pytest.raises(InputError, match="trained on 3 columns, but X has 2"):
            model.predict(X.to_numpy()[:, :2])
        assert model.predict(X[:0]).shape == (0, 1)


def test_models_without_column_names_take_any():
    X = rows()
    for framework in FRAMEWORKS:
        model = xai.wrap_model(build(framework, "binary").fit(X.to_numpy(), target(X, "binary")))
        assert model.feature_names is None
        assert np.array_equal(model.predict(X), model.predict(X.to_numpy()))
        named = xai.wrap_model(model, feature_names=NAMES)
        assert np.array_equal(named.predict(X[NAMES[::-1]]), model.predict(X))
        a = xai.explain(named, X[NAMES[::-1]])
        assert a.units.names == tuple(NAMES)
        assert np.abs(a.additivity_gap).max() < 1e-5
        with pytest.raises(InputError, match="2 feature names were given, but the model has 3"):
            xai.wrap_model(model, feature_names=["a", "b"])


def test_wrong_types_name_column_and_value():
    X = rows()
    for framework in FRAMEWORKS:
        model = xai.wrap_model(build(framework, "binary").fit(X, target(X, "binary")))
        text = X.assign(dose=["low"] * 150)
        with pytest.raises(InputError, match=r"column 'dose' holds text .*'low'"):
            model.predict(text)
        with pytest.raises(InputError, match="column 'dose' holds categories"):
            model.predict(text.astype({"dose": "category"}))
        # Nullable numbers and objects that are numbers are numbers.
        for kind in ("Float64", object):
            assert np.array_equal(model.predict(X.astype({"dose": kind})), model.predict(X))


def test_missing_values_go_through():
    X = rows()
    X.loc[::5, "age"] = np.nan
    y = target(X.fillna(0), "binary")
    for framework in ("xgboost", "lightgbm", "catboost"):
        native = build(framework, "binary").fit(X, y)
        assert np.allclose(xai.wrap_model(native, "probability").predict(X), native.predict_proba(X), atol=1e-6)
    model = xai.wrap_model(build("sklearn", "binary").fit(X.fillna(0), y))
    with pytest.raises(ModelError, match="sklearn could not predict: Input X contains NaN"):
        model.predict(X)


def test_categories():
    import catboost
    import xgboost

    rng = np.random.default_rng(3)
    X = rows().assign(site=pd.Categorical(rng.choice(["n", "s", "w"], 150)))
    y = (X.site == "s") ^ (X.age > 0)
    boosted = xgboost.XGBClassifier(n_estimators=4, n_jobs=1, enable_categorical=True).fit(X, y)
    light = build("lightgbm", "binary").fit(X, y)
    for native in (boosted, light):
        model = xai.wrap_model(native, "probability")
        assert model.categorical == (3,)
        expected = native.predict_proba(X)
        assert np.allclose(model.predict(X), expected, atol=1e-6)
        assert np.allclose(model.predict(X.astype({"site": str})), expected, atol=1e-6)
        order = X.assign(site=X.site.cat.set_categories(["w", "s", "n"]))
        assert np.allclose(model.predict(order), expected, atol=1e-6)
    with pytest.raises(InputError, match="column 'site' has the category 'moon', unknown"):
        xai.wrap_model(boosted).predict(X.assign(site="moon"))
    texts = X.astype({"site": str})
    cat = catboost.CatBoostClassifier(
        iterations=4, thread_count=1, verbose=0, allow_writing_files=False, cat_features=["site"]
    ).fit(texts, y.to_numpy())
    model = xai.wrap_model(cat, "probability")
    for same in (texts, X):
        assert np.allclose(model.predict(same), cat.predict_proba(texts))
    holes = texts.assign(site=texts.site.where(texts.index != 4))
    with pytest.raises(InputError, match=r"column 'site' is categorical and has 1 missing values \(first in row 4\)"):
        model.predict(holes)
    with pytest.raises(InputError, match="holds decimal numbers"):
        model.predict(texts.assign(site=1.5))
    # Names given later reach categorical columns too.
    for native, table in ((boosted, X), (light, X.astype({"site": str})), (cat, texts)):
        renamed = xai.wrap_model(native, "probability", feature_names=["p", "q", "r", "s"])
        expected = xai.wrap_model(native, "probability").predict(table)
        assert np.array_equal(renamed.predict(table.set_axis(["p", "q", "r", "s"], axis=1)), expected)


@frameworks
def test_unfitted_models(framework):
    with pytest.raises(ModelError, match="is not fitted: call fit first"):
        xai.wrap_model(build(framework, "binary"))


def test_what_is_no_model():
    for thing, message in (
        (3, "int is no model"),
        ("model.ubj", "xai.load_model"),
        (linear_model.Ridge, "a class, not a fitted model"),
        (StandardScaler().fit(rows()), "neither a classifier nor a regressor"),
    ):
        with pytest.raises(ModelError, match=message):
            xai.wrap_model(thing)
    Module = type("Net", (), {"__module__": "torch.nn.modules.module", "__call__": lambda self, x: x})
    missing = find_spec("torch") is None
    expected = (MissingExtraError, r"hemicycle\[vision\]") if missing else (ModelError, "torch, but no module")
    with pytest.raises(expected[0], match=expected[1]):
        xai.wrap_model(Module())


def test_the_floor_is_light():
    heavy = ("pandas", "xgboost", "lightgbm", "catboost", "sklearn", "shap")
    code = f"import sys, xai.models, xai.shapley; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
