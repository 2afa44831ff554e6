"""Owen values: brute force over the orders they average, and their two limits."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest

from xai.core import Game, Units
from xai.shapley.sampling import OwenConfig, ReferenceGame, SamplingConfig, estimate

D = 5
UNIONS = np.array([0, 1, 0, 2, 1])


def table_game(d: int = D, seed: int = 0) -> Game:
    worth = np.random.default_rng(seed).normal(size=(1 << d, 2))
    powers = 1 << np.arange(d)
    return Game(lambda masks: worth[(masks @ powers).astype(int)], Units(tuple(f"u{i}" for i in range(d))), ("a", "b"))


def over_orders(game: Game, unions: np.ndarray) -> np.ndarray:
    groups = [np.flatnonzero(unions == g) for g in np.unique(unions)]
    values, count = np.zeros((len(unions), 2)), 0
    for outer in permutations(groups):
        for inner in product(*(permutations(group) for group in outer)):
            order = [unit for part in inner for unit in part]
            masks = np.zeros((len(order) + 1, len(order)))
            for step, unit in enumerate(order):
                masks[step + 1 :, unit] = 1
            values[order] += np.diff(game(masks), axis=0)
            count += 1
    return values / count


def test_exact_equals_the_mean_over_orders():
    game = table_game()
    found = estimate(game, OwenConfig(), unions=UNIONS)
    assert found.estimator == "exact"
    assert np.allclose(found.values, over_orders(game, UNIONS), atol=1e-12)
    assert np.allclose(found.values.sum(axis=0), found.output - found.base, atol=1e-12)


def test_members_share_the_value_of_their_group_played_as_one():
    game = table_game()
    whole = Game(lambda masks: game(masks[:, UNIONS]), Units(("g0", "g1", "g2")), ("a", "b"))
    parts, joint = estimate(game, unions=UNIONS).values, estimate(whole).values
    for group in range(3):
        assert np.allclose(parts[group == UNIONS].sum(axis=0), joint[group], atol=1e-12)


@pytest.mark.parametrize("unions", [np.arange(D), np.zeros(D, dtype=int)])
def test_single_groups_and_one_group_give_shapley_values(unions):
    game = table_game()
    assert np.allclose(estimate(game, unions=unions).values, estimate(game).values, atol=1e-12)


def test_sampled_within_its_errors():
    game = table_game(12, 3)
    unions = np.repeat([0, 1, 2], [8, 2, 2])
    truth = estimate(game, unions=unions)
    z = []
    for seed in range(40):
        found = estimate(game, OwenConfig(budget=800, seed=seed), unions=unions)
        assert found.estimator == "permutation"
        assert found.model_rows <= 800
        z.append((found.values - truth.values) / found.standard_errors)
    assert 0.9 < (np.abs(z) < np.array(1.96)).mean() < 0.995
    # Shapley values are something else: the errors are small enough to tell.
    assert (np.abs(estimate(game).values - truth.values) > 3 * found.standard_errors).any()


def test_many_units_are_sampled_and_null_units_get_nothing():
    z = np.random.default_rng(4).normal(size=(10, 40))
    z[:, 7] = 1.0
    game = ReferenceGame(lambda m, r: np.prod(np.where(m, 1.0, z[r])[:, :4], axis=1, keepdims=True), z != 1.0, ("out",))
    found = estimate(game, OwenConfig(budget=20_000), unions=np.repeat(np.arange(4), 10))
    assert found.estimator == "permutation"
    assert found.values[7, 0] == 0.0
    # The first four units lie in one group and do everything, so that they share as if alone.
    alone = ReferenceGame(
        lambda m, r: np.prod(np.where(m, 1.0, z[r, :4]), axis=1, keepdims=True), z[:, :4] != 1, ("o",)
    )
    expected = estimate(alone, SamplingConfig()).values
    assert (np.abs(found.values[:4] - expected) < 5 * found.standard_errors[:4] + 1e-12).all()
