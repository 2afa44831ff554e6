"""Long work for pages: done by worker processes, cached by content, watched with progress and Cancel."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import asdict, dataclass, field
from threading import Lock
from typing import Any

import streamlit as st

from ..core.errors import CancelledError, XaiError
from ..sandbox.jobs import Job
from .sessions import current_id
from .workers import pool

#: Finished results kept of what everybody may see, and of each session's own.
KEEP = 64
#: Seconds a page waits before it shows a progress bar: quick work should not flash one.
PATIENCE = 1.5


@dataclass(eq=False)
class _Asked:
    """A job and who asked for it.

    Attributes
    ----------
    job
        The work.
    owner
        The session whose files it is about; empty for the demos, which are the same for everybody.
    identity
        What :func:`compute` was given.
    waiting
        Sessions that asked and have not cancelled.
    cancelled
        Sessions that cancelled while others still wait: for them it is over.
    """

    job: Job
    owner: str
    identity: str
    waiting: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)

    @property
    def ended(self) -> bool:
        return self.job.status in ("done", "failed", "cancelled")


_jobs: OrderedDict[str, _Asked] = OrderedDict()
_lock = Lock()


class StillRunningError(Exception):
    """The result a card needs is not there yet; the card shows the job's progress instead."""

    def __init__(self, job: Job, key: str) -> None:
        super().__init__(key)
        self.job = job
        self.key = key


def bound(content: str) -> str:
    """An identity for :func:`compute` that only this session shares: for everything about its own files."""
    return f"{current_id()}:{content}"


def compute(task: str, label: str, identity: str, options: dict[str, Any], **tables: Any) -> Any:
    """Result of a worker's task, computed once for the same content.

    Parameters
    ----------
    task
        Name in the workers' registry.
    label
        What the progress bar says is being done.
    identity
        Hash of everything in ``tables``: results are cached by task, identity and options, and shared by all sessions.
        One of :func:`bound` is not: its results are forgotten when the session ends.
    options
        JSON values and model files handed to the task.
    tables
        Tables and arrays handed to the task.

    Raises
    ------
    StillRunningError
        If it takes longer than :data:`PATIENCE`; a card turns it into a progress bar.
    XaiError
        Whatever the task raised.
    """
    me = current_id()
    key = f"{task}:{identity}:{json.dumps(options, sort_keys=True, default=asdict)}"
    with _lock:
        asked = _jobs.get(key)
        if asked is None:
            owner = me if identity.startswith(f"{me}:") else ""
            asked = _jobs[key] = _Asked(pool().submit(task, label, owner=me, **options, **tables), owner, identity)
            _trim(owner)
        _jobs.move_to_end(key)
        if me in asked.cancelled:
            raise CancelledError(f"{asked.job.label} was cancelled.")
        asked.waiting.add(me)
    if not asked.job.wait(PATIENCE):
        raise StillRunningError(asked.job, key)
    return asked.job.result()


def _trim(owner: str) -> None:
    """Drop what was asked for longest ago, finished work first."""
    mine = [(key, asked) for key, asked in _jobs.items() if asked.owner == owner]
    mine.sort(key=lambda item: not item[1].ended)  # stable: the oldest stays first
    for key, asked in mine[: max(0, len(mine) - KEEP)]:
        del _jobs[key]
        asked.job.cancel()


def _failed() -> list[str]:
    me = current_id()
    return [
        key
        for key, asked in _jobs.items()
        if me in asked.cancelled or (me in asked.waiting and asked.job.status in ("failed", "cancelled"))
    ]


def forget_failed() -> None:
    """Drop every job that failed or was cancelled here, so that the next :func:`compute` starts it again."""
    me = current_id()
    with _lock:
        for key in _failed():
            if _jobs[key].job.status in ("failed", "cancelled"):
                del _jobs[key]
            else:
                _jobs[key].cancelled.discard(me)


def cancel(job: Job) -> None:
    """Stop a job for this session; it goes on if others wait for it."""
    me = current_id()
    with _lock:
        asked = next((asked for asked in _jobs.values() if asked.job is job), None)
        if asked is not None:
            asked.waiting.discard(me)
            if asked.waiting:
                asked.cancelled.add(me)
                return
            asked.waiting.add(me)  # what was cancelled is told to whoever cancelled it
    job.cancel()


def stop(session_id: str) -> None:
    """Stop what a session is waiting for, unless others wait for it too; if it comes back, it asks again."""
    with _lock:
        for key, asked in list(_jobs.items()):
            asked.cancelled.discard(session_id)
            if session_id in asked.waiting:
                asked.waiting.discard(session_id)
                if not asked.waiting and not asked.ended:
                    del _jobs[key]
                    asked.job.cancel()


def forget(part: str) -> None:
    """Drop what this session computed of something it removed: every job of its own whose identity holds ``part``."""
    me = current_id()
    with _lock:
        for key in [key for key, asked in _jobs.items() if asked.owner == me and part in asked.identity]:
            _jobs.pop(key).job.cancel()


def release(session_id: str) -> None:
    """Stop the work of a session that has ended, and forget everything computed from its files."""
    stop(session_id)
    with _lock:
        for key in [key for key, asked in _jobs.items() if asked.owner == session_id]:
            _jobs.pop(key).job.cancel()


@st.fragment(run_every=0.4)
def watch(job: Job, key: str) -> None:
    """Progress of a job and its Cancel button; the page is drawn again when the job ends."""
    if job.status in ("done", "failed", "cancelled"):
        st.rerun()
    left = f", about {job.remaining:.0f} s left" if job.remaining is not None else ""
    doing = job.message or ("working" if job.status == "running" else "waiting for a worker")
    st.progress(job.progress, text=f"{job.label}: {doing} ({job.elapsed:.0f} s{left})")
    if st.button("Cancel", key=f"cancel:{key}"):
        cancel(job)
        st.rerun()


def show_failure(error: XaiError, where: str, *, again: bool = False) -> None:
    """An error as one paragraph, with a way to try again if a job failed; ``where`` is unique on the page."""
    if isinstance(error, CancelledError):
        st.info("Cancelled.", icon=":material/cancel:")
    else:
        st.error(str(error), icon=":material/error:")
    if again or _failed():
        st.button("Try again", key=f"again:{where}", on_click=forget_failed)
