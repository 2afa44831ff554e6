"""Pickles of scikit-learn models, for operators who trust whoever may upload; off unless switched on at start.

``xai dashboard --trust-pickle`` sets ``HEMICYCLE_TRUST_PICKLE`` for the server and its child processes. Nothing a page
can do sets it, and no other way of opening a file ever ends here.
"""

from __future__ import annotations

import bz2
import gzip
import logging
import lzma
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ..core.errors import ModelError, listing
from ..core.provenance import hash_file
from .base import Model, library_text
from .pickles import imports
from .trust import is_trusted
from .wrap import wrap_model

MAX_UNPACKED = 2 << 30
_CHUNK = 1 << 20
_LOG = logging.getLogger(__name__)
_OPENERS: tuple[tuple[bytes, Callable[[Path], Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ", lzma.open),
    (b"\x5d\x00\x00", lzma.open),
)
# Names a pickle writes as text: module and name each on a line, or as two short texts before the import.
_LINES = re.compile(rb"c([A-Za-z_][\w.]{0,200})\n([A-Za-z_][\w.]{0,200})\n")
_TEXTS = re.compile(rb"\x8c.([A-Za-z_][\w.]{0,200})\x94?\x8c.([A-Za-z_][\w.]{0,200})\x94?\x93", re.DOTALL)


@dataclass(frozen=True)
class Contents:
    """What a pickle would import.

    Attributes
    ----------
    names
        Full names, sorted.
    complete
        Whether the file could be followed to its end; joblib's files with arrays cannot.
    hash
        SHA-256 of the file.
    """

    names: tuple[str, ...]
    complete: bool
    hash: str

    def text(self) -> str:
        """A sentence for people and for the log."""
        more = "" if self.complete else " (there may be more: the file holds arrays that cannot be looked through)"
        return f"SHA-256 {self.hash}; it imports {listing(self.names, 20)}{more}"


def contents(path: str | Path) -> Contents:
    """What a pickle or joblib file would import, read without running it.

    Raises
    ------
    ModelError
        If it cannot be unpacked, or would unpack to over 2 GiB.
    """
    path = Path(path)
    content = _unpacked(path)
    found = {b".".join(match.groups()).decode() for form in (_LINES, _TEXTS) for match in form.finditer(content)}
    try:
        found |= imports(content, path.name)
        complete = True
    except ModelError:
        complete = False
    return Contents(tuple(sorted(found)), complete, hash_file(path))


def open_trusted(path: str | Path, output: str | None = None) -> Model:
    """Unpickle a scikit-learn-like estimator, which runs whatever code the file holds.

    What it imports and its SHA-256 are logged first.

    Raises
    ------
    ModelError
        If the operator has not switched trust on, the file is damaged, or it holds no estimator.
    """
    path = Path(path)
    if not is_trusted():
        raise ModelError(
            f"{path.name} is a pickle, which can run code when it is opened: only whoever starts the server can allow "
            "such files (xai dashboard --trust-pickle)."
        )
    _LOG.warning("opening the trusted pickle %s: %s", path.name, contents(path).text())
    import joblib  # type: ignore[import-untyped]

    try:
        obj = joblib.load(path)
    except Exception as error:
        # Unpickling runs code of any kind, which fails in any way; the cause is chained.
        raise ModelError(f"{path.name} could not be unpickled: {library_text(error)}") from error
    return wrap_model(obj, output)


def _unpacked(path: Path) -> bytes:
    with path.open("rb") as stream:
        head = stream.read(6)
    opener = next((one for magic, one in _OPENERS if head.startswith(magic)), None)
    try:
        if opener is not None:
            with opener(path) as stream:
                return _limited(stream, path.name)
        content = path.read_bytes()
        if head[:1] == b"\x78":
            reader = zlib.decompressobj()
            content = reader.decompress(content, MAX_UNPACKED)
            if reader.unconsumed_tail:
                raise ModelError(f"{path.name} would unpack to over 2 GiB.")
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise ModelError(f"{path.name} is damaged: it cannot be unpacked ({error}).") from error
    return content


def _limited(stream: IO[bytes], name: str) -> bytes:
    parts, size = [], 0
    while part := stream.read(_CHUNK):
        size += len(part)
        if size > MAX_UNPACKED:
            raise ModelError(f"{name} would unpack to over 2 GiB.")
        parts.append(part)
    return b"".join(parts)
