"""One child process: its pipes, its folder, its end."""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from ..core.claimed import account_folder, claimed_folder
from ..core.errors import WorkerError
from . import codec, protocol
from .given import GivenFile
from .limits import limit_processor_time
from .profile import Profile
from .spawn import spawn

ProgressCallback = Callable[[float, str], None]

KEPT_STDERR = 16_384  # bytes of the error stream, the last ones
GRACE = 2.0  # seconds a process gets to end by itself


class DiedError(Exception):
    """The pipe broke; whoever keeps the child says why."""


@cache
def _home(pid: int) -> Path:
    """Folder of the workers of process ``pid``, this one; if it is killed the next process removes it."""
    home = claimed_folder(account_folder("hemicycle-workers"), "process-")
    atexit.register(lambda: shutil.rmtree(home, ignore_errors=True) if os.getpid() == pid else None)
    return home


def _own_folder() -> Path:
    """A new folder for a worker of this process."""
    if not _home(os.getpid()).is_dir():  # who cleans up temporary files may think nobody needs it
        _home.cache_clear()
    return Path(tempfile.mkdtemp(prefix="worker-", dir=_home(os.getpid())))


class Child:
    """One process with its pipes and its folder."""

    def __init__(
        self,
        profile: Profile,
        files: frozenset[GivenFile] = frozenset(),
        preload: Sequence[str] = (),
        later: Sequence[str] = (),
    ) -> None:
        self.profile, self.files = profile, files
        self.killed = self.warm = False
        self._lock = threading.RLock()
        self._stderr = bytearray()
        try:
            self.folder = _own_folder()
            try:
                self.process = spawn(self.folder, profile, [file.path for file in files], preload, later)
            except BaseException:
                shutil.rmtree(self.folder, ignore_errors=True)
                raise
        except OSError as error:
            raise WorkerError(f"no child process can be started: {error.strerror}.") from error
        self._stdin, self._stdout, stderr = self.process.streams
        self._listener = threading.Thread(
            target=_keep_last, args=(stderr, self._stderr), name="xai-stderr", daemon=True
        )
        self._listener.start()

    def send(self, header: protocol.Header, blobs: list[protocol.Blob]) -> None:
        """Send one message."""
        try:
            protocol.write_frame(self._stdin, header, blobs)
        except OSError as error:
            raise DiedError from error

    def receive(self, progress: ProgressCallback | None) -> tuple[protocol.Header, list[bytearray]]:
        """The answer to what was sent, after any number of progress messages."""
        while True:
            try:
                frame = protocol.read_frame(self._stdout)
            except protocol.StreamEndedError as error:
                raise DiedError from error
            if frame is None:
                raise DiedError
            header = frame[0]
            if header.get("kind") in ("result", "error"):
                return frame
            fraction, text = header.get("fraction"), header.get("text")
            if header.get("kind") != "progress" or not isinstance(fraction, float) or not isinstance(text, str):
                raise WorkerError("the child process sent a message that is neither progress nor an answer.")
            if progress is not None:
                progress(fraction, text)

    def warm_up(self, modules: Sequence[str]) -> None:
        """Import modules, the first time; most are there already, from the fork server."""
        if modules and not self.warm:
            tree, blobs = codec.encode({"modules": list(modules)})
            self.send({"task": "warm", "payload": tree}, blobs)
            self.receive(None)  # a failure is met again by the task that needs the module, which has somebody to tell
        self.warm = True

    def kill(self) -> None:
        """Kill the process and all it started."""
        self.killed = True
        self._kill_group()

    def bury(self, *, grace: float = 0.0, polite: bool = False) -> int:
        """End the process, remove its folder, and return its code; ``grace`` seconds are its to end by itself."""
        with self._lock:
            if self.process.returncode is None:
                if polite:
                    with contextlib.suppress(OSError):
                        self._stdin.close()
                self.process.ends(grace)
                self._kill_group()
                self.process.reap()
                with contextlib.suppress(OSError):
                    self._stdin.close()
                self._stdout.close()
                self._listener.join(GRACE)
                shutil.rmtree(self.folder, ignore_errors=True)
            assert self.process.returncode is not None
            return self.process.returncode

    @property
    def last_words(self) -> str:
        """The end of its error stream."""
        return self._stderr.decode(errors="replace").strip()

    def give_time(self, seconds: float | None) -> None:
        """Let it use so many seconds of processor time from now on."""
        # One that has just died is found out by whoever sends or reads next.
        with contextlib.suppress(ProcessLookupError):
            limit_processor_time(self.process.pid, seconds)

    def with_last_words(self, error: WorkerError) -> WorkerError:
        """The error with the end of the child's error stream as a note for the log."""
        words = self.last_words
        if words:
            error.add_note(f"The end of the child's error stream:\n{words}")
        return error

    def _kill_group(self) -> None:
        # Until it is waited for, a dead process keeps its id: nobody else's group can be hit.
        with self._lock:
            if self.process.returncode is None:
                try:
                    os.killpg(self.process.pid, signal.SIGKILL)
                except ProcessLookupError:  # just forked, it has no group yet
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(self.process.pid, signal.SIGKILL)


def _keep_last(stream: io.BufferedReader, kept: bytearray) -> None:
    with stream:
        while chunk := os.read(stream.fileno(), 65_536):
            kept += chunk
            del kept[:-KEPT_STDERR]
