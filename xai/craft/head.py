"""The part of a model after the cut, as a function of how much of each concept is present.

A mask weighs the coefficients of an image's concepts, the activations ``(U · mask) W`` are rebuilt, and the head
answers. Three kinds of heads are told apart by what the cut found out about them:

- affine: the answer is ``base + mask · contributions``, so nothing needs to be played;
- pooled: the head sees nothing but the mean over positions, and masks commute with means, so one vector an image stands
  for its whole map;
- any other: whole maps are rebuilt.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from ..models.vision import Cut

HeadKind = Literal["affine", "pooled", "maps"]
_CELLS = 1 << 23  # activations rebuilt at a time


@dataclass(frozen=True, eq=False)
class Coded:
    """Images in concept space.

    Attributes
    ----------
    U
        ``(n, h, w, r)`` coefficients.
    maps
        ``(n, h, w, p)`` activations.
    prefix
        ``(n, t, p)`` tokens beside the patches, which concepts do not describe; ``None`` for plain maps.
    outputs
        ``(n, k)`` what the model answers.
    """

    U: np.ndarray
    maps: np.ndarray
    prefix: np.ndarray | None
    outputs: np.ndarray

    def __len__(self) -> int:
        return len(self.U)

    def __getitem__(self, rows: slice | np.ndarray) -> Coded:
        prefix = None if self.prefix is None else self.prefix[rows]
        return Coded(self.U[rows], self.maps[rows], prefix, self.outputs[rows])

    @property
    def known(self) -> np.ndarray:
        """``(n,)`` whether an image's activations and answers are finite."""
        return np.asarray(np.isfinite(self.U).all(axis=(1, 2, 3)) & np.isfinite(self.outputs).all(axis=1))


@dataclass(frozen=True, eq=False)
class Head:
    """The head of a cut over concepts ``W`` ``(r, p)``."""

    cut: Cut
    W: np.ndarray

    @property
    def kind(self) -> HeadKind:
        """What the cut found out about the head."""
        if self.cut.affine_head() is not None:
            return "affine"
        return "pooled" if self.cut.pools() else "maps"

    def outputs(self, images: Coded, masks: np.ndarray) -> np.ndarray:
        """Answers ``(n, m, k)`` for images under masks ``(m, r)``."""
        affine = self.cut.affine_head()
        if affine is None:
            return self.played(images, masks)
        return np.asarray(affine.bias + np.einsum("mr,nrk->nmk", masks, self.contributions(images)))

    def played(self, images: Coded, masks: np.ndarray) -> np.ndarray:
        """The same, always by asking the model."""
        play = self._on_means if self.cut.pools() else self._on_maps
        return np.stack(
            [
                np.concatenate(
                    [play(images[slice(i, i + 1)], block) for block in self._blocks(masks, images.U[0, ..., 0].size)]
                )
                for i in range(len(images))
            ]
        )

    def contributions(self, images: Coded) -> np.ndarray:
        """``(n, r, k)``: what each concept adds to each output of an affine head."""
        affine = self.cut.affine_head()
        assert affine is not None
        if affine.pooled == "mean":
            n, h, w, r = images.U.shape
            # A product with a row of ones is many times quicker than a mean over two axes of small arrays.
            means = np.full((1, h * w), 1.0 / (h * w)) @ images.U.reshape(n, h * w, r)
            return np.asarray(means.reshape(n, r, 1) * self.worth)
        return np.asarray(np.einsum("nhwr,khwr->nrk", images.U, self.worth, optimize=True))

    @cached_property
    def worth(self) -> np.ndarray:
        """What one unit of each concept adds to each output of an affine head: the concepts seen through its weights.

        ``(r, k)`` for a unit of its mean coefficient, ``(k, h, w, r)`` for one of each position's.
        """
        affine = self.cut.affine_head()
        assert affine is not None
        return np.asarray(self.W @ affine.weight.T if affine.pooled == "mean" else affine.weight @ self.W.T)

    def base(self, images: Coded) -> np.ndarray:
        """``(n, k)`` answers without any concept; the tokens beside the patches stay."""
        affine = self.cut.affine_head()
        if affine is not None:
            return np.tile(affine.bias, (len(images), 1))
        return self.outputs(images, np.zeros((1, len(self.W))))[:, 0]

    def _on_means(self, image: Coded, masks: np.ndarray) -> np.ndarray:
        return self.cut.decode_pooled((image.U.mean(axis=(1, 2)) * masks) @ self.W)

    def _on_maps(self, image: Coded, masks: np.ndarray) -> np.ndarray:
        return self.cut.decode((image.U * masks[:, None, None, :]) @ self.W, image.prefix)

    def _blocks(self, masks: np.ndarray, positions: int) -> list[np.ndarray]:
        step = max(1, _CELLS // (positions * self.W.shape[1]))
        return [masks[start : start + step] for start in range(0, len(masks), step)]
