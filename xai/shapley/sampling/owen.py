"""Owen values: Shapley values when some units come as one.

Groups enter one after the other in a random order, and inside a group its members in a random order (Owen 1977). The
values of a group's members sum to the Shapley value of the group played as one unit.
"""

from __future__ import annotations

import numpy as np

from .config import Goal
from .exact import exact, subsets, weights
from .permutation import Permutation
from .reference import ReferenceGame, Tick
from .result import Estimate

MOST_MASKS = 1 << 14


def owen(
    game: ReferenceGame,
    unions: np.ndarray,
    budget: int | None,
    goal: Goal,
    rng: np.random.Generator,
    *,
    default_budget: int,
    tick: Tick | None = None,
) -> Estimate:
    """Owen values: exact where at most 2^14 coalitions are needed and the budget covers them, else by walks.

    Parameters
    ----------
    game
        Games of one row.
    unions
        ``(d,)`` integers: the group of each unit.
    budget, goal
        See :class:`~xai.shapley.sampling.SamplingConfig`; ``None``: exact where it can be.
    """
    active = game.active
    if not active.any():
        return exact(game.restricted(active), tick).expanded(active)
    small, inside = game.restricted(active), unions[active]
    needed = _masks_needed(inside)
    if needed <= MOST_MASKS and (budget is None or needed * game.n_references <= budget):
        found = _exact(small, inside, tick)
    else:

        def orders(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
            rank = rng.random((n, int(unions.max()) + 1)).argsort(axis=1).argsort(axis=1)
            return np.asarray((rank[:, inside] + rng.random((n, d))).argsort(axis=1))

        found = Permutation(small, rng, orders).spend(budget or default_budget, goal, tick)
    return found.expanded(active)


def _masks_needed(unions: np.ndarray) -> int:
    sizes = np.unique(unions, return_counts=True)[1]
    return int(sum(2.0 ** min(60, len(sizes) - 1 + size) for size in sizes))


def _exact(game: ReferenceGame, unions: np.ndarray, tick: Tick | None) -> Estimate:
    """Sum over coalitions of other groups and of fellow members, each weighted by how many orders meet it."""
    groups = np.unique(unions)
    m, d = len(groups), len(unions)
    values = np.zeros((d, len(game.output_names)))
    rows = 0
    for number, group in enumerate(groups):
        members, others = np.flatnonzero(unions == group), groups[groups != group]
        b = len(members)
        outer, inner = subsets(m - 1), subsets(b)
        masks = np.zeros((len(outer), len(inner), d), dtype=bool)
        for position, other in enumerate(others):
            masks[:, :, unions == other] = outer[:, position, None, None]
        masks[:, :, members] = inner[None]
        answers = game.mean(masks.reshape(-1, d)).reshape(len(outer), len(inner), -1)
        rows += len(outer) * len(inner) * game.n_references
        mean = np.tensordot(weights(m)[outer.sum(axis=1)], answers, axes=1)
        for position, unit in enumerate(members):
            without = np.flatnonzero(~inner[:, position])
            gains = mean[without | (1 << position)] - mean[without]
            values[unit] = weights(b)[inner[without].sum(axis=1)] @ gains
        if tick is not None:
            tick((number + 1) / m)
    empty, output = game.ends()
    rows += game.n_references + 1
    return Estimate(values, np.zeros_like(values), empty.mean(axis=0), output, rows, "exact", converged=True)
