"""Start a child process: a clean environment, its own folder and session, and it dies with its parent.

On Linux a small process of ours, the fork server, has the libraries loaded and forks each child from itself: see
:mod:`.forkserver`. Elsewhere each child is a new Python, without the protections only Linux has.
"""

from __future__ import annotations

import json
import os
import queue
import select
import signal
import site
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from io import BufferedReader, BufferedWriter
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

from ..core.errors import WorkerError
from .profile import Profile

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

_MESSAGE = 1 << 20
_ARROW = {
    # One allocator starts a thread, unless told not to, and the other takes a gibibyte of addresses at once, which
    # counts against the limit of memory.
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "ARROW_DEFAULT_MEMORY_POOL": "jemalloc",
}
_NO_THREADS = {
    # Libraries that start threads while they are imported, told not to: a process with threads cannot be forked.
    "OPENBLAS_NUM_THREADS": "1",
    **_ARROW,
}
_ROOT = Path(__file__).resolve().parents[2]

Result = TypeVar("Result")


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
        | (_ARROW if HAS_FORK_SERVER else {})
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
        _starter().run(
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


class Forked:
    """A child of the fork server."""

    def __init__(self, server: ForkServer, pid: int, ending: int, streams: tuple[int, int, int]) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.streams = os.fdopen(streams[0], "wb"), os.fdopen(streams[1], "rb"), os.fdopen(streams[2], "rb")
        self._server, self._ending = server, ending

    def ends(self, seconds: float) -> bool:
        """See :class:`Process`."""
        return self._poll(int(seconds * 1000))

    def reap(self) -> int:
        """See :class:`Process`."""
        if self.returncode is None:
            self._poll(-1)
            os.close(self._ending)
            self.returncode = self._server.reap(self.pid)
        return self.returncode

    def _poll(self, milliseconds: int) -> bool:
        watch = select.poll()
        watch.register(self._ending, select.POLLIN)
        return bool(watch.poll(milliseconds))


class ForkServer:
    """The parent's side of :mod:`.forkserver`.

    Parameters
    ----------
    environment
        What it and its children are given, without their folders.
    modules
        What it imports.
    """

    def __init__(self, environment: dict[str, str], modules: tuple[str, ...]) -> None:
        self.environment, self.modules = environment, frozenset(modules)
        self.loaded: tuple[str, ...] = ()
        self._lock = threading.Lock()
        self._ready = self._retired = False
        self._living: set[int] = set()
        self._link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the server; a pipe could fill up
        command = [sys.executable, "-P", "-m", "xai.sandbox.forkserver", str(os.getpid()), str(theirs.fileno())]
        # Nobody writes there: each child has a folder of its own, and the server has nothing to keep.
        nowhere = {"HOME": os.devnull, "TMPDIR": os.devnull}
        with theirs:
            self._process = _starter().run(
                lambda: subprocess.Popen(  # noqa: S603 - our own module
                    [*command, json.dumps([modules, [], [], False])],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=self._said,
                    cwd="/",
                    env=environment | _NO_THREADS | nowhere,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def closed(self) -> bool:
        """Whether it was ended."""
        return self._link.fileno() == -1

    def fork(self, request: dict[str, Any]) -> Forked:
        """A new worker; see :func:`spawn`.

        Raises
        ------
        ConnectionError
            If the server has ended.
        WorkerError
            If it ended before it began, or refuses.
        """
        pipes = [os.pipe() for _ in range(3)]
        ours = [pipes[0][1], pipes[1][0], pipes[2][0]]
        theirs = [pipes[0][0], pipes[1][1], pipes[2][1]]
        try:
            with self._lock:
                if self.closed:
                    raise ConnectionResetError  # noqa: TRY301 - as if it had ended by itself
                self._wait_until_ready()
                socket.send_fds(self._link, [json.dumps({"do": "fork", **request}).encode()], theirs)
                answer, descriptors = self._answer()
                if "error" in answer:
                    refusal = f"no child process can be started: {answer['error']}"
                    raise WorkerError(refusal)  # noqa: TRY301 - the pipes are closed below
                self._living.add(answer["pid"])
        except BaseException:
            for descriptor in ours:
                os.close(descriptor)
            raise
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        return Forked(self, answer["pid"], descriptors[0], (ours[0], ours[1], ours[2]))

    def reap(self, pid: int) -> int:
        """Exit code of a worker that has ended."""
        with self._lock:
            self._living.discard(pid)
            try:
                self._link.send(json.dumps({"do": "reap", "pid": pid}).encode())
                answer, _ = self._answer()
            except OSError:  # the server was killed, and its children with it
                return -signal.SIGKILL
            finally:
                self._close_if_done()
            return int(answer["code"])

    def retire(self) -> None:
        """Fork no more, and end with the last child."""
        with self._lock:
            self._retired = True
            self._close_if_done()

    def close(self) -> None:
        """End it now, and its children with it."""
        with self._lock:
            self._living.clear()
            self._retired = True
            self._close_if_done()

    def _close_if_done(self) -> None:
        if self._retired and not self._living and not self.closed:
            self._link.close()  # this is what it waits for
            self._said.close()
            threading.Thread(target=self._process.wait, name="xai-reaper", daemon=True).start()

    def _wait_until_ready(self) -> None:
        if not self._ready:
            try:
                answer, _ = self._answer()
            except ConnectionError:
                self._said.seek(0)
                said = self._said.read()[-16_384:].decode(errors="replace").strip()
                error = WorkerError("the process that starts workers does not start; the log says why.")
                error.add_note(said)
                raise error from None
            self.loaded = tuple(answer["ready"])
            self._ready = True

    def _answer(self) -> tuple[dict[str, Any], list[int]]:
        message, descriptors, _, _ = socket.recv_fds(self._link, _MESSAGE, 1)
        if not message:
            raise ConnectionResetError
        return json.loads(message), descriptors


class _Starter:
    """One thread that lives as long as this process and starts every child of it.

    The kernel's "die with your parent" means the *thread* that started the child; started from a thread that ends,
    as those of a web server do, children would die with that.
    """

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._asked: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="xai-starter", daemon=True).start()

    def run(self, start: Callable[[], Result]) -> Result:
        answer: Future[Result] = Future()
        self._asked.put((start, answer))
        return answer.result()

    def _run(self) -> None:
        while True:
            start, answer = self._asked.get()
            try:
                process = start()
            except OSError as error:
                answer.set_exception(error)
            else:
                answer.set_result(process)
                del process
            del start, answer  # the last one would keep its process alive


_current: _Starter | None = None
_current_server: tuple[int, ForkServer] | None = None
_lock = threading.Lock()
_server_lock = threading.Lock()


def _starter() -> _Starter:
    global _current  # noqa: PLW0603 - one a process, and a new one after a fork
    with _lock:
        if _current is None or _current.pid != os.getpid():
            _current = _Starter()
        return _current


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
