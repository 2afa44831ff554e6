"""Where in a candidate each cell of the query lies.

A matcher gets the cosines of all pairs of cells, ``(n, cells, cells)`` with the query's cells first, and gives a
position for each cell of the query, ``(n, cells, 2)``. None of them was trained.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .grids import Grid, centres
from .sinkhorn import plans
from .votespace import gather_votes

_WINDOW = 0.15
_SHARPNESS = 20.0


@dataclass(frozen=True, eq=False)
class Correlation:
    """Cosines of all pairs of cells.

    Attributes
    ----------
    cosines
        ``(n, cells of the query, cells of the candidate)``.
    grid
        Rows and columns of the cells, the same on both sides.
    query_mass, candidate_mass
        ``(n, cells)`` how much each cell counts in a transport plan; each row sums to 1.
    """

    cosines: np.ndarray
    grid: Grid
    query_mass: np.ndarray
    candidate_mass: np.ndarray


def nearest(found: Correlation) -> np.ndarray:
    """Centre of the most similar cell."""
    return np.asarray(centres(found.grid)[found.cosines.argmax(axis=2)])


def mutual(found: Correlation) -> np.ndarray:
    """Cells that choose each other count more; then :func:`soft_position`."""
    return soft_position(soft_mutual(np.maximum(found.cosines, 0)), found.grid)


def transport(found: Correlation) -> np.ndarray:
    """Mass of the query's cells carried to the candidate's at least cost (EMD-Corr); then :func:`soft_position`."""
    return soft_position(plans(found.cosines, found.query_mass, found.candidate_mass), found.grid)


def hough(found: Correlation) -> np.ndarray:
    """Neighbouring cells vote for matches that agree with theirs (a fixed 4-D kernel); then as :func:`mutual`."""
    # Cubes, since weak cosines are many and would drown the strong.
    votes = gather_votes(_cube(np.maximum(found.cosines, 0)), found.grid)
    return soft_position(soft_mutual(votes), found.grid)


MATCHERS: dict[str, Callable[[Correlation], np.ndarray]] = {
    "chm": hough,
    "mutual": mutual,
    "sinkhorn": transport,
    "argmax": nearest,
}


def mutual_pairs(cosines: np.ndarray) -> np.ndarray:
    """``(n, cells, cells)`` booleans: pairs of cells that are each other's nearest."""
    forth = cosines.argmax(axis=2)
    back = cosines.argmax(axis=1)
    n, q, t = cosines.shape
    pairs = np.zeros((n, q, t), dtype=bool)
    rows = np.arange(q)[None]
    agree = np.take_along_axis(back, forth, axis=1) == rows
    image, cell = np.nonzero(agree)
    pairs[image, cell, forth[image, cell]] = True
    return pairs


def soft_mutual(scores: np.ndarray) -> np.ndarray:
    """Scores ``>= 0`` times their share of the best in their row and in their column."""
    row = scores.max(axis=2, keepdims=True)
    column = scores.max(axis=1, keepdims=True)
    product = _cube(scores)
    product /= np.where(row > 0, row, 1)
    product /= np.where(column > 0, column, 1)
    return np.asarray(product)


def _cube(values: np.ndarray) -> np.ndarray:
    """Third powers; NumPy's own power takes eight times as long."""
    return np.asarray(values * values * values)


def soft_position(scores: np.ndarray, grid: Grid) -> np.ndarray:
    """Mean position of the cells around the best one, weighted by a softmax of the scores: finer than a cell."""
    best = scores.argmax(axis=2)
    top = np.take_along_axis(scores, best[..., None], axis=2)
    weights = scores / np.where(top > 0, top, 1)
    weights -= 1
    weights *= _SHARPNESS
    np.exp(weights, out=weights)
    weights *= _window(grid)[best]
    total = weights.sum(axis=2, keepdims=True)
    return np.asarray((weights @ centres(grid).astype(weights.dtype)) / total)


def _window(grid: Grid) -> np.ndarray:
    """``(cells, cells)`` Gaussian of the distance between cells, its width a share of the picture's side."""
    where = centres(grid)
    squared = ((where[:, None] - where[None]) ** 2).sum(axis=-1)
    return np.asarray(np.exp(-squared / (2 * _WINDOW**2)), dtype=np.float32)
