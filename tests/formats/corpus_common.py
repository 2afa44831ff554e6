"""What every part of the corpus is made of."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass

UNICODE = (
    "Größe",
    "年齢",
    "\u202egnp.exe",
    "a\u0301\u0302",
    "\U0001f9e0" * 40,
    "x" * 20_000,
    "a\x00b",
    "../a",
    "$(touch x)",
    "",
)
NUMBERS = (
    "99999999",
    "-1",
    "-7",
    "2147483648",
    "9223372036854775808",
    "1e308",
    "NaN",
    "-0",
    "0",
    "1" * 400,
    "4294967295",
)


@dataclass(frozen=True)
class Broken:
    """One broken file: what was done, its content, and the suffix it comes under."""

    what: str
    content: bytes
    suffix: str = ".bin"


class Trap:
    """Unpickling this writes the marker."""

    def __init__(self, marker: str) -> None:
        self.marker = marker

    def __reduce__(self):
        return exec, (f"open({self.marker!r}, 'w').close()",)


def torch_zip(entries: dict[str, bytes], prefix: str = "archive/") -> bytes:
    """Entries in a folder, as torch packs them."""
    return zipped({prefix + name: content for name, content in entries.items()})


def zipped(entries: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip file in memory."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return out.getvalue()


def unzipped(content: bytes) -> dict[str, bytes]:
    """Entries of a zip file in memory."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
