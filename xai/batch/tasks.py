"""A run's share of the tasks that worker processes know.

A worker learns them by importing this package, as it does when it reads an :class:`~.work.Order`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..sandbox.tasks import TASKS, Progress, Task, open_cached
from .parts import Part
from .work import Order, open_subject, settle, work

if TYPE_CHECKING:
    import numpy as np

    from ..sandbox import ModelFile


def batch_settle(
    model: ModelFile, order: Order, *, rows: int, progress: Progress, sample: Any = None
) -> dict[str, Any]:
    """See :func:`~.work.settle`; the order is the one that is being settled."""
    del progress
    return settle(open_cached(model), order.methods, order.options, rows, sample)


def batch_open(model: ModelFile | None, order: Order, progress: Progress) -> dict[str, Any]:
    """Facts about what explains pictures or prompts."""
    del progress
    facts: dict[str, Any] = open_subject(model, order).facts()
    return facts


def batch_part(model: ModelFile | None, order: Order, part: Part, progress: Progress) -> dict[str, np.ndarray]:
    """See :func:`~.work.work`."""
    del progress
    return work(open_subject(model, order), order, part)


SETTLE, OPEN, PART = "batch_settle", "batch_open", "batch_part"
TASKS[SETTLE] = Task(batch_settle, "preparing a run with")
TASKS[OPEN] = Task(batch_open, "preparing a run with")
TASKS[PART] = Task(batch_part, "explaining with")
