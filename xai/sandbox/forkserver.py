"""``python -m xai.sandbox.forkserver PARENT_PID SOCKET MODULES`` starts workers by forking itself.

It has imported what they need, has one thread, knows nothing of its parent's environment but what
:mod:`.spawn` passes on, and opens no file of anybody: each worker starts as clean as this process is, within
milliseconds.

One message a request and one an answer, JSON over a socket pair that only the parent holds:

- ``{"do": "fork", "folder", "environment", "profile", "reads", "later"}`` with three descriptors (standard input,
  output and error of the worker): ``{"pid"}`` with a descriptor by which the parent notices the worker's end;
- ``{"do": "reap", "pid"}``: ``{"code"}``, its exit code or the negative number of the signal, as in ``subprocess``.
  A worker that has ended keeps its number until then, so that a kill can hit nobody else.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import socket
import sys
import tempfile
import traceback
from importlib.util import find_spec
from typing import Any

from . import worker
from .confine import confine
from .profile import Profile

MESSAGE = 1 << 20  # bytes of one message at most
QUIET = 3.0  # seconds without a request after which there is time for more imports


def main() -> None:
    """Import, then fork until the parent closes the socket."""
    parent, descriptor = int(sys.argv[1]), int(sys.argv[2])
    plan = Plan(*json.loads(sys.argv[3]))
    worker.die_with(parent)
    link = socket.socket(fileno=descriptor)
    while plan.now:
        plan.import_next()
    gc.collect()
    gc.freeze()  # what is here now is never looked at again, so that its pages stay shared
    if not plan.told:
        link.send(json.dumps({"ready": plan.loaded}).encode())
        plan.told = True
    birth = serve(link, plan)
    if birth is not None:
        link.close()
        live(*birth)


class Plan:
    """What is imported when.

    Parameters
    ----------
    now, later
        Modules to import before the first worker, and while nobody asks for one.
    left_out
        Modules that leave a thread behind. A thread is not forked with its process, but the locks it holds are: a
        worker could wait for one for ever.
    told
        Whether the parent knows that this process is ready.
    """

    def __init__(self, now: list[str], later: list[str], left_out: list[str], told: bool) -> None:
        self.now, self.later, self.left_out = now, later, left_out
        self.loaded: list[str] = []
        self.told = told

    def add(self, names: list[str]) -> None:
        """Import these, too, when there is time."""
        self.later += [name for name in names if name not in {*self.loaded, *self.left_out, *self.later}]

    def import_next(self) -> None:
        """Import one module; one that leaves a thread behind ends this program and starts it again without."""
        name = (self.now or self.later).pop(0)
        if name in self.left_out or find_spec(name.partition(".")[0]) is None or not _import(name):
            return
        if threads() > 1:
            self._start_again(name)
        self.loaded.append(name)

    def _start_again(self, without: str) -> None:
        """Become a new program in the same process, with the same children and the same socket."""
        os.set_inheritable(int(sys.argv[2]), True)  # noqa: FBT003
        plan = json.dumps([[*self.loaded, *self.now], self.later, [*self.left_out, without], self.told])
        command = [sys.executable, "-P", "-m", "xai.sandbox.forkserver", *sys.argv[1:3], plan]
        os.execv(sys.executable, command)  # noqa: S606


def _import(name: str) -> bool:
    try:
        importlib.import_module(name)
    except Exception:  # noqa: BLE001 - any library, any reason: the task that needs it meets it, and says so
        return False
    return True


def threads() -> int:
    """Threads of this process, those of libraries included."""
    return len(os.listdir("/proc/self/task"))  # noqa: PTH208 - a Path each is not needed


def serve(link: socket.socket, plan: Plan) -> tuple[dict[str, Any], list[int], int] | None:
    """Answer requests; returns in the parent's absence with ``None``, and in each new worker with its request.

    While nobody asks for anything, modules are imported that workers will want later.
    """
    while True:
        if plan.later and not select.select([link], [], [], QUIET)[0]:
            plan.import_next()
            continue
        try:
            message, descriptors, _, _ = socket.recv_fds(link, MESSAGE, 3)
        except ConnectionResetError:
            return None
        if not message:
            return None
        request = json.loads(message)
        if request["do"] == "reap":
            _, status = os.waitpid(request["pid"], 0)
            link.send(json.dumps({"code": os.waitstatus_to_exitcode(status)}).encode())
            continue
        plan.add(request["later"])
        if threads() > 1:
            link.send(json.dumps({"error": "a library has started a thread in the fork server."}).encode())
            continue
        server = os.getpid()
        pid = os.fork()
        if pid == 0:
            return request, descriptors, server
        for descriptor in descriptors:
            os.close(descriptor)
        ending = os.pidfd_open(pid)
        socket.send_fds(link, [json.dumps({"pid": pid}).encode()], [ending])
        os.close(ending)


def live(request: dict[str, Any], descriptors: list[int], server: int) -> None:
    """Be a worker: own session, streams, folder, environment; shut in; then serve until the end."""
    worker.die_with(server)
    os.setsid()
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    code = 1
    try:
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        tempfile.tempdir = None  # the server's own was remembered
        confine(Profile.from_json(request["profile"]), request["folder"], tuple(request["reads"]))
        _reseed()
        _use_processors()
        worker.work()
        code = 0
    except BaseException:  # noqa: BLE001 - the parent shows what is in the error stream
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(code)  # what the server's libraries want to do at the end is the server's to do


def _reseed() -> None:
    """Siblings must not draw the same numbers from generators that libraries keep for everybody."""
    if "numpy" in sys.modules:
        import numpy as np

        np.random.seed()  # noqa: NPY002 - that very generator
    # Python's own does this by itself.


def _use_processors() -> None:
    """Linear algebra was imported with one thread; now it may have as many as the environment or the machine says."""
    if "OPENBLAS_NUM_THREADS" in os.environ or find_spec("threadpoolctl") is None:
        return
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    wanted = os.environ.get("OMP_NUM_THREADS", "")
    number = int(wanted) if wanted.isdigit() else len(os.sched_getaffinity(0))
    for library in ThreadpoolController().lib_controllers:
        if library.internal_api == "openblas":
            library.set_num_threads(number)


if __name__ == "__main__":
    main()
