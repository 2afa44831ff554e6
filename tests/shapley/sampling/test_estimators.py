"""Estimators against textbook values, brute force over orders, and their own standard errors."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from xai.core import Game, Units
from xai.core.errors import InputError, ModelError
from xai.shapley.sampling import ReferenceGame, SamplingConfig, estimate
from xai.shapley.sampling.regression import cubic
from xai.shapley.sampling.strata import Stratum, allocate

ESTIMATORS = ("permutation", "kernel", "exact", "auto")


def game_of(function, d: int, k: int = 1) -> Game:
    return Game(function, Units(tuple(f"u{i}" for i in range(d))), tuple(f"out{j}" for j in range(k)))


def table_game(d: int, seed: int, k: int = 1) -> Game:
    """Any worth at all for each coalition."""
    worth = np.random.default_rng(seed).normal(size=(1 << d, k))
    powers = 1 << np.arange(d)
    return game_of(lambda masks: worth[(masks @ powers).astype(int)], d, k)


def product_references(n: int, d: int, seed: int) -> ReferenceGame:
    """f(x) = sum of x_i + interactions, x = 1 against normal references; two outputs."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, d))
    weight = rng.normal(size=(d, d)) / d

    def play(masks, references):
        x = np.where(masks, 1.0, z[references])
        return np.column_stack([x.sum(1) + np.einsum("pi,ij,pj->p", x, weight, x), np.tanh(x @ weight[0])])

    return ReferenceGame(play, np.ones((n, d), dtype=bool), ("quadratic", "tanh"))


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_textbook_games(estimator):
    config = SamplingConfig(estimator=estimator, budget=4000)
    either = game_of(lambda m: m.any(axis=1)[:, None], 2)
    differ = game_of(lambda m: (m.sum(axis=1) % 2)[:, None], 2)
    additive = game_of(lambda m: m @ np.array([[1.0], [-2.0], [0.5]]) + 7.0, 3)
    gloves = game_of(lambda m: ((m[:, 0] > 0) & (m[:, 1:].any(axis=1)))[:, None], 3)
    for game, expected in (
        (either, [0.5, 0.5]),
        (differ, [0.0, 0.0]),
        (additive, [1.0, -2.0, 0.5]),
        (gloves, [2 / 3, 1 / 6, 1 / 6]),
    ):
        found = estimate(game, config)
        tolerance = 1e-12 + 5 * found.standard_errors[:, 0]
        assert (np.abs(found.values[:, 0] - expected) <= tolerance).all()
        assert found.values.sum() == pytest.approx(float((found.output - found.base)[0]), abs=1e-12)


def test_pairwise_interactions_are_halved_exactly_by_paired_estimators():
    # sum of a_i x_i + sum of b_ij x_i x_j: phi_i = a_i + half of its pairs; antithetic pairs see no more of it.
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=16), np.triu(rng.normal(size=(16, 16)), 1)
    game = game_of(lambda m: (m @ a + np.einsum("pi,ij,pj->p", m, b, m))[:, None], 16)
    expected = a + (b + b.T).sum(axis=1) / 2
    for estimator in ("permutation", "kernel"):
        found = estimate(game, SamplingConfig(budget=3000, estimator=estimator))
        assert np.allclose(found.values[:, 0], expected, atol=1e-10)
        assert found.standard_errors.max() < 1e-6


def test_exact_is_the_mean_over_all_orders():
    game = table_game(5, 1, k=2)
    expected = np.zeros((5, 2))
    for order in permutations(range(5)):
        masks = np.vstack([np.zeros(5), *[np.isin(np.arange(5), order[: i + 1]) for i in range(5)]])
        expected[list(order)] += np.diff(game(masks.astype(float)), axis=0) / 120
    assert np.allclose(estimate(game).values, expected, atol=1e-12)


@pytest.mark.parametrize("d", [1, 2, 3, 5, 8, 9])
def test_kernel_of_all_coalitions_is_exact(d):
    game = table_game(d, d, k=2)
    found = estimate(game, SamplingConfig(budget=1 << d, estimator="kernel"))
    assert found.model_rows == 1 << d
    assert found.converged
    assert np.allclose(found.values, estimate(game).values, atol=1e-10)
    assert found.standard_errors.max() == 0.0


def test_exact_up_to_fourteen_units_and_no_further():
    game = table_game(14, 3)
    assert estimate(game).estimator == "exact"
    with pytest.raises(InputError, match="exact values of 15 units"):
        estimate(table_game(15, 3), SamplingConfig(estimator="exact"))
    with pytest.raises(InputError, match=r"take 16,384 model rows, more than the budget of 100"):
        estimate(game, SamplingConfig(estimator="exact", budget=100))
    assert estimate(game, SamplingConfig(budget=1000)).estimator != "exact"


def cubic_references(n: int) -> ReferenceGame:
    """Terms of the third order, so that pairs leave something to estimate."""
    game = product_references(n, 6, seed=2)

    def play(masks, references):
        three = masks[:, :1] & masks[:, 1:2] & masks[:, 2:3]
        return game.play(masks, references) + three * [2.0, 1.0] + (masks[:, 3:].sum(axis=1, keepdims=True) == 2)

    return ReferenceGame(play, game.differs, game.output_names)


def bent_references(n: int, d: int, seed: int) -> ReferenceGame:
    """Sums of a few bent directions, like a small network's, and one threshold."""
    rng = np.random.default_rng(seed)
    z, weight = rng.normal(size=(n, d)), rng.normal(size=(d, 4))

    def play(masks, references):
        x = np.where(masks, 1.0, z[references])
        return np.column_stack([np.maximum(x @ weight, 0.0).sum(axis=1), (x @ weight[:, 0] > 1.0) * 1.0])

    differs = np.ones((n, d), dtype=bool)
    differs[: n // 2, 2] = False
    z[: n // 2, 2] = 1.0
    return ReferenceGame(play, differs, ("bent", "threshold"))


@pytest.mark.parametrize(
    ("estimator", "game", "budget"),
    [
        ("permutation", cubic_references(12), 600),  # several turns of the background
        ("permutation", cubic_references(60), 61 + 40 * 10),  # 40 pairs for 60 background rows
        ("permutation", table_game(11, 4, k=2), 600),
        ("kernel", table_game(11, 4, k=2), 600),
        ("kernel", bent_references(12, 11, seed=1), 13 + 12 * 2 * 40),  # too few pairs to fit a bend
        ("kernel", bent_references(12, 11, seed=1), 13 + 12 * 2 * 90),
    ],
)
def test_standard_errors_cover_the_truth(estimator, game, budget):
    truth = estimate(game)
    assert truth.estimator == "exact"
    errors, z = [], []
    for seed in range(60):
        found = estimate(game, SamplingConfig(budget=budget, estimator=estimator, seed=seed))
        assert found.model_rows <= budget
        assert np.allclose(found.values.sum(axis=0), found.output - found.base, atol=1e-12)
        errors.append(found.values - truth.values)
        z.append(errors[-1] / found.standard_errors)
    assert 0.90 < (np.abs(z) < np.array(1.96)).mean() < 0.995
    assert 0.7 < np.sqrt(np.square(z).mean()) < 1.3
    # Unbiased: means of 60 have a spread of 0.13 of one.
    assert (np.abs(np.mean(errors, axis=0)) < 0.5 * np.std(errors, axis=0)).all()


def test_errors_fall_with_the_root_of_the_budget():
    game = product_references(10, 20, seed=5)
    coarse = estimate(game, SamplingConfig(budget=4000, estimator="permutation"))
    fine = estimate(game, SamplingConfig(budget=64_000, estimator="permutation"))
    ratio = coarse.standard_errors[:, 1].mean() / fine.standard_errors[:, 1].mean()
    assert 3.0 < ratio < 5.3  # sixteen times the rows: a quarter of the error
    assert (np.abs(fine.values - coarse.values) < 5 * coarse.standard_errors + 1e-9).all()


@pytest.mark.parametrize("estimator", ["permutation", "kernel"])
@pytest.mark.parametrize("kind", ["relative", "absolute"])
def test_stops_at_the_precision_asked_for(estimator, kind):
    game = table_game(12, 6, k=2)
    asked = 0.2 if kind == "relative" else 0.03
    config = SamplingConfig(budget=10**6, precision=asked, precision_kind=kind, estimator=estimator)
    found = estimate(game, config)
    scale = np.abs(found.values).max(axis=0) if kind == "relative" else 1.0
    assert found.converged
    assert (found.standard_errors.max(axis=0) <= asked * scale).all()
    assert found.model_rows < 10**6
    short = estimate(game, SamplingConfig(budget=300, precision=1e-6, precision_kind=kind, estimator=estimator))
    assert not short.converged
    assert short.model_rows <= 300


def test_fitting_the_bend_halves_the_rows():
    # At the same budget; squares of errors are in proportion to rows.
    game = bent_references(16, 14, seed=3)
    truth = estimate(game).values[:, 0]
    square = {}
    for estimator in ("permutation", "kernel", "auto"):
        runs = [
            estimate(game, SamplingConfig(budget=17 + 16 * 2 * 100, estimator=estimator, seed=seed))
            for seed in range(5)
        ]
        square[estimator] = np.mean([(run.values[:, 0] - truth) ** 2 for run in runs])
    assert square["auto"] == square["kernel"] < square["permutation"] / 2


@pytest.mark.parametrize("d", [3, 6])
def test_bends_have_no_shapley_values(d):
    rng = np.random.default_rng(d)
    for a in (np.ones(d), rng.normal(size=d)):
        found = estimate(game_of(lambda masks, a=a: cubic(masks, a)[:, None], d))
        assert np.abs(found.values).max() < 1e-14


def test_additive_models_are_exact_after_one_turn_of_the_background():
    z = np.random.default_rng(7).normal(size=(30, 18))
    game = ReferenceGame(
        lambda m, r: np.sin(np.where(m, 1.0, z[r])).sum(axis=1, keepdims=True), np.ones(z.shape, dtype=bool), ("out",)
    )
    found = estimate(game, SamplingConfig(budget=31 + 30 * 34, estimator="permutation"))
    assert np.allclose(found.values[:, 0], np.sin(1.0) - np.sin(z).mean(axis=0), atol=1e-12)


def test_units_that_do_not_differ_cost_nothing_and_get_nothing():
    rng = np.random.default_rng(8)
    z = rng.integers(0, 2, size=(25, 20)).astype(float)
    z[:, 3] = 1.0
    asked = []

    def play(masks, references):
        asked.append(len(masks))
        x = np.where(masks, 1.0, z[references])
        return (x[:, 0] * x[:, 1] * x[:, 2] + x[:, 3] * x.sum(axis=1))[:, None]

    game = ReferenceGame(play, z != 1.0, ("out",))
    found = estimate(game, SamplingConfig(budget=6000))
    assert sum(asked) == found.model_rows
    assert found.values[3, 0] == 0.0
    assert found.standard_errors[3, 0] == 0.0
    everything = ReferenceGame(play, np.ones(z.shape, dtype=bool), ("out",))
    slow = estimate(everything, SamplingConfig(budget=30_000))
    assert (np.abs(slow.values - found.values) < 5 * np.hypot(slow.standard_errors, found.standard_errors) + 1e-9).all()
    assert (found.standard_errors < slow.standard_errors * np.sqrt(5) + 1e-12).all()


def test_a_row_that_equals_its_background():
    game = ReferenceGame(lambda m, r: np.full((len(m), 1), 4.0), np.zeros((3, 5), dtype=bool), ("out",))
    found = estimate(game)
    assert np.array_equal(found.values, np.zeros((5, 1)))
    assert found.base[0] == found.output[0] == 4.0


def test_one_reference_one_unit_and_budgets_below_a_turn():
    one = ReferenceGame(lambda m, r: m.sum(axis=1, keepdims=True) * 2.0, np.ones((1, 1), dtype=bool), ("out",))
    for estimator in ESTIMATORS:
        assert estimate(one, SamplingConfig(estimator=estimator)).values[0, 0] == 2.0
    game = product_references(50, 20, seed=9)
    short = estimate(game, SamplingConfig(budget=51 + 38 * 20))  # 20 pairs for 50 background rows
    assert np.allclose(short.values.sum(axis=0), short.output - short.base, atol=1e-12)
    assert (short.standard_errors > 0).all()
    with pytest.raises(InputError, match=r"a budget of 100 model rows is too small.*at least 127"):
        estimate(game, SamplingConfig(budget=100))


def test_auto_picks_the_better_of_two_on_games_without_a_background():
    weight = np.random.default_rng(10).normal(size=(16, 8))
    smooth = game_of(lambda m: np.maximum(m @ weight, 0.0).sum(axis=1, keepdims=True), 16)
    truth = estimate(smooth, SamplingConfig(budget=1 << 16, estimator="kernel")).values
    found = {
        name: [estimate(smooth, SamplingConfig(budget=5000, estimator=name, seed=seed)) for seed in range(4)]
        for name in ("auto", "permutation", "kernel")
    }
    error = {name: np.mean([np.abs(one.values - truth).mean() for one in found[name]]) for name in found}
    assert {one.estimator for one in found["auto"]} == {"kernel"}
    assert all(one.model_rows <= 5000 for one in found["auto"])
    assert error["kernel"] < error["auto"] < error["permutation"]


def test_draws_are_paired_different_and_shared_over_sizes():
    rng = np.random.default_rng(11)
    for d, size in ((10, 3), (10, 5), (30, 10), (30, 15)):
        stratum = Stratum(d, size, rng)
        masks = np.vstack([stratum.draw(20), stratum.draw(60)])
        both = np.vstack([masks, ~masks])
        assert (masks.sum(axis=1) == size).all()
        assert len(np.unique(both, axis=0)) == 120
    strata = [Stratum(9, size, rng) for size in (1, 2, 3, 4)]
    assert sorted(allocate(strata, 80)) == [9, 23, 24, 24]
    assert allocate(strata, 255) == [9, 36, 84, 126]


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_models_that_break_half_way(estimator):
    def spoilt(masks):
        answer = masks.sum(axis=1, keepdims=True)
        answer[masks.sum(axis=1) == 4] = np.nan
        return answer

    with pytest.raises(ModelError, match="nan"):
        estimate(game_of(spoilt, 10), SamplingConfig(estimator=estimator))
    calls = []

    def changing(masks):
        calls.append(1)
        return np.ones((len(masks), 1 if len(calls) < 2 else 3))

    with pytest.raises(ModelError, match="shape"):
        estimate(game_of(changing, 10), SamplingConfig(estimator=estimator, batch_rows=50))


def test_options_that_cannot_be():
    for options, text in (
        ({"budget": 0}, "budget must be at least 1"),
        ({"precision": -1.0}, "precision must be a positive number"),
        ({"precision_kind": "percent"}, "kind of precision"),
        ({"estimator": "kernal"}, "'kernel'"),
        ({"batch_rows": 0}, "batch_rows"),
        ({"n_background": 0}, "n_background"),
    ):
        with pytest.raises(InputError, match=text):
            SamplingConfig(**options)
