"""Long work for pages: done by worker processes, cached by content, watched with progress and Cancel."""

from __future__ import annotations

import json
from collections import OrderedDict
from threading import Lock
from typing import Any

import streamlit as st

from ..core.errors import CancelledError, XaiError
from ..sandbox.jobs import Job
from .workers import pool

#: Finished results kept for everybody; they are addressed by content, so sharing them is safe.
KEEP = 64
#: Seconds a page waits before it shows a progress bar: quick work should not flash one.
PATIENCE = 1.5

_jobs: OrderedDict[str, Job] = OrderedDict()
_lock = Lock()


class StillRunningError(Exception):
    """The result a card needs is not there yet; the card shows the job's progress instead."""

    def __init__(self, job: Job, key: str) -> None:
        super().__init__(key)
        self.job = job
        self.key = key


def compute(task: str, label: str, identity: str, options: dict[str, Any], **tables: Any) -> Any:
    """Result of a worker's task, computed once for the same content.

    Parameters
    ----------
    task
        Name in the workers' registry.
    label
        What the progress bar says is being done.
    identity
        Hash of everything in ``tables``: results are cached by task, identity and options.
    options
        JSON values handed to the task.
    tables
        Tables and arrays handed to the task.

    Raises
    ------
    StillRunningError
        If it takes longer than :data:`PATIENCE`; a card turns it into a progress bar.
    XaiError
        Whatever the task raised.
    """
    key = f"{task}:{identity}:{json.dumps(options, sort_keys=True)}"
    with _lock:
        job = _jobs.get(key)
        if job is None:
            job = _jobs[key] = pool().submit(task, label, **options, **tables)
            while len(_jobs) > KEEP:
                _, oldest = _jobs.popitem(last=False)
                oldest.cancel()
        _jobs.move_to_end(key)
    if not job.wait(PATIENCE):
        raise StillRunningError(job, key)
    return job.result()


def _failed() -> list[str]:
    return [key for key, job in _jobs.items() if job.status in ("failed", "cancelled")]


def forget_failed() -> None:
    """Drop every job that failed or was cancelled, so that the next :func:`compute` starts it again."""
    with _lock:
        for key in _failed():
            del _jobs[key]


@st.fragment(run_every=0.4)
def watch(job: Job, key: str) -> None:
    """Progress of a job and its Cancel button; the page is drawn again when the job ends."""
    if job.status in ("done", "failed", "cancelled"):
        st.rerun()
    left = f", about {job.remaining:.0f} s left" if job.remaining is not None else ""
    doing = job.message or ("working" if job.status == "running" else "waiting for a worker")
    st.progress(job.progress, text=f"{job.label}: {doing} ({job.elapsed:.0f} s{left})")
    if st.button("Cancel", key=f"cancel:{key}"):
        job.cancel()
        st.rerun()


def show_failure(error: XaiError, where: str, *, again: bool = False) -> None:
    """An error as one paragraph, with a way to try again if a job failed; ``where`` is unique on the page."""
    if isinstance(error, CancelledError):
        st.info("Cancelled.", icon=":material/cancel:")
    else:
        st.error(str(error), icon=":material/error:")
    if again or _failed():
        st.button("Try again", key=f"again:{where}", on_click=forget_failed)
