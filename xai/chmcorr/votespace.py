"""Matches that support each other: convolution of all pairs of cells with a fixed four-dimensional kernel.

A match (x, x') gets votes from the matches (x + d, x' + d') around it, with the weight

    W(d, d') = exp(-|d - d'|^2 / (2 * 0.8^2)) * exp(-(|d|^2 + |d'|^2) / (4 * 1.5^2)),

d and d' within two cells, scaled to sum to 1. It is a convolutional Hough match (Min and Cho, CVPR 2021: position-
sensitive and isotropic) with weights set by hand. Both exponents are sums over rows and columns, so the kernel is a
product of one for rows and one for columns, and the whole convolution two products with a matrix of few entries.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from .grids import Grid

_AGREE = 0.8
_REACH = 1.5
_RADIUS = 2


@cache
def axis_kernel() -> np.ndarray:
    """``(5, 5)`` the kernel's part for one axis: displacement in the query by displacement in the candidate."""
    steps = np.arange(-_RADIUS, _RADIUS + 1)
    d, e = np.meshgrid(steps, steps, indexing="ij")
    kernel = np.exp(-((d - e) ** 2) / (2 * _AGREE**2)) * np.exp(-(d**2 + e**2) / (4 * _REACH**2))
    return np.asarray(kernel / kernel.sum())


@cache
def axis_operator(side: int) -> np.ndarray:
    """``(side^2, side^2)`` the kernel on all pairs (here, there) along one axis; outside the picture nothing votes."""
    operator = np.zeros((side, side, side, side), dtype=np.float32)
    for d, row in enumerate(axis_kernel(), start=-_RADIUS):
        for e, weight in enumerate(row, start=-_RADIUS):
            operator += weight * np.multiply.outer(np.eye(side, k=d), np.eye(side, k=e)).transpose(0, 2, 1, 3)
    return operator.reshape(side * side, side * side)


def gather_votes(scores: np.ndarray, grid: Grid) -> np.ndarray:
    """Scores ``(n, cells, cells)`` after every match has received its neighbours' votes, the same shape."""
    h, w = grid
    n = len(scores)
    rows = scores.reshape(n, h, w, h, w).transpose(1, 3, 0, 2, 4).reshape(h * h, -1).astype(np.float32, copy=False)
    voted = (_few_entries(h) @ rows).reshape(h, h, n, w, w)
    columns = voted.transpose(3, 4, 2, 0, 1).reshape(w * w, -1)
    voted = (_few_entries(w) @ columns).reshape(w, w, n, h, h)
    return np.asarray(voted.transpose(2, 3, 0, 4, 1).reshape(n, h * w, h * w))


@cache
def _few_entries(side: int) -> Any:
    """:func:`axis_operator` without its zeros: nine of ten entries at a side of 14."""
    from scipy import sparse

    return sparse.csr_array(axis_operator(side))
