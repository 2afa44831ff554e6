"""Results as JSON and back: every number to the last bit, read by the types their dataclasses declare.

Fields marked with :data:`NOT_SAVED` stay behind: fitted models, and row by row values that only serve to compute the
others. They are ``None`` in what is read back.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import MappingProxyType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from ..core.errors import InputError

T = TypeVar("T")

NOT_SAVED = MappingProxyType({"saved": False})
"""Metadata of a dataclass field that stays out of files."""

VERSION = 1


def to_json(result: Any, path: str | Path | None = None) -> str:
    """JSON text of a result of this package, written to ``path`` if given.

    Options and hyper-parameters that are objects are written as their ``repr``.
    """
    head = {"format": _format(type(result))}
    text = json.dumps(head | _encode(result), ensure_ascii=False, allow_nan=False)
    if path is not None:
        Path(path).write_text(text + "\n", encoding="utf-8")
    return text


def from_json(cls: type[T], path: str | Path) -> T:
    """Read what :func:`to_json` wrote.

    Raises
    ------
    InputError
        If the file is missing, is no JSON, or is another result than ``cls``.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    return from_text(cls, text, str(path))


def from_text(cls: type[T], text: str, source: str = "the text") -> T:
    """Read JSON text; ``source`` is what an error calls it.

    Raises
    ------
    InputError
        If it is no JSON, or another result than ``cls``.
    """
    try:
        body = json.loads(text)
        found = body.get("format")
        if found == _format(cls):
            result: T = _decode(cls, body)
            return result
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{source} holds no {cls.__name__} ({type(error).__name__}: {error}).") from error
    raise InputError(f"{source} holds no {cls.__name__} of this version: its format is {found!r}.")


def _format(cls: type) -> str:
    return f"hemicycle/{cls.__name__}/{VERSION}"


def _encode(value: Any) -> Any:  # noqa: PLR0911 - one return a type
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        # JSON has no NaN or infinity: they travel as strings, which float() reads back.
        return value if math.isfinite(value) else str(value)
    if isinstance(value, list | tuple):
        return [_encode(item) for item in value]
    if isinstance(value, np.ndarray):
        return _encode(value.tolist())
    if isinstance(value, Mapping):
        if all(isinstance(key, str) for key in value):
            return {key: _encode(item) for key, item in value.items()}
        return [[_encode(key), _encode(item)] for key, item in value.items()]
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _encode(getattr(value, f.name)) for f in fields(value) if f.metadata.get("saved", True)}
    return _encode_table(value)


def _encode_table(value: Any) -> Any:
    """A table or column of numbers; of anything else what it says of itself."""
    import pandas as pd

    if isinstance(value, pd.Series):
        return {"name": value.name, "index": list(value.index), "values": _encode(value.tolist())}
    if isinstance(value, pd.DataFrame):
        return {"index": list(value.index), "columns": {str(name): _encode(value[name].tolist()) for name in value}}
    return repr(value)


def _decode(hint: Any, value: Any) -> Any:  # noqa: PLR0911 - one return a type
    import pandas as pd

    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any or origin is Literal or hint in (bool, int, str):
        return value
    if hint is float:
        return float(value)
    if origin in (Union, UnionType):
        (kind,) = (one for one in arguments if one is not type(None))
        return None if value is None else _decode(kind, value)
    if origin is tuple:
        kinds = [arguments[0]] * len(value) if arguments[1:] == (...,) else arguments
        return tuple(_decode(kind, item) for kind, item in zip(kinds, value, strict=True))
    if origin is Mapping:
        items = value.items() if isinstance(value, dict) else value
        return {_decode(arguments[0], key): _decode(arguments[1], item) for key, item in items}
    if hint is np.ndarray:
        return np.array(value)
    if hint is pd.Series:
        return pd.Series([float(v) for v in value["values"]], index=value["index"], name=value["name"], dtype=float)
    if hint is pd.DataFrame:
        columns = {name: [float(v) for v in column] for name, column in value["columns"].items()}
        return pd.DataFrame(columns, index=value["index"])
    # Result modules import pandas for their types only.
    hints = get_type_hints(hint, localns={"pd": pd})
    known = {f.name for f in fields(hint) if f.metadata.get("saved", True)}
    return hint(**{name: _decode(hints[name], value[name]) for name in known})
