"""Universal Binary JSON, as XGBoost writes it: every length is checked against the file before anyone trusts it.

A library that believes a damaged length may ask for all memory there is. Format: ubjson.org, draft 12.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.errors import ModelError

# Marker to numpy type; numbers are big-endian.
_NUMBERS = {b"i": ">i1", b"U": ">u1", b"I": ">i2", b"l": ">i4", b"L": ">i8", b"d": ">f4", b"D": ">f8"}
_CONSTANTS = {b"Z": None, b"T": True, b"F": False}
_DEPTH = 64


def decode(content: bytes, name: str) -> Any:
    """Objects as dicts, typed arrays as numpy arrays, everything else as the Python type.

    Parameters
    ----------
    content
        The whole file.
    name
        Its name, for messages.

    Raises
    ------
    ModelError
        If a length reaches beyond the end, a marker is unknown, or anything follows the value.
    """
    reader = _Reader(content, name)
    value = reader.value(reader.take(1), 0)
    if reader.at != len(content):
        raise reader.damaged(f"{len(content) - reader.at} bytes follow its end")
    return value


class _Reader:
    def __init__(self, content: bytes, name: str) -> None:
        self.content, self.name, self.at = content, name, 0

    def damaged(self, why: str) -> ModelError:
        return ModelError(f"{self.name} is damaged or cut short: {why}.")

    def take(self, n: int) -> bytes:
        if n < 0 or self.at + n > len(self.content):
            raise self.damaged(f"at byte {self.at} it announces {n} bytes, but {len(self.content) - self.at} are left")
        self.at += n
        return self.content[self.at - n : self.at]

    def number(self, marker: bytes) -> Any:
        dtype = np.dtype(_NUMBERS[marker])
        return np.frombuffer(self.take(dtype.itemsize), dtype)[0].item()

    def length(self) -> int:
        marker = self.take(1)
        if marker not in _NUMBERS or marker in b"dD":
            raise self.damaged(f"byte {self.at - 1} should begin a length")
        return int(self.number(marker))

    def text(self) -> str:
        try:
            return self.take(self.length()).decode()
        except UnicodeDecodeError:
            raise self.damaged(f"the text before byte {self.at} is no UTF-8") from None

    def value(self, marker: bytes, depth: int) -> Any:
        if depth > _DEPTH:
            raise self.damaged(f"it is nested more than {_DEPTH} deep")
        if marker in _NUMBERS:
            return self.number(marker)
        if marker in _CONSTANTS:
            return _CONSTANTS[marker]
        if marker == b"S":
            return self.text()
        if marker == b"C":
            return self.take(1).decode("latin-1")
        if marker == b"[":
            return self._array(depth + 1)
        if marker == b"{":
            return self._object(depth + 1)
        raise self.damaged(f"byte {self.at - 1} holds the unknown marker {marker!r}")

    def _head(self) -> tuple[bytes, int | None]:
        """Type and count of a container, empty and ``None`` where it does not announce them."""
        kind, count = b"", None
        if self.content[self.at : self.at + 1] == b"$":
            self.take(1)
            kind = self.take(1)
        if self.content[self.at : self.at + 1] == b"#":
            self.take(1)
            count = self.length()
            # Whatever stands in a container takes at least a byte, but for constants, of which nobody needs many.
            if not 0 <= count <= len(self.content):
                raise self.damaged(f"before byte {self.at} it announces {count} entries")
        elif kind:
            raise self.damaged(f"before byte {self.at} a typed list has no length")
        return kind, count

    def _array(self, depth: int) -> Any:
        kind, count = self._head()
        if kind in _NUMBERS and count is not None:
            dtype = np.dtype(_NUMBERS[kind])
            return np.frombuffer(self.take(count * dtype.itemsize), dtype)
        entries: list[Any] = []
        while count is None or len(entries) < count:
            marker = kind or self.take(1)
            if count is None and marker == b"]":
                break
            entries.append(self.value(marker, depth))
        return entries

    def _object(self, depth: int) -> dict[str, Any]:
        kind, count = self._head()
        entries: dict[str, Any] = {}
        read = 0
        while count is None or read < count:
            if count is None and self.content[self.at : self.at + 1] == b"}":
                self.take(1)
                break
            key = self.text()
            entries[key] = self.value(kind or self.take(1), depth)
            read += 1
        return entries
