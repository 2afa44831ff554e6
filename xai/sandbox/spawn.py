"""Start a child process: a clean environment, its own folder and session, and it dies with its parent."""

from __future__ import annotations

import os
import queue
import site
import subprocess
import sys
import threading
from concurrent.futures import Future
from pathlib import Path

# What a child may know of the parent's environment: where programs and libraries lie, language and thread numbers.
# Everything else, tokens and passwords among it, stays here. PYTHONDONTWRITEBYTECODE stays, too: children start often,
# and without compiled code importing a library costs them seconds each time.
PASSED_ON = (
    "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH",
    "PYTHONHOME", "PYTHONPATH", "PYTHONPYCACHEPREFIX", "NUMBA_CACHE_DIR",
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS",
)  # fmt: skip

_ROOT = Path(__file__).resolve().parents[2]


def child_environment(folder: Path) -> dict[str, str]:
    """Environment of a child that works in ``folder``."""
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    places = [place for place in environment.get("PYTHONPATH", "").split(os.pathsep) if place]
    if _ROOT.name not in ("site-packages", "dist-packages"):  # a checkout that may not be installed
        places.insert(0, str(_ROOT))
    environment["PYTHONPATH"] = os.pathsep.join(os.path.abspath(place) for place in places)  # noqa: PTH100 - keeps links
    # Libraries write into the home folder; packages installed with `pip install --user` are found through it.
    environment |= {"HOME": str(folder), "TMPDIR": str(folder), "PYTHONUSERBASE": site.getuserbase()}
    return environment


def spawn(folder: Path) -> subprocess.Popen[bytes]:
    """A worker process with pipes at its standard streams.

    Raises
    ------
    OSError
        If it cannot be started.
    """
    return _starter().start(folder)


class _Starter:
    """One thread that lives as long as this process and starts every child.

    The kernel's "die with your parent" means the *thread* that started the child; started from a thread that ends,
    as those of a web server do, children would die with that.
    """

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._asked: queue.SimpleQueue[tuple[Path, Future[subprocess.Popen[bytes]]]] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="xai-starter", daemon=True).start()

    def start(self, folder: Path) -> subprocess.Popen[bytes]:
        answer: Future[subprocess.Popen[bytes]] = Future()
        self._asked.put((folder, answer))
        return answer.result()

    def _run(self) -> None:
        while True:
            folder, answer = self._asked.get()
            try:
                process = subprocess.Popen(  # noqa: S603 - our own module
                    [sys.executable, "-P", "-m", "xai.sandbox.worker", str(self.pid)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    cwd=folder,
                    env=child_environment(folder),
                    start_new_session=True,
                )
            except OSError as error:
                answer.set_exception(error)
            else:
                answer.set_result(process)
            del answer  # the last one would keep its process alive


_current: _Starter | None = None
_lock = threading.Lock()


def _starter() -> _Starter:
    global _current  # noqa: PLW0603 - one a process, and a new one after a fork
    with _lock:
        if _current is None or _current.pid != os.getpid():
            _current = _Starter()
        return _current
