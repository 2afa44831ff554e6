"""A run's share of the tasks that worker processes know; a worker learns them by importing this module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..sandbox.tasks import TASKS, Progress, Task, open_cached
from .parts import Part
from .work import Order, open_subject, settle, work

if TYPE_CHECKING:
    import numpy as np

    from ..sandbox import ModelFile


def batch_settle(
    model: ModelFile,
    methods: Sequence[str],
    options: Mapping[str, Mapping[str, Any]],
    *,
    rows: int,
    progress: Progress,
    sample: Any = None,
) -> dict[str, Any]:
    """See :func:`~.work.settle`."""
    del progress
    return settle(open_cached(model), tuple(methods), options, rows, sample)


def batch_open(model: ModelFile | None, order: Order, progress: Progress) -> dict[str, Any]:
    """Facts about what explains pictures or prompts."""
    del progress
    facts: dict[str, Any] = open_subject(model, order).facts()
    return facts


def batch_part(model: ModelFile | None, order: Order, part: Part, progress: Progress) -> dict[str, np.ndarray]:
    """See :func:`~.work.work`."""
    del progress
    return work(open_subject(model, order), order, part)


TASKS["batch_settle"] = Task(batch_settle, "preparing a run with")
TASKS["batch_open"] = Task(batch_open, "preparing a run with")
TASKS["batch_part"] = Task(batch_part, "explaining with")
