"""Some rows of a table: the same ones for whoever asks, and the words that say which they are."""

from __future__ import annotations

import numpy as np


def drawn(n: int, limit: int | None, seed: int = 0) -> np.ndarray:
    """Positions of at most ``limit`` of ``n`` rows (``None``: all), in their order.

    Fewer rows are some of what more rows of the same seed would be, so that what is computed on a part is about rows
    that were explained.
    """
    if limit is None or n <= limit:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).permutation(n)[:limit])


def phrase(n: int, limit: int | None, rows_are: str, seed: int = 0) -> str:
    """Which rows :func:`drawn` gives, in words.

    Parameters
    ----------
    rows_are
        What the rows are: ``"held-out rows"``.
    """
    if limit is None or n <= limit:
        return f"{n:,} {rows_are}"
    return f"{limit:,} of {n:,} {rows_are}, drawn at random (seed {seed})"
