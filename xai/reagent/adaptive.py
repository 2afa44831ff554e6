"""The default estimator: units replaced one at a time, first evenly spread over the prompt, then where it matters.

Replacing one unit alone tells more of it than random masks do, but a pass over all units costs one forward each. So a
part of the budget goes to every s-th unit. A Gaussian process over the places (neighbouring units belong to one phrase,
so their effects are alike) then says which units may have a large effect that is not well known yet, and those are
replaced next: neighbours of units that matter first, later the same units again and again with other replacements.

The value of a unit is the mean of its own draws; units that were never drawn get the process's expectation, and its
standard deviation as standard error.
"""

from __future__ import annotations

import numpy as np

from .difference import finish, precise, single_halves, single_means
from .draws import Draws, Progress, start
from .estimate import Estimate
from .options import ReagentConfig
from .problem import Problem

_FIRST_SHARE = 0.5
_ALIKE, _REACH = 0.3, 2.0
_NOISE_RATIOS = np.logspace(-4, 2, 25)


def expected(n_units: int) -> np.ndarray:
    """Prior correlation ``(U, U)`` of the effects: a share that fades with distance, and a share of each unit alone."""
    place = np.arange(n_units)
    near = np.exp(-np.abs(place[:, None] - place[None, :]) / _REACH)
    return np.asarray((1 - _ALIKE) * np.eye(n_units) + _ALIKE * near)


def posterior(units: np.ndarray, effects: np.ndarray, prior: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation ``(G, U)`` of all effects given those of some units.

    Parameters
    ----------
    units, effects
        ``(n,)`` positions, and ``(n, G)`` measured effects.
    prior
        ``(U, U)`` correlation; variance and noise are found for each target by maximal marginal likelihood.
    """
    if not len(units):
        return np.zeros((effects.shape[1], len(prior))), np.full((effects.shape[1], len(prior)), np.nan)
    spread, turn = np.linalg.eigh(prior[np.ix_(units, units)])
    spread = np.maximum(spread, 0)
    cross = prior[:, units] @ turn
    means, errors = [], []
    for answer in (turn.T @ effects).T:
        total = spread[None, :] + _NOISE_RATIOS[:, None]
        signal = (answer**2 / total).mean(axis=1)
        evidence = -len(units) * np.log(np.maximum(signal, 1e-300)) - np.log(total).sum(axis=1)
        best = int(np.argmax(evidence))
        means.append(cross @ (answer / total[best]))
        left = prior.diagonal() - (cross**2 / total[best]).sum(axis=1)
        errors.append(np.sqrt(np.maximum(left, 0) * signal[best]))
    return np.stack(means), np.stack(errors)


def summary(masks: np.ndarray, drops: np.ndarray, prior: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values and standard errors ``(G, U)`` from draws that replace one unit each."""
    own, own_errors = single_means(masks, drops)
    count = masks.sum(axis=0)
    drawn = np.flatnonzero(count)
    means, errors = posterior(drawn, own[:, drawn].T, prior)
    # What a unit's own few draws say about their spread is held against the spread of all repeated draws.
    repeated = count > 1
    if repeated.any():
        within = (own_errors[:, repeated] ** 2 * count[repeated] * (count[repeated] - 1)).sum(axis=1)
        pooled = np.sqrt(within / (count[repeated] - 1).sum())[:, None] / np.sqrt(np.maximum(count, 1))
        own_errors = np.where(repeated, np.maximum(own_errors, pooled / 2), np.maximum(errors, pooled))
    else:
        own_errors = errors
    return np.where(count > 0, own, means), np.where(count > 0, own_errors, errors)


def adaptive(problem: Problem, config: ReagentConfig, progress: Progress | None = None) -> Estimate:
    """Values from adaptively chosen single replacements, until the precision or the budget is reached."""
    draws = start(problem, config, progress)
    explore(draws, config, problem.valid, np.ones(problem.n_units, dtype=bool))
    prior = expected(problem.n_units)
    values, errors = summary(draws.masks, draws.drops, prior)
    halves = [summary(draws.masks[half], draws.drops[half], prior)[0] for half in single_halves(draws.masks)]
    return finish(problem, config, draws, values, errors, halves)


def explore(draws: Draws, config: ReagentConfig, valid: np.ndarray, among: np.ndarray) -> None:
    """Spend the budget on the units ``among`` ``(U,)`` that count for the targets, ``valid`` ``(G, U)``."""
    prior = expected(len(among))
    singles = np.eye(len(among), dtype=bool)
    wanted = np.flatnonzero(among)
    stride = max(1, int(np.ceil(len(wanted) / max(1.0, _FIRST_SHARE * draws.left))))
    draws.play(singles[wanted[stride // 2 :: stride]])
    while draws.left > 0:
        if config.precision and precise(*summary(draws.masks, draws.drops, prior), valid, config.precision).all():
            break
        draws.play(singles[_most_promising(draws, prior, valid)])


def _most_promising(draws: Draws, prior: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Units to draw next: those whose effect may be large and is not well known, over all targets."""
    count = draws.masks.sum(axis=0)
    drawn = np.flatnonzero(count)
    own, _ = single_means(draws.masks, draws.drops)
    means, errors = posterior(drawn, own[:, drawn].T, prior)
    promise = np.where(valid, errors * (np.abs(means) + 2 * errors), 0)
    shares = (promise / np.maximum(promise.max(axis=1, keepdims=True), 1e-300)).max(axis=0)
    order = np.argsort(-shares / np.sqrt(np.maximum(count, 1)), kind="stable")
    return order[: max(1, min(draws.left, max(2, draws.left // 4), len(order)))]
