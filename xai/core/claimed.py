"""Folders for temporary files that belong to one process: what a killed one leaves is removed by the next."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path
from typing import IO

from .errors import InputError

_LOCK = ".lock"
# Open as long as this process lives: they say that its folders are in use.
_locks: list[IO[str]] = []


def account_folder(name: str) -> Path:
    """Where this account keeps temporary files of one kind."""
    account = f"{os.getuid()}" if sys.platform != "win32" else "files"
    return Path(tempfile.gettempdir()) / f"{name}-{account}"


def claimed_folder(base: Path, prefix: str) -> Path:
    """A new folder of this process in ``base``, which only this account may enter.

    Folders of the same prefix whose process has ended are removed. A lock that the kernel frees with a process says
    which are alive; where there are no such locks, nothing is removed.

    Raises
    ------
    InputError
        If ``base`` belongs to another account or is no folder.
    """
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    if sys.platform == "win32":
        return Path(tempfile.mkdtemp(prefix=prefix, dir=base))
    found = base.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise InputError(f"{base} is no folder of this account.")
    base.chmod(0o700)
    import fcntl

    with (base / _LOCK).open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # one at a time: a folder must not be swept before it is locked
        for left in base.glob(f"{prefix}*"):
            if (lock := _hold(left)) is not None:
                shutil.rmtree(left, ignore_errors=True)
                lock.close()
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=base))
        if (lock := _hold(folder)) is not None:
            _locks.append(lock)
        return folder


def _hold(folder: Path) -> IO[str] | None:
    """The folder's lock, ``None`` if a living process holds it."""
    import fcntl

    stream = (folder / _LOCK).open("w")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.close()
        return None
    return stream
