"""A game: what the model answers when units are present or absent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from .errors import InputError, ModelError
from .units import Units


@dataclass(frozen=True)
class Game:
    """A function from unit masks to model outputs.

    Parameters
    ----------
    function
        Maps masks ``(n_masks, n_units)`` to outputs ``(n_masks, n_outputs)``.
    units
        What the columns of a mask stand for.
    output_names
        One name an output.
    weights
        ``"binary"``: entries are 0 (absent) or 1 (as it is); ``"continuous"``: any weight >= 0.

    Notes
    -----
    Calling the game checks the masks' shape and domain and the outputs' shape, so every method
    written against games is protected from a model that changes shape or answers NaN.
    """

    function: Callable[[np.ndarray], np.ndarray] = field(repr=False)
    units: Units
    output_names: tuple[str, ...]
    weights: Literal["binary", "continuous"] = "binary"

    def __call__(self, masks: np.ndarray) -> np.ndarray:
        """Outputs ``(n_masks, n_outputs)``, float64, for masks ``(n_masks, n_units)``.

        Raises
        ------
        InputError
            If a mask has the wrong shape or a weight outside the game's domain.
        ModelError
            If the model answers with another shape or with values that are not finite.
        """
        masks = np.asarray(masks, dtype=float)
        if masks.ndim != 2 or masks.shape[1] != len(self.units):
            raise InputError(f"masks must have shape (n_masks, {len(self.units)}), not {masks.shape}.")
        allowed = (masks == 0) | (masks == 1) if self.weights == "binary" else np.isfinite(masks) & (masks >= 0)
        if not allowed.all():
            row, column = np.argwhere(~allowed)[0]
            domain = "0 or 1" if self.weights == "binary" else "a finite weight >= 0"
            raise InputError(
                f"mask {row} has {masks[row, column]} for '{self.units.names[column]}', but this game takes {domain}."
            )
        outputs = np.asarray(self.function(masks), dtype=float)
        expected = (len(masks), len(self.output_names))
        if outputs.shape != expected:
            raise ModelError(f"the model answered with shape {outputs.shape} where {expected} was expected.")
        if not np.isfinite(outputs).all():
            row, column = np.argwhere(~np.isfinite(outputs))[0]
            raise ModelError(
                f"the model answered {outputs[row, column]} for output '{self.output_names[column]}' of mask {row}."
            )
        return outputs
