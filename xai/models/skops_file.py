"""scikit-learn models as skops files: only types of a fixed list are made, and their trees are checked.

skops itself refuses what it does not know, but leaves two things to us: which types to allow beyond its own list, and
whether what is inside an allowed object holds together. Its trees keep raw node numbers, which scikit-learn follows
without looking (scikit-learn pull request 34558).
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..core.errors import MissingExtraError, ModelError, listing
from .archives import ZipLimits, checked_zip, read_entry
from .base import library_text
from .skops_types import FOREIGN, FUNCTIONS, LOADERS, TYPES
from .sound import check_estimator

MAX_SCHEMA = 32 << 20
"""Largest description of the objects, in bytes; reading it takes some twenty times as much memory."""
MAX_NODES = 2_000_000
_LIMITS = ZipLimits(entries=100_000, total=1 << 30)
_DEPTH = 200


def read_skops(path: Path) -> Any:
    """The estimator in a skops file.

    Raises
    ------
    ModelError
        If the file is damaged, too large, holds anything that is not on the list, or trees that lead nowhere.
    MissingExtraError
        If skops is not installed.
    """
    try:
        import skops.io as skops_io
    except ImportError as error:
        raise MissingExtraError("skops", "formats") from error
    with checked_zip(path, _LIMITS, ModelError) as archive:
        schema = _schema(archive, path.name)
        names = frozenset(archive.namelist())
    allowed = check_schema(schema, names, path.name)
    try:
        estimator = skops_io.load(path, trusted=sorted(allowed))
    except Exception as error:
        # Damaged content can make any part of numpy, scikit-learn or skops fail; the cause is chained.
        raise ModelError(f"{path.name} is damaged: skops could not read it: {library_text(error)}") from error
    check_estimator(estimator, path.name)
    return estimator


def check_schema(schema: Any, entries: frozenset[str], name: str) -> frozenset[str]:
    """Full names of the types and functions a description asks for, once all of them are on the list.

    Parameters
    ----------
    schema
        The content of ``schema.json``.
    entries
        Names of what else is in the file.
    name
        Of the file, for messages.

    Raises
    ------
    ModelError
        Naming what is not allowed, and for estimators of other libraries what to save instead.
    """
    wanted: set[str] = set()
    bad: set[str] = set()
    for node in _nodes(schema, name):
        try:
            loader, full = node["__loader__"], f"{node['__module__']}.{node['__class__']}"
        except KeyError as error:
            raise ModelError(f"{name} is damaged: an object in its schema.json has no {error}.") from error
        file = node.get("file")
        if file is not None and file not in entries:
            raise ModelError(f"{name} is damaged: its schema.json names '{file}', which is not in it.")
        if loader == "PartialNode" and not _wraps_function(node):
            bad.add(full)
        known = loader in LOADERS and full in (FUNCTIONS if loader == "FunctionNode" else TYPES)
        (wanted if known else bad).add(full)
    if bad:
        raise ModelError(_refusal(sorted(bad), name))
    return frozenset(wanted)


def _wraps_function(node: dict[str, Any]) -> bool:
    """Whether a partial object calls a function, which must be on the list, and not a class."""
    content = node.get("content")
    function = content.get("func") if isinstance(content, dict) else None
    return isinstance(function, dict) and function.get("__loader__") == "FunctionNode"


def _nodes(schema: Any, name: str) -> Iterator[dict[str, Any]]:
    """Every object that is described, however deep."""
    if not isinstance(schema, dict) or "__loader__" not in schema:
        raise ModelError(f"{name} is damaged: its schema.json describes no object.")
    waiting: list[tuple[Any, int]] = [(schema, 0)]
    found = 0
    while waiting:
        node, depth = waiting.pop()
        found += 1
        if found > MAX_NODES or depth > _DEPTH * 2:
            raise ModelError(f"{name} describes more objects, or deeper nested ones, than any model has.")
        if isinstance(node, dict):
            # skops goes by the loader alone, so whatever has one counts, wherever it stands.
            if "__loader__" in node or "__class__" in node or "__module__" in node:
                yield node
            waiting.extend((value, depth + 1) for value in node.values() if isinstance(value, (dict, list)))
        else:
            waiting.extend((value, depth + 1) for value in node if isinstance(value, (dict, list)))


def _schema(archive: zipfile.ZipFile, name: str) -> Any:
    text = read_entry(archive, "schema.json", MAX_SCHEMA, ModelError)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{name} is damaged: its schema.json cannot be read ({error}).") from error


def _refusal(bad: list[str], name: str) -> str:
    libraries = {full.partition(".")[0] for full in bad}
    for library, advice in FOREIGN.items():
        if library in libraries:
            return f"{name} holds a model of {advice}. In a skops file only objects of scikit-learn itself are opened."
    return (
        f"{name} holds objects that are not opened here, because nobody has checked that they are harmless: "
        f"{listing(bad, 6)}. Only models of scikit-learn itself are, without functions or classes of your own: "
        "build it of scikit-learn's own parts, or save it as ONNX with skl2onnx."
    )
