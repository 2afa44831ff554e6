"""Does an ignored cell really not count? Paint it over, encode again, compare.

A cell of a feature map has seen more of the picture than its own place. A map that ignores a cell leaves what its
neighbours know of it in the score; painting the cell over takes that away too.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..core.errors import InputError
from .backbones import encode
from .explanation import Explanation
from .grids import unit
from .matched import Vectors, cosines_at, on_grid, query_maps
from .scores import by_map


@dataclass(frozen=True, eq=False)
class OcclusionCheck:
    """The same map on the picture as it is, and with its ignored cells painted over.

    Attributes
    ----------
    masked, occluded
        The two explanations. Candidates and matches are the same; only the query's features differ.
    leak
        Grid of 1 - cosine between a kept cell's features before and after, NaN for ignored cells: 0 if the cell knew
        nothing of the ignored ones.
    picture
        ``(H, W, 3)`` uint8, what was encoded.
    """

    masked: Explanation
    occluded: Explanation
    leak: np.ndarray
    picture: np.ndarray = field(repr=False)

    @property
    def same_answer(self) -> bool:
        """Whether both give the same answer."""
        return self.masked.label == self.occluded.label

    @property
    def mean_leak(self) -> float:
        """Mean leak of the kept cells."""
        return float(np.nanmean(self.leak))

    @property
    def summary(self) -> str:
        """The finding in a sentence."""
        if self.same_answer:
            return f"With the ignored cells painted over, the answer is '{self.occluded.label}' too."
        return (
            f"With the ignored cells painted over, the answer is '{self.occluded.label}', not '{self.masked.label}': "
            "the kept cells had seen something of the ignored ones."
        )


def occlude(explanation: Explanation) -> OcclusionCheck:
    """Paint the cells of weight 0 in the picture's mean colour and encode it again.

    Raises
    ------
    InputError
        If the map ignores no cell.
    """
    matched = explanation.matched
    gallery, weights = matched.gallery, explanation.scores.patch_map
    kept = weights > 0
    if kept.all():
        raise InputError("the map ignores no cell, so there is nothing to paint over: set some cells to 0 first.")
    picture = painted(matched.query, kept.reshape(gallery.grid))
    before, after = (
        on_grid(query_maps(encode(gallery.backbone, one[None])[1].maps, gallery), gallery)[0]
        for one in (matched.query, picture)
    )
    candidates = on_grid(np.asarray(gallery.maps[matched.candidates]), gallery)
    cosines = cosines_at(Vectors(after, candidates), matched.targets)
    changed = type(matched)(**{**vars(matched), "query": picture, "cosines": cosines})
    n_pairs = explanation.options.n_pairs
    leak = np.where(kept, 1 - (unit(before) * unit(after)).sum(axis=1), np.nan)
    return OcclusionCheck(
        masked=Explanation(matched, explanation.options, by_map(matched, weights, n_pairs), edited=True),
        occluded=Explanation(changed, explanation.options, by_map(changed, weights, n_pairs), edited=True),
        leak=leak.reshape(gallery.grid),
        picture=picture,
    )


def painted(picture: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """The picture with cells that are not kept in its mean colour; ``kept`` is a grid of booleans."""
    edges = [
        np.rint(np.linspace(0, side, n + 1)).astype(int) for side, n in zip(picture.shape, kept.shape, strict=False)
    ]
    result = picture.copy()
    colour = np.rint(picture.reshape(-1, 3).mean(axis=0)).astype(np.uint8)
    for row, column in np.argwhere(~kept):
        result[edges[0][row] : edges[0][row + 1], edges[1][column] : edges[1][column + 1]] = colour
    return result
