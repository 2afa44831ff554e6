"""Games for editors: masks are played by a worker process, and what was played once is not played again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from ..core.errors import WorkerError
from ..core.game import Game
from ..core.units import Units
from ..sandbox.jobs import Job
from .sessions import current_id
from .workers import pool

_KEPT = 2000
#: Seconds an editor waits for an answer; a stroke should take far less, but a busy server may first open the model.
_PATIENCE = 60.0


def played(
    task: str,
    payload: Mapping[str, Any],
    units: Units,
    output_names: Sequence[str],
    *,
    members: Sequence[Sequence[int]] | None = None,
    weights: Literal["binary", "continuous"] = "binary",
) -> Game:
    """A game whose masks go to a worker's task as ``masks`` ``(n, d)``, and whose outputs ``(n, k)`` come back.

    Unlike :func:`.jobs.compute` it waits: an edit session needs the answer to a stroke, not a progress bar.

    Parameters
    ----------
    task, payload
        Name in the workers' registry, and everything it takes besides ``masks``.
    units, output_names, weights
        As in :class:`xai.core.game.Game`.
    members
        For each unit the columns of the task's masks that it stands for; by default one each, in the same order.
    """
    columns = [list(group) for group in (members or [[i] for i in range(len(units))])]
    n_columns = sum(map(len, columns))
    known: OrderedDict[bytes, np.ndarray] = OrderedDict()

    def play(masks: np.ndarray) -> np.ndarray:
        new = {mask.tobytes(): mask for mask in masks if mask.tobytes() not in known}
        if new:
            full = np.empty((len(new), n_columns))
            for unit, group in enumerate(columns):
                full[:, group] = np.array([mask[unit] for mask in new.values()])[:, None]
            outputs = _waited(pool().submit(task, "Asking the model again", owner=current_id(), **payload, masks=full))
            known.update(zip(new, np.asarray(outputs), strict=True))
        answers = np.stack([known[mask.tobytes()] for mask in masks])
        while len(known) > _KEPT:
            known.popitem(last=False)
        return answers

    return Game(play, units, tuple(output_names), weights)


def _waited(job: Job) -> Any:
    """What a job gives; nobody waits longer than an editor does, and a job nobody waits for must not go on.

    Raises
    ------
    WorkerError
        If there was no answer in time.
    """
    try:
        if job.wait(_PATIENCE):
            return job.result()
    finally:
        job.cancel()  # nothing happens to one that has ended
    raise WorkerError(
        f"the model has not answered within {_PATIENCE:g} s and was stopped: try again when the server is less busy, "
        "or with a smaller model."
    )
