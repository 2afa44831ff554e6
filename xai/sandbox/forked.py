"""Children of the fork server, and this side of the link to it: see :mod:`.forkserver`."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from typing import Any

from ..core.errors import WorkerError
from .starter import starter

ARROW = {
    # One allocator starts a thread, unless told not to, and the other takes a gibibyte of addresses at once, which
    # counts against the limit of memory.
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "ARROW_DEFAULT_MEMORY_POOL": "jemalloc",
}
"""Environment variables of Arrow in the fork server and its children."""

_MESSAGE = 1 << 20
_PIPE_BYTES = 1 << 18  # an account's pipes share 64 MiB on most machines
_NO_THREADS = {
    # Libraries that start threads while they are imported, told not to: a process with threads cannot be forked.
    "OPENBLAS_NUM_THREADS": "1",
    **ARROW,
}


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


def _wide_pipe() -> tuple[int, int]:
    """A pipe that passes megabytes on in few turns."""
    import fcntl  # not everywhere, like this whole server

    ends = os.pipe()
    with contextlib.suppress(OSError):  # the account has as many of these as it may have: it is slower, no more
        fcntl.fcntl(ends[0], fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return ends


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
            self._process = starter().run(
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
        pipes = [_wide_pipe(), _wide_pipe(), os.pipe()]
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
