"""Which files a process may read and write, for good, by the kernel's Landlock.

Source: landlock(7), Linux. A rule opens a folder with all below it, or one file; what no rule opens stays shut. What is
already open stays usable.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterable

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same numbers on every machine
_VERSION = 1
_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_READS = _READ_FILE | _READ_DIR
_FS_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}  # ABI that brought them
_NET_ABI, _NET_RIGHTS = 4, 3  # bind and connect of TCP
_SCOPE_ABI, _SCOPES = 6, 3  # abstract sockets of, and signals to, processes outside

_libc = ctypes.CDLL(None, use_errno=True)


def abi() -> int:
    """Version of Landlock in this kernel; 0 where there is none."""
    found = int(_libc.syscall(ctypes.c_long(_CREATE), None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION)))
    return max(found, 0)


def apply(reads: Iterable[str] | None, writes: Iterable[str], *, sockets: bool = False, programs: bool = False) -> int:
    """Bind this thread and all it starts from now on. Needs ``no_new_privs``.

    Parameters
    ----------
    reads
        Folders and files that may be read; those that do not exist are passed over. ``None``: everything.
    writes
        Folders and files that may be read, written, made and removed.
    sockets, programs
        Whether TCP, and whether running programs and signals to others, stay allowed.

    Returns
    -------
    int
        The ABI that was used; 0 where the kernel has no Landlock, and nothing is bound.

    Raises
    ------
    OSError
        If the kernel has it and refuses.
    """
    version = abi()
    if version == 0:
        return 0
    handled = max((mask for least, mask in _FS_RIGHTS.items() if least <= version))
    if programs:
        handled &= ~_EXECUTE
    if reads is None:
        handled &= ~_READS
    net = _NET_RIGHTS if version >= _NET_ABI and not sockets else 0
    scopes = _SCOPES if version >= _SCOPE_ABI and not programs and not sockets else 0
    attributes = struct.pack("QQQ", handled, net, scopes)
    # Older kernels know a shorter structure and refuse a longer one unless the rest is zero: it is, by the above.
    ruleset = _call(
        _CREATE, ctypes.create_string_buffer(attributes, len(attributes)), ctypes.c_size_t(_length(version))
    )
    try:
        for path in reads or ():
            _open(ruleset, path, handled & _READS)
        for path in writes:
            _open(ruleset, path, handled & ~_EXECUTE)
        _call(_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)
    return version


def _length(version: int) -> int:
    return 24 if version >= _SCOPE_ABI else 16 if version >= _NET_ABI else 8


def _open(ruleset: int, path: str, rights: int) -> None:
    """Add a rule for a path."""
    try:
        file = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return  # what cannot be reached needs no rule
    try:
        if not stat.S_ISDIR(os.fstat(file).st_mode):
            rights &= _OF_FILES
        rule = struct.pack("=Qi", rights, file)
        if rights:
            _call(
                _ADD,
                ctypes.c_int(ruleset),
                ctypes.c_int(_PATH_BENEATH),
                ctypes.create_string_buffer(rule, len(rule)),
                ctypes.c_uint32(0),
            )
    except OSError:
        os.close(file)
        raise
    # A rule is about an inode. Those of /proc are made anew whenever memory was short, unless somebody has them open:
    # there the descriptor, which can do nothing by itself, stays as long as the process.
    if not path.startswith("/proc/"):
        os.close(file)


def _call(number: int, *arguments: object) -> int:
    result = int(_libc.syscall(ctypes.c_long(number), *arguments, *([ctypes.c_uint32(0)] if number == _CREATE else [])))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"Landlock: {os.strerror(code)}")
    return result
