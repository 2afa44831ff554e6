"""The layers behind which a model can be cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...core.errors import ModelError
from .layout import Layout

if TYPE_CHECKING:
    from .model import ImageModel


@dataclass(frozen=True)
class Layer:
    """A layer that everything the model knows of a picture passes through.

    Attributes
    ----------
    name
        Its name in the module, or the name of the tensor in ONNX.
    layout
        How its numbers lie in space.
    grid
        ``(height, width)`` of its map at the size the model was tried with.
    depth
        Number of channels.
    prefix
        Tokens beside the patches: CLS, distillation, registers.
    """

    name: str
    layout: Layout
    grid: tuple[int, int]
    depth: int
    prefix: int = 0

    def __str__(self) -> str:
        beside = f" and {self.prefix} tokens beside them" if self.prefix else ""
        return f"{self.name}: {self.grid[0]} x {self.grid[1]} positions of {self.depth} numbers{beside}"


def layers(model: ImageModel) -> tuple[Layer, ...]:
    """The layers a model can be cut behind, in the order they answer.

    A layer is listed if no path from the picture to the logits leads around it, its output is a map or a grid of
    tokens with more than one position, and those positions reach the logits.
    """
    return model.network.survey(model.size, model.channels)


def propose_layer(model: ImageModel) -> str:
    """The last of :func:`layers`: the map before global pooling, or the last block whose patches reach the logits.

    Raises
    ------
    ModelError
        If there is none.
    """
    found = layers(model)
    if not found:
        raise ModelError(
            "no layer of this model holds a map that everything passes through: it cannot be split into concepts and "
            "a decision."
        )
    return found[-1].name
