"""The parent's side of one child process."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self, cast

from ..core import errors
from ..core.errors import MissingExtraError, WorkerError, XaiError
from . import codec, protocol
from .spawn import spawn
from .tasks import check_task, describe_call, model_path

ProgressCallback = Callable[[float, str], None]

KEPT_STDERR = 16_384  # bytes of the error stream, the last ones
GRACE = 2.0  # seconds a process gets to end by itself


class Worker:
    """A child process that runs named tasks, one at a time; after a death the next call starts another.

    Use it as a context manager, or call :meth:`close`; a worker that is dropped is closed.
    """

    def __init__(self) -> None:
        self._call_lock = threading.Lock()  # one caller at a time
        self._life_lock = threading.Lock()
        self._child: Child | None = None
        self._finalizer: weakref.finalize | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """Process id of the child, ``None`` when there is none."""
        child = self._child
        return None if child is None else child.process.pid

    def start(self) -> None:
        """Start the child unless there is one; returns at once, before the child is ready.

        Raises
        ------
        WorkerError
            If no process can be started.
        """
        self._living()

    def call(
        self, task: str, /, progress: ProgressCallback | None = None, timeout: float | None = None, **payload: Any
    ) -> Any:
        """Run a task of :data:`xai.sandbox.tasks.TASKS` in the child and return what it returned.

        Parameters
        ----------
        task
            Its name.
        progress
            Called in this thread with a fraction in [0, 1] and a text.
        timeout
            Seconds after which the child is killed.
        payload
            Keyword arguments of the task.

        Raises
        ------
        WorkerError
            If the child died, was killed, ran past the time-out or answered nonsense.
        XaiError
            Whatever the task raised, as the same class.
        """
        check_task(task, payload)
        tree, blobs = codec.encode(payload)
        with self._call_lock:
            child = self._living()
            with _deadline(child, timeout) as expired:
                try:
                    child.send({"task": task, "payload": tree}, blobs)
                    answer = child.receive(progress)
                except _DiedError as death:
                    code = child.bury(grace=GRACE)
                    self._forget(child)
                    reason = (
                        f"{describe_call(task, payload)} took longer than {timeout:g} s and was stopped."
                        if expired.is_set()
                        else _obituary(code, task, payload, stopped=child.killed)
                    )
                    raise child.with_last_words(WorkerError(reason)) from death
                except BaseException:  # an interrupt, a callback's error or nonsense: the pipe is out of step
                    child.bury()
                    self._forget(child)
                    raise
        header, blobs_back = answer
        if header["kind"] == "error":
            raise _restore(header)
        return codec.decode(header.get("value"), blobs_back)

    def kill(self) -> None:
        """End the child at once, whatever it is doing; a call under way ends with a WorkerError."""
        child = self._child
        if child is not None:
            child.kill()

    def close(self) -> None:
        """End the child, at once when it is busy, and remove its folder."""
        child = self._child
        if child is None:
            return
        if self._call_lock.acquire(blocking=False):
            try:
                child.bury(grace=GRACE, polite=True)
                self._forget(child)
            finally:
                self._call_lock.release()
        else:
            child.kill()  # the caller that is waiting for it buries it

    def _living(self) -> Child:
        with self._life_lock:
            if self._child is None:
                self._child = Child()
                self._finalizer = weakref.finalize(self, self._child.bury)
            return self._child

    def _forget(self, child: Child) -> None:
        with self._life_lock:
            if self._child is child:
                self._child = None
                if self._finalizer is not None:
                    self._finalizer.detach()


class _DiedError(Exception):
    """The pipe broke; never leaves this module."""


class Child:
    """One process with its pipes and its folder."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="xai-"))
        self.killed = False
        self._lock = threading.RLock()
        self._stderr = bytearray()
        try:
            self.process = spawn(self.folder)
        except OSError as error:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise WorkerError(f"no child process can be started: {error.strerror}.") from error
        # Popen's types do not know that pipes were asked for.
        self._stdin = cast("io.BufferedWriter", self.process.stdin)
        self._stdout = cast("io.BufferedReader", self.process.stdout)
        stderr = cast("io.BufferedReader", self.process.stderr)
        self._listener = threading.Thread(
            target=_keep_last, args=(stderr, self._stderr), name="xai-stderr", daemon=True
        )
        self._listener.start()

    def send(self, header: protocol.Header, blobs: list[protocol.Blob]) -> None:
        """Send one message."""
        try:
            protocol.write_frame(self._stdin, header, blobs)
        except OSError as error:
            raise _DiedError from error

    def receive(self, progress: ProgressCallback | None) -> tuple[protocol.Header, list[bytearray]]:
        """The answer to what was sent, after any number of progress messages."""
        while True:
            try:
                frame = protocol.read_frame(self._stdout)
            except protocol.StreamEndedError as error:
                raise _DiedError from error
            if frame is None:
                raise _DiedError
            header = frame[0]
            if header.get("kind") in ("result", "error"):
                return frame
            fraction, text = header.get("fraction"), header.get("text")
            if header.get("kind") != "progress" or not isinstance(fraction, float) or not isinstance(text, str):
                raise WorkerError("the child process sent a message that is neither progress nor an answer.")
            if progress is not None:
                progress(fraction, text)

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
                self._wait_for_end(grace)
                self._kill_group()
                self.process.wait()
                with contextlib.suppress(OSError):
                    self._stdin.close()
                self._stdout.close()
                self._listener.join(GRACE)
                shutil.rmtree(self.folder, ignore_errors=True)
            return self.process.returncode

    def with_last_words(self, error: WorkerError) -> WorkerError:
        """The error with the end of the child's error stream as a note for the log."""
        words = self._stderr.decode(errors="replace").strip()
        if words:
            error.add_note(f"The end of the child's error stream:\n{words}")
        return error

    def _kill_group(self) -> None:
        # Until it is waited for, a dead process keeps its id: nobody else's group can be hit.
        with self._lock:
            if self.process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.process.pid, signal.SIGKILL)

    def _wait_for_end(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                return
            time.sleep(0.005)


def _keep_last(stream: io.BufferedReader, kept: bytearray) -> None:
    with stream:
        while chunk := os.read(stream.fileno(), 65_536):
            kept += chunk
            del kept[:-KEPT_STDERR]


@contextlib.contextmanager
def _deadline(child: Child, seconds: float | None) -> Iterator[threading.Event]:
    """Kill the child after some seconds; the event says whether that happened."""
    expired = threading.Event()
    if seconds is None:
        yield expired
        return

    def expire() -> None:
        expired.set()
        child.kill()

    timer = threading.Timer(seconds, expire)
    timer.daemon = True
    timer.start()
    try:
        yield expired
    finally:
        timer.cancel()


def _obituary(code: int, task: str, payload: Mapping[str, Any], *, stopped: bool) -> str:
    call = describe_call(task, payload)
    if stopped:
        return f"{call} was stopped."
    path = model_path(payload)
    if code == -signal.SIGKILL:
        return (
            f"the child process was killed (signal 9) while {call}: most likely memory ran out. "
            "Use fewer rows, or a machine with more memory."
        )
    if code < 0 and path is not None:
        return (
            f"{_library(path)} crashed (signal {-code}) while {call}: "
            "the file is damaged or not what it claims. Save the model again, or train it again."
        )
    ended = f"crashed (signal {-code})" if code < 0 else f"ended (exit code {code})"
    return f"the child process {ended} while {call}."


def _library(path: str) -> str:
    """Name of the library that reads a file, by its content."""
    from ..models import sniff

    try:
        return sniff(path).partition("-")[0]
    except XaiError:  # it is gone, or no model any more
        return "the model's library"


def _restore(header: protocol.Header) -> XaiError:
    """The error a task raised, of the class it had."""
    cls = getattr(errors, str(header.get("class")), None)
    args = [str(arg) for arg in header.get("args", ())]
    if cls is MissingExtraError and len(args) == 2:
        error: XaiError = MissingExtraError(*args)
    elif isinstance(cls, type) and issubclass(cls, XaiError) and cls is not MissingExtraError:
        error = cls(*args)
    else:
        error = WorkerError(f"the child process failed in a way it could not describe: {' '.join(args)}")
    error.add_note(f"In the child process:\n{header.get('trace', '')}")
    return error
