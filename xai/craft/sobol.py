"""Total Sobol indices of concepts: designs of masks and Jansen's estimator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..core.errors import InputError

PUBLISHED_POINTS = 32
"""Points of the released implementations."""
_FLOOR = 1e-10  # of the squared size of the answers: less variance than this is rounding


@dataclass(frozen=True)
class SobolConfig:
    """Options of the sampled estimate.

    Attributes
    ----------
    n_points
        Points of one design, a power of two; one image costs ``n_points * (r + 1) * n_scrambles`` answers of the head.
    n_scrambles
        Independent scramblings, at least 2: their spread is the estimate's error.
    """

    n_points: int = 256
    n_scrambles: int = 4

    def __post_init__(self) -> None:
        if self.n_points < 2 or self.n_points & (self.n_points - 1):
            raise InputError(f"n_points must be a power of two, not {self.n_points}.")
        if self.n_scrambles < 2:
            raise InputError(f"n_scrambles must be at least 2, or there is no error to tell, not {self.n_scrambles}.")


@dataclass(frozen=True, eq=False)
class Design:
    """Two independent sets of masks, ``(n_points, r)`` each in [0, 1]."""

    first: np.ndarray
    second: np.ndarray

    @property
    def masks(self) -> np.ndarray:
        """``(n_points * (r + 1), r)``: the first set, then for each concept the first set with that column exchanged.

        The second set itself is not played: Jansen's total index does not use it.
        """
        n, r = self.first.shape
        masks = np.repeat(self.first[None], r + 1, axis=0)
        for i in range(r):
            masks[i + 1, :, i] = self.second[:, i]
        return masks.reshape(n * (r + 1), r)


def scrambled_designs(r: int, config: SobolConfig, seed: int) -> list[Design]:
    """Independently scrambled Sobol sequences (Owen 1998)."""
    from scipy.stats import qmc

    rngs = np.random.default_rng(seed).spawn(config.n_scrambles)
    points = [qmc.Sobol(2 * r, scramble=True, seed=rng).random(config.n_points) for rng in rngs]
    return [Design(p[:, :r], p[:, r:]) for p in points]


def published_design(r: int) -> Design:
    """The first 32 points of an unscrambled Halton sequence, as the released implementations take them.

    Late dimensions of so few points cover only a part of [0, 1]: indices of late concepts come out too small.
    """
    from scipy.stats import qmc

    points = qmc.Halton(2 * r, scramble=False).random(PUBLISHED_POINTS)
    return Design(points[:, :r], points[:, r:])


def total_indices(
    function: Callable[[np.ndarray], np.ndarray], design: Design, ddof: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Jansen's total indices and mean slopes.

    Parameters
    ----------
    function
        Masks ``(m, r)`` to answers ``(n, m, k)``.
    ddof
        Taken off the number of points for the variance. 0 is right for scrambled sequences, whose means are all but
        exact: with 1 every index comes out too small by 1/N of itself. The released implementations use 1.

    Returns
    -------
    indices
        ``(n, r, k)`` share of the variance that goes when all masks but one are fixed (Jansen 1999); NaN where the
        answer does not vary.
    slopes
        ``(n, r, k)`` least-squares slope of the answer along each mask, from the same answers. For an affine head it is
        the concept's contribution, exactly.
    """
    n_points, r = design.first.shape
    answers = function(design.masks)
    answers = answers.reshape(len(answers), r + 1, n_points, -1)
    whole = answers[:, 0]
    variance = whole.var(axis=1, ddof=ddof)
    moved = whole[:, None] - answers[:, 1:]
    varies = variance > _FLOOR * np.square(whole).mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        indices = np.square(moved).sum(axis=2) / (2 * n_points * variance[:, None])
    steps = (design.first - design.second).T
    slopes = np.einsum("nirk,ir->nik", moved, steps) / np.square(steps).sum(axis=1)[:, None]
    return np.where(varies[:, None], indices, np.nan), slopes
