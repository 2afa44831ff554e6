"""Torch modules as image classifiers."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.errors import MissingExtraError, ModelError
from ..base import library_errors
from ..torch_module import resting
from .preprocess import Preprocess, known_to

if TYPE_CHECKING:
    from .cut import Cut
    from .layers import Layer
    from .model import ImageModel


class TorchNetwork:
    """A module from ``(n, c, H, W)`` to logits: a tensor, a tuple beginning with one, or an object with ``logits``."""

    framework = "torch"

    def __init__(self, module: Any) -> None:
        try:
            import torch
        except ImportError as error:
            raise MissingExtraError("torch", "vision") from error
        if not isinstance(module, torch.nn.Module):
            raise ModelError(f"{type(module).__name__} is no image model: give a torch.nn.Module or an ONNX model.")
        self.native = module

    def tensor(self, inputs: np.ndarray) -> Any:
        """Inputs on the module's device and in its floating-point type."""
        import torch

        tensor = torch.from_numpy(np.ascontiguousarray(inputs))
        like = next((p for p in self.native.parameters() if p.is_floating_point()), None)
        return tensor if like is None else tensor.to(like)

    def run(self, inputs: np.ndarray) -> np.ndarray:
        """Logits in evaluation mode, without gradients."""
        import torch

        with resting(self.native), torch.no_grad(), library_errors("torch", "run the image model"):
            return to_numpy(as_logits(self.native(self.tensor(inputs))))

    def survey(self, size: tuple[int, int], channels: int) -> tuple[Layer, ...]:
        """Layers that can be cut."""
        from .survey import survey

        with resting(self.native), library_errors("torch", f"run the image model on {size[1]} x {size[0]} pixels"):
            return survey(self.native, size, channels, self.tensor)

    def cut(self, model: ImageModel, layer: str) -> Cut:
        """The module split behind a layer."""
        from .torch_cut import TorchCut

        return TorchCut(model, layer)

    def preprocess(self) -> Preprocess:
        """What the module says of itself."""
        return known_to(self.native)

    def class_names(self) -> tuple[str, ...] | None:
        """``config.id2label`` of Hugging Face models."""
        labels = getattr(getattr(self.native, "config", None), "id2label", None)
        return tuple(str(labels[i]) for i in sorted(labels)) if labels else None

    @property
    def hash(self) -> str:
        """SHA-256 of the module's structure and state."""
        import torch

        digest = hashlib.sha256(f"{type(self.native).__qualname__}{self.native}".encode())
        for name, tensor in self.native.state_dict().items():
            digest.update(f"{name}{tensor.dtype}{tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
        return digest.hexdigest()


def as_logits(answer: Any) -> Any:
    """The tensor ``(n, k)`` in what an image classifier answers.

    Raises
    ------
    ModelError
        If there is none.
    """
    import torch

    logits = getattr(answer, "logits", answer)
    if isinstance(logits, (tuple, list)) and logits:
        logits = logits[0]
    if not isinstance(logits, torch.Tensor):
        raise ModelError(f"the image model answers with {type(answer).__name__}: its logits were not found.")
    if logits.ndim == 4 and logits.shape[2:] == (1, 1):
        logits = logits[:, :, 0, 0]
    logits = logits[:, None] if logits.ndim == 1 else logits
    if logits.ndim != 2:
        raise ModelError(f"the image model answers with shape {tuple(logits.shape)}: it must be (n, classes).")
    return logits


def to_numpy(tensor: Any) -> np.ndarray:
    """A tensor as float32 on the CPU."""
    return np.asarray(tensor.detach().float().cpu().numpy())
