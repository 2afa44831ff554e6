"""One machine: worker processes that do the work, and this process, which writes what they hand over."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..core.errors import WorkerError, XaiError
from .parts import Part
from .tasks import PART
from .work import Order, work

if TYPE_CHECKING:
    import numpy as np

    from ..sandbox import Job, JobPool, ModelFile

ATTEMPTS = 3
"""Times a part is tried when its worker dies: the third time it is taken for the part's own fault."""

Answer = tuple[Part, "dict[str, np.ndarray] | XaiError"]
Engine = Callable[[Sequence[Part]], Iterator[Answer]]


def in_this_process(subject: Any, order: Order) -> Engine:
    """For models that live in this process and in no file; see :func:`.work.work`."""

    def run(parts: Sequence[Part]) -> Iterator[Answer]:
        for part in parts:
            try:
                yield part, work(subject, order, part)
            except XaiError as error:
                yield part, error

    return run


def in_workers(pool: JobPool, model: ModelFile | None, order: Order) -> Engine:
    """Worker processes; answers come in the order of the parts, and at most two a worker wait to be written."""

    def submit(part: Part) -> Job:
        return pool.submit(PART, f"explaining {part.name}", model=model, order=order, part=part)

    def run(parts: Sequence[Part]) -> Iterator[Answer]:
        waiting: deque[tuple[Part, Job]] = deque()
        for part in parts:
            waiting.append((part, submit(part)))
            if len(waiting) >= 2 * pool.size:
                yield _finished(*waiting.popleft(), submit)
        while waiting:
            yield _finished(*waiting.popleft(), submit)

    return run


def _finished(part: Part, job: Job, submit: Callable[[Part], Job]) -> Answer:
    """What a job made, its part tried again where a worker died."""
    for _ in range(ATTEMPTS - 1):
        try:
            return part, job.result()
        except WorkerError:
            job = submit(part)
        except XaiError as error:
            return part, error
    try:
        return part, job.result()
    except XaiError as error:
        return part, error
