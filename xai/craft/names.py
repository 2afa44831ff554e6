"""Names a person gave to concepts, kept beside the concepts they were given to, so that they find them again."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError
from .bank import match

KIND = "concept names"
_SAME = 0.99  # cosine from which two concepts are one: another seed or a few more pictures do not make another
_DIGITS = 4
_OTHER = "this is no file of concept names: it must be one that was exported with them."
_NUMBERED = re.compile(r"concept \d+")  # what concepts are called before anybody names them


def names_record(names: tuple[str, ...], bank: np.ndarray, layer: str) -> dict[str, Any]:
    """Names of concepts ``(r, p)`` behind a layer as JSON types, for :func:`names_from`."""
    longest = np.linalg.norm(bank, axis=1, keepdims=True)
    unit = np.round(bank / np.where(longest > 0, longest, 1.0), _DIGITS)
    return {"kind": KIND, "layer": layer, "names": list(names), "bank": unit.tolist()}


def names_from(text: str, bank: np.ndarray, layer: str) -> dict[int, str]:
    """Position of each concept ``(r, p)`` that somebody named in the text to that name.

    Parameters
    ----------
    text
        JSON of :func:`names_record`, by itself or as the entry ``"named"`` of an object.

    Raises
    ------
    InputError
        If the text holds no names, or names of none of these concepts.
    """
    try:
        record = json.loads(text)
        record = record.get("named", record)
        kind, theirs = record["kind"], str(record["layer"])
        names, known = [str(name) for name in record["names"]], np.array(record["bank"], dtype=float)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(_OTHER) from error
    if kind != KIND:
        raise InputError(_OTHER)
    if theirs != layer or known.ndim != 2 or known.shape != (len(names), bank.shape[1]) or not np.isfinite(known).all():
        raise InputError(f"these are names of concepts behind layer '{theirs}' of a model; these are behind '{layer}'.")
    found = match(known, bank)
    same = {
        int(mine): names[int(other)]
        for (other, mine), cosine in zip(found.pairs, found.cosines, strict=True)
        if cosine >= _SAME
    }
    if not same:
        raise InputError("these are names of other concepts: none of them is among those found here.")
    return {i: name for i, name in same.items() if not _NUMBERED.fullmatch(name)}


def branches(text: str) -> tuple[str, ...]:
    """Texts for :func:`names_from`: each entry of a list, such as the page writes of a tree, or the text itself.

    Raises
    ------
    InputError
        If it is no JSON.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(_OTHER) from error
    return tuple(json.dumps(one) for one in found) if isinstance(found, list) and found else (text,)


def read(path: str | os.PathLike[str]) -> str:
    """The text of a file of names.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as text: {error}.") from error
