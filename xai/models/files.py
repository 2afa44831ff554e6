"""Native model files: told apart by content, checked, then opened in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from ..core.errors import ModelError, XaiError
from ..core.provenance import hash_file
from . import structure, ubjson
from .base import Model, library_text
from .wrap import wrap_model

FileKind = Literal["xgboost-json", "xgboost-ubj", "lightgbm-txt", "catboost-cbm", "catboost-json"]

MAX_BYTES = 1 << 30
"""Largest model file that is opened, 1 GiB."""

_ACCEPTED = (
    "accepted are XGBoost .json and .ubj, LightGBM .txt, and CatBoost .cbm and .json, as each library's "
    "save_model writes them"
)
# First bytes of what may hold a pickle: pickle itself, gzip and zlib as joblib writes, zip as torch and skops write.
_PICKLES = (
    b"\x80\x02",
    b"\x80\x03",
    b"\x80\x04",
    b"\x80\x05",
    b"\x1f\x8b",
    b"\x78\x01",
    b"\x78\x9c",
    b"\x78\xda",
    b"PK",
)
_UBJSON_TYPES = b"iUIlLdDCSHTFZN[{$#"


def sniff(path: str | Path) -> FileKind:
    """What kind of model a file holds, by its content.

    Raises
    ------
    ModelError
        If there is no such file, it is empty or too large, or it holds none of the accepted kinds.
    """
    return _identify(Path(path))[0]


def open_model(path: str | Path, output: str | None = None) -> Model:
    """Open a native XGBoost, LightGBM or CatBoost file in this process.

    Damaged files can crash the libraries themselves: files from elsewhere belong in a child process
    (``xai.load_model``). What a cheap check of the structure can tell is refused before a library sees it.

    Parameters
    ----------
    path
        The file; its suffix does not matter.
    output
        As in :func:`xai.models.wrap_model`.

    Raises
    ------
    ModelError
        If the file is missing, empty, too large, of no accepted kind, damaged, or refused by its library.
    """
    path = Path(path)
    kind, content = _identify(path)
    reader = _READERS[kind]
    try:
        model = wrap_model(reader(path, content), output)
        digest = hash_file(path)
    except XaiError:
        raise
    except Exception as error:
        # A foreign library may raise anything; nothing is lost, the cause is chained.
        library = kind.partition("-")[0]
        raise ModelError(f"{path.name} could not be opened by {library}: {library_text(error)}") from error
    return replace(model, known_hash=digest)


def _identify(path: Path) -> tuple[FileKind, Any]:
    """The kind, and the content where telling it meant reading it (JSON and text)."""
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
    if size > MAX_BYTES:
        raise ModelError(f"{path.name} has {size >> 20} MiB; model files of up to {MAX_BYTES >> 20} MiB are opened.")
    if head.startswith(b"CBM1"):
        return "catboost-cbm", size
    if head.startswith((b"tree\n", b"tree\r\n")):
        return "lightgbm-txt", _text(path)
    if head[:1] == b"{" and head[1:2] and head[1] in _UBJSON_TYPES:
        return "xgboost-ubj", None
    if head.lstrip()[:1] == b"{":
        return _identify_json(path)
    if head.startswith(_PICKLES):
        raise ModelError(
            f"{path.name} looks like a pickle, joblib, torch or zip file. Such files can run code when they are "
            f"opened, so they are never opened here: {_ACCEPTED}."
        )
    raise ModelError(f"{path.name} is no model file that is known here: {_ACCEPTED}.")


def _identify_json(path: Path) -> tuple[FileKind, Any]:
    try:
        content = json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path.name} starts like JSON but cannot be read to its end: {error}") from error
    if isinstance(content, dict) and "learner" in content:
        return "xgboost-json", content
    if isinstance(content, dict) and ("oblivious_trees" in content or "features_info" in content):
        return "catboost-json", content
    raise ModelError(f"{path.name} is JSON but holds no XGBoost or CatBoost model: {_ACCEPTED}.")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ModelError(f"{path.name} starts like a text model but holds bytes that are no text.") from error


def _read_xgboost(path: Path, content: Any) -> Any:
    import xgboost

    binary = path.read_bytes()
    structure.check_xgboost(ubjson.decode(binary, path.name) if content is None else content, path.name)
    booster = xgboost.Booster()
    # Through memory: the library would trust the suffix, and we went by the content.
    booster.load_model(bytearray(binary))
    return booster


def _read_lightgbm(path: Path, content: Any) -> Any:
    import lightgbm

    structure.check_lightgbm(content, path.name)
    return lightgbm.Booster(model_str=content)


def _read_catboost(path: Path, content: Any) -> Any:
    import catboost

    binary = isinstance(content, int)
    if binary:
        structure.check_cbm(path)
    else:
        structure.check_catboost(content, path.name)
    model = catboost.CatBoost()
    model.load_model(str(path), format="cbm" if binary else "json")
    return model


_READERS: dict[FileKind, Callable[[Path, Any], Any]] = {
    "xgboost-json": _read_xgboost,
    "xgboost-ubj": _read_xgboost,
    "lightgbm-txt": _read_lightgbm,
    "catboost-cbm": _read_catboost,
    "catboost-json": _read_catboost,
}
