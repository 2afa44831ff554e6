"""Zip files that are bombs, lead out of their folder, or lie about themselves."""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
from collections.abc import Iterator

import numpy as np
from corpus_common import UNICODE, Broken, unzipped, zipped


def zips(good: bytes, marker: str, rng: np.random.Generator) -> Iterator[Broken]:
    entries = unzipped(good)
    first, *_ = entries
    for name in ("../../evil.txt", "/etc/evil", "C:\\evil", "..\\evil", "a/../../evil", "a\x00b.npy"):
        yield Broken(f"an entry called {name!r}", zipped({**entries, name: b"evil"}))
    bomb = {**entries, "zeros.bin": bytes(64 << 20)}
    yield Broken("a zip bomb beside", zipped(bomb, zipfile.ZIP_DEFLATED))
    yield Broken("a zip bomb instead", zipped({**entries, first: bytes(64 << 20)}, zipfile.ZIP_DEFLATED))
    yield Broken("a lie about the unpacked size", _size_lie(zipped(bomb, zipfile.ZIP_DEFLATED)))
    yield Broken("an archive inside", zipped({**entries, "inner.zip": zipped(entries)}))
    yield Broken("30,000 entries", zipped({**entries, **{f"e{i}": b"" for i in range(30_000)}}))
    yield Broken("an entry twice", _twice(entries, first))
    yield Broken("a link to a secret", _link(entries, first))
    yield Broken("overlapping entries", _overlapping(good))
    yield Broken("another way of packing", _method(good, 97))
    yield Broken("encrypted, it says", _flag(good, 1))
    for name in UNICODE[:6]:
        if name:
            yield Broken(f"an entry called {name[:20]!r}", zipped({**entries, name: b"x"}))
    yield Broken("no entries", zipped({}))
    yield Broken("a comment of 60 KB", _comment(entries, b"x" * 60_000))
    yield Broken("another end within the comment", _comment(entries, b"PK\x05\x06" + b"\0" * 18))
    yield Broken("a list of entries beyond the end", good[:-6] + struct.pack("<I", 2**31 - 1) + good[-2:])
    yield Broken("a checksum that is wrong", _checksum(good, rng))


def _size_lie(content: bytes) -> bytes:
    """Every unpacked size in the list at the end becomes small."""
    changed = bytearray(content)
    for match in re.finditer(b"PK\x01\x02", content):
        changed[match.start() + 24 : match.start() + 28] = struct.pack("<I", 100)
    return bytes(changed)


def _twice(entries: dict[str, bytes], name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for key, content in entries.items():
            archive.writestr(key, content)
        info = zipfile.ZipInfo(name)
        archive.fp.flush()
        archive.NameToInfo.pop(name)
        archive.writestr(info, b"the other one")
    return out.getvalue()


def _link(entries: dict[str, bytes], name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for key, content in entries.items():
            info = zipfile.ZipInfo(key)
            if key == name:
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, b"/etc/passwd" if key == name else content)
    return out.getvalue()


def _overlapping(good: bytes) -> bytes:
    """All entries of the list at the end point to the first one's bytes."""
    changed = bytearray(good)
    for match in re.finditer(b"PK\x01\x02", good):
        changed[match.start() + 42 : match.start() + 46] = b"\0\0\0\0"
    return bytes(changed)


def _method(good: bytes, method: int) -> bytes:
    changed = bytearray(good)
    for magic, offset in ((b"PK\x01\x02", 10), (b"PK\x03\x04", 8)):
        for match in re.finditer(magic, good):
            changed[match.start() + offset : match.start() + offset + 2] = struct.pack("<H", method)
    return bytes(changed)


def _flag(good: bytes, flag: int) -> bytes:
    changed = bytearray(good)
    for magic, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        for match in re.finditer(magic, good):
            changed[match.start() + offset] |= flag
    return bytes(changed)


def _comment(entries: dict[str, bytes], comment: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
        archive.comment = comment
    return out.getvalue()


def _checksum(good: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(good)
    match = re.search(b"PK\x01\x02", good)
    assert match is not None
    changed[match.start() + 16 : match.start() + 20] = rng.bytes(4)
    return bytes(changed)
