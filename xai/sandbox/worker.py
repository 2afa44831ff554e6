"""The child process: reads requests, runs tasks, answers.

It is forked by :mod:`.forkserver`, or, where there is none, started by ``python -m xai.sandbox.worker PARENT_PID
PROFILE``. Its standard input and output are the pipe. They are moved away first, so that whatever a library prints ends
in the error stream and never in the middle of a message.
"""

from __future__ import annotations

import contextlib
import faulthandler
import io
import json
import os
import signal
import sys
import threading
import time
import traceback
from typing import Any

from ..core.errors import MissingExtraError, ModelError, WorkerError, XaiError
from . import codec, protocol
from .limits import size_text
from .profile import Profile
from .tasks import TASKS

PROGRESS_INTERVAL = 0.05  # seconds between two messages
_PR_SET_PDEATHSIG = 1


class Answers:
    """The way back, safe to use from several threads."""

    def __init__(self, stream: protocol.Writable) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, header: protocol.Header, blobs: list[protocol.Blob] | None = None) -> None:
        """Send one message."""
        with self._lock:
            protocol.write_frame(self._stream, header, blobs or [])


class Progress:
    """What a task calls with a fraction in [0, 1] and a text; fractions never fall, messages never flood."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._fraction, self._text, self._last = 0.0, "", float("-inf")

    def __call__(self, fraction: float, text: str = "") -> None:
        """Tell how far the task is."""
        now = time.monotonic()
        self._fraction = max(self._fraction, min(float(fraction), 1.0))
        if text == self._text and self._fraction < 1.0 and now - self._last < PROGRESS_INTERVAL:
            return
        self._text, self._last = text, now
        self._answers.send({"kind": "progress", "fraction": self._fraction, "text": text})


def main() -> None:
    """Be a worker that was started as a program of its own: with limits, without what needs a process of one thread."""
    die_with(int(sys.argv[1]))
    Profile.from_json(json.loads(sys.argv[2])).limits.apply()
    work()


def work() -> None:
    """Serve until the parent closes the pipe."""
    requests, answers = take_over_pipes()
    faulthandler.enable()  # a crash writes where it happened into the error stream
    # The parent is gone when the pipe breaks: nobody is left to tell.
    with contextlib.suppress(BrokenPipeError):
        serve(requests, Answers(answers))


def die_with(parent: int) -> None:
    """Ask the kernel to kill this process when its parent ends."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before we could ask
        sys.exit(1)


def take_over_pipes() -> tuple[io.BufferedReader, io.BufferedWriter]:
    """Move the pipe away from standard input and output, and point output at the error stream."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, answers


def serve(requests: protocol.Readable, answers: Answers) -> None:
    """Answer requests one after another until the stream ends."""
    while (frame := protocol.read_frame(requests)) is not None:
        header, blobs = frame
        try:
            payload = codec.decode(header["payload"], blobs)
            result = run(header["task"], payload, Progress(answers))
            tree, out = codec.encode(result)
        except Exception as error:  # noqa: BLE001 - every failure of a task is the parent's to show
            answers.send(describe_error(error, header["task"]))
        else:
            answers.send({"kind": "result", "value": tree}, out)


def run(task: str, payload: dict[str, Any], progress: Progress) -> Any:
    """Run one task of the registry."""
    return TASKS[task].function(**payload, progress=progress)


def describe_error(error: Exception, task: str) -> protocol.Header:
    """An error as JSON: class, text of one paragraph, and the traceback for the log."""
    header: protocol.Header = {"kind": "error", "trace": "".join(traceback.format_exception(error))[-20_000:]}
    if isinstance(error, MissingExtraError):
        return header | {"class": "MissingExtraError", "args": [error.package, error.extra]}
    if isinstance(error, XaiError):
        return header | {"class": type(error).__name__, "args": [str(error)]}
    if isinstance(error, MemoryError):
        return header | {
            "class": WorkerError.__name__,
            "args": [f"{TASKS[task].doing}: memory ran out{_of_limit()}. Use fewer rows."],
        }
    text = " ".join(str(error).split())[:600]
    return header | {
        "class": ModelError.__name__,
        "args": [f"{TASKS[task].doing} failed. {type(error).__name__}: {text or 'no further details'}"],
    }


def _of_limit() -> str:
    """The process's own limit of memory as a part of a sentence; empty if it has none."""
    import resource

    bound = resource.getrlimit(resource.RLIMIT_DATA)[0]
    return "" if bound == resource.RLIM_INFINITY else f" (memory limit of {size_text(bound)})"


if __name__ == "__main__":
    main()
