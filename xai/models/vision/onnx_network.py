"""ONNX models as image classifiers, run by onnxruntime."""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.errors import MissingExtraError, ModelError
from ...core.provenance import hash_bytes
from ..base import library_errors
from .layers import Layer
from .layout import layout_of, to_maps
from .onnx_graph import bottlenecks, part
from .preprocess import Preprocess

if TYPE_CHECKING:
    from .cut import Cut
    from .model import ImageModel

_SEED = 0
_N_IMAGES = 2
_TYPES = {1: np.float32, 10: np.float16}


class OnnxNetwork:
    """An ONNX graph from one picture tensor, channels first or last, to logits (its first output)."""

    framework = "onnx"

    def __init__(self, proto: Any) -> None:
        self.native = proto
        weights = {tensor.name for tensor in proto.graph.initializer}
        inputs = [value for value in proto.graph.input if value.name not in weights]
        if len(inputs) != 1 or not proto.graph.output:
            raise ModelError(f"the ONNX model has {len(inputs)} inputs: an image model has one.")
        self.input, self.output = inputs[0].name, proto.graph.output[0].name
        tensor = inputs[0].type.tensor_type
        if tensor.elem_type not in _TYPES:
            raise ModelError(f"the ONNX model's input '{self.input}' takes no floating-point numbers.")
        self.dtype = _TYPES[tensor.elem_type]
        # 0 stands for a size that may vary.
        self.shape = tuple(dim.dim_value for dim in tensor.shape.dim)
        if len(self.shape) != 4:
            raise ModelError(f"the ONNX model's input '{self.input}' has {len(self.shape)} axes: pictures have 4.")
        self.channels_last = self.shape[3] in {1, 3} and self.shape[1] not in {1, 3}
        self._session = session(proto)

    def run(self, inputs: np.ndarray) -> np.ndarray:
        """Logits of inputs ``(n, c, H, W)``."""
        return self.ask(self._session, {self.input: inputs}, len(inputs))

    def ask(self, asked: Any, feeds: dict[str, np.ndarray], n: int) -> np.ndarray:
        """The first output for ``n`` rows, handed over as many at a time as the graph is made for."""
        feeds = {name: self._arranged(name, rows) for name, rows in feeds.items()}
        step = self.shape[0] or n
        parts = []
        for start in range(0, n, step):
            rows = {name: values[start : start + step] for name, values in feeds.items()}
            lacking = step - len(next(iter(rows.values())))
            if lacking:
                rows = {name: np.concatenate([v, np.repeat(v[:1], lacking, axis=0)]) for name, v in rows.items()}
            with library_errors("onnxruntime", "run the image model"):
                answer = asked.run(None, rows)[0]
            parts.append(np.asarray(answer, dtype=np.float32)[: step - lacking])
        return np.concatenate(parts)

    def survey(self, size: tuple[int, int], channels: int) -> tuple[Layer, ...]:
        """Tensors that can be cut, read off the graph."""
        noise = np.random.default_rng(_SEED).normal(size=(_N_IMAGES, channels, *size)).astype(np.float32)
        names = bottlenecks(self.native.graph, self.input, self.output)
        if not names:
            return ()
        good = []
        for name in names:
            raw = self.ask(session(part(self.native, [self.input], [name])), {self.input: noise}, len(noise))
            layout = layout_of(raw.shape, size)
            if layout is None:
                continue
            maps, prefix = to_maps(raw, layout, size)
            _, height, width, depth = maps.shape
            if height * width > 1 and (prefix is None or self._reaches(name, raw, prefix.shape[1], noise)):
                good.append(Layer(name, layout, (height, width), depth, 0 if prefix is None else prefix.shape[1]))
        return tuple(good)

    def tail(self, name: str) -> tuple[Any, bool]:
        """A session from a tensor to the logits, and whether it asks for the pictures too (for the batch's size)."""
        model = part(self.native, [name, self.input], [self.output])
        return session(model), any(value.name == self.input for value in model.graph.input)

    def _reaches(self, name: str, raw: np.ndarray, n_prefix: int, pictures: np.ndarray) -> bool:
        """Whether the patches, not just the tokens beside them, reach the logits."""
        asked, wants_input = self.tail(name)
        moved = raw.copy()
        moved[:, n_prefix:] *= -1
        extra = {self.input: pictures} if wants_input else {}
        before, after = (self.ask(asked, {name: values, **extra}, len(raw)) for values in (raw, moved))
        return not np.array_equal(before, after)

    def cut(self, model: ImageModel, layer: str) -> Cut:
        """The graph split at a named tensor."""
        from .onnx_cut import OnnxCut

        return OnnxCut(model, self, layer)

    def preprocess(self) -> Preprocess:
        """Size and number of channels, where the graph fixes them."""
        _, *rest = self.shape
        height, width, channels = rest if self.channels_last else (*rest[1:], rest[0])
        return Preprocess(
            size=(height, width) if height and width else None, channel_order="L" if channels == 1 else "RGB"
        )

    def class_names(self) -> tuple[str, ...] | None:
        """ONNX has no place for them."""
        return None

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the serialised model."""
        return hash_bytes(self.native.SerializeToString(deterministic=True))

    def _arranged(self, name: str, rows: np.ndarray) -> np.ndarray:
        rows = rows.transpose(0, 2, 3, 1) if name == self.input and self.channels_last else rows
        return np.ascontiguousarray(rows, dtype=self.dtype)


def open_onnx(source: Any) -> OnnxNetwork:
    """An ONNX model from a path, bytes, an ``onnx.ModelProto``, or an onnxruntime session that was made from a path.

    Raises
    ------
    MissingExtraError
        If onnx or onnxruntime is not installed.
    ModelError
        If the model cannot be read, or is no image classifier.
    """
    onnx, runtime = _library("onnx"), _library("onnxruntime")
    if isinstance(source, runtime.InferenceSession):
        # A session does not give its graph back, but remembers the file.
        source = getattr(source, "_model_path", None) or getattr(source, "_model_bytes", None)
        if source is None:
            raise ModelError("this onnxruntime session does not know its file: give the path of the ONNX model.")
    if isinstance(source, (str, Path)):
        with library_errors("onnx", f"read {source}"):
            source = onnx.load(source)
    elif isinstance(source, bytes):
        with library_errors("onnx", "read the model"):
            source = onnx.load_model_from_string(source)
    if not isinstance(source, onnx.ModelProto):
        raise ModelError(f"{type(source).__name__} is no ONNX model: give a path, bytes or an onnx.ModelProto.")
    return OnnxNetwork(source)


def session(proto: Any) -> Any:
    """A model that can be run, on one processor thread a call."""
    runtime = _library("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    with library_errors("onnxruntime", "open the model"):
        return runtime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtraError(name, "onnx") from error
