"""The pieces of pictures a bank of concepts was learned from: what a concept looks like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PERCENTILE = 90.0
"""Pieces at or above this percentile of a concept's coefficients belong to it (Fel et al. 2023)."""
_OVERLAP = 0.3  # intersection over union above which two pieces of one picture show the same


@dataclass(frozen=True)
class Crop:
    """A piece of a picture.

    Attributes
    ----------
    image
        Position of the picture among those the concepts were learned from.
    box
        Top, left, bottom, right in pixels of the picture as the model sees it.
    coefficient
        How much of the concept it holds.
    """

    image: int
    box: tuple[int, int, int, int]
    coefficient: float

    def cut_out(self, view: np.ndarray) -> np.ndarray:
        """Its pixels, from the pictures ``(n, H, W, 3)``."""
        top, left, bottom, right = self.box
        return view[self.image, top:bottom, left:right]


@dataclass(frozen=True, eq=False)
class Members:
    """All pieces.

    Attributes
    ----------
    U
        ``(m, r)`` coefficients.
    images
        ``(m,)`` the picture of each piece.
    boxes
        ``(m, 4)`` its box. Of a position it is a square around the position's centre: what the position stands for,
        not all it sees.
    coherence
        ``(r,)`` mean cosine between the activations of a concept's pieces, after the mean of all is taken off: 1 if
        they are alike, 0 if they have nothing in common.
    """

    U: np.ndarray
    images: np.ndarray
    boxes: np.ndarray
    coherence: np.ndarray

    def best(self, concept: int, n: int = 10, per_image: int = 2) -> tuple[Crop, ...]:
        """The n pieces that hold most of a concept, at most some of one picture, none twice."""
        values = self.U[:, concept]
        taken: list[int] = []
        for row in np.argsort(-values, kind="stable"):
            if values[row] <= 0 or len(taken) == n:
                break
            same = [other for other in taken if self.images[other] == self.images[row]]
            if len(same) < per_image and all(overlap(self.boxes[row], self.boxes[other]) < _OVERLAP for other in same):
                taken.append(int(row))
        return tuple(self.crop(row, concept) for row in taken)

    def of(self, concept: int, most: int = 400, per_image: int = 4) -> tuple[Crop, ...]:
        """The pieces that belong to a concept: at or above the 90th percentile of its coefficients."""
        values = self.U[:, concept]
        threshold = float(np.percentile(values, PERCENTILE))
        return tuple(crop for crop in self.best(concept, most, per_image) if crop.coefficient >= threshold)

    def crop(self, row: int, concept: int) -> Crop:
        """One piece."""
        top, left, bottom, right = (int(side) for side in self.boxes[row])
        return Crop(int(self.images[row]), (top, left, bottom, right), float(self.U[row, concept]))


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes."""
    height = min(a[2], b[2]) - max(a[0], b[0])
    width = min(a[3], b[3]) - max(a[1], b[1])
    if height <= 0 or width <= 0:
        return 0.0
    area = float(height * width)
    return area / (float((a[2] - a[0]) * (a[3] - a[1])) + float((b[2] - b[0]) * (b[3] - b[1])) - area)


def position_boxes(grid: tuple[int, int], size: tuple[int, int], patch: int) -> np.ndarray:
    """``(h * w, 4)`` squares of ``patch`` pixels around the positions of a grid, moved inside the picture."""
    sides = [min(patch, side) for side in size]
    starts = [
        np.clip(np.rint((np.arange(cells) + 0.5) * side / cells - length / 2), 0, side - length).astype(int)
        for cells, side, length in zip(grid, size, sides, strict=True)
    ]
    corners = np.stack(np.meshgrid(*starts, indexing="ij"), axis=-1).reshape(-1, 2)
    return np.hstack([corners, corners + sides])


def coherence(rows: np.ndarray, U: np.ndarray) -> np.ndarray:
    """``(r,)`` see :class:`Members`, from activations ``(m, p)`` and coefficients ``(m, r)``; NaN below two pieces."""
    centre = rows.mean(axis=0, dtype=float)
    result = np.full(U.shape[1], np.nan)
    for i, values in enumerate(U.T):
        mine = np.flatnonzero((values >= np.percentile(values, PERCENTILE)) & (values > 0))
        away = rows[mine].astype(float) - centre
        size = np.linalg.norm(away, axis=1, keepdims=True)
        n = len(mine)
        if n > 1:
            # The squared length of the sum of unit vectors holds every cosine, and n ones on the diagonal.
            total = np.square((away / np.where(size > 0, size, 1.0)).sum(axis=0)).sum()
            result[i] = (total - n) / (n * (n - 1))
    return result
