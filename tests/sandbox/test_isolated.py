from __future__ import annotations

import gc

import numpy as np
import pandas as pd
import pytest

import xai
from xai.core.errors import InputError, ModelError, WorkerError
from xai.core.provenance import hash_file
from xai.models import open_model
from xai.models.performance import performance
from xai.sandbox import IsolatedModel, JobPool, load_model
from xai.shapley import RemovalConfig
from xai.shapley import importance as importances


def table(n=120, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.integers(20, 90, n).astype(float),
            "sex": pd.Categorical(rng.choice(["f", "m"], n), categories=["f", "m"]),
            "dose": rng.normal(size=n),
            "site": pd.Categorical(rng.choice(["north", "south", "west"], n)),
        },
        index=[f"p{i}" for i in range(n)],
    )
    frame.loc[frame.index[::7], "dose"] = np.nan
    y = ((frame["age"] > 50) ^ (frame["sex"] == "f")).astype(int) + (frame["site"] == "west")
    return frame, y


def fit(framework, path):
    X, y = table()
    if framework == "xgboost":
        from xgboost import XGBClassifier

        XGBClassifier(n_estimators=8, max_depth=3, enable_categorical=True).fit(X, y).save_model(path)
    elif framework == "lightgbm":
        from lightgbm import LGBMClassifier

        model = LGBMClassifier(n_estimators=8, max_depth=3, min_child_samples=5, verbose=-1).fit(X, y)
        model.booster_.save_model(path)
    else:
        from catboost import CatBoostClassifier

        names = ["sex", "site"]
        model = CatBoostClassifier(iterations=8, depth=3, cat_features=names, verbose=0, allow_writing_files=False)
        model.fit(X.astype(dict.fromkeys(names, str)), y).save_model(str(path))


SUFFIX = {"xgboost": "ubj", "lightgbm": "txt", "catboost": "cbm"}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    made = {}
    for framework, suffix in SUFFIX.items():
        made[framework] = folder / f"model.{suffix}"
        fit(framework, made[framework])
    return made


@pytest.fixture(scope="module")
def pairs(files):
    return {name: (open_model(path), load_model(path)) for name, path in files.items()}


@pytest.mark.parametrize("framework", SUFFIX)
def test_a_child_answers_exactly_what_this_process_would(pairs, files, framework):
    here, there = pairs[framework]
    assert isinstance(there, IsolatedModel)
    for name in ("framework", "task", "output", "output_names", "feature_names", "n_features", "classes", "hash"):
        assert getattr(there, name) == getattr(here, name), name
    assert dict(there.spaces) == dict(here.spaces)
    assert there.hash == hash_file(files[framework])
    X, _ = table(40, seed=1)
    np.testing.assert_array_equal(there.predict(X), here.predict(X), strict=True)
    np.testing.assert_array_equal(
        there.with_output("probability").predict(X), here.with_output("probability").predict(X), strict=True
    )
    a, b = xai.explain(here, X), xai.explain(there, X)
    for name in ("values", "base_values", "outputs"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), strict=True)
    assert (a.units, a.output_names, a.output_space, a.rows) == (b.units, b.output_names, b.output_space, b.rows)
    assert a.provenance == b.provenance
    pd.testing.assert_frame_equal(a.data, b.data)


def test_every_argument_of_explain_reaches_the_child(pairs):
    here, there = pairs["xgboost"]
    X, _ = table(30, seed=2)
    seen = []
    options = {
        "method": "removal",
        "background": table(50, seed=3)[0],
        "groups": {"who": ["age", "sex"]},
        "config": RemovalConfig(n_background=20, seed=5),
    }
    a = xai.explain(here, X, **options)
    b = xai.explain(there, X, **options, progress=lambda *step: seen.append(step))
    np.testing.assert_array_equal(a.values, b.values)
    assert a.provenance == b.provenance
    assert b.units.names == ("who", "dose", "site")
    assert seen[-1] == (1.0, "explained 30 of 30 rows")


def test_errors_of_the_model_are_the_same(pairs, files):
    here, there = pairs["lightgbm"]
    X, _ = table(5)
    for act in (
        lambda model: model.predict(X.drop(columns="dose")),
        lambda model: model.with_output("logit"),
        lambda model: xai.explain(model, X, method="shapp"),
        lambda model: xai.explain(model, X.iloc[:0]),
    ):
        with pytest.raises(xai.XaiError) as expected:
            act(here)
        with pytest.raises(type(expected.value)) as caught:
            act(there)
        assert str(caught.value) == str(expected.value)
    for path in (files["lightgbm"].with_name("absent.txt"),):
        with pytest.raises(ModelError, match=r"absent\.txt"):
            load_model(path)


def test_the_native_object_is_not_here(pairs):
    _, there = pairs["catboost"]
    with pytest.raises(ModelError, match="isolated=False"):
        _ = there.native
    with pytest.raises(AttributeError, match="no attribute 'booster'"):
        _ = there.booster


def test_importances_come_from_the_child(pairs):
    here, there = pairs["xgboost"]
    X, y = table(60, seed=4)
    expected = importances.native(here)
    pd.testing.assert_series_equal(there.importance("native"), expected)
    assert there.importance("native").attrs == expected.attrs
    pd.testing.assert_frame_equal(
        there.importance("permutation", X=X, y=y, n_repeats=2), importances.permutation(here, X, y, 2)
    )
    with pytest.raises(InputError, match="kind of importance"):
        there.importance("gain")


def test_tasks_of_the_pool_take_paths_and_models(pairs, files):
    here, there = pairs["catboost"]
    X, y = table(60, seed=6)
    with JobPool(size=1) as pool:
        facts = pool.submit("describe", "Opening", model=str(files["catboost"])).result()
        assert (facts["framework"], facts["hash"]) == ("catboost", here.hash)
        a = pool.submit("explain", "Explaining", model=there, X=X, method="shap").result()
        np.testing.assert_array_equal(a.values, xai.explain(here, X).values)
        measured = pool.submit("performance", "Measuring", model=str(files["catboost"]), X=X, y=y).result()
        expected = performance(here, X, y)
        assert measured.metrics == expected.metrics
        np.testing.assert_array_equal(measured.confusion, expected.confusion)
        votes = pool.submit(
            "vote_sources", "Voting", model=str(files["catboost"]), X=X, y=y, output="1", n_repeats=2
        ).result()
        pd.testing.assert_frame_equal(votes, xai.dhondt.vote_sources(here, X, y, output="1", n_repeats=2))


def test_a_crash_kills_the_child_and_not_us(files, extra_tasks):
    model = load_model(files["xgboost"])
    X, _ = table(5)
    expected = model.predict(X)
    model.worker.call("warm", modules=[extra_tasks])
    model.worker.call("break_xgboost")
    message = r"xgboost crashed \(signal 11\) while predicting with model\.ubj: the file is damaged"
    with pytest.raises(WorkerError, match=message):
        model.predict(X)
    np.testing.assert_array_equal(model.predict(X), expected)  # by a new child


def test_a_file_that_changed_is_not_predicted_with(files, tmp_path):
    path = tmp_path / "model.ubj"
    path.write_bytes(files["xgboost"].read_bytes())
    model = load_model(path)
    path.write_bytes(files["xgboost"].read_bytes() + b"N")
    with pytest.raises(ModelError, match=r"model\.ubj has changed since it was opened"):
        model.predict(table(5)[0])


def test_a_model_survives_the_end_of_its_child(files):
    model = load_model(files["xgboost"])
    X, _ = table(5)
    before = model.predict(X)
    model.worker.kill()
    with pytest.raises(WorkerError):
        model.predict(X)
    np.testing.assert_array_equal(model.predict(X), before)
    model.close()
    np.testing.assert_array_equal(model.predict(X), before)


def test_the_child_lives_as_long_as_the_last_model_that_uses_it(files, ended):
    model = load_model(files["xgboost"])
    pid = model.worker.pid
    other = model.with_output("probability")
    assert other.worker is model.worker
    del model
    gc.collect()
    X, _ = table(5)
    assert other.predict(X).shape == (5, 3)
    assert other.worker.pid == pid
    del other
    gc.collect()
    assert ended(pid)


def test_not_isolated_is_this_process(files):
    model = load_model(files["xgboost"], "probability", isolated=False)
    assert not isinstance(model, IsolatedModel)
    assert model.output == "probability"
    assert load_model(files["xgboost"], "probability").output == "probability"
