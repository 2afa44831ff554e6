"""The folder of a run: one writer at a time, and nothing half written under its final name."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from ..core.errors import InputError, listing

MANIFEST, SUMMARY, LOCK, INPUT = "manifest.json", "summary.json", ".lock", "input"
_UNFINISHED = ".unfinished-"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for one run; what an earlier run left unfinished is removed.

    Raises
    ------
    InputError
        If another run holds it, it cannot be written, or it holds other things.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror}.") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(f"another run is writing to {folder}: wait for it, or choose another folder.") from error
        for path in folder.rglob(f"{_UNFINISHED}*"):
            path.unlink()
        _check_empty(folder)
        yield
    finally:
        os.close(handle)


def _check_empty(folder: Path) -> None:
    """Results stand in a folder of their own: among data the next run would take them for some."""
    others = sorted(path.name for path in folder.iterdir() if path.name not in {INPUT, LOCK})
    if others and not (folder / MANIFEST).exists():
        raise InputError(f"{folder} holds other things ({listing(others)}): choose a new or an empty folder.")


def commit(path: Path, content: bytes | memoryview) -> None:
    """Write a file so that it is there whole or not at all, even if the machine stops.

    Raises
    ------
    InputError
        If the disk is full or the file cannot be written; nothing is left of it then.
    """
    # Machines may write the same part at the same time, one of them given up for lost by a cluster.
    unfinished = path.parent / f"{_UNFINISHED}{uuid4().hex}-{path.name}"
    try:
        _make(path.parent)
        with unfinished.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        advice = " Make room and start the run again: finished parts are kept." if full else ""
        raise InputError(f"{path} cannot be written: {error.strerror}.{advice}") from error


def _make(folder: Path) -> None:
    """A folder and those above it, each entered in the one above for good."""
    if not folder.is_dir():
        _make(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def commit_json(path: Path, content: dict[str, Any]) -> None:
    """:func:`commit` of a readable JSON file."""
    commit(path, (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode())


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises
    ------
    InputError
        If the file is missing or damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path.parent} holds no finished run: there is no {path.name}.") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} is no {path.name} of a run.")
    return content
