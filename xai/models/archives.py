"""Zip files from elsewhere: looked at whole before anything in them is unpacked."""

from __future__ import annotations

import stat
import struct
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..core.errors import InputError, XaiError

_END, _END64, _LOCATOR64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_END_SIZE, _COMMENT = 22, 0xFFFF
_MAX_DIRECTORY = 8 << 20
"""Largest list of entries that is read, in bytes: it says how much memory looking at the file takes."""
_NESTED = (".zip", ".jar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".tar", ".zst", ".whl")


@dataclass(frozen=True)
class ZipLimits:
    """What a zip file may hold.

    Attributes
    ----------
    entries
        Most entries.
    total
        Most bytes when unpacked, all entries together.
    ratio
        How many times larger than packed an entry, and the whole, may become; entries of under 64 KiB may pack better.
    """

    entries: int = 20_000
    total: int = 2 << 30
    ratio: float = 100.0


@contextmanager
def checked_zip(
    path: Path, limits: ZipLimits | None = None, error: type[XaiError] = InputError
) -> Iterator[zipfile.ZipFile]:
    """A zip file, open for reading, once :func:`check_zip` has found nothing wrong.

    Raises
    ------
    XaiError
        Of class ``error``, naming the file and the entry that cannot be accepted.
    """
    try:
        _check_end(path, error)
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError, UnicodeError) as reason:
        raise error(f"{path.name} is damaged or cut short: it cannot be read as a zip file ({reason}).") from reason
    with archive:
        check_zip(archive, path, limits, error)
        yield archive


def check_zip(
    archive: zipfile.ZipFile, path: Path, limits: ZipLimits | None = None, error: type[XaiError] = InputError
) -> None:
    """Number, sizes and names of the entries, by the directory at the file's end alone.

    Raises
    ------
    XaiError
        Of class ``error``: too many or too large entries, entries that overlap, repeat or are packed too well, names
        that lead out of a folder, links, encrypted entries, archives inside.
    """
    limits = limits or ZipLimits()
    entries = archive.infolist()
    if len(entries) > limits.entries:
        raise error(f"{path.name} holds {len(entries):,} entries; at most {limits.entries:,} are read.")
    total = sum(entry.file_size for entry in entries)
    packed = path.stat().st_size
    if total > limits.total:
        raise error(f"{path.name} would unpack to {_size(total)}; at most {_size(limits.total)} are read.")
    if total > limits.ratio * packed:
        raise error(f"{path.name} would unpack to {total / packed:,.0f} times its size; at most {limits.ratio:g}.")
    for entry in entries:
        _check_entry(entry, path.name, limits, error)
    repeated = [name for name, count in Counter(entry.filename.rstrip("/") for entry in entries).items() if count > 1]
    if repeated:
        raise error(f"{path.name} holds '{_shown(repeated[0])}' twice: nobody could tell which one counts.")
    _check_overlap(entries, packed, path.name, error)


def read_entry(archive: zipfile.ZipFile, name: str, limit: int, error: type[XaiError] = InputError) -> bytes:
    """The content of an entry of at most ``limit`` bytes.

    Raises
    ------
    XaiError
        Of class ``error``, if it is larger, damaged, or packed in a way that is not known.
    """
    what = f"'{_shown(name)}' in {Path(str(archive.filename)).name}"
    if archive.getinfo(name).file_size > limit:
        raise error(f"{what} has {_size(archive.getinfo(name).file_size)}; at most {_size(limit)} are read.")
    try:
        return archive.read(name)
    except (OSError, zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError) as reason:
        # What the reason quotes of the file may be any bytes.
        raise error(f"{what} is damaged: {str(reason).partition(' and header b')[0][:200]}.") from reason
    except Exception as reason:
        # zlib, lzma and bz2 each have an error of their own.
        raise error(f"{what} cannot be unpacked: {reason}.") from reason


def _check_entry(entry: zipfile.ZipInfo, file: str, limits: ZipLimits, error: type[XaiError]) -> None:
    what = f"'{_shown(entry.filename)}' in {file}"
    parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
    # zipfile cuts a name at a zero byte: what it was called before counts as well.
    if "\0" in getattr(entry, "orig_filename", entry.filename) or not parts:
        raise error(f"{what} has a name that no file can have.")
    if ".." in parts or parts[0].startswith("/") or entry.filename.startswith("\\") or ":" in parts[0]:
        raise error(f"{what} has a name that leads out of its folder. Pack the folder again with an ordinary program.")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise error(f"{what} is a link or a device, not a file. Pack the files themselves.")
    if entry.flag_bits & 0x1:
        raise error(f"{what} is encrypted: pack the files without a password.")
    if entry.filename.lower().endswith(_NESTED):
        raise error(f"{what} is an archive inside an archive: unpack it first.")
    if entry.file_size > 1 << 16 and entry.file_size > limits.ratio * max(entry.compress_size, 1):
        times = entry.file_size / max(entry.compress_size, 1)
        raise error(f"{what} would unpack to {times:,.0f} times its size; at most {limits.ratio:g}.")


def _check_overlap(entries: list[zipfile.ZipInfo], packed: int, file: str, error: type[XaiError]) -> None:
    """Entries that share bytes are how small files unpack to enormous ones."""
    end = 0
    for entry in sorted(entries, key=lambda one: one.header_offset):
        if entry.header_offset < end or entry.header_offset + entry.compress_size > packed:
            raise error(f"'{_shown(entry.filename)}' in {file} overlaps another entry or the file's end.")
        # A local header has at least 30 bytes and the name.
        end = entry.header_offset + 30 + entry.compress_size


def _check_end(path: Path, error: type[XaiError]) -> None:
    """Size of the list of entries, read off the file's end before anything is made of it."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        stream.seek(max(0, size - _COMMENT - _END_SIZE - 20))
        tail = stream.read()
        at = tail.rfind(_END)
        if at < 0 or len(tail) < at + _END_SIZE:
            raise error(f"{path.name} is cut short or damaged: the list of entries at a zip file's end is missing.")
        (length,) = struct.unpack("<I", tail[at + 12 : at + 16])
        if at >= 20 and tail[at - 20 : at - 16] == _LOCATOR64:
            (offset,) = struct.unpack("<Q", tail[at - 12 : at - 4])
            if offset > size - 56:
                raise error(f"{path.name} is damaged: its list of entries lies beyond its end.")
            stream.seek(offset)
            record = stream.read(56)
            if record[:4] == _END64:
                (length,) = struct.unpack("<Q", record[40:48])
    if length > min(_MAX_DIRECTORY, size):
        raise error(f"{path.name} has a list of entries of {_size(length)}; at most {_size(_MAX_DIRECTORY)} are read.")


def _size(n: float) -> str:
    return f"{n / (1 << 20):,.1f} MiB" if n >= 1 << 20 else f"{n:,} bytes"


def _shown(name: str) -> str:
    """A name for a message: short, and without what would change the terminal or the page."""
    plain = "".join(letter if letter.isprintable() else "�" for letter in name)
    return plain if len(plain) <= 80 else plain[:77] + "..."
