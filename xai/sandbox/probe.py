"""A worker tries what it must not be able to do, and says what came of it."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

Progress = Callable[[float, str], None]

_LIMITS = {
    "memory": "RLIMIT_DATA", "cpu": "RLIMIT_CPU", "file_size": "RLIMIT_FSIZE", "open_files": "RLIMIT_NOFILE",
    "core_dump": "RLIMIT_CORE",
}  # fmt: skip


def probe(port: int, outside: str, progress: Progress) -> dict[str, Any]:  # noqa: ARG001 - one shape for all tasks
    """Try to get out.

    Parameters
    ----------
    port
        Where the parent listens on this machine: a connection there must fail.
    outside
        A folder of the parent's with a file named ``secret`` in it.

    Returns
    -------
    dict
        ``"attempts"``: attempt to the reason why it failed, ``None`` where it went through; ``"limits"``: name to
        bound, ``None`` for none; ``"in_force"``: see :class:`xai.sandbox.confine.Confinement`.
    """
    from .confine import in_force

    secret = Path(outside, "secret")
    parent = os.getppid()
    attempts = {
        "connect": lambda: _connect(port),
        "unix_socket": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).close(),
        "write_outside": lambda: Path(outside, "written").write_text("x", encoding="ascii"),
        "read_outside": secret.read_bytes,
        "list_outside": lambda: os.listdir(outside),  # noqa: PTH208
        "change_mode_outside": lambda: secret.chmod(0o777),
        "change_time_outside": lambda: os.utime(secret),
        "remove_outside": secret.unlink,
        "run_program": lambda: subprocess.run([sys.executable, "-c", ""], check=True),
        "start_process": _fork,
        "signal_parent": lambda: os.kill(parent, 0),
        "environment_of_parent": lambda: Path(f"/proc/{parent}/environ").read_bytes(),
        "memory_of_parent": lambda: _ptrace(parent),
        "raise_limit": lambda: resource.setrlimit(resource.RLIMIT_CPU, (resource.RLIM_INFINITY,) * 2),
    }
    limits: dict[str, int | None] = {}
    for name, of in _LIMITS.items():
        bound = resource.getrlimit(getattr(resource, of))[0]
        limits[name] = None if bound == resource.RLIM_INFINITY else bound
    found = {name: _reason(attempt) for name, attempt in attempts.items()}
    Path("own").write_text("its own folder", encoding="ascii")  # this has to work
    Path("own").unlink()
    return {"attempts": found, "limits": limits, "in_force": asdict(in_force())}


def _reason(attempt: Callable[[], Any]) -> str | None:
    try:
        attempt()
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return f"{type(error).__name__}: {getattr(error, 'strerror', None) or error}"
    return None


def _connect(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        pass


def _fork() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _ptrace(pid: int) -> None:
    """Attach to another process as a debugger does."""
    attach, detach = 16, 17
    libc = ctypes.CDLL(None, use_errno=True)
    if sys.platform != "linux" or libc.ptrace(attach, pid, None, None) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    os.waitpid(pid, 0)
    libc.ptrace(detach, pid, None, signal.SIGCONT)
