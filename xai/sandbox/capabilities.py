"""Give up the powers of root, where a process has them: a container often runs as root.

Source: capabilities(7), Linux.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from pathlib import Path

_VERSION_3 = 0x2008_0522
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 24, 38
_PR_CAP_AMBIENT, _CLEAR_ALL = 47, 4
# Reading what its owner alone may read stays possible for root, as the files of this package may belong to somebody
# else; which files are read is Landlock's business.
_KEPT = 1 << 2

_libc = ctypes.CDLL(None, use_errno=True)


def no_new_privileges() -> None:
    """No program this process runs can have more rights than it has; the filters ask for this.

    Raises
    ------
    OSError
        If the kernel refuses.
    """
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")


def drop() -> None:
    """Give up all capabilities but reading files, in all sets, for good.

    Raises
    ------
    OSError
        If the kernel refuses.
    """
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text(encoding="ascii"))
    for number in range(last + 1):
        if not _KEPT >> number & 1 and _libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0) != 0:
            code = ctypes.get_errno()
            if code != errno.EPERM:  # it may not drop what it does not have either
                raise OSError(code, f"capabilities: {os.strerror(code)}")
    _libc.prctl(_PR_CAP_AMBIENT, _CLEAR_ALL, 0, 0, 0)  # refused by kernels that have no such set
    header = ctypes.create_string_buffer(struct.pack("Ii", _VERSION_3, 0), 8)
    sets = ctypes.create_string_buffer(24)
    _check(_libc.capget(header, sets), "capabilities")
    kept = [word & (_KEPT if i < 3 else 0) for i, word in enumerate(struct.unpack("6I", sets.raw))]
    _check(_libc.capset(header, ctypes.create_string_buffer(struct.pack("6I", *kept), 24)), "capabilities")


def effective() -> int:
    """Capabilities in force, as a bit mask."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def _check(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
