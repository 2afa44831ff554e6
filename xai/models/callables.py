"""Plain functions as models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from ..core.errors import ModelError, listing
from .base import Model, Output, value_names

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, kw_only=True)
class CallableModel(Model):
    """A function from a table to an array of ``n`` or ``(n, k)`` numbers.

    How many outputs it has is learned from its first answer, unless output names were given; until then
    ``output_names`` is empty. One column of probabilities is that of the second of two classes.
    """

    def _predict(self, frame: pd.DataFrame) -> np.ndarray:
        answer = np.asarray(self.native(frame), dtype=float)
        answer = answer[:, None] if answer.ndim == 1 else answer
        if answer.ndim != 2:
            raise ModelError(f"the function answered with shape {answer.shape}, not (n,) or (n, k).")
        if self.output == "probability" and answer.shape[1] == 1:
            answer = np.hstack([1.0 - answer, answer])
        if not self.output_names:
            self.spaces[self.output] = _names(self.output, answer.shape[1])  # type: ignore[index]  # a dict here
        return answer


def wrap(obj: Callable[[pd.DataFrame], Any], output: str | None) -> CallableModel:
    """Wrap a function that answers in the space ``output`` (``"value"`` if ``None``)."""
    space = next((known for known in get_args(Output) if known == (output or "value")), None)
    if space is None:
        raise ModelError(f"there is no output '{output}': a function may answer {listing(get_args(Output))}.")
    return CallableModel(
        framework="callable",
        native=obj,
        task="regression",
        spaces={space: ()},
        output=space,
        categorical=None,
    )


def _names(output: Output, n_outputs: int) -> tuple[str, ...]:
    if output == "probability":
        return tuple(str(i) for i in range(n_outputs))
    return value_names(n_outputs)
