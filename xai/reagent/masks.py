"""Which units are replaced together."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def balanced(n_units: int, rate: float, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Random masks ``(U,)`` without end; between two reshuffles no unit is replaced twice.

    Every permutation of the units is cut into pieces of ``rate * U``, so all units are replaced equally often up to
    one time. What a permutation leaves over starts the next one.
    """
    size = max(1, min(n_units, round(rate * n_units)))
    queue = np.array([], dtype=int)
    while True:
        if len(queue) < size:
            fresh = rng.permutation(n_units)
            # Units still waiting come first, so they must not come again in the same mask.
            queue = np.concatenate([queue, fresh[~np.isin(fresh, queue)], fresh[np.isin(fresh, queue)]])
        mask = np.zeros(n_units, dtype=bool)
        mask[queue[:size]] = True
        queue = queue[size:]
        yield mask
