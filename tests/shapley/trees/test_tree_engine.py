"""Tables behind ``xai.explain``: choice, background, rescaled probabilities, Banzhaf values, interactions."""

from __future__ import annotations

import json
import subprocess
import sys

import catboost
import lightgbm
import numpy as np
import pandas as pd
import pytest
import shap
import xgboost
from sklearn import ensemble
from sklearn.linear_model import LogisticRegression

import xai
from tests.shapley import oracles
from xai.core.errors import InputError, ModelError
from xai.shapley import TreeConfig
from xai.shapley.trees import READERS, choice
from xai.shapley.trees.engine import NAME

N = 300
TABLES, NATIVE = TreeConfig(engine="tables", threads=1), TreeConfig(engine="native")


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(31)
    X = pd.DataFrame(rng.normal(size=(N, 6)).round(2), columns=list("abcdef"))
    return X, (X.a * X.b + X.c + 0.5 * X.d > 0).astype(int).to_numpy()


@pytest.fixture(scope="module")
def booster(data):
    return xgboost.XGBClassifier(n_estimators=15, max_depth=4, n_jobs=1).fit(*data)


def fitted(name, data, **options):
    kind = {
        "xgboost": lambda: xgboost.XGBClassifier(n_estimators=15, max_depth=4, n_jobs=1, **options),
        "lightgbm": lambda: lightgbm.LGBMClassifier(n_estimators=15, num_leaves=9, n_jobs=1, verbose=-1, **options),
        "catboost": lambda: catboost.CatBoostClassifier(
            iterations=15, depth=4, thread_count=1, verbose=0, allow_writing_files=False, **options
        ),
        "forest": lambda: ensemble.RandomForestClassifier(8, max_depth=5, random_state=0, **options),
        "histogram": lambda: ensemble.HistGradientBoostingClassifier(max_iter=8, early_stopping=False, **options),
    }
    return kind[name]().fit(*data)


names = pytest.mark.parametrize("name", ["xgboost", "lightgbm", "catboost", "forest", "histogram"])


@names
def test_both_engines_agree_and_say_who_they_are(name, data):
    model, X = fitted(name, data), data[0]
    ours, own = xai.explain(model, X, config=TABLES), xai.explain(model, X, config=NATIVE)
    assert ours.provenance.engine == NAME
    assert "numba" in ours.provenance.versions
    assert own.provenance.engine != NAME
    scale = np.abs(own.outputs).max()
    assert np.abs(ours.values - own.values).max() < 1e-5 * scale
    assert np.abs(ours.base_values - own.base_values).max() < 1e-5 * scale
    assert np.abs(ours.additivity_gap).max() < 1e-5 * scale


@names
def test_a_background_gives_interventional_values(name, data):
    model, (X, _) = fitted(name, data), data
    background = X[100:140]
    a = xai.explain(model, X[:20], background=background)
    assert a.provenance.engine == NAME
    assert a.provenance.options["n_background"] == 40
    exact = xai.explain(model, X[:4], "exact", background=background)
    scale = np.abs(a.outputs).max()
    assert np.abs(a.values[:4] - exact.values).max() < 2e-6 * scale
    assert np.abs(a.base_values[:4] - exact.base_values).max() < 2e-6 * scale
    assert np.abs(a.additivity_gap).max() < 2e-6 * scale
    # shap moves scikit-learn's thresholds to single precision, which changes the side of values that lie on them.
    if name in {"xgboost", "lightgbm"}:
        explainer = shap.TreeExplainer(model, background, feature_perturbation="interventional")
        other = np.asarray(explainer.shap_values(X[:20], check_additivity=False))
        other = other[:, :, None] if other.ndim == 2 else other
        assert np.abs(a.values - other).max() < 1e-5 * scale


def test_a_game_of_the_background_is_the_same_game(data, booster):
    X, _ = data
    a = xai.explain(booster, X[:1], background=X[50:70])
    game = xai.game(booster, X[:1], X[50:70])
    masks = (np.arange(64)[:, None] >> np.arange(6)) & 1
    worth = game(masks)
    sizes = masks.sum(axis=1)
    from math import factorial

    for i in range(6):
        without = np.flatnonzero(masks[:, i] == 0)
        weights = [factorial(s) * factorial(5 - s) / factorial(6) for s in sizes[without]]
        assert weights @ (worth[without | 1 << i] - worth[without])[:, 0] == pytest.approx(a.values[0, i, 0], abs=1e-5)


def test_banzhaf_values(data, booster):
    X, _ = data
    a = xai.explain(booster, X[:3], "banzhaf")
    trees = oracles.xgboost_trees(booster.get_booster(), 1)
    for row in range(3):
        x = X.to_numpy(float)[row]
        worth = [
            sum(float(oracles.expectation(t, x, {j for j in range(6) if mask >> j & 1})[0]) for t in trees)
            for mask in range(64)
        ]
        for i in range(6):
            gains = [worth[mask | 1 << i] - worth[mask] for mask in range(64) if not mask >> i & 1]
            assert a.values[row, i, 0] == pytest.approx(np.mean(gains), abs=1e-5)
    assert np.abs(a.additivity_gap).max() > 1e-3  # Banzhaf values do not add up
    assert not np.allclose(a.values, xai.explain(booster, X[:3], "banzhaf", background=X[:50]).values)
    with pytest.raises(ModelError, match="no sum of trees"):
        xai.explain(LogisticRegression().fit(*data), X, "banzhaf")
    with pytest.raises(ModelError, match="output='margin'"):
        xai.explain(xai.wrap_model(booster, "probability"), X, "banzhaf")


@pytest.mark.parametrize("name", ["xgboost", "lightgbm", "catboost", "forest"])
def test_interactions(name, data):
    model, (X, _) = fitted(name, data), data
    found = xai.shapley.interactions(model, X[:30])
    a = xai.explain(model, X[:30], config=NATIVE)
    scale = np.abs(a.outputs).max()
    k = len(a.output_names)
    assert found.values.shape == (30, 6, 6, k)
    assert found.output_names == a.output_names
    assert np.abs(found.values.sum(axis=2) - a.values).max() < 1e-5 * scale
    assert np.array_equal(found.values, found.values.transpose(0, 2, 1, 3))
    if name == "xgboost":
        own = model.get_booster().predict(xgboost.DMatrix(X[:30]), pred_interactions=True)[:, :-1, :-1]
        assert np.abs(found.values[..., 0] - own).max() < 1e-5 * scale
    against = xai.shapley.interactions(model, X[:5], X[50:90], config=TreeConfig(threads=2))
    assert (
        np.abs(against.values.sum(axis=2) - xai.explain(model, X[:5], background=X[50:90]).values).max() < 1e-6 * scale
    )
    banzhaf = xai.shapley.interactions(model, X[:5], index="banzhaf")
    assert np.abs(banzhaf.values.sum(axis=2) - xai.explain(model, X[:5], "banzhaf").values).max() < 1e-6 * scale


def test_interactions_of_known_functions():
    rng = np.random.default_rng(2)
    X = pd.DataFrame(rng.integers(0, 2, size=(64, 3)).astype(float), columns=list("abc"))
    X = pd.concat([X] * 4, ignore_index=True)
    grid = pd.DataFrame([[i & 1, i >> 1 & 1, i >> 2] for i in range(8)], columns=list("abc"), dtype=float)
    both = ensemble.RandomForestRegressor(1, bootstrap=False, random_state=0).fit(X, X.a * X.b)
    # Against all combinations a AND b has the interaction 1 whatever c is: half of it on each side.
    found = xai.shapley.interactions(both, grid[3:4], grid)
    assert np.allclose(found.values[0, :, :, 0], [[0.25, 0.125, 0], [0.125, 0.25, 0], [0, 0, 0]], atol=1e-6)
    apart = ensemble.RandomForestRegressor(1, bootstrap=False, random_state=0).fit(X, X.a + 2 * X.b)
    found = xai.shapley.interactions(apart, grid, grid).values[..., 0]
    assert np.allclose(found[:, [0, 0, 1], [1, 2, 2]], 0, atol=1e-6)
    assert np.allclose(found[:, 1, 1], 2 * (grid.b - 0.5), atol=1e-6)


def test_probability_by_rescaling_says_so(data, booster):
    X, _ = data
    model = xai.wrap_model(booster, "probability")
    for config in (TreeConfig(rescale=True), TreeConfig(rescale=True, engine="tables")):
        a = xai.explain(model, X, config=config)
        assert a.output_space == "probability"
        assert np.abs(a.additivity_gap).max() < 1e-5
        assert np.allclose(a.values[..., 0], -a.values[..., 1])
        assert a.provenance.options["values"] == "margin values rescaled to the probability"
        margin = xai.explain(booster, X, config=NATIVE).values[..., 0]
        ratio = a.values[..., 1] / margin
        assert np.allclose(ratio, ratio[:, :1], rtol=1e-3, atol=1e-5)
    with pytest.raises(ModelError, match="output='probability'"):
        xai.explain(booster, X, config=TreeConfig(rescale=True))
    odd = lightgbm.LGBMClassifier(n_estimators=5, num_leaves=5, sigmoid=2.0, verbose=-1, n_jobs=1).fit(*data)
    with pytest.raises(ModelError, match="logistic function"):
        xai.explain(xai.wrap_model(odd, "probability"), X, config=TreeConfig(rescale=True))


def test_bad_input(data, booster):
    X, y = data
    with pytest.raises(InputError, match="engine must be"):
        TreeConfig(engine="gpu")
    with pytest.raises(InputError, match="at least 1"):
        TreeConfig(threads=0)
    with pytest.raises(InputError, match="0 rows"):
        xai.explain(booster, X, background=X[:0])
    with pytest.raises(InputError, match="0 rows"):
        xai.shapley.interactions(booster, X[:0])
    with pytest.raises(InputError, match="index must be"):
        xai.shapley.interactions(booster, X, index="owen")
    with pytest.raises(InputError, match="output='margin'"):
        xai.shapley.interactions(xai.wrap_model(booster, "probability"), X)
    linear = lightgbm.LGBMRegressor(n_estimators=2, linear_tree=True, verbose=-1, n_jobs=1).fit(X, y)
    with pytest.raises(ModelError, match="linear models in their leaves"):
        xai.explain(linear, X, config=TABLES)
    with pytest.raises(InputError, match="linear models in their leaves"):
        xai.explain(linear, X, background=X)
    # A background of one row, and a feature that never varies.
    a = xai.explain(booster, X[:5].assign(f=0.0), background=X[7:8].assign(f=0.0))
    assert np.abs(a.values[:, 5]).max() < 1e-12
    assert np.abs(a.additivity_gap).max() < 1e-5


def test_memory_for_tables_is_bounded(data):
    from xai.shapley.trees import tables

    X, y = data
    deep = ensemble.RandomForestRegressor(20, max_depth=12, random_state=0).fit(X, y + X.e)
    source = READERS["sklearn"].read(xai.wrap_model(deep))
    prepared = tables.prepare(source.forest, threads=1, table_bytes=1 << 20)
    sizes = [prepared.build(first, last)[0].table.nbytes for first, last in prepared.turns()]
    assert len(sizes) > 1
    assert max(sizes) <= 1 << 20
    whole = xai.explain(deep, X, config=TABLES)
    narrow = xai.explain(deep, X, config=TreeConfig(engine="tables", table_mib=1))
    assert np.abs(whole.values - narrow.values).max() < 1e-6


SCRIPT = """
import json, sys
import numpy as np, pandas as pd, xgboost, xai
rng = np.random.default_rng(0)
X = pd.DataFrame(rng.normal(size=(400, 5)), columns=list("abcde"))
model = xgboost.XGBClassifier(n_estimators=100, max_depth=6, n_jobs=1).fit(X, X.a * X.b + X.c > 0)
one = xai.explain(model, X[:1])
p = one.provenance
print(json.dumps({"engine": p.engine, "numba": "numba" in sys.modules, "options": dict(p.options)}))
"""


def test_the_native_engine_brings_no_numba():
    run = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    answer = json.loads(run.stdout.splitlines()[-1])
    assert answer == {
        "engine": "xgboost pred_contribs",
        "numba": False,
        "options": {"engine_choice": "few rows"},
    }


def test_the_choice_follows_rows_and_start(monkeypatch):
    shape = choice.Shape.guess(100, 9600)
    for seconds, few, many in ((0.01, 20, 500), (1.2, 500, 20_000), (20.0, 3_000, 200_000)):
        monkeypatch.setattr(choice, "start_seconds", lambda seconds=seconds: seconds)
        assert not choice.tables_win("xgboost", shape, few, 30)
        assert choice.tables_win("xgboost", shape, many, 30)
    # A path of 16 features makes tables of 65,536 patterns a leaf: not for some hundred rows.
    monkeypatch.setattr(choice, "start_seconds", lambda: 0.01)
    assert not choice.tables_win("xgboost", choice.Shape.guess(100, 100 * 2**17), 100, 30)


def test_the_choice_is_recorded(data, booster):
    X, _ = data
    many = pd.concat([X] * 60, ignore_index=True)
    from xai.shapley.trees import tables  # noqa: F401  # loaded: starting costs nothing

    a = xai.explain(booster, many)
    assert a.provenance.engine == NAME
    assert a.provenance.options["engine_choice"] == "expected to be quicker"
    assert xai.explain(booster, X[:2]).provenance.options["engine_choice"] == "few rows"
