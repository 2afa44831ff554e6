"""Start a child process: a clean environment, its own folder and session, and it dies with its parent.

On Linux a small process of ours, the fork server, has the libraries loaded and forks each child from itself: see
:mod:`.forkserver`. Elsewhere each child is a new Python, without the protections only Linux has.
"""

from __future__ import annotations

import json
import os
import site
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from io import BufferedReader, BufferedWriter
from pathlib import Path
from typing import Any, Protocol, cast

from ..core.errors import WorkerError
from .forked import ARROW, ForkServer
from .profile import Profile
from .starter import starter

# What a child may know of the parent's environment: where programs and libraries lie, language and thread numbers.
# Everything else, tokens and passwords among it, stays here. PYTHONDONTWRITEBYTECODE stays, too: children start often,
# and without compiled code importing a library costs them seconds each time.
PASSED_ON = (
    "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH",
    "PYTHONHOME", "PYTHONPATH", "PYTHONPYCACHEPREFIX", "NUMBA_CACHE_DIR",
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS",
    "HEMICYCLE_TRUST_PICKLE",
)  # fmt: skip

ALWAYS_LOADED = ("numpy", "pandas", "pyarrow", "threadpoolctl")
"""What the fork server imports in any case."""

HAS_FORK_SERVER = sys.platform == "linux"

_ROOT = Path(__file__).resolve().parents[2]


def child_environment(folder: Path) -> dict[str, str]:
    """Environment of a child that works in ``folder``."""
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    places = [place for place in environment.get("PYTHONPATH", "").split(os.pathsep) if place]
    if _ROOT.name not in ("site-packages", "dist-packages"):  # a checkout that may not be installed
        places.insert(0, str(_ROOT))
    environment["PYTHONPATH"] = os.pathsep.join(os.path.abspath(place) for place in places)  # noqa: PTH100 - keeps links
    # Libraries write into the home folder; packages installed with `pip install --user` are found through it.
    environment |= {"HOME": str(folder), "TMPDIR": str(folder), "PYTHONUSERBASE": site.getuserbase()}
    return environment


class Process(Protocol):
    """A child process, however it was started."""

    @property
    def pid(self) -> int:
        """Its number, which is also that of its group and session."""

    @property
    def streams(self) -> tuple[BufferedWriter, BufferedReader, BufferedReader]:
        """Its standard input, output and error."""

    @property
    def returncode(self) -> int | None:
        """``None`` until it was reaped."""

    def ends(self, seconds: float) -> bool:
        """Wait until it has ended, at most so long; whether it has. Its number stays its own until :meth:`reap`."""

    def reap(self) -> int:
        """Wait for its end and return its exit code, or the negative number of the signal that ended it."""


def spawn(
    folder: Path,
    profile: Profile,
    reads: Iterable[str] = (),
    preload: Iterable[str] = (),
    later: Iterable[str] = (),
) -> Process:
    """A worker process with pipes at its standard streams.

    Parameters
    ----------
    folder
        Its own folder.
    profile, reads
        See :func:`xai.sandbox.confine.confine`.
    preload
        Modules that should be imported in it already: taken as a wish, and kept if they start no threads.
    later
        Modules that children after this one will want: imported by the fork server while nobody asks it for anything.

    Raises
    ------
    OSError, WorkerError
        If it cannot be started.
    """
    request = {
        "folder": str(folder),
        "environment": child_environment(folder)
        | (ARROW if HAS_FORK_SERVER else {})
        | {name: os.environ[name] for name in profile.passes if name in os.environ},
        "profile": profile.to_json(),
        "reads": sorted(reads),
        "later": list(later),
    }
    if not HAS_FORK_SERVER:
        return spawn_anew(request)
    for _ in range(2):
        server = _server(preload)
        try:
            return server.fork(request)
        except ConnectionError:  # somebody killed it: the next one starts
            server.close()
    raise WorkerError("the process that starts workers ended twice: most likely memory is short on this machine.")


def spawn_anew(request: dict[str, Any]) -> Process:
    """A worker as a new Python process, which imports everything again.

    Raises
    ------
    OSError
        If it cannot be started.
    """
    command = [sys.executable, "-P", "-m", "xai.sandbox.worker", str(os.getpid()), json.dumps(request["profile"])]
    return Spawned(
        starter().run(
            lambda: subprocess.Popen(  # noqa: S603 - our own module
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=request["folder"],
                env=request["environment"],
                start_new_session=True,
            )
        )
    )


class Spawned:
    """A child of this process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        # Popen's types do not know that pipes were asked for.
        self.streams = cast(
            "tuple[BufferedWriter, BufferedReader, BufferedReader]", (process.stdin, process.stdout, process.stderr)
        )
        self.pid = process.pid
        self._process = process

    @property
    def returncode(self) -> int | None:
        """``None`` until it was reaped."""
        return self._process.returncode

    def ends(self, seconds: float) -> bool:
        """See :class:`Process`."""
        end = time.monotonic() + seconds
        while os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            if time.monotonic() > end:
                return False
            time.sleep(0.005)
        return True

    def reap(self) -> int:
        """See :class:`Process`."""
        return self._process.wait()


_current_server: tuple[int, ForkServer] | None = None
_server_lock = threading.Lock()


def _server(preload: Iterable[str]) -> ForkServer:
    """The server of this process, or a new one if that has another environment or lacks modules."""
    global _current_server  # noqa: PLW0603 - one a process, and a new one after a fork
    environment = {name: value for name, value in child_environment(Path()).items() if name not in ("HOME", "TMPDIR")}
    wanted = frozenset((*ALWAYS_LOADED, *preload))
    with _server_lock:
        mine = _current_server[1] if _current_server is not None and _current_server[0] == os.getpid() else None
        if mine is not None and not mine.closed and mine.environment == environment and wanted <= mine.modules:
            return mine
        modules = wanted
        if mine is not None:
            mine.retire()
            if mine.environment == environment:
                modules |= mine.modules
        ordered = (*ALWAYS_LOADED, *sorted(modules - set(ALWAYS_LOADED)))
        _current_server = (os.getpid(), ForkServer(environment, ordered))
        return _current_server[1]
