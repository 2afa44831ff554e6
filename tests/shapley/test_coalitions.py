"""Shapley values and removal effects of functions whose answers are known in closed form."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression, LogisticRegression

import xai
from xai.core.errors import InputError
from xai.shapley import ExactConfig, RemovalConfig

SQUARE = pd.DataFrame([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], columns=["p", "q"])


def either(frame: pd.DataFrame) -> np.ndarray:
    return ((frame.p > 0) | (frame.q > 0)).to_numpy(float)


def differ(frame: pd.DataFrame) -> np.ndarray:
    return ((frame.p > 0) ^ (frame.q > 0)).to_numpy(float)


def additive(frame: pd.DataFrame) -> np.ndarray:
    return (np.sin(frame.p) + frame.q**2 + 3).to_numpy(float)


def test_or_splits_evenly():
    a = xai.explain(either, SQUARE.iloc[3:], "exact", background=SQUARE)
    # Delta = 1 - 3/4, and the two inputs are symmetric.
    assert np.allclose(a.values[0, :, 0], 0.125, atol=1e-15)
    assert np.allclose(a.base_values, 0.75)


def test_xor_splits_evenly():
    a = xai.explain(differ, SQUARE.iloc[1:2], "exact", background=SQUARE)
    assert np.allclose(a.values[0, :, 0], 0.25, atol=1e-15)


def test_additive_functions_give_each_its_part():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(30, 2)), columns=["p", "q"])
    for method in ("exact", "removal"):
        a = xai.explain(additive, X, method, background=X)
        assert np.allclose(a.values[:, 0, 0], np.sin(X.p) - np.sin(X.p).mean(), atol=1e-12)
        assert np.allclose(a.values[:, 1, 0], X.q**2 - (X.q**2).mean(), atol=1e-12)
        assert np.abs(a.additivity_gap).max() < 1e-12


def test_removal_of_redundant_inputs_explains_nothing():
    a = xai.explain(either, SQUARE.iloc[3:], "removal", background=SQUARE.iloc[:1])
    assert np.array_equal(a.values[0, :, 0], [0.0, 0.0])
    assert a.additivity_gap[0, 0] == 1.0  # all of Delta = 1 - 0


def test_removal_rest_is_minus_the_interaction_terms():
    rng = np.random.default_rng(1)
    X = pd.DataFrame(rng.normal(size=(20, 3)), columns=["p", "q", "r"])

    def product(frame: pd.DataFrame) -> np.ndarray:
        return (frame.p * frame.q * frame.r + frame.p * frame.q).to_numpy(float)

    a = xai.explain(product, X.iloc[:4], "removal", background=X)
    for i in range(4):
        worth = xai.game(product, X.iloc[[i]], X)
        masks = [[m >> j & 1 for j in range(3)] for m in range(8)]
        v = worth(np.array(masks))[:, 0]
        moebius = [sum((-1) ** (s ^ t).bit_count() * v[t] for t in range(8) if t & s == t) for s in range(8)]
        rest = -sum((s.bit_count() - 1) * moebius[s] for s in range(8) if s.bit_count() >= 2)
        assert a.additivity_gap[i, 0] == pytest.approx(rest, abs=1e-12)


@given(st.lists(st.floats(-5, 5), min_size=16, max_size=16))
@settings(max_examples=25, deadline=None)
def test_shapley_values_are_mean_marginals_over_orders(worth):
    from itertools import permutations

    from xai.core import Game, Units
    from xai.shapley.coalitions import shapley_values

    table = np.array(worth)
    powers = 1 << np.arange(4)
    game = Game(lambda masks: table[(masks @ powers).astype(int)][:, None], Units(tuple("abcd")), ("v",))
    values, base = shapley_values(game)
    expected = np.zeros(4)
    for order in permutations(range(4)):
        path = np.cumsum([0, *(powers[list(order)])])
        for unit, (before, after) in zip(order, pairwise(path), strict=True):
            expected[unit] += (table[after] - table[before]) / 24
    assert np.allclose(values[:, 0], expected, atol=1e-12)
    assert base[0] == table[0]


def test_linear_closed_form_equals_enumeration():
    rng = np.random.default_rng(2)
    X = pd.DataFrame(rng.normal(size=(40, 5)), columns=list("abcde"))
    y = X.to_numpy() @ np.arange(5.0)
    for model, target in ((LinearRegression(), y), (LogisticRegression(), np.digitize(y, [-2, 2]))):
        fitted = model.fit(X, target)
        closed = xai.explain(fitted, X[:6], background=X)
        played = xai.explain(fitted, X[:6], "exact", background=X)
        assert closed.provenance.engine == "linear model in closed form"
        assert np.allclose(closed.values, played.values, atol=1e-10)
        assert np.allclose(closed.base_values, played.base_values, atol=1e-10)


def test_linear_model_without_background_says_what_it_used():
    X = pd.DataFrame(np.arange(12.0).reshape(6, 2) ** 2, columns=["p", "q"])
    fitted = LinearRegression().fit(X, X.p)
    a = xai.explain(fitted, X)
    assert a.provenance.options["background"] == "mean of the explained rows"
    assert np.allclose(a.values.sum(axis=0), 0.0, atol=1e-9)
    assert "background" not in xai.explain(fitted, X, background=X).provenance.options


@pytest.mark.slow  # compiling shap's explainer takes most of a minute on a busy machine
def test_agrees_with_the_exact_explainer_of_shap():
    import shap
    from sklearn.svm import SVC

    rng = np.random.default_rng(3)
    X = pd.DataFrame(rng.normal(size=(60, 4)), columns=list("abcd"))
    fitted = SVC().fit(X.to_numpy(), (X.a * X.b > 0).to_numpy())
    a = xai.explain(fitted, X[:3].to_numpy(), background=X[:20].to_numpy())
    other = shap.explainers.Exact(fitted.decision_function, X[:20].to_numpy())(X[:3].to_numpy())
    assert a.provenance.engine == "enumeration of all coalitions"
    assert np.allclose(a.values[:, :, 0], other.values, atol=1e-10)


def test_groups_are_played_jointly():
    a = xai.explain(either, SQUARE.iloc[3:], "removal", background=SQUARE, groups={"both": ["p", "q"]})
    assert a.units.names == ("both",)
    assert a.units.members("both") == ("p", "q")
    # Alone each explains nothing at (1, 1); together they explain all.
    assert a.values[0, 0, 0] == pytest.approx(0.25)
    assert a.additivity_gap[0, 0] == pytest.approx(0.0)


def test_large_backgrounds_are_sampled_with_a_seed():
    rng = np.random.default_rng(4)
    X = pd.DataFrame(rng.normal(size=(300, 2)), columns=["p", "q"])
    config = RemovalConfig(n_background=50, seed=3)
    a, b = (xai.explain(either, X[:3], "removal", background=X, config=config) for _ in range(2))
    assert np.array_equal(a.values, b.values)
    assert a.provenance.seed == 3
    assert a.provenance.options["n_background"] == 50
    assert a.provenance.options["config"] == {"n_background": 50, "seed": 3}
    everything = xai.explain(either, X[:3], "removal", background=X, config=RemovalConfig(n_background=300))
    assert everything.provenance.seed is None
    assert np.allclose(everything.base_values, either(X).mean())


def test_limits_are_errors_that_say_what_to_do():
    X = pd.DataFrame(np.zeros((3, 15)), columns=[f"c{j}" for j in range(15)])

    def total(frame: pd.DataFrame) -> np.ndarray:
        return frame.sum(axis=1).to_numpy()

    with pytest.raises(InputError, match="up to 14 units, but there are 15"):
        xai.explain(total, X, "exact", background=X)
    grouped = xai.explain(total, X, "exact", background=X, groups={"pair": ["c0", "c1"]})
    assert len(grouped.units) == 14
    with pytest.raises(InputError, match="no exact SHAP engine"):
        xai.explain(total, X)
    with pytest.raises(InputError, match="needs background"):
        xai.explain(total, X, "removal")
    with pytest.raises(InputError, match="n_background must be at least 1"):
        xai.explain(either, SQUARE, "removal", background=SQUARE, config=RemovalConfig(n_background=0))
    with pytest.raises(InputError, match="0 rows"):
        xai.explain(either, SQUARE, "removal", background=SQUARE[:0])
    with pytest.raises(InputError, match="ExactConfig"):
        xai.explain(either, SQUARE, "exact", background=SQUARE, config=RemovalConfig())
    with pytest.raises(InputError, match="RemovalConfig"):
        xai.explain(either, SQUARE, "removal", background=SQUARE, config=ExactConfig())
