"""Tasks that misbehave on purpose. A child gets them by ``warm``-ing this module, see conftest.py."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from pathlib import Path

from xai.core.errors import CancelledError, InputError, MissingExtraError
from xai.sandbox.tasks import TASKS, Task


def echo(value, progress):
    return value


def whoami(progress):
    return {"pid": os.getpid(), "cwd": str(Path.cwd()), "environment": dict(os.environ), "session": os.getsid(0)}


def noise(progress):
    print("print to stdout")  # noqa: T201
    sys.stdout.flush()
    os.write(1, b"raw bytes to fd 1\n" * 1000)
    ctypes.CDLL(None).puts(b"from C")
    ctypes.CDLL(None).fflush(None)
    print("to stderr", file=sys.stderr)  # noqa: T201
    return sys.stdin.read()


def break_xgboost(progress):
    """The next prediction dies as a damaged file makes it die: inside the library."""
    import xgboost

    xgboost.Booster.inplace_predict = xgboost.Booster.predict = lambda *_, **__: ctypes.string_at(0)


def sleep(seconds, progress):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        progress(1 - (end - time.monotonic()) / seconds, "sleeping")
        time.sleep(0.01)
    return seconds


def steps(fractions, progress):
    for fraction in fractions:
        progress(fraction, f"at {fraction}")


def flood(progress):
    for i in range(200_000):
        progress(i / 200_000, "counting")


def die(number, progress, model=None):
    print("last words", file=sys.stderr, flush=True)  # noqa: T201
    os.kill(os.getpid(), number)


def leave(code, progress):
    os._exit(code)


def segfault(progress):
    ctypes.string_at(0)


def garbage(progress):
    # Every descriptor of the process, so also the pipe the answers go through.
    for fd in range(3, 64):
        try:
            os.write(fd, b"certainly no frame of ours")
        except OSError:
            continue


def fail(kind, progress):
    raise {
        "input": InputError("column 'age' is missing."),
        "cancelled": CancelledError("stopped."),
        "missing": MissingExtraError("torch", "vision"),
        "memory": MemoryError(),
        "foreign": RuntimeError("first line\nsecond   line"),
    }[kind]


def unsendable(progress):
    return object()


def child(seconds, progress):
    """Starts a grandchild and waits: killing the worker must end both."""
    pid = os.spawnlp(os.P_NOWAIT, "sleep", "sleep", str(seconds))
    progress(0.5, str(pid))
    time.sleep(seconds)


for function in (
    break_xgboost,
    echo,
    whoami,
    noise,
    sleep,
    steps,
    flood,
    die,
    leave,
    segfault,
    garbage,
    fail,
    unsendable,
    child,
):
    TASKS[function.__name__] = Task(function, f"running {function.__name__}")
