"""One thread that starts every child of this process."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

Result = TypeVar("Result")


class _Starter:
    """One thread that lives as long as this process and starts every child of it.

    The kernel's "die with your parent" means the *thread* that started the child; started from a thread that ends,
    as those of a web server do, children would die with that.
    """

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._asked: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="xai-starter", daemon=True).start()

    def run(self, start: Callable[[], Result]) -> Result:
        answer: Future[Result] = Future()
        self._asked.put((start, answer))
        return answer.result()

    def _run(self) -> None:
        while True:
            start, answer = self._asked.get()
            try:
                process = start()
            except OSError as error:
                answer.set_exception(error)
            else:
                answer.set_result(process)
                del process
            del start, answer  # the last one would keep its process alive


_current: _Starter | None = None
_lock = threading.Lock()


def starter() -> _Starter:
    """That of this process."""
    global _current  # noqa: PLW0603 - one a process, and a new one after a fork
    with _lock:
        if _current is None or _current.pid != os.getpid():
            _current = _Starter()
        return _current
