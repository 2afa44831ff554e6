"""Named tasks in a child process: one at a time, each within its time, and another child after a death."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Iterator, Sequence
from typing import Any, Self

from ..core.errors import WorkerError
from . import codec
from .child import GRACE, Child, DiedError, ProgressCallback
from .given import GivenFile, given_files
from .obituary import obituary, restored
from .profile import Profile, online, strict
from .tasks import asks_server, check_task, describe_call


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
        self,
        task: str,
        /,
        progress: ProgressCallback | None = None,
        timeout: float | None = None,
        *,
        stopped: threading.Event | None = None,
        **payload: Any,
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
        stopped
            Set before :meth:`kill` by who stops this call, which may have no child yet: then it is stopped as soon as
            it has one.
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
                if stopped is not None and stopped.is_set():
                    child.kill()
                try:
                    child.warm_up(self.preload)
                    child.give_time(limits.cpu)
                    child.send({"task": task, "payload": tree}, blobs)
                    answer = child.receive(progress)
                except DiedError as death:
                    code = child.bury(grace=GRACE)
                    self._forget(child)
                    reason = (
                        f"{describe_call(task, payload)} took longer than {timeout:g} s and was stopped."
                        if expired.is_set()
                        else obituary(code, task, payload, limits, stopped=child.killed, words=child.last_words)
                    )
                    raise child.with_last_words(WorkerError(reason)) from death
                except BaseException:  # an interrupt, a callback's error or nonsense: the pipe is out of step
                    child.bury()
                    self._forget(child)
                    raise
        header, blobs_back = answer
        if header["kind"] == "error":
            raise restored(header)
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
