"""Named work in a few child processes, with progress and a Cancel that works."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import Any, Literal, Self

from ..core.errors import CancelledError, InputError, WorkerError, XaiError
from .client import Worker
from .profile import Profile, strict
from .tasks import check_task

_LOG = logging.getLogger(__name__)

Status = Literal["queued", "running", "done", "failed", "cancelled"]

ALWAYS_WARM = ("numpy", "pandas", "pyarrow")


class Job:
    """One piece of work in a :class:`JobPool`; made by :meth:`JobPool.submit`.

    Attributes
    ----------
    task, label, owner
        What runs, what people read, and who asked.
    status
        ``"queued"``, ``"running"``, ``"done"``, ``"failed"`` or ``"cancelled"``.
    progress, message
        A fraction in [0, 1] that never falls, and what is being done.
    """

    def __init__(
        self, pool: JobPool, task: str, label: str, payload: dict[str, Any], *, owner: str | None, timeout: float | None
    ) -> None:
        self.task, self.label, self.owner = task, label, owner
        self.status: Status = "queued"
        self.progress = 0.0
        self.message = ""
        self._pool = pool
        self._timeout = timeout
        self._payload = payload
        self._worker: Worker | None = None
        self._started: float | None = None
        self._ended: float | None = None
        self._stopped, self._finished = threading.Event(), threading.Event()
        self._result: Any = None
        self._error: XaiError | None = None

    @property
    def elapsed(self) -> float:
        """Seconds it has been running, or ran."""
        if self._started is None:
            return 0.0
        return (self._ended or time.monotonic()) - self._started

    @property
    def remaining(self) -> float | None:
        """Seconds left if it goes on as it did; ``None`` while nobody can tell."""
        if self.status != "running" or self.progress < 0.02:
            return None
        return self.elapsed * (1.0 - self.progress) / self.progress

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has ended, at most ``timeout`` seconds; whether it has."""
        return self._finished.wait(timeout)

    def result(self, timeout: float | None = None) -> Any:
        """What the task returned; waits for it.

        Raises
        ------
        CancelledError
            If it was cancelled.
        WorkerError
            If it has not ended after ``timeout`` seconds.
        XaiError
            Whatever the task raised.
        """
        if not self.wait(timeout):
            raise WorkerError(f"{self.label} is still {self.status} after {timeout:g} s.")
        if self._error is not None:
            raise self._error
        return self._result

    def cancel(self) -> None:
        """Take it out of the queue, or kill the process that runs it; nothing happens to a job that has ended."""
        self._pool.cancel(self)

    def _report(self, fraction: float, text: str) -> None:
        self.progress, self.message = max(self.progress, fraction), text

    def _end(self, status: Status, result: Any = None, error: XaiError | None = None) -> None:
        self.status, self._result, self._error = status, result, error
        self._ended = time.monotonic()
        self.progress = 1.0 if status == "done" else self.progress
        self._worker, self._payload = None, {}
        self._finished.set()


class JobPool:
    """A few worker processes and a queue that is fair to its owners: each gets its turn, first come first served.

    Parameters
    ----------
    size
        Number of processes.
    warm
        Libraries every process imports before its first job. One that fails to import fails the job that needs it.
    later
        Libraries that are imported once there is nothing to do, so that processes started after that have them.
    profile
        What the processes may do; ``None``: :func:`xai.sandbox.profile.strict`.
    most_waiting
        Jobs one owner may have in the queue; those without an owner are the program's own and not counted.

    Notes
    -----
    Threads of this process only move bytes; all work happens in the children. A child that was given a file for one
    owner works for no other: what the file may have done to it ends with it. The pool holds no job that has ended:
    a result lives as long as whoever asked for it keeps the job.
    """

    def __init__(
        self,
        size: int = 2,
        warm: Sequence[str] = (),
        *,
        later: Sequence[str] = (),
        profile: Profile | None = None,
        most_waiting: int = 64,
    ) -> None:
        if size < 1:
            raise InputError(f"a pool needs at least one process, not {size}.")
        self.size = size
        self.profile = strict() if profile is None else profile
        self.most_waiting = most_waiting
        self.later = tuple(later)
        self.warm = tuple(dict.fromkeys((*ALWAYS_WARM, *warm)))
        self._changed = threading.Condition()
        self._queues: OrderedDict[str | None, deque[Job]] = OrderedDict()
        self._running: set[Job] = set()
        self._threads: list[threading.Thread] = []
        self._workers: list[Worker] = []
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def prestart(self) -> None:
        """Start a process in the background, so that the first job finds it warm; returns at once.

        Others start when there is work for them: importing libraries costs seconds of a processor.
        """
        with self._changed:
            self._grow(1)

    def _grow(self, wanted: int) -> None:
        """Have at least ``wanted`` processes, at most ``size``."""
        if self._closed:
            raise WorkerError("the job pool is closed.")
        while len(self._threads) < min(wanted, self.size):
            worker = Worker(self.profile, self.warm, later=self.later)
            thread = threading.Thread(target=self._serve, args=(worker,), name="xai-job", daemon=True)
            self._workers.append(worker)
            self._threads.append(thread)
            thread.start()

    def submit(
        self, task: str, label: str, *, owner: str | None = None, timeout: float | None = None, **payload: Any
    ) -> Job:
        """Queue a task of :data:`xai.sandbox.tasks.TASKS`.

        Parameters
        ----------
        task, payload
            Its name and keyword arguments.
        label
            What people read.
        owner
            Whose turn it counts for, e.g. a browser session.
        timeout
            Seconds it may run.

        Raises
        ------
        InputError
            If there is no such task or parameter.
        WorkerError
            If the pool is closed, or this owner has as many jobs waiting as one may have.
        """
        check_task(task, payload)
        job = Job(self, task, label, payload, owner=owner, timeout=timeout)
        with self._changed:
            waiting = len(self._queues.get(owner, ()))
            if owner is not None and waiting >= self.most_waiting:
                raise WorkerError(
                    f"{waiting} jobs are waiting for you already: wait until some have ended, or cancel them."
                )
            self._grow(1 + len(self._running) + sum(map(len, self._queues.values())))
            self._queues.setdefault(owner, deque()).append(job)
            self._changed.notify()
        return job

    def cancel(self, job: Job) -> None:
        """See :meth:`Job.cancel`."""
        with self._changed:
            if job.status == "queued":
                self._queues[job.owner].remove(job)
                if not self._queues[job.owner]:
                    del self._queues[job.owner]
            elif job.status != "running":
                return
            job._stopped.set()  # noqa: SLF001 - pool and job are one thing in two classes
            if job._worker is not None:  # noqa: SLF001
                job._worker.kill()  # noqa: SLF001
            self._running.discard(job)
            job._end("cancelled", error=CancelledError(f"{job.label} was cancelled."))  # noqa: SLF001

    def cancel_owner(self, owner: str | None) -> None:
        """Cancel everything one owner has queued or running."""
        with self._changed:
            mine = [job for job in self._running if job.owner == owner]
            for job in [*self._queues.get(owner, ()), *mine]:
                self.cancel(job)

    def close(self) -> None:
        """Cancel everything and end the processes; the pool takes no more work."""
        with self._changed:
            self._closed = True
            for job in [*self._running, *(job for queue in self._queues.values() for job in queue)]:
                self.cancel(job)
            for worker in self._workers:  # those that are still warming up
                worker.kill()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _serve(self, worker: Worker) -> None:
        """One thread, one process: warm it, then job after job until the pool closes."""
        served = None
        while not self._closed:
            if worker.pid is None:
                self._start(worker)
            job = self._take(worker)
            if job is None:
                break
            if worker.has_files and job.owner != served:
                worker.close()
            served = job.owner
            self._run(job, worker)
            del job  # nobody's result waits here for the next job
        worker.close()

    def _start(self, worker: Worker) -> None:
        try:
            worker.start()
            worker.call("warm", modules=[])
        except XaiError:
            # The next job starts the process again: it fails with the same reason, and unlike this thread it has
            # somebody to tell.
            return

    def _take(self, worker: Worker) -> Job | None:
        with self._changed:
            while not self._queues:
                if self._closed:
                    return None
                self._changed.wait()
            owner, queue = self._queues.popitem(last=False)
            job = queue.popleft()
            if queue:
                self._queues[owner] = queue  # at the end: everybody else is first
            job.status, job._worker, job._started = "running", worker, time.monotonic()  # noqa: SLF001
            self._running.add(job)
            return job

    def _run(self, job: Job, worker: Worker) -> None:
        status: Status
        result, error = None, None
        try:
            result = worker.call(
                job.task,
                progress=job._report,  # noqa: SLF001
                timeout=job._timeout,  # noqa: SLF001
                stopped=job._stopped,  # noqa: SLF001
                **job._payload,  # noqa: SLF001
            )
            status = "done"
        except XaiError as failure:
            status, error = "failed", failure
        except Exception as failure:  # noqa: BLE001 - this thread serves the jobs after it, too
            _LOG.exception("a job broke off")
            status, error = "failed", WorkerError(f"{job.label} broke off: {failure or type(failure).__name__}.")
        with self._changed:
            if job in self._running:  # else it was cancelled meanwhile
                self._running.remove(job)
                job._end(status, result, error)  # noqa: SLF001
