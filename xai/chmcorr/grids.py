"""Cells over a picture. Every index is (row, column), every position (down, across) from 0 to 1 of the picture."""

from __future__ import annotations

from functools import cache

import numpy as np

from ..models.vision import enlarge

Grid = tuple[int, int]


@cache
def centres(grid: Grid) -> np.ndarray:
    """``(cells, 2)`` centres of the cells, row by row."""
    rows, columns = ((np.arange(side) + 0.5) / side for side in grid)
    return np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)


def cell_at(positions: np.ndarray, grid: Grid) -> np.ndarray:
    """Number of the cell that holds each position ``(..., 2)``; positions on the far edge belong to the last cell."""
    sides = np.array(grid)
    # The tiny step keeps positions that rounding has left just below a border in the cell they belong to.
    cell = np.clip(np.floor(positions * sides + 1e-6).astype(int), 0, sides - 1)
    return np.asarray(cell[..., 0] * grid[1] + cell[..., 1])


def finer(size: Grid, grid: Grid) -> int:
    """How many times finer than the grid maps of ``size`` are matched: 2 where they allow it, else 1."""
    return 2 if size[0] >= 2 * grid[0] and size[1] >= 2 * grid[1] else 1


def resample(maps: np.ndarray, size: Grid) -> np.ndarray:
    """Maps ``(n, h, w, p)`` at another size: means over the area of each new cell, or bilinear where that is finer."""
    if maps.shape[1:3] == size:
        return maps
    if size[0] > maps.shape[1] or size[1] > maps.shape[2]:
        return enlarge(maps, size)
    rows, columns = _overlap(maps.shape[1], size[0]), _overlap(maps.shape[2], size[1])
    return np.asarray(np.einsum("Hh,nhwp,Ww->nHWp", rows, maps.astype(np.float32), columns, optimize=True))


def pool(values: np.ndarray, factor: int) -> np.ndarray:
    """Means ``(n, h / f, w / f, p)`` over blocks of ``f x f`` cells of ``(n, h, w, p)``."""
    n, h, w, p = values.shape
    return np.asarray(values.reshape(n, h // factor, factor, w // factor, factor, p).mean(axis=(2, 4)))


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors along the last axis at length 1; those of length 0 stay 0."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(length > 0, length, 1))


@cache
def _overlap(n_in: int, n_out: int) -> np.ndarray:
    """``(n_out, n_in)`` share of each old cell in each new one."""
    old, new = np.arange(n_in + 1) / n_in, np.arange(n_out + 1) / n_out
    low = np.maximum(new[:-1, None], old[None, :-1])
    high = np.minimum(new[1:, None], old[None, 1:])
    shares = np.maximum(high - low, 0)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True), dtype=np.float32)
