"""A run's share of the tasks that worker processes know; a worker learns them by importing this module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..sandbox.tasks import TASKS, Progress, Task, open_cached
from .parts import Part
from .work import Order, settle, work

if TYPE_CHECKING:
    import numpy as np

    from ..sandbox import ModelFile


def batch_settle(
    model: ModelFile, methods: Sequence[str], options: Mapping[str, Mapping[str, Any]], rows: int, progress: Progress
) -> dict[str, Any]:
    """See :func:`~.work.settle`."""
    del progress
    return settle(open_cached(model), tuple(methods), options, rows)


def batch_part(model: ModelFile, order: Order, part: Part, progress: Progress) -> dict[str, np.ndarray]:
    """See :func:`~.work.work`."""
    del progress
    return work(open_cached(model), order, part)


TASKS["batch_settle"] = Task(batch_settle, "preparing a run with")
TASKS["batch_part"] = Task(batch_part, "explaining with")
