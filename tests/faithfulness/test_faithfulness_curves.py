"""Curves of additive games in closed form; random orders against all orders."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsClassifier

import xai
from xai.core import Game, Units
from xai.core.errors import InputError
from xai.faithfulness import curve, curves
from xai.faithfulness.single import areas, step_masks

WEIGHTS = np.array([1.0, -3.0, 5.0, 2.0])
GAME = Game(lambda m: 10.0 + m @ WEIGHTS[:, None], Units(("a", "b", "c", "d")), ("out",))


def test_additive_game_in_closed_form():
    up = curve(GAME, WEIGHTS)
    assert np.allclose(up.x, [0, 0.25, 0.5, 0.75, 1])
    assert np.allclose(up.y, 10 + np.array([0, 5, 7, 8, 5]))
    assert up.auc == pytest.approx(10 + (2.5 + 6 + 7.5 + 6.5) / 4)
    down = curve(GAME, WEIGHTS, "deletion")
    assert np.allclose(down.y, 15 - np.array([0, 5, 7, 8, 5]))
    assert down.auc == pytest.approx(15 - (2.5 + 6 + 7.5 + 6.5) / 4)
    assert (up.score_direction, down.score_direction) == ("higher is better", "lower is better")
    # In an additive game every unit is there half the time, so that random orders give the middle.
    assert abs(up.random_auc - 12.5) < 4 * up.random_standard_error
    assert up.gain == pytest.approx(up.auc - up.random_auc)
    assert down.gain == pytest.approx(down.random_auc - down.auc)
    assert up.percentile > 0.97
    assert down.percentile > 0.97
    assert curve(GAME, -WEIGHTS).percentile < 0.03


def test_random_baseline_against_all_orders():
    worth = np.random.default_rng(0).normal(size=32)
    powers = 1 << np.arange(5)
    game = Game(lambda m: worth[(m @ powers).astype(int)][:, None], Units(tuple("abcde")), ("out",))
    for order in ("insertion", "deletion"):
        masks = step_masks(np.array(list(permutations(range(5)))), order)
        everything = areas(game(masks.reshape(-1, 5).astype(float)).reshape(120, 6))
        found = curve(game, np.arange(5.0), order, n_random=4000, seed=1)
        assert abs(found.random_auc - everything.mean()) < 4 * everything.std() / np.sqrt(4000)
        assert found.random_standard_error == pytest.approx(everything.std() / np.sqrt(4000), rel=0.1)
        assert np.allclose(found.random_interval, np.percentile(everything, [2.5, 97.5]), atol=0.1 * everything.std())
        own = game(step_masks(np.array([[4, 3, 2, 1, 0]]), order)[0].astype(float))[:, 0]
        assert np.allclose(found.y, own)
        sign = 1 if order == "insertion" else -1
        ahead = (sign * (areas(own) - everything) > 1e-12).mean() + 0.5 * np.isclose(areas(own), everything).mean()
        assert found.percentile == pytest.approx(ahead, abs=0.03)


def test_a_game_that_does_not_care_is_at_chance():
    flat = Game(lambda m: np.full((len(m), 1), 3.0), Units(("a", "b")), ("out",))
    found = curve(flat, [1.0, 2.0])
    assert found.percentile == 0.5
    assert found.auc == found.random_auc == 3.0
    counting = Game(lambda m: m.sum(axis=1, keepdims=True) / 3, Units(("a", "b", "c")), ("out",))
    assert curve(counting, [0.3, 0.1, 0.2]).percentile == 0.5


def test_seeds_and_ties():
    assert np.array_equal(curve(GAME, WEIGHTS).random_aucs, curve(GAME, WEIGHTS).random_aucs)
    assert not np.array_equal(curve(GAME, WEIGHTS).random_aucs, curve(GAME, WEIGHTS, seed=1).random_aucs)
    assert np.allclose(curve(GAME, np.zeros(4)).y, 10 + np.array([0, 1, -2, 3, 5]))


def test_what_does_not_fit():
    two = Game(lambda m: np.hstack([m, m]), Units(("a",)), ("p", "q"))
    for call, text in (
        (lambda: curve(two, [1.0]), "choose one with output=, of 'p', 'q'"),
        (lambda: curve(two, [1.0], output="r"), "unknown output: 'r'"),
        (lambda: curve(two, [1.0], output=2), "there is no output 2"),
        (lambda: curve(GAME, [1.0, 2.0]), "one number a unit, 4"),
        (lambda: curve(GAME, [1.0, 2.0, np.nan, 0.0]), "unit 2 is no finite number"),
        (lambda: curve(GAME, WEIGHTS, "removal"), "unknown order"),
        (lambda: curve(GAME, WEIGHTS, n_random=5), "at least 20"),
    ):
        with pytest.raises(InputError, match=text):
            call()
    assert np.allclose(curve(two, [1.0], output="q").y, [0, 1])


@pytest.fixture(scope="module", name="linear")
def fitted_linear():
    rng = np.random.default_rng(2)
    X = pd.DataFrame(rng.normal(size=(80, 5)), columns=list("abcde"))
    return X, LinearRegression().fit(X, X.a - 2 * X.b + 0.5 * X.c)


def test_rows_of_a_linear_model_in_closed_form(linear):
    X, model = linear
    a = xai.explain(model, X[:6], background=X[20:50])
    found = curves(model, X[:6], a, X[20:50], n_random=30)
    for i, one in enumerate(found.rows):
        effects = np.sort(a.values[i, :, 0])[::-1]
        assert np.allclose(one.y, a.base_values[i, 0] + np.cumsum([0.0, *effects]), atol=1e-10)
        by_game = curve(xai.game(model, X[i : i + 1], X[20:50]), a.values[i, :, 0], n_random=30)
        assert by_game.auc == pytest.approx(one.auc)
    assert np.allclose(found.mean.y, np.mean([one.y for one in found.rows], axis=0))
    assert found.mean.auc == pytest.approx(np.mean([one.auc for one in found.rows]))
    assert found.mean.percentile == 1.0
    low, high = found.gain_interval
    assert 0 < low < np.mean([one.gain for one in found.rows]) < high
    deletion = curves(model, X[:6], a, X[20:50], "deletion")
    assert deletion.mean.gain > 0
    assert deletion.labels == (0, 1, 2, 3, 4, 5)


def test_guesses_have_no_gain(linear):
    X, model = linear
    a = xai.explain(model, X[:20], background=X)
    percentiles, covered = [], []
    for seed in range(20):
        guess = replace(a, values=np.random.default_rng(seed).normal(size=a.values.shape))
        found = curves(model, X[:20], guess, X[:10], seed=seed)
        percentiles.append(found.mean.percentile)
        covered.append(found.gain_interval[0] < 0 < found.gain_interval[1])
    # Uniform where nothing is known: the mean of 20 has a spread of 0.065.
    assert 0.3 < np.mean(percentiles) < 0.7
    assert np.mean(covered) >= 0.8


def test_groups_and_classes(linear):
    X, _ = linear
    y = np.digitize(X.a, [-0.5, 0.5])
    model = KNeighborsClassifier().fit(X, y)
    groups = {"ab": ["a", "b"]}
    a = xai.explain(model, X[:3], "exact", background=X[:30], groups=groups)
    seen = []
    found = curves(
        model, X[:3], a, X[:30], output="2", batch_rows=100, progress=lambda done, text: seen.append((done, text))
    )
    assert len(found.mean.x) == 5
    assert np.allclose([one.y[-1] for one in found.rows], a.outputs[:, 2])
    assert np.allclose([one.y[0] for one in found.rows], a.base_values[:, 2])
    assert seen[-1] == (1.0, "followed 3 of 3 rows")
    assert found.mean.output_name == "2"
    with pytest.raises(InputError, match="choose one"):
        curves(model, X[:3], a, X)
    with pytest.raises(InputError, match="explains 3"):
        curves(model, X[:2], a, X, output="2")
    with pytest.raises(InputError, match="no columns of the model"):
        curves(model, X[:3].set_axis(list("vwxyz"), axis=1).to_numpy(), a_of_others(a), X.to_numpy(), output="2")


def a_of_others(a):
    return replace(a, units=Units(("p", "q", "r", "s")))
