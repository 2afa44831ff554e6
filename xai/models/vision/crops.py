"""The regular grid of crops of CRAFT (Fel et al. 2023): squares that overlap by a fifth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...core.errors import InputError


@dataclass(frozen=True)
class CropGrid:
    """Square crops on a regular grid; strips at the right and lower border that no square fills are left out.

    Attributes
    ----------
    patch
        Side of a crop in pixels of the network's input.
    stride
        Distance of neighbours; by default ``int(0.8 * patch)``, as in the paper's code.
    """

    patch: int = 64
    stride: int | None = None

    def __post_init__(self) -> None:
        if self.patch < 2 or self.step < 1:
            raise InputError(f"crops of {self.patch} pixels every {self.step}: both must be larger.")

    @property
    def step(self) -> int:
        """The stride in pixels."""
        return int(0.8 * self.patch) if self.stride is None else self.stride

    def boxes(self, size: tuple[int, int]) -> np.ndarray:
        """``(m, 4)`` top, left, bottom, right of every crop of pictures of ``(height, width)``, row by row.

        Raises
        ------
        InputError
            If no crop fits.
        """
        if min(size) < self.patch:
            raise InputError(
                f"crops of {self.patch} pixels do not fit into {size[1]} x {size[0]} pixels, make them smaller."
            )
        tops, lefts = (np.arange(0, side - self.patch + 1, self.step) for side in size)
        corners = np.stack(np.meshgrid(tops, lefts, indexing="ij"), axis=-1).reshape(-1, 2)
        return np.hstack([corners, corners + self.patch])
