"""ONNX models over tables, as skl2onnx, onnxmltools and torch write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError, ModelError, listing
from .base import Model, Output, Task, class_spaces, library_errors, plain, value_names
from .onnx_check import open_session
from .structure import MAX_FEATURES

if TYPE_CHECKING:
    import pandas as pd

# Types of inputs: ONNX's number to numpy's type, and whether a column of it holds text.
_TYPES: dict[int, Any] = {1: np.float32, 10: np.float16, 11: np.float64, 6: np.int32, 7: np.int64, 9: bool, 8: object}
_TEXT, _WHOLE = 8, {6, 7}
_FLOATS = {1, 10, 11}
MAX_ROWS = 1_000_000
BLOCK_ROWS = 16_384
"""Most rows in one call."""


@dataclass(frozen=True)
class Input:
    """An input of the graph: its name, ONNX type, and columns (``None``: not stated)."""

    name: str
    kind: int
    width: int | None
    rows: int | None


@dataclass(frozen=True, eq=False, kw_only=True)
class OnnxModel(Model):
    """An ONNX graph over one matrix, or over one input a column.

    Attributes
    ----------
    inputs
        The graph's inputs, in order.
    answer
        Name of the output that is read.
    labels
        Keys of the answer where it is a map a row (ZipMap), in the order of the outputs.
    """

    inputs: tuple[Input, ...]
    answer: str
    labels: tuple[Any, ...] = ()

    def _predict(self, frame: pd.DataFrame) -> np.ndarray:
        step = self.inputs[0].rows or BLOCK_ROWS
        parts = [self._run(frame.iloc[start : start + step], step) for start in range(0, len(frame), step)]
        answer = np.concatenate(parts)
        # One column of probabilities is that of the second of two classes.
        if self.output == "probability" and answer.shape[1] == 1:
            answer = np.hstack([1.0 - answer, answer])
        return answer

    def _run(self, rows: pd.DataFrame, step: int) -> np.ndarray:
        n = len(rows)
        feeds = self._feeds(rows)
        if self.inputs[0].rows is not None and n < step:
            feeds = {name: np.concatenate([v, np.repeat(v[-1:], step - n, axis=0)]) for name, v in feeds.items()}
        (answer,) = self.native.run([self.answer], feeds)
        if self.labels:
            answer = np.array([[row[label] for label in self.labels] for row in answer], dtype=float)
        answer = np.asarray(answer, dtype=float)[:n]
        return answer.reshape(n, -1) if answer.ndim != 2 else answer

    def _feeds(self, rows: pd.DataFrame) -> dict[str, np.ndarray]:
        if len(self.inputs) == 1:
            only = self.inputs[0]
            return {only.name: _as_kind(rows.to_numpy(), only.kind, "the table")}
        return {
            one.name: _as_kind(rows.iloc[:, position].to_numpy()[:, None], one.kind, f"column '{one.name}'")
            for position, one in enumerate(self.inputs)
        }


def table_inputs(proto: Any) -> tuple[Input, ...] | None:
    """Inputs of a graph over a table; ``None`` where it takes something else."""
    weights = {tensor.name for tensor in proto.graph.initializer}
    found = []
    for value in proto.graph.input:
        if value.name in weights:
            continue
        tensor = value.type.tensor_type
        sizes = [size.dim_value or None for size in tensor.shape.dim]
        if tensor.elem_type not in _TYPES or len(sizes) != 2:
            return None
        found.append(Input(value.name, tensor.elem_type, sizes[1], sizes[0]))
    if not found or (len(found) > 1 and any(one.width != 1 for one in found)):
        return None
    return tuple(found)


def wrap_onnx(
    proto: Any,
    name: str,
    output: str | None = None,
    classes: Sequence[Any] | None = None,
    hash: str = "",  # noqa: A002
) -> OnnxModel:
    """A checked graph over a table as a model.

    Parameters
    ----------
    proto
        The graph.
    name
        Of the file, for messages.
    output
        What a graph without class labels answers, ``"margin"``, ``"probability"`` or ``"value"``: a network's file
        does not say. By default what its last operator gives away.
    classes
        Class labels, where the file has none.
    hash
        SHA-256 of the file.

    Raises
    ------
    ModelError
        If the graph is none over a table.
    """
    inputs = table_inputs(proto)
    if inputs is None:
        raise ModelError(
            f"{name} takes {_described(proto)}: a model over a table has one input (rows, columns), or one input "
            "(rows, 1) a column."
        )
    session = open_session(proto, name)
    answer, labels = _answer(proto, name)
    known = tuple(plain(label) for label in (labels or classes or ()))
    columns = len(inputs) if len(inputs) > 1 else inputs[0].width
    if (columns or 0) > MAX_FEATURES or (inputs[0].rows or 0) > MAX_ROWS:
        raise ModelError(
            f"{name} takes {columns or 0:,} columns and {inputs[0].rows or 'any number of'} rows at a time; at most "
            f"{MAX_FEATURES:,} columns and {MAX_ROWS:,} rows are."
        )
    width = _columns(proto, answer)
    if width is None and not known and len(inputs) == 1 and columns and inputs[0].kind != _TEXT:
        width = _probe(session, inputs[0], answer, columns)
    text = tuple(position for position, one in enumerate(inputs) if one.kind == _TEXT)
    spaces, task, known = _meaning(proto, answer, known, width, output, is_map=_is_map(proto, answer))
    space = next(iter(spaces))
    if output is not None and output not in spaces:
        raise ModelError(f"{name} has no output '{output}': it has {listing(spaces)}.")
    return OnnxModel(
        framework="onnx",
        native=session,
        task=task,
        spaces=spaces,
        output=space,
        feature_names=_feature_names(proto, inputs, columns),
        n_features=columns,
        categorical=tuple(range(columns or 0)) if len(inputs) == 1 and text else text,
        classes=known or None,
        known_hash=hash,
        inputs=inputs,
        answer=answer,
        labels=known if _is_map(proto, answer) else (),
    )


def says_meaning(proto: Any) -> bool:
    """Whether a graph itself says that it classifies, or that it is a regression of trees or lines."""
    kinds = {node.op_type for node in proto.graph.node if node.domain == "ai.onnx.ml"}
    answers = {value.name for value in proto.graph.output}
    return any(kind.endswith(("Classifier", "Regressor")) for kind in kinds) or (
        bool(_labels(proto)) or any(_is_map(proto, name) for name in answers)
    )


def _meaning(
    proto: Any, answer: str, known: tuple[Any, ...], width: int | None, output: str | None, *, is_map: bool
) -> tuple[dict[Output, tuple[str, ...]], Task, tuple[Any, ...]]:
    """Spaces, task and classes of what the graph answers."""
    last = next((node.op_type for node in reversed(proto.graph.node) if answer in node.output), "")
    certain = is_map or any(node.op_type.endswith("Classifier") for node in proto.graph.node)
    if output == "value" and not certain:
        return {"value": value_names(width or 1)}, "regression", ()
    if known or last in {"Softmax", "Sigmoid"} or output in {"margin", "probability"}:
        n = width or len(known) or 1
        n_classes = len(known) or max(n, 2)
        known = known or tuple(range(n_classes))
        space: Output = "margin" if output == "margin" and not certain else "probability"
        names = class_spaces(known, (space,))
        return names, "binary" if n_classes == 2 else "multiclass", known
    return {"value": value_names(width or 1)}, "regression", ()


def _answer(proto: Any, name: str) -> tuple[str, tuple[Any, ...]]:
    """The output that holds numbers, and the class labels the graph knows.

    A classifier answers its labels first and then probabilities, as a matrix or as one map a row.
    """
    outputs = list(proto.graph.output)
    maps = [value.name for value in outputs if _is_map(proto, value.name)]
    floats = [
        value.name
        for value in outputs
        if value.type.HasField("tensor_type") and value.type.tensor_type.elem_type in _FLOATS
    ]
    if not maps and not floats:
        raise ModelError(f"{name} answers labels only: export the model with its probabilities.")
    return (maps or floats[-1:] if len(outputs) > 1 else maps or floats)[0], _labels(proto)


def _labels(proto: Any) -> tuple[Any, ...]:
    """Class labels, as the graph's classifier or its map of probabilities has them."""
    for node in reversed(proto.graph.node):
        if node.domain != "ai.onnx.ml":
            continue
        for attribute in node.attribute:
            if attribute.name in {"classlabels_int64s", "classlabels_ints"} and attribute.ints:
                return tuple(int(label) for label in attribute.ints)
            if attribute.name == "classlabels_strings" and attribute.strings:
                return tuple(label.decode(errors="replace") for label in attribute.strings)
    # skl2onnx keeps the labels of a network or a vote as a constant that the label is looked up in.
    for node in proto.graph.node:
        if node.op_type == "ArrayFeatureExtractor":
            for tensor in proto.graph.initializer:
                if tensor.name == node.input[0] and len(tensor.dims) <= 2 and "classes" in tensor.name:
                    from onnx import numpy_helper

                    found = numpy_helper.to_array(tensor).ravel()
                    return tuple(v.decode() if isinstance(v, bytes) else plain(v) for v in found)
    return ()


def _is_map(proto: Any, name: str) -> bool:
    return any(value.name == name and value.type.HasField("sequence_type") for value in proto.graph.output)


def _columns(proto: Any, name: str) -> int | None:
    for value in proto.graph.output:
        if value.name == name and value.type.HasField("tensor_type"):
            sizes = [size.dim_value for size in value.type.tensor_type.shape.dim]
            return sizes[1] if len(sizes) == 2 and sizes[1] else 1 if len(sizes) == 1 else None
    return None


def _probe(session: Any, only: Input, answer: str, columns: int) -> int:
    """How many outputs a graph has that does not say, by asking it for one row."""
    with library_errors("onnxruntime", "run the model"):
        (found,) = session.run([answer], {only.name: np.zeros((only.rows or 1, columns), dtype=_TYPES[only.kind])})
    return int(np.asarray(found).reshape(only.rows or 1, -1).shape[1])


def _feature_names(proto: Any, inputs: tuple[Input, ...], columns: int | None) -> tuple[str, ...] | None:
    if len(inputs) > 1:
        return tuple(one.name for one in inputs)
    stated = {entry.key: entry.value for entry in proto.metadata_props}.get("feature_names", "")
    names = tuple(part.strip() for part in stated.split(",")) if stated else ()
    return names if columns and len(names) == columns and len(set(names)) == columns else None


def _as_kind(values: np.ndarray, kind: int, what: str) -> np.ndarray:
    if kind == _TEXT:
        missing = np.vectorize(lambda value: value is None or value != value, otypes=[bool])(values)  # noqa: PLR0124
        return np.where(missing, "", values.astype(str)).astype(object)
    if kind in _WHOLE and values.dtype.kind == "f" and not np.isfinite(values).all():
        raise InputError(f"{what} has missing values, but the ONNX model takes whole numbers there: fill them in.")
    return np.ascontiguousarray(values, dtype=_TYPES[kind])


def _described(proto: Any) -> str:
    weights = {tensor.name for tensor in proto.graph.initializer}
    shapes = [
        "(" + ", ".join(str(size.dim_value or "?") for size in value.type.tensor_type.shape.dim) + ")"
        for value in proto.graph.input
        if value.name not in weights
    ]
    return f"inputs of shape {', '.join(shapes[:4])}" if shapes else "no input"
