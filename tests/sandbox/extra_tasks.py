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


def read(model, progress):
    return Path(model).read_text()


def descriptors(progress):
    folder = Path("/proc/self/fd")
    found = []
    for entry in folder.iterdir():
        try:
            found.append(str(entry.readlink()))
        except OSError:  # the one that listed the folder
            continue
    return found


def peek(path, progress):
    return Path(path).read_text()


def write(path, progress, size=None):
    Path(path).write_text("written" if size is None else "x" * size)


def allocate(mib, progress):
    return len(bytearray(mib << 20))


def abort_for_memory(progress, model=None):
    """As C++ ends that was refused memory."""
    print("terminate called after throwing an instance of 'std::bad_alloc'", file=sys.stderr, flush=True)  # noqa: T201
    os.abort()


def burn(seconds, progress):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def open_files(number, progress):
    kept = [os.open("/dev/null", os.O_RDONLY) for _ in range(number)]
    for descriptor in kept:
        os.close(descriptor)
    return len(kept)


def threads(progress):
    """Threads and linear algebra still work."""
    import threading

    import numpy as np

    found = []
    made = [threading.Thread(target=lambda: found.append(threading.get_ident())) for _ in range(4)]
    for thread in made:
        thread.start()
    for thread in made:
        thread.join()
    a = np.random.default_rng(0).normal(size=(400, 400))
    return len(found), float(np.abs(a @ np.linalg.inv(a) - np.eye(400)).max())


def draws(progress):
    import random

    import numpy as np

    return float(np.random.rand()), random.random()  # noqa: NPY002


for function in (
    break_xgboost,
    descriptors,
    read,
    peek,
    write,
    allocate,
    abort_for_memory,
    burn,
    open_files,
    threads,
    draws,
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
