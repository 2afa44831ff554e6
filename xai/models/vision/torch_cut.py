"""Torch modules split behind a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ...core.errors import InputError, ModelError, unknown_names
from ..base import library_errors
from ..torch_module import resting
from .cut import Cut
from .hooks import replaced, up_to
from .layers import layers
from .layout import from_maps, to_maps
from .torch_network import as_logits, to_numpy

if TYPE_CHECKING:
    from .model import ImageModel
    from .torch_network import TorchNetwork


class TorchCut(Cut):
    """A module split by hooks; where it is a chain of modules, its second half is run on its own.

    Otherwise activations are decoded inside a forward pass of a blank picture, whose output at the layer they replace.
    One blank picture carries a whole batch, unless the model repeats the batch's size behind the layer.
    """

    def __init__(self, model: ImageModel, layer: str) -> None:
        self._network = cast("TorchNetwork", model.network)  # which is what makes cuts of this kind
        self._module = self._network.native
        if layer not in dict(self._module.named_modules()) or not layer:
            raise InputError(unknown_names("layer", [layer], [good.name for good in layers(model)]))
        self._tail = chain_behind(self._module, layer)
        self._one_carrier = True
        super().__init__(model, layer)

    def encode_torch(self, inputs: Any) -> tuple[Any, Any]:
        """Maps and prefix of an input tensor, with gradients where they are on."""
        with resting(self._module):
            raw = up_to(self._module, self.layer, inputs)
        return to_maps(raw, self.layout, tuple(inputs.shape[2:]))

    def decode_torch(self, maps: Any, prefix: Any = None) -> Any:
        """Logits of a tensor of maps, with gradients where they are on."""
        if self.n_prefix and prefix is None:
            raise InputError(f"layer '{self.layer}' has {self.n_prefix} tokens beside the patches: give the prefix.")
        return self._logits(from_maps(maps, prefix, self.layout))

    def _logits(self, raw: Any) -> Any:
        with resting(self._module):
            if self._tail is not None:
                return as_logits(self._tail(raw))
            carrier = self.model.blank(1 if self._one_carrier else len(raw))
            with replaced(self._module, self.layer, raw):
                return as_logits(self._module(self._network.tensor(carrier)))

    def _up_to_layer(self, inputs: np.ndarray) -> np.ndarray:
        import torch

        with resting(self._module), torch.no_grad(), library_errors("torch", f"run the model up to '{self.layer}'"):
            return to_numpy(up_to(self._module, self.layer, self._network.tensor(inputs)))

    def _from_layer(self, raw: np.ndarray) -> np.ndarray:
        import torch

        with torch.no_grad(), library_errors("torch", f"run the model behind '{self.layer}'"):
            return to_numpy(self._logits(self._network.tensor(raw)))

    def _prepare(self, raw: np.ndarray, logits: np.ndarray) -> None:
        problem = ""
        for one_carrier in (True, False):
            self._one_carrier = one_carrier
            try:
                if self._agrees(raw, logits):
                    return
            except ModelError as error:
                problem = f" ({error})"
        raise ModelError(
            f"the model cannot be split behind '{self.layer}': something it knows of the picture passes around that "
            f"layer{problem}. {self._better()}"
        )

    @property
    def _tolerance(self) -> float:
        import torch

        like = next((p for p in self._module.parameters() if p.is_floating_point()), None)
        return float(torch.finfo(torch.float32 if like is None else like.dtype).eps ** 0.5)


def chain_behind(module: Any, layer: str) -> Any:
    """The modules behind ``layer`` as one ``Sequential``, if every module around the layer is one; else ``None``."""
    from torch import nn

    rest: list[Any] = []
    here = module
    for name in layer.split("."):
        if type(here) is not nn.Sequential:
            return None
        names = [child for child, _ in here.named_children()]
        rest = [*list(here)[names.index(name) + 1 :], *rest]
        here = here.get_submodule(name)
    return nn.Sequential(*rest)
