"""Means over random masks: the answer with a unit replaced against the answer with it kept.

The published update adds the same terms without dividing by their number (2 artanh(d) is about 2 d), so it sharpens
without end and carries the noise of how often a unit happened to be replaced. The difference of the two means
converges, and has a standard error.
"""

from __future__ import annotations

from itertools import islice

import numpy as np
from scipy.stats import spearmanr

from .draws import Draws, Progress, start
from .estimate import Estimate, softmax
from .masks import balanced
from .options import LeaveOneOutConfig, MaskedDifferenceConfig, ReagentConfig
from .problem import Problem

_BLOCK = 32


def differences(masks: np.ndarray, drops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean drop where a unit is replaced minus mean drop where it is kept, and its standard error, ``(G, U)`` each.

    Units that were always or never replaced get 0 and NaN.
    """
    replaced = masks.astype(float)
    values, variances = np.zeros((2, drops.shape[1], masks.shape[1]))
    for sign, weight in ((1, replaced), (-1, 1 - replaced)):
        count = weight.sum(axis=0)
        mean = drops.T @ weight / np.maximum(count, 1)
        square = (drops**2).T @ weight / np.maximum(count, 1)
        spread = np.maximum(square - mean**2, 0) * count / np.maximum(count - 1, 1)
        values += sign * mean
        variances += np.where(count > 1, spread / np.maximum(count, 1), np.nan)
    known = (replaced.sum(axis=0) > 0) & (replaced.sum(axis=0) < len(masks))
    return np.where(known, values, 0.0), np.sqrt(np.where(known, variances, np.nan))


def masked_difference(problem: Problem, config: MaskedDifferenceConfig, progress: Progress | None = None) -> Estimate:
    """Values from balanced random masks, until the precision or the budget is reached."""
    draws = start(problem, config, progress)
    masks = balanced(problem.n_units, config.rate, np.random.default_rng(config.seed))
    while draws.left > 0:
        draws.play(np.stack(list(islice(masks, min(_BLOCK, draws.left)))))
        values, errors = differences(draws.masks, draws.drops)
        if config.precision and precise(values, errors, problem.valid, config.precision).all():
            break
    halves = [differences(draws.masks[half::2], draws.drops[half::2])[0] for half in (0, 1)]
    return finish(problem, config, draws, values, errors, halves)


def leave_one_out(problem: Problem, config: LeaveOneOutConfig, progress: Progress | None = None) -> Estimate:
    """Each unit replaced alone, as many times as the budget allows; units never reached get 0."""
    draws = start(problem, config, progress)
    rng = np.random.default_rng(config.seed)
    while draws.left > 0:
        draws.play(np.eye(problem.n_units, dtype=bool)[rng.permutation(problem.n_units)])
        values, errors = single_means(draws.masks, draws.drops)
        if config.precision and precise(values, errors, problem.valid, config.precision).all():
            break
    halves = [single_means(draws.masks[half], draws.drops[half])[0] for half in single_halves(draws.masks)]
    return finish(problem, config, draws, values, errors, halves)


def single_means(masks: np.ndarray, drops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean drop and standard error ``(G, U)`` of the masks that replace a unit; 0 and NaN where there is none."""
    weight = masks.astype(float)
    count = weight.sum(axis=0)
    mean = drops.T @ weight / np.maximum(count, 1)
    spread = np.maximum((drops**2).T @ weight / np.maximum(count, 1) - mean**2, 0) * count / np.maximum(count - 1, 1)
    return mean, np.where(count > 1, np.sqrt(spread / np.maximum(count, 1)), np.nan)


def single_halves(masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows split so that each unit's draws fall alternately into one half and the other."""
    times = np.cumsum(masks, axis=0)
    odd = (times[np.arange(len(masks)), masks.argmax(axis=1)] % 2).astype(bool)
    return np.flatnonzero(odd), np.flatnonzero(~odd)


def precise(values: np.ndarray, errors: np.ndarray, valid: np.ndarray, precision: float) -> np.ndarray:
    """``(G,)`` whether every standard error is known and at most ``precision`` times the largest effect."""
    largest = np.where(valid, np.abs(values), 0).max(axis=1)
    worst = np.where(valid, np.where(np.isnan(errors), np.inf, errors), 0).max(axis=1)
    return np.asarray(worst <= precision * largest)


def finish(  # noqa: PLR0917 - what an estimate is made of
    problem: Problem,
    config: ReagentConfig,
    draws: Draws,
    values: np.ndarray,
    errors: np.ndarray,
    halves: list[np.ndarray],
) -> Estimate:
    """The estimate with its display form, repeatability and verdict on convergence."""
    valid = problem.valid
    repeat = np.full(problem.n_targets, np.nan)
    for g in range(problem.n_targets):
        a, b = (half[g, valid[g]] for half in halves)
        if len(a) > 2 and np.ptp(a) > 0 and np.ptp(b) > 0:
            repeat[g] = spearmanr(a, b).statistic
    notes: tuple[str, ...] = ()
    if draws.censored:
        notes = (f"{draws.censored:.0%} of the answers are bounds only: the server did not name the target",)
    return Estimate(
        values=values,
        standard_error=errors,
        scores=display(values, valid),
        # Without a wanted precision, a tenth of the largest effect is the mark.
        converged=precise(values, errors, valid, config.precision or 0.1),
        repeatability=repeat,
        original=draws.original,
        censored=draws.censored,
        notes=notes,
    )


def display(values: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Softmax of the values over the largest one's fifth: non-negative, rows sum to 1, the same at any budget."""
    largest = np.where(valid, np.abs(values), 0).max(axis=1, keepdims=True)
    return softmax(np.where(valid, 5 * values / np.where(largest > 0, largest, 1), -np.inf))
