"""Games that a worker plays for a page: masks go in, outputs come back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .codec import ModelFile

Progress = Callable[[float, str], None]


def play_features(
    model: str | ModelFile,
    row: Any,
    background: Any,
    masks: Any,
    progress: Progress,  # noqa: ARG001 - one shape for all tasks
) -> np.ndarray:
    """Outputs ``(n_masks, k)`` of a model where masks ``(n_masks, d)`` keep the row's values; see :func:`xai.game`."""
    from ..shapley import game
    from .tasks import open_cached

    return np.asarray(game(open_cached(model), row, background)(np.asarray(masks, dtype=float)))
