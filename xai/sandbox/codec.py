"""Values as JSON and blobs, and back, exactly. What is not on the list is refused, so nothing is ever executed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError, WorkerError, listing
from .protocol import Blob

if TYPE_CHECKING:
    import pandas as pd

TAG = "$"

# Dataclasses that may cross the pipe: class name -> module inside the package.
REGISTERED: dict[str, str] = {
    "Attribution": "core.attribution",
    "Provenance": "core.provenance",
    "Units": "core.units",
    "ModelFile": "sandbox.codec",
    "Order": "batch.work",
    "Part": "batch.parts",
    "Metric": "models.performance",
    "Performance": "models.performance",
    "Agreement": "agreement.results",
    "AgreementTable": "agreement.results",
    "Estimate": "agreement.results",
    "Curve": "faithfulness.single",
    "Gain": "workflows.believe",
    "Obedience": "workflows.believe",
    "Carried": "craft.fidelity",
    "Fidelity": "craft.fidelity",
    "Importance": "craft.importance",
    "Sheet": "craft.sheet",
    "ExactConfig": "shapley.coalitions",
    "RemovalConfig": "shapley.coalitions",
    "SamplingConfig": "shapley.sampling.config",
    "OwenConfig": "shapley.sampling.config",
    "TreeConfig": "shapley.trees.engine",
}
_ARRAY_KINDS = frozenset("biufcSUmM")


@dataclass(frozen=True)
class ModelFile:
    """A model as the child process opens it.

    Attributes
    ----------
    path
        Absolute path of the file.
    output
        ``"margin"``, ``"probability"``, ``"value"``, or ``None`` for the framework's first.
    hash
        SHA-256 the file must have, empty when any will do.
    """

    path: str
    output: str | None = None
    hash: str = ""


def encode(value: Any) -> tuple[Any, list[Blob]]:
    """A value as JSON types and blobs.

    Raises
    ------
    InputError
        If the value holds a type that cannot cross.
    """
    blobs: list[Blob] = []
    return _encode(value, blobs), blobs


def decode(tree: Any, blobs: Sequence[bytearray]) -> Any:
    """The value that :func:`encode` was given.

    Raises
    ------
    WorkerError
        If the tree was not made by :func:`encode`.
    """
    try:
        return _decode(tree, blobs)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise WorkerError(f"a value over the pipe cannot be read ({type(error).__name__}: {error}).") from error


def _encode(value: Any, blobs: list[Blob]) -> Any:  # noqa: PLR0911 - one return a type
    # Subclasses that JSON would flatten (numpy's float64, enums) are not plain: exact types only.
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return value if math.isfinite(value) else {TAG: "float", "text": repr(value)}
    if kind is list:
        return [_encode(item, blobs) for item in value]
    if kind in (tuple, set, frozenset):
        return {TAG: kind.__name__, "items": [_encode(item, blobs) for item in value]}
    if isinstance(value, np.generic | np.ndarray):
        return _encode_array(value, blobs)
    if isinstance(value, Mapping):
        return {TAG: "dict", "items": [[_encode(key, blobs), _encode(item, blobs)] for key, item in value.items()]}
    model_file = getattr(value, "model_file", None)
    if isinstance(model_file, ModelFile):
        return _encode(model_file, blobs)
    if is_dataclass(value) and _registered(kind.__name__) is kind:
        content = {f.name: _encode(getattr(value, f.name), blobs) for f in fields(value) if f.init}
        return {TAG: "dataclass", "name": kind.__name__, "fields": content}
    if kind.__module__.partition(".")[0] == "pandas":
        return _encode_pandas(value, blobs)
    raise InputError(
        f"a {kind.__module__}.{kind.__qualname__} cannot be sent to a child process: only numbers, text, lists, "
        "dictionaries, arrays, tables and the results of this package can."
    )


def _decode(tree: Any, blobs: Sequence[bytearray]) -> Any:
    if isinstance(tree, list):
        return [_decode(item, blobs) for item in tree]
    if not isinstance(tree, dict):
        return tree
    decoder: Callable[[Mapping[str, Any], Sequence[bytearray]], Any] = _DECODERS[tree[TAG]]
    return decoder(tree, blobs)


def _decode_items(tree: Mapping[str, Any], blobs: Sequence[bytearray]) -> list[Any]:
    return [_decode(item, blobs) for item in tree["items"]]


def _registered(name: str) -> type | None:
    module = REGISTERED.get(name)
    return None if module is None else getattr(import_module(f"xai.{module}"), name)


def _decode_dataclass(tree: Mapping[str, Any], blobs: Sequence[bytearray]) -> Any:
    cls = _registered(tree["name"])
    if cls is None:
        raise WorkerError(f"a value over the pipe claims the unknown type '{tree['name']}'.")
    return cls(**{name: _decode(item, blobs) for name, item in tree["fields"].items()})


def _encode_array(value: np.ndarray | np.generic, blobs: list[Blob]) -> dict[str, Any]:
    array = np.asarray(value)
    tree: dict[str, Any] = {TAG: "array", "shape": list(array.shape), "scalar": isinstance(value, np.generic)}
    if array.dtype == object:
        return tree | {"items": [_encode(item, blobs) for item in array.ravel().tolist()]}
    if array.dtype.kind not in _ARRAY_KINDS:
        raise InputError(f"an array of type {array.dtype} cannot be sent to a child process.")
    # Dates have no buffer of their own; seen as bytes every kind has.
    blobs.append(np.frombuffer(np.ascontiguousarray(array).tobytes(), dtype=np.uint8).data)
    return tree | {"dtype": array.dtype.str, "blob": len(blobs) - 1}


def _decode_array(tree: Mapping[str, Any], blobs: Sequence[bytearray]) -> Any:
    shape = tuple(tree["shape"])
    if "items" in tree:
        array = np.empty(math.prod(shape), dtype=object)
        array[:] = _decode_items(tree, blobs) if len(array) else array
        return array.reshape(shape)
    dtype = np.dtype(tree["dtype"])
    if dtype.kind not in _ARRAY_KINDS:
        raise WorkerError(f"an array over the pipe claims the type {dtype}.")
    blob = blobs[tree["blob"]]
    # An empty text type has no width, and numpy no way to read it from a buffer.
    array = np.frombuffer(blob, dtype=dtype).reshape(shape) if len(blob) else np.empty(shape, dtype=dtype)
    return array[()] if tree["scalar"] else array


def _encode_pandas(value: Any, blobs: list[Blob]) -> dict[str, Any]:
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        return _encode_frame(value, blobs)
    if isinstance(value, pd.Series):
        frame = value.to_frame(name="values")
        frame.attrs = value.attrs
        return {TAG: "series", "name": _encode(value.name, blobs), "frame": _encode_frame(frame, blobs)}
    if isinstance(value, pd.Index):
        return {TAG: "index", "content": _encode_index(value, blobs)}
    raise InputError(f"a pandas {type(value).__name__} cannot be sent to a child process.")


def _decode_series(tree: Mapping[str, Any], blobs: Sequence[bytearray]) -> pd.Series:
    frame = _decode_frame(tree["frame"], blobs)
    series = frame["values"].rename(_decode(tree["name"], blobs))
    series.attrs = frame.attrs
    return series


def _encode_index(index: pd.Index, blobs: list[Blob]) -> dict[str, Any]:
    import pandas as pd

    names = _encode(list(index.names), blobs)
    if isinstance(index, pd.RangeIndex):
        return {"range": [index.start, index.stop, index.step], "names": names}
    numbered = pd.RangeIndex(len(index))
    levels = pd.DataFrame({i: index.get_level_values(i).to_series(numbered) for i in range(index.nlevels)})
    return {"levels": _encode_frame(levels, blobs), "multi": isinstance(index, pd.MultiIndex), "names": names}


def _decode_index(tree: Mapping[str, Any], blobs: Sequence[bytearray]) -> pd.Index:
    import pandas as pd

    names = _decode(tree["names"], blobs)
    if "range" in tree:
        start, stop, step = tree["range"]
        return pd.RangeIndex(start, stop, step, name=names[0])
    levels = _decode_frame(tree["levels"], blobs)
    index = pd.MultiIndex.from_frame(levels) if tree["multi"] else pd.Index(levels[0])
    if not tree["multi"] and index.dtype != levels[0].dtype:
        index = index.astype(levels[0].dtype)
    index.names = names
    return index


def _encode_frame(frame: pd.DataFrame, blobs: list[Blob]) -> dict[str, Any]:
    """A table as one Arrow stream, except columns of mixed objects, which go value by value."""
    import pandas as pd
    import pyarrow as pa

    repeated = frame.columns[frame.columns.duplicated()].unique()
    if len(repeated):
        raise InputError(f"the table has repeated column names: {listing(repeated)}. Rename them.")
    objects, arrays, columns = {}, {}, []
    for position, label in enumerate(frame.columns):
        column = frame.iloc[:, position]
        note: dict[str, Any] = {"dtype": str(column.dtype)}
        if isinstance(column.dtype, pd.CategoricalDtype):
            note |= {
                "categories": _encode_index(column.cat.categories, blobs),
                "ordered": bool(column.cat.ordered),
            }
            arrays[str(position)] = pa.array(column.cat.codes.to_numpy())
        elif column.dtype == object and pd.api.types.infer_dtype(column, skipna=False) != "string":
            objects[str(position)] = [_encode(item, blobs) for item in column.tolist()]
        else:
            try:
                arrays[str(position)] = pa.array(column, from_pandas=True)
            except (pa.ArrowException, TypeError, ValueError) as error:
                raise InputError(
                    f"column '{label}' of type {column.dtype} cannot be sent to a child process: {error}"
                ) from error
        columns.append(note)
    table = pa.table(arrays)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    blobs.append(memoryview(sink.getvalue()))
    return {
        TAG: "frame",
        "blob": len(blobs) - 1,
        "objects": objects,
        "columns": columns,
        "labels": [_encode(label, blobs) for label in frame.columns],
        "multi": isinstance(frame.columns, pd.MultiIndex),
        "label_names": _encode(list(frame.columns.names), blobs),
        "index": _encode_index(frame.index, blobs),
        "attrs": _encode_attrs(frame.attrs, blobs),
    }


def _encode_attrs(attrs: Mapping[Any, Any], blobs: list[Blob]) -> Any:
    """Notes pinned to a table, those that can cross; pandas promises nothing about the others either."""
    kept = {}
    for name, value in attrs.items():
        try:
            encode(value)
        except InputError:
            continue
        kept[name] = value
    return _encode(kept, blobs)


def _decode_frame(tree: Mapping[str, Any], blobs: Sequence[bytearray]) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa

    try:
        table = pa.ipc.open_stream(pa.py_buffer(blobs[tree["blob"]])).read_all()
    except pa.ArrowException as error:
        raise WorkerError(f"a table over the pipe cannot be read: {error}") from error
    index = _decode_index(tree["index"], blobs)
    series = []
    for position, note in enumerate(tree["columns"]):
        key = str(position)
        if key in tree["objects"]:
            column = pd.Series(_decode(tree["objects"][key], blobs), dtype=object)
        elif "categories" in note:
            codes = table[key].to_numpy()
            categories = _decode_index(note["categories"], blobs)
            column = pd.Series(pd.Categorical.from_codes(codes, categories, ordered=note["ordered"]))
        else:
            column = table[key].to_pandas()
            column = column if str(column.dtype) == note["dtype"] else column.astype(note["dtype"])
        series.append(column.set_axis(index, axis=0))
    frame = pd.concat(series, axis=1) if series else pd.DataFrame(index=index)
    labels, names = _decode(tree["labels"], blobs), _decode(tree["label_names"], blobs)
    frame.columns = pd.MultiIndex.from_tuples(labels, names=names) if tree["multi"] else pd.Index(labels, name=names[0])
    frame.attrs = _decode(tree["attrs"], blobs)
    return frame


_DECODERS = {
    "float": lambda tree, _: float(tree["text"]),
    "dict": lambda tree, blobs: {_decode(key, blobs): _decode(item, blobs) for key, item in tree["items"]},
    "tuple": lambda tree, blobs: tuple(_decode_items(tree, blobs)),
    "set": lambda tree, blobs: set(_decode_items(tree, blobs)),
    "frozenset": lambda tree, blobs: frozenset(_decode_items(tree, blobs)),
    "array": _decode_array,
    "dataclass": _decode_dataclass,
    "frame": _decode_frame,
    "series": _decode_series,
    "index": lambda tree, blobs: _decode_index(tree["content"], blobs),
}
