"""How far a run is, for people."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class BatchProgress:
    """How far a run is.

    Attributes
    ----------
    parts, all_parts, rows, all_rows
        Done and in all, those of earlier runs included.
    rows_per_second
        Of this run; 0 before its first part.
    seconds_left
        At this pace, ``None`` before the first part.
    """

    parts: int
    all_parts: int
    rows: int
    all_rows: int
    rows_per_second: float
    seconds_left: float | None

    def __str__(self) -> str:
        left = "" if self.seconds_left is None else f", about {_span(self.seconds_left)} left"
        return (
            f"{self.rows:,} of {self.all_rows:,} rows, {self.parts:,} of {self.all_parts:,} parts, "
            f"{self.rows_per_second:,.0f} rows/s{left}"
        )


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class Meter:
    """Counts parts and tells whoever listens."""

    def __init__(self, sizes: list[int], done: list[int], listener: Callable[[BatchProgress], object] | None) -> None:
        self._all_parts, self._all_rows = len(sizes), sum(sizes)
        self._parts, self._rows, self._before = len(done), sum(done), sum(done)
        self._listener = listener
        self._start = time.monotonic()
        self._tell()

    def add(self, rows: int) -> None:
        """One more part is finished."""
        self._parts += 1
        self._rows += rows
        self._tell()

    def _tell(self) -> None:
        if self._listener is None:
            return
        pace = (self._rows - self._before) / max(time.monotonic() - self._start, 1e-9)
        left = (self._all_rows - self._rows) / pace if pace > 0 else None
        self._listener(BatchProgress(self._parts, self._all_parts, self._rows, self._all_rows, pace, left))
