"""Image classifiers of any framework in one shape: uint8 pictures in, logits ``(n, k)`` out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ...core.errors import InputError, ModelError
from ...core.provenance import hash_bytes
from .images import as_images
from .preprocess import Preprocess

if TYPE_CHECKING:
    from .cut import Cut
    from .layers import Layer

DEFAULT_SIZE = (224, 224)
"""Size of the pictures a model is tried with when its preprocessing sets none."""


class Network(Protocol):
    """What :class:`ImageModel` needs of a framework."""

    framework: str
    native: Any

    def run(self, inputs: np.ndarray) -> np.ndarray:
        """Logits ``(n, k)`` of inputs ``(n, c, H, W)`` float32."""
        ...

    def survey(self, size: tuple[int, int], channels: int) -> tuple[Layer, ...]:
        """Layers that all information about the picture passes through, in the order they answer."""
        ...

    def cut(self, model: ImageModel, layer: str) -> Cut:
        """The model split behind a layer."""
        ...

    def preprocess(self) -> Preprocess:
        """What the file or object says of its input."""
        ...

    def class_names(self) -> tuple[str, ...] | None:
        """Names of the classes, where the file or object carries them."""
        ...

    @property
    def hash(self) -> str:
        """SHA-256 of structure and weights."""
        ...


class ImageModel:
    """An image classifier with its preprocessing.

    Parameters
    ----------
    network
        A ``torch.nn.Module``; or an ONNX model: a path, its bytes, an ``onnx.ModelProto``, or an onnxruntime session.
        A module in train mode is asked in evaluation mode and put back afterwards.
    preprocess
        What happens to a picture first; by default what the model says of itself, else ``x / 255``.
    class_names
        Names of the ``k`` outputs; by default those the model carries, else ``"0"``, ``"1"``, ...
    batch_size
        Most pictures in one forward pass.
    """

    def __init__(
        self,
        network: Any,
        preprocess: Preprocess | None = None,
        class_names: Sequence[str] | None = None,
        batch_size: int = 32,
    ) -> None:
        if batch_size < 1:
            raise InputError(f"batch_size is {batch_size}: it must be at least 1.")
        self.network = _open(network)
        self.preprocess = self.network.preprocess() if preprocess is None else preprocess
        self.batch_size = batch_size
        self._class_names = self.network.class_names() if class_names is None else tuple(class_names)

    def __repr__(self) -> str:
        return f"ImageModel({self.network.framework} {type(self.network.native).__name__}, {self.preprocess})"

    @property
    def size(self) -> tuple[int, int]:
        """``(height, width)`` of the inputs the model is tried with."""
        return self.preprocess.size or DEFAULT_SIZE

    @property
    def channels(self) -> int:
        """Number of input channels."""
        return 1 if self.preprocess.channel_order == "L" else 3

    @property
    def hash(self) -> str:
        """SHA-256 of structure, weights and preprocessing, as they are now."""
        return hash_bytes(f"{self.network.hash}{self.preprocess}".encode())

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the outputs; asks the model how many there are if nobody named them."""
        if self._class_names is None:
            self._class_names = tuple(str(i) for i in range(self.run(self.blank()).shape[1]))
        return self._class_names

    def blank(self, n: int = 1) -> np.ndarray:
        """``n`` inputs of zeros, ``(n, c, H, W)`` float32."""
        return np.zeros((n, self.channels, *self.size), dtype=np.float32)

    def view(self, images: object) -> np.ndarray:
        """The pictures as the model sees them, ``(n, H, W, 3)`` uint8: resized and cropped, colours untouched.

        Raises
        ------
        InputError
            If a picture cannot be used (the message names it), or sizes differ and the preprocessing sets none.
        """
        return self.preprocess.view(as_images(images))

    def inputs(self, images: object) -> np.ndarray:
        """The pictures as inputs of the network, ``(n, c, H, W)`` float32."""
        return self.preprocess.normalise(self.view(images))

    def tensor(self, images: object) -> Any:
        """:meth:`inputs` as a torch tensor of the module's type and device."""
        place = getattr(self.network, "tensor", None)
        if place is None:
            raise ModelError(f"an {self.network.framework} model takes no tensors and gives no gradients.")
        return place(self.inputs(images))

    def batches(self, view: np.ndarray) -> Iterator[np.ndarray]:
        """Network inputs of a few pictures at a time."""
        for start in range(0, len(view), self.batch_size):
            yield self.preprocess.normalise(view[start : start + self.batch_size])

    def predict(self, images: object) -> np.ndarray:
        """Logits ``(n, k)`` float64 of pictures ``(n, H, W, 3)`` uint8, or whatever :func:`sort_out` takes.

        Raises
        ------
        InputError
            If a picture cannot be used, see :meth:`view`.
        ModelError
            If the model fails or answers with values that are not finite; the message names the picture.
        """
        logits = np.concatenate([self.run(batch) for batch in self.batches(self.view(images))])
        bad = np.flatnonzero(~np.isfinite(logits).all(axis=1))
        if bad.size:
            raise ModelError(f"the model answers image {bad[0]} with NaN or infinity ({bad.size} images in all).")
        return logits

    def run(self, inputs: np.ndarray) -> np.ndarray:
        """Logits ``(n, k)`` float64 of network inputs, in one forward pass."""
        logits = np.asarray(self.network.run(inputs), dtype=float)
        if logits.ndim != 2 or len(logits) != len(inputs):
            raise ModelError(f"the model answered {len(inputs)} pictures with shape {logits.shape}, not (n, classes).")
        names = self._class_names
        if names is not None and logits.shape[1] != len(names):
            raise ModelError(f"the model has {logits.shape[1]} outputs, but {len(names)} class names were given.")
        return logits

    def cut(self, layer: str | None = None) -> Cut:
        """The model split in two behind ``layer``, by default the last map before its pooling.

        Raises
        ------
        InputError
            If there is no layer of that name; the message lists those that can be cut.
        ModelError
            If information passes around the layer, or it holds no map.
        """
        from .layers import propose_layer

        return self.network.cut(self, propose_layer(self) if layer is None else layer)


def _open(network: Any) -> Network:
    origin = type(network).__module__.partition(".")[0]
    if isinstance(network, (str, bytes)) or hasattr(network, "__fspath__") or origin in {"onnx", "onnxruntime"}:
        from .onnx_network import open_onnx

        return open_onnx(network)
    from .torch_network import TorchNetwork

    return TorchNetwork(network)
