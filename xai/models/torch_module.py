"""Torch modules over tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from ..core.errors import MissingExtraError, ModelError, listing
from .base import Model, Output, value_names

if TYPE_CHECKING:
    import pandas as pd

BLOCK_ROWS = 8192
"""Most rows in one tensor."""


@dataclass(frozen=True, eq=False, kw_only=True)
class TorchModel(Model):
    """A module from a float tensor ``(n, d)`` to ``(n,)`` or ``(n, k)``.

    The caller says what it answers. Of two classes a margin is one number: where the module gives two logits it is
    their difference; one column of probabilities is that of the second class. How many outputs there are is learned
    from the first answer unless names were given.
    """

    def _predict(self, frame: pd.DataFrame) -> np.ndarray:
        import torch

        with resting(self.native), torch.no_grad():
            blocks = [
                self.forward(self.tensor(frame.iloc[start : start + BLOCK_ROWS])).cpu().double().numpy()
                for start in range(0, len(frame), BLOCK_ROWS)
            ]
        answer = np.concatenate(blocks)
        if not self.output_names:
            self.spaces[self.output] = _names(self.output, answer.shape[1])  # type: ignore[index]  # a dict here
        return answer

    def tensor(self, frame: pd.DataFrame) -> Any:
        """Rows as a tensor of the module's own type and device."""
        import torch

        first = next(self.native.parameters(), None)
        numbers = torch.tensor(frame.to_numpy(dtype=float), dtype=torch.float32 if first is None else torch.float64)
        return numbers if first is None else numbers.to(first)

    def forward(self, rows: Any) -> Any:
        """Outputs ``(n, k)`` as a tensor, with gradients."""
        import torch

        answer = self.native(rows)
        if not isinstance(answer, torch.Tensor) or answer.ndim not in {1, 2}:
            shape = tuple(getattr(answer, "shape", ())) or type(answer).__name__
            raise ModelError(f"the torch module answered with {shape}, not with a tensor of shape (n,) or (n, k).")
        answer = answer[:, None] if answer.ndim == 1 else answer
        if self.output == "probability" and answer.shape[1] == 1:
            return torch.cat([1.0 - answer, answer], dim=1)
        if self.output == "margin" and self.task == "binary" and answer.shape[1] == 2:
            return answer[:, 1:] - answer[:, :1]
        return answer

    def _serialised(self) -> bytes:
        parts = [repr(self.native).encode()]
        for name, tensor in self.native.state_dict().items():
            array = tensor.detach().cpu().numpy()
            parts.append(f"{name}{array.dtype}{array.shape}".encode() + array.tobytes())
        return b"".join(parts)


def wrap(obj: Any, output: str | None) -> TorchModel:
    """Wrap a module that answers in the space ``output`` (``"value"`` if ``None``)."""
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("torch", "vision") from error
    if not isinstance(obj, torch.nn.Module):
        raise ModelError(f"{type(obj).__name__} is of torch, but no module: give a torch.nn.Module.")
    space: Output | None = next((known for known in get_args(Output) if known == (output or "value")), None)
    if space is None:
        raise ModelError(f"there is no output '{output}': a module may answer {listing(get_args(Output))}.")
    return TorchModel(framework="torch", native=obj, task="regression", spaces={space: ()}, output=space)


@contextmanager
def resting(module: Any) -> Iterator[None]:
    """The module in evaluation mode, its parts put back to the mode they were in afterwards."""
    before = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in before:
            part.training = training


def _names(output: Output, n_outputs: int) -> tuple[str, ...]:
    if output == "probability":
        return tuple(str(i) for i in range(n_outputs))
    return value_names(n_outputs)
