"""The parent's side of one child process."""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import re
import shutil
import signal
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Self

from ..core import errors
from ..core.claimed import account_folder, claimed_folder
from ..core.errors import MissingExtraError, WorkerError, XaiError
from . import codec, protocol
from .given import GivenFile, given_files
from .limits import Limits, limit_processor_time, size_text
from .profile import Profile, online, strict
from .spawn import spawn
from .tasks import asks_server, check_task, describe_call, model_path

ProgressCallback = Callable[[float, str], None]

# What C and C++ libraries leave behind when memory is refused them.
_OUT_OF_MEMORY = re.compile(
    r"bad_alloc|out of memory|cannot allocate|not enough memory|std::length_error", re.IGNORECASE
)

KEPT_STDERR = 16_384  # bytes of the error stream, the last ones
GRACE = 2.0  # seconds a process gets to end by itself


class Worker:
    """A child process that runs named tasks, one at a time; after a death the next call starts another.

    Use it as a context manager, or call :meth:`close`; a worker that is dropped is closed.

    Parameters
    ----------
    profile
        What the child may do; ``None``: :func:`xai.sandbox.profile.strict`.
    preload
        Modules every child imports before its first task. One that fails to import fails the task that needs it.
    later
        Modules that children after the first will want.

    Notes
    -----
    A child reads the files its calls name and no others of its user's. What it may read cannot grow later on, so a call
    about another file is given another child.
    """

    def __init__(
        self, profile: Profile | None = None, preload: Sequence[str] = (), *, later: Sequence[str] = ()
    ) -> None:
        self.profile = strict() if profile is None else profile
        self.preload, self.later = tuple(preload), tuple(later)
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
    def has_files(self) -> bool:
        """Whether the child was opened files of somebody's."""
        child = self._child
        return child is not None and bool(child.files)

    @property
    def pid(self) -> int | None:
        """Process id of the child, ``None`` when there is none."""
        child = self._child
        return None if child is None else child.process.pid

    def start(self) -> None:
        """Start the child unless there is one; returns before the child is ready.

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
            Seconds after which the child is killed; ``None`` for those of the profile's limits.
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
        limits = self.profile.limits
        timeout = limits.wall if timeout is None else timeout
        profile = online(self.profile) if asks_server(task, payload) else self.profile
        with self._call_lock:
            child = self._living(given_files(task, payload, profile), profile)
            with _deadline(child, timeout) as expired:
                try:
                    child.warm_up(self.preload)
                    child.give_time(limits.cpu)
                    child.send({"task": task, "payload": tree}, blobs)
                    answer = child.receive(progress)
                except _DiedError as death:
                    code = child.bury(grace=GRACE)
                    self._forget(child)
                    reason = (
                        f"{describe_call(task, payload)} took longer than {timeout:g} s and was stopped."
                        if expired.is_set()
                        else _obituary(code, task, payload, limits, stopped=child.killed, words=child.last_words)
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

    def _living(self, files: frozenset[GivenFile] = frozenset(), profile: Profile | None = None) -> Child:
        """The child, or a new one if that may not do what this call needs, or may do more."""
        profile = profile or self.profile
        child = self._child
        if child is not None and (child.profile != profile or not files <= child.files):
            child.bury(grace=GRACE, polite=True)
            self._forget(child)
        with self._life_lock:
            if self._child is None:
                self._child = Child(profile, files, self.preload, self.later)
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


@cache
def _home(pid: int) -> Path:
    """Folder of the workers of process ``pid``, this one; if it is killed the next process removes it."""
    home = claimed_folder(account_folder("hemicycle-workers"), "process-")
    atexit.register(lambda: shutil.rmtree(home, ignore_errors=True) if os.getpid() == pid else None)
    return home


class Child:
    """One process with its pipes and its folder."""

    def __init__(
        self,
        profile: Profile,
        files: frozenset[GivenFile] = frozenset(),
        preload: Sequence[str] = (),
        later: Sequence[str] = (),
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="worker-", dir=_home(os.getpid())))
        self.profile, self.files = profile, files
        self.killed = self.warm = False
        self._lock = threading.RLock()
        self._stderr = bytearray()
        try:
            self.process = spawn(self.folder, profile, [file.path for file in files], preload, later)
        except (OSError, WorkerError) as error:
            shutil.rmtree(self.folder, ignore_errors=True)
            if isinstance(error, WorkerError):
                raise
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
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.process.pid, signal.SIGKILL)


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


def _obituary(code: int, task: str, payload: Mapping[str, Any], limits: Limits, *, stopped: bool, words: str) -> str:
    call = describe_call(task, payload)
    if stopped:
        return f"{call} was stopped."
    path = model_path(payload)
    if code == -signal.SIGXCPU and limits.cpu is not None:
        return f"{call} used up the CPU-time limit of {limits.cpu:g} s. Use fewer rows, or raise the limit."
    if limits.memory is not None and code in (-signal.SIGABRT, -signal.SIGSEGV) and _OUT_OF_MEMORY.search(words):
        return (
            f"{call} went over the memory limit of {size_text(limits.memory)}. "
            "Use fewer rows or a smaller file, or raise the limit."
        )
    if code == -signal.SIGKILL:
        return (
            f"the child process was killed (signal 9) while {call}{_with_library(path)}: most likely memory ran out. "
            "Use fewer rows, or a machine with more memory."
        )
    if code < 0 and path is not None:
        return (
            f"{_library(path)} crashed (signal {-code}) while {call}: "
            "the file is damaged or not what it claims. Save the model again, or train it again."
        )
    ended = f"crashed (signal {-code})" if code < 0 else f"ended (exit code {code})"
    return f"the child process {ended} while {call}."


def _with_library(path: str | None) -> str:
    return "" if path is None else f" ({_library(path)})"


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
