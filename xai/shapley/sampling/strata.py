"""Pairs of a coalition and its complement, drawn size by size and never twice."""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from math import comb

import numpy as np

_ENUMERATED = 5_000


class Pairs:
    """Coalitions of d units, each standing for itself and its complement, in a random order without repeats.

    Every size gets the same share of the draws, which for the regression of Shapley values is sampling by leverage
    (Musco and Witter 2025).

    Parameters
    ----------
    d
        Number of units.
    rng
        Generator to draw with.
    """

    def __init__(self, d: int, rng: np.random.Generator) -> None:
        self.d = d
        self.strata = [Stratum(d, size, rng) for size in range(1, d // 2 + 1)]
        self.total = sum(stratum.total for stratum in self.strata)
        self.masks = np.empty((0, d), dtype=bool)
        self._stratum = np.empty(0, dtype=int)

    def draw(self, n_pairs: int) -> np.ndarray:
        """New masks, so that ``n_pairs`` have been drawn (all, if there are fewer)."""
        counts = allocate(self.strata, min(n_pairs, self.total))
        new = [stratum.draw(count) for stratum, count in zip(self.strata, counts, strict=True)]
        masks = np.concatenate([np.empty((0, self.d), dtype=bool), *new])
        self.masks = np.concatenate([self.masks, masks])
        self._stratum = np.concatenate([self._stratum, np.repeat(np.arange(len(new)), [len(part) for part in new])])
        return masks

    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """For each pair drawn its weight in the regression, and the share of its size that was not drawn.

        The weight is ``1 / (C(d, s) s (d - s))`` (Charnes et al. 1988) over the probability of being drawn.
        """
        weight = np.array(
            [s.total / (comb(s.d, s.size) * s.size * (s.d - s.size) * max(s.count, 1)) for s in self.strata]
        )
        left_out = np.array([1.0 - stratum.count / stratum.total for stratum in self.strata])
        return weight[self._stratum], left_out[self._stratum]


class Stratum:
    """Pairs of coalitions of one size and their complements."""

    def __init__(self, d: int, size: int, rng: np.random.Generator) -> None:
        self.d, self.size, self.rng = d, size, rng
        self.middle = 2 * size == d
        self.total = comb(d, size) // 2 if self.middle else comb(d, size)
        self.count = 0
        self._order = rng.permutation(self.total) if self.total <= _ENUMERATED else None
        self._seen: set[bytes] = set()

    def draw(self, total: int) -> np.ndarray:
        """New masks, so that ``total`` have been drawn."""
        missing = total - self.count
        if missing <= 0:
            return np.empty((0, self.d), dtype=bool)
        new = self._fresh(missing) if self._order is None else _all(self.d, self.size)[self._order[self.count : total]]
        self.count = total
        return new

    def _fresh(self, n: int) -> np.ndarray:
        kept: list[np.ndarray] = []
        while len(kept) < n:
            masks = self.rng.random((n - len(kept), self.d)).argsort(axis=1).argsort(axis=1) < self.size
            if self.middle:
                masks ^= ~masks[:, :1]
            for mask, key in zip(masks, np.packbits(masks, axis=1), strict=True):
                if key.tobytes() not in self._seen:
                    self._seen.add(key.tobytes())
                    kept.append(mask)
        return np.array(kept)


@lru_cache(maxsize=64)
def _all(d: int, size: int) -> np.ndarray:
    # Of a coalition of half the units and its complement, the one with the first unit stands for both.
    sets = (
        [(0, *rest) for rest in combinations(range(1, d), size - 1)]
        if 2 * size == d
        else list(combinations(range(d), size))
    )
    masks = np.zeros((len(sets), d), dtype=bool)
    np.put_along_axis(masks, np.array(sets), values=True, axis=1)
    return masks


def allocate(strata: list[Stratum], n_pairs: int) -> list[int]:
    """Pairs of each stratum: equal shares (half in the middle, whose complements are its own), never too many."""
    shares = np.array([0.5 if stratum.middle else 1.0 for stratum in strata])
    limits = np.array([float(stratum.total) for stratum in strata])
    raw, open_ = np.zeros(len(strata)), np.ones(len(strata), dtype=bool)
    while open_.any():
        left = n_pairs - raw[~open_].sum()
        raw[open_] = left * shares[open_] / shares[open_].sum()
        over = open_ & (raw >= limits)
        raw[over] = limits[over]
        if not over.any():
            break
        open_ &= ~over
    counts = np.maximum(np.floor(raw + 1e-9).astype(int), [stratum.count for stratum in strata])
    for stratum in np.argsort(counts - raw, kind="stable")[: max(0, n_pairs - counts.sum())]:
        counts[stratum] += 1
    return [int(count) for count in counts]
