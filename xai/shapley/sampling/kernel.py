"""KernelSHAP: weighted regression on coalitions, paired, by size and without replacement.

Shapley values solve ``min sum_S w(S) (v(S) - v(0) - sum_{i in S} phi_i)^2`` under ``sum phi = v(all) - v(0)`` with
``w(S) = 1 / (C(d, s) s (d - s))`` (Charnes et al. 1988; Lundberg and Lee 2017). Every size of coalition gets the same
share of the draws, which for this regression is sampling by leverage (Musco and Witter 2025); a coalition always
comes with its complement, so that only the odd part of the game enters; no coalition is drawn twice, so that the
answer is exact once all are drawn. The constraint is eliminated, not penalised.
"""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np

from ...core.errors import InputError
from .config import Goal
from .reference import ReferenceGame, Tick, check_affordable
from .result import Estimate

_ENUMERATED = 20_000


class Kernel:
    """Paired KernelSHAP on the mean game of one row; keeps what it drew, so that it can be continued.

    Parameters
    ----------
    game
        Games of one row.
    rng
        Generator to draw with.
    """

    name = "kernel"

    def __init__(self, game: ReferenceGame, rng: np.random.Generator) -> None:
        self.game = game
        self.strata = [_Stratum(game.n_units, size, rng) for size in range(1, game.n_units // 2 + 1)]
        self.n_pairs = sum(stratum.n_pairs for stratum in self.strata)
        self.ends: tuple[np.ndarray, np.ndarray] | None = None

    def spend(self, budget: int, goal: Goal, tick: Tick | None = None) -> Estimate:
        """Draw until ``budget`` model rows in all are spent, the goal is reached, or every coalition is drawn.

        Raises
        ------
        InputError
            If the budget does not cover 2 d pairs of coalitions (or all of them, if they are fewer).
        """
        d, n = self.game.n_units, self.game.n_references
        least = min(2 * d, self.n_pairs)
        check_affordable(self.game, budget, 2 * n * least, "KernelSHAP")
        empty, output = self.ends = self.ends or self.game.ends()
        base = empty.mean(axis=0)
        most = min((budget - n - 1) // (2 * n), self.n_pairs)
        wanted = most if goal.precision is None else least
        while True:
            wanted = max(wanted, self._drawn())
            for stratum, count in zip(self.strata, _allocate(self.strata, wanted), strict=True):
                new = stratum.draw(count)
                if len(new):
                    answers = self.game.mean(np.concatenate([new, ~new]))
                    stratum.gains.append((answers[: len(new)] - answers[len(new) :]) / 2)
            if tick is not None:
                tick(wanted / most if most else 1.0)
            values, errors = _solve(self.strata, output - base, d)
            reached = self._drawn() == self.n_pairs or goal.reached(values, errors)
            if reached or wanted >= most:
                break
            wanted = min(2 * wanted, most)
        return Estimate(values, errors, base, output, n + 1 + 2 * n * self._drawn(), self.name, reached)

    def _drawn(self) -> int:
        return sum(stratum.count for stratum in self.strata)


class _Stratum:
    """Pairs of coalitions of one size and their complements, in a random order without repeats."""

    def __init__(self, d: int, size: int, rng: np.random.Generator) -> None:
        self.d, self.size, self.rng = d, size, rng
        self.middle = 2 * size == d
        self.n_pairs = comb(d, size) // 2 if self.middle else comb(d, size)
        self.weight = 1.0 / (comb(d, size) * size * (d - size))
        self.drawn: list[np.ndarray] = []
        self.gains: list[np.ndarray] = []
        self._seen: set[bytes] = set()
        self._queue = self._all() if self.n_pairs <= _ENUMERATED else None

    @property
    def count(self) -> int:
        return sum(len(masks) for masks in self.drawn)

    def draw(self, total: int) -> np.ndarray:
        """New masks, so that ``total`` have been drawn."""
        missing = total - self.count
        new = np.empty((0, self.d), dtype=bool)
        if missing > 0:
            new = self._queue[self.count : total] if self._queue is not None else self._fresh(missing)
            self.drawn.append(new)
        return new

    def _all(self) -> np.ndarray:
        # Of a coalition of half the units and its complement, the one with the first unit stands for both.
        sets = (
            [(0, *rest) for rest in combinations(range(1, self.d), self.size - 1)]
            if self.middle
            else list(combinations(range(self.d), self.size))
        )
        masks = np.zeros((len(sets), self.d), dtype=bool)
        np.put_along_axis(masks, np.array(sets), values=True, axis=1)
        return self.rng.permutation(masks)

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


def _allocate(strata: list[_Stratum], n_pairs: int) -> list[int]:
    """Pairs of each stratum: equal shares (half in the middle, whose complements are its own), never too many."""
    shares = np.array([0.5 if stratum.middle else 1.0 for stratum in strata])
    limits = np.array([float(stratum.n_pairs) for stratum in strata])
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


def _solve(strata: list[_Stratum], total: np.ndarray, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Values and standard errors ``(d, k)`` of the constrained regression on all pairs drawn so far."""
    used = [stratum for stratum in strata if stratum.count]
    k = len(total)
    if not used:  # one unit
        return np.tile(total / d, (d, 1)), np.zeros((d, k))
    masks = np.concatenate([mask for stratum in used for mask in stratum.drawn])
    gains = np.concatenate([gain for stratum in used for gain in stratum.gains])
    repeats = [stratum.count for stratum in used]
    weights = np.repeat([stratum.weight * stratum.n_pairs / stratum.count for stratum in used], repeats)
    weights /= weights.mean()
    # With phi = total / d + u and sum u = 0, centred masks carry u; complements have them with the other sign.
    centred = masks - masks.mean(axis=1, keepdims=True)
    target = gains - (masks.sum(axis=1) - d / 2)[:, None] * total / d
    root = np.sqrt(weights)[:, None]
    inverse = np.linalg.pinv((centred * weights[:, None]).T @ centred, rcond=1e-10, hermitian=True)
    if np.linalg.matrix_rank(centred * root) < d - 1:
        raise InputError("too few coalitions were drawn for KernelSHAP: raise budget, or use estimator 'permutation'.")
    shift = inverse @ (centred.T @ (weights[:, None] * target))
    residual = target - centred @ shift
    leverage = np.einsum("pi,ij,pj->p", centred * root, inverse, centred * root)
    # Sandwich over pairs; sizes that are fully drawn leave no sampling error.
    left_out = np.repeat([1.0 - stratum.count / stratum.n_pairs for stratum in used], repeats)
    scores = centred * (weights / np.maximum(1.0 - leverage, 1e-3))[:, None]
    influence = scores @ inverse
    variance = np.einsum("p,pi,pk->ik", left_out, influence**2, residual**2)
    return total / d + shift, np.sqrt(variance)
