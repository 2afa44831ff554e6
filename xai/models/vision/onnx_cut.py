"""ONNX models split at a named tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...core.errors import InputError, ModelError, unknown_names
from .cut import Cut
from .layers import layers
from .onnx_graph import part
from .onnx_network import OnnxNetwork, session

if TYPE_CHECKING:
    from .model import ImageModel


class OnnxCut(Cut):
    """Two graphs: from the pictures to the tensor, and from the tensor to the logits. There are no gradients."""

    def __init__(self, model: ImageModel, network: OnnxNetwork, layer: str) -> None:
        known = {name for node in network.native.graph.node for name in node.output if name}
        if layer not in known:
            raise InputError(unknown_names("tensor", [layer], [good.name for good in layers(model)]))
        self._network = network
        self._front = session(part(network.native, [network.input], [layer]))
        self._tail, self._wants_input = network.tail(layer)
        super().__init__(model, layer)

    def _up_to_layer(self, inputs: np.ndarray) -> np.ndarray:
        return self._network.ask(self._front, {self._network.input: inputs}, len(inputs))

    def _from_layer(self, raw: np.ndarray) -> np.ndarray:
        feeds = {self.layer: raw}
        if self._wants_input:
            feeds[self._network.input] = self.model.blank(len(raw))
        return self._network.ask(self._tail, feeds, len(raw))

    def _prepare(self, raw: np.ndarray, logits: np.ndarray) -> None:
        if not self._agrees(raw, logits):
            raise ModelError(
                f"the model cannot be split at '{self.layer}': something it knows of the picture passes around that "
                f"tensor. {self._better()}"
            )
