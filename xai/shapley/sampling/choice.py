"""Which estimator a game gets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...core.errors import InputError
from ...core.game import Game
from .config import DEFAULT_BUDGET, Goal, OwenConfig, SamplingConfig, plan
from .exact import MAX_UNITS, exact
from .kernel import Kernel
from .owen import owen
from .permutation import Permutation
from .reference import ReferenceGame, Tick
from .result import Estimate

_PILOT = 0.15


def estimate(
    game: Game | ReferenceGame,
    config: SamplingConfig | OwenConfig | None = None,
    *,
    unions: np.ndarray | None = None,
    rng: np.random.Generator | None = None,
    tick: Tick | None = None,
) -> Estimate:
    """Shapley (or Owen) values of a binary game.

    Parameters
    ----------
    game
        A game, or the games of one row against each background row.
    config
        Budget, precision, estimator and seed.
    unions
        ``(d,)`` integers, the group of each unit: gives Owen values.
    rng
        Generator to draw with; by default a new one with the configuration's seed.
    tick
        Told the fraction of the work that is done.

    Returns
    -------
    Estimate
        Values, standard errors and what they cost. Units that never differ from the background have value 0 exactly.

    Raises
    ------
    InputError
        If the budget is too small for the estimator, or ``"exact"`` is asked of more than 14 units.
    ModelError
        If the model fails, answers NaN or changes its number of outputs on the way.
    """
    config = config or SamplingConfig()
    rng = np.random.default_rng(config.seed) if rng is None else rng
    if isinstance(game, Game):
        game = ReferenceGame.of_game(game, config.batch_rows)
    if unions is not None:
        return owen(game, unions, config.budget, plan(config)[1], rng, default_budget=DEFAULT_BUDGET, tick=tick)
    if not isinstance(config, SamplingConfig):
        raise InputError("Owen values need groups: give unions.")
    active = game.active
    if active.any():
        found = _chosen(game.restricted(active), config, rng, tick)
    else:
        found = exact(game.restricted(active), tick)
    return found.expanded(active)


def _chosen(game: ReferenceGame, config: SamplingConfig, rng: np.random.Generator, tick: Tick | None) -> Estimate:
    d, n = game.n_units, game.n_references
    budget, goal = plan(config)
    affordable = config.budget is None or n << d <= config.budget
    if config.estimator == "exact" or (config.estimator == "auto" and d <= MAX_UNITS and affordable):
        if d > MAX_UNITS or not affordable:
            raise InputError(
                f"exact values of {d} units against {n} background rows take {n << d:,} model rows"
                + (f", more than the budget of {config.budget:,}" if d <= MAX_UNITS else "")
                + f": choose estimator 'auto', join columns with groups= (up to {MAX_UNITS} units are exact), "
                "or lower n_background."
            )
        return exact(game, tick)
    if config.estimator == "permutation":
        return Permutation(game, rng).spend(budget, goal, tick)
    if config.estimator == "kernel":
        return Kernel(game, rng).spend(budget, goal, tick)
    kernel = Kernel(game, rng)
    if n == 1 and _PILOT * budget >= kernel.least():
        # Without a background to average over either may win, and only trying tells.
        return _contest((Permutation(game, rng), kernel), budget, goal, tick)
    # With a background the regressions won on every model and budget measured, if the budget is enough for them.
    run = kernel if budget >= kernel.least() else Permutation(game, rng)
    return run.spend(budget, goal, tick)


def _contest(runs: tuple[Permutation, Kernel], budget: int, goal: Goal, tick: Tick | None) -> Estimate:
    """Try both estimators on a part of the budget; the one with the smaller errors goes on with the rest."""
    part = int(_PILOT * budget)
    trials = [run.spend(part, goal) for run in runs]
    winner = int(np.argmin([np.square(trial.standard_errors).sum() for trial in trials]))
    lost = trials[1 - winner].model_rows
    found = trials[winner]
    if not found.converged:
        found = runs[winner].spend(budget - lost, goal, tick)
    return replace(found, model_rows=found.model_rows + lost)
