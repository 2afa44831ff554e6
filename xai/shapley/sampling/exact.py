"""Exact Shapley values by playing all coalitions."""

from __future__ import annotations

from math import factorial

import numpy as np

from .reference import ReferenceGame, Tick
from .result import Estimate

MAX_UNITS = 14
"""Most units whose coalitions are all played: 2^14 = 16,384 for each row."""


def subsets(d: int) -> np.ndarray:
    """All masks of d units, ``(2^d, d)`` booleans; unit j is bit j of the position."""
    return np.asarray((np.arange(1 << d)[:, None] >> np.arange(d)) % 2 == 1)


def weights(d: int) -> np.ndarray:
    """Share of the orders of d units in which a unit finds exactly s given others before it, ``(d,)`` by s."""
    return np.array([factorial(s) * factorial(d - s - 1) / factorial(d) for s in range(d)])


def exact(game: ReferenceGame, tick: Tick | None = None) -> Estimate:
    """``phi_i = sum over S without i of |S|! (d - |S| - 1)! / d! * (v(S + i) - v(S))``."""
    d = game.n_units
    masks = subsets(d)
    answers = game.mean(masks, tick)
    values, sizes = np.empty((d, answers.shape[1])), masks.sum(axis=1)
    for unit in range(d):
        without = np.flatnonzero(~masks[:, unit])
        values[unit] = weights(d)[sizes[without]] @ (answers[without | (1 << unit)] - answers[without])
    rows = len(masks) * game.n_references
    return Estimate(values, np.zeros_like(values), answers[0], answers[-1], rows, "exact", converged=True)
