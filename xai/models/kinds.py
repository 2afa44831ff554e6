"""What a model file is, by its content: a look at its first bytes and, of zip files, at the list of entries.

Cheap on purpose: a server may ask this of a file of any kind, in its own process.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Literal

from ..core.errors import ModelError
from . import refusals
from .archives import ZipLimits, checked_zip
from .trust import is_trusted

FileKind = Literal[
    "xgboost-json",
    "xgboost-ubj",
    "lightgbm-txt",
    "catboost-cbm",
    "catboost-json",
    "skops",
    "onnx",
    "safetensors",
    "torch-weights",
    "huggingface-zip",
    "pickle",
]

ACCEPTED = (
    "accepted are XGBoost .json and .ubj, LightGBM .txt, CatBoost .cbm and .json (as each library's save_model writes "
    "them), scikit-learn models as .skops, ONNX, weights of the networks that are known here (.safetensors, or "
    "torch.save of a state_dict), and a zipped Hugging Face folder with config.json and model.safetensors"
)
ZIP_LIMITS = ZipLimits()
_UBJSON_TYPES = b"iUIlLdDCSHTFZN[{$#"
_CHUNK = 1 << 20
# Keys that only one library writes; CatBoost's and XGBoost's both lie within an object of many others.
_JSON_KEYS: tuple[tuple[bytes, FileKind], ...] = (
    (b'"learner"', "xgboost-json"),
    (b'"oblivious_trees"', "catboost-json"),
    (b'"features_info"', "catboost-json"),
)
# Fields of an ONNX ModelProto and how each is written: 0 a number, 2 bytes with their length.
_ONNX_FIELDS = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}
_VERSION, _GRAPH = 1, 7


def identify(path: Path, max_bytes: int) -> FileKind:
    """The kind of a file of at most ``max_bytes``.

    Raises
    ------
    ModelError
        If there is no such file, it is empty or too large, or it holds none of the accepted kinds.
    """
    if not path.is_file():
        raise ModelError(f"there is no file {path}." if not path.exists() else f"{path} is no file.")
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(64)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.") from error
    if size == 0:
        raise ModelError(f"{path.name} is empty.")
    if size > max_bytes:
        raise ModelError(f"{path.name} has {size >> 20} MiB; model files of up to {max_bytes >> 20} MiB are opened.")
    if head.startswith(b"PK"):
        return _of_zip(path)
    kind = _of_head(head, size) or _of_refused(path.name, head)
    if kind is not None:
        return kind
    if head.lstrip()[:1] == b"{":
        return _of_json(path)
    if looks_like_onnx(path):
        return "onnx"
    raise ModelError(f"{path.name} is no model file that is known here: {ACCEPTED}.")


def _of_refused(name: str, head: bytes) -> FileKind | None:
    """``"pickle"`` where the operator trusts those; ``None`` for files that nothing speaks against."""
    reason = refusals.by_head(head)
    if reason is None:
        return None
    if reason in {refusals.PICKLE, refusals.JOBLIB} and is_trusted():
        return "pickle"
    raise ModelError(f"{name} is {reason}.")


def _of_head(head: bytes, size: int) -> FileKind | None:
    if head.startswith(b"CBM1"):
        return "catboost-cbm"
    if head.startswith((b"tree\n", b"tree\r\n")):
        return "lightgbm-txt"
    # A safetensors file begins with the length of its JSON head, so its ninth byte opens an object.
    if head[8:9] == b"{" and struct.unpack("<Q", head[:8])[0] < max(size, 1 << 32):
        return "safetensors"
    if head[:1] == b"{" and head[1:2] and head[1] in _UBJSON_TYPES:
        return "xgboost-ubj"
    return None


def _of_json(path: Path) -> FileKind:
    found = _first_key(path)
    if found is not None:
        return found
    try:
        if path.stat().st_size <= _CHUNK:
            json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path.name} starts like JSON but cannot be read to its end: {error}") from error
    raise ModelError(f"{path.name} is JSON but holds no XGBoost or CatBoost model: {ACCEPTED}.")


def _first_key(path: Path) -> FileKind | None:
    """The library whose key comes first, found without reading the file as JSON or keeping it."""
    kept = b""
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            window = kept + chunk
            places = [(window.find(key), kind) for key, kind in _JSON_KEYS]
            found = [(at, kind) for at, kind in places if at >= 0]
            if found:
                return min(found)[1]
            kept = window[-32:]
    return None


def _of_zip(path: Path) -> FileKind:
    with checked_zip(path, ZIP_LIMITS, ModelError) as archive:
        names = archive.namelist()
    last = {name.rsplit("/", 1)[-1] for name in names}
    if "schema.json" in names:
        return "skops"
    reason = refusals.by_names(names)
    if reason is not None:
        raise ModelError(f"{path.name} is {reason}.")
    if "data.pkl" in last:
        return "torch-weights"
    if "config.json" in last:
        return "huggingface-zip"
    if any(name.lower().endswith((".png", ".jpg", ".jpeg", ".dcm")) for name in last):
        raise ModelError(f"{path.name} is a zip file of pictures, not a model: give it where images are asked for.")
    if any(name.lower().endswith((".csv", ".parquet", ".tsv")) for name in last):
        raise ModelError(f"{path.name} is a zip file with a table, not a model: unpack it, and give the table as data.")
    raise ModelError(f"{path.name} is a zip file, but holds no model that is known here: {ACCEPTED}.")


def looks_like_onnx(path: Path) -> bool:
    """Whether the outermost fields are those of an ONNX model, a graph among them.

    One that is damaged or cut short within or behind its graph counts as well: its reader says so.
    """
    size = path.stat().st_size
    seen: set[int] = set()
    at = 0
    with path.open("rb") as stream:
        while at < size:
            stream.seek(at)
            window = stream.read(20)
            tag = _varint(window)
            value = None if tag is None else _varint(window[tag[1] :])
            if tag is None or value is None or _ONNX_FIELDS.get(tag[0] >> 3) != tag[0] & 7:
                break
            seen.add(tag[0] >> 3)
            at += tag[1] + value[1] + (value[0] if tag[0] & 7 == 2 else 0)
    return {_VERSION, _GRAPH} <= seen


def _varint(data: bytes) -> tuple[int, int] | None:
    """A number in protobuf's writing and how many bytes it took."""
    value = 0
    for position, byte in enumerate(data[:10]):
        value |= (byte & 0x7F) << (7 * position)
        if byte < 0x80:
            return value, position + 1
    return None
