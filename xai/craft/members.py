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
        return self._best(concept, n, per_image, 0.0)

    def of(self, concept: int, most: int = 400, per_image: int = 4) -> tuple[Crop, ...]:
        """The pieces that belong to a concept: at or above the 90th percentile of its coefficients."""
        return self._best(concept, most, per_image, float(np.percentile(self.U[:, concept], PERCENTILE)))

    def _best(self, concept: int, n: int, per_image: int, least: float) -> tuple[Crop, ...]:
        values = self.U[:, concept]
        rows = np.flatnonzero((values > 0) & (values >= least))
        rows = rows[np.argsort(-values[rows], kind="stable")]
        images, boxes = self.images[rows], self.boxes[rows]
        of_image = {int(image): np.flatnonzero(images == image) for image in np.unique(images)}
        free, left = np.ones(len(rows), dtype=bool), dict.fromkeys(of_image, per_image)
        taken: list[int] = []
        while len(taken) < n and free.any():
            first = int(np.argmax(free))
            taken.append(first)
            image = int(images[first])
            left[image] -= 1
            mine = of_image[image]
            # What lies on it shows the same; of a picture that gave its share nothing more is taken.
            free[mine] &= (left[image] > 0) & (overlaps(boxes[mine], boxes[first]) < _OVERLAP)
        return tuple(self.crop(int(rows[i]), concept) for i in taken)

    def crop(self, row: int, concept: int) -> Crop:
        """One piece."""
        top, left, bottom, right = (int(side) for side in self.boxes[row])
        return Crop(int(self.images[row]), (top, left, bottom, right), float(self.U[row, concept]))


def overlaps(boxes: np.ndarray, box: np.ndarray) -> np.ndarray:
    """``(m,)`` intersection over union of boxes ``(m, 4)`` with one box."""
    sides = np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2])
    shared = np.maximum(sides, 0).prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod()
    return np.asarray(shared / (areas - shared))


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
