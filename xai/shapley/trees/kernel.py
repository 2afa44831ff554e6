"""Rows through tables: codes, patterns, and one look-up a (group, feature)."""

from __future__ import annotations

import numpy as np

from .compiled import compiled
from .fill import Groups, patterns

WIDTH = 256
"""Rows that go through all groups together, so that their sums stay in the processor's cache."""


@compiled
def encode(entries: np.ndarray, edges: np.ndarray, starts: np.ndarray, single: bool) -> np.ndarray:
    """Codes ``(columns, n)``: 0 for NaN, else 1 + the number of the column's edges below the entry."""
    n, n_columns = entries.shape
    codes = np.empty((n_columns, n), np.uint16)
    for c in range(n_columns):
        first, count = starts[c], starts[c + 1] - starts[c]
        for i in range(n):
            x = np.float64(np.float32(entries[i, c])) if single else entries[i, c]
            below, left = first, count
            while left > 0:
                half = (left + 1) >> 1
                below += half if edges[below + half - 1] < x else 0
                left -= half
            codes[c, i] = 0 if np.isnan(x) else 1 + below - first
    return codes


@compiled
def accumulate(codes: np.ndarray, groups: Groups, width: int, out: np.ndarray) -> None:
    """Add all groups' contributions to ``out`` (n, targets).

    Sums run in single precision over some groups at a time and are then added up in double precision.
    """
    n, n_targets = out.shape
    n_groups = len(groups.bits)
    some = max(64, 4 * n_targets)
    part = np.zeros((n_targets, width), np.float32)
    total = np.zeros((n_targets, width))
    pattern = np.empty(width, np.uint16)
    for first in range(0, n, width):
        rows = min(width, n - first)
        for start in range(0, n_groups, some):
            for g in range(start, min(n_groups, start + some)):
                patterns(groups, g, codes, first, pattern[:rows])
                size = 1 << groups.bits[g]
                begin = groups.table_start[g]
                for slot in range(groups.slot_start[g], groups.slot_start[g + 1]):
                    table = groups.table[begin : begin + size]
                    sums = part[groups.target[slot]]
                    for i in range(rows):
                        sums[i] += table[pattern[i]]
                    begin += size
            for target in range(n_targets):
                for i in range(rows):
                    total[target, i] += part[target, i]
                    part[target, i] = 0.0
        for target in range(n_targets):
            for i in range(rows):
                out[first + i, target] += total[target, i]
                total[target, i] = 0.0
