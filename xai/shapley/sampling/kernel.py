"""KernelSHAP: weighted regression on coalitions and their complements, for each background row its own.

Shapley values solve ``min sum_S w(S) (v(S) - v(0) - sum_{i in S} phi_i)^2`` under ``sum phi = v(all) - v(0)`` with
``w(S) = 1 / (C(d, s) s (d - s))`` (Charnes et al. 1988; Lundberg and Lee 2017). They are linear in the game, so those
of the mean game are the mean of those of the games against single background rows: each of these is solved with
coalitions of its own, whose errors average out over the background. No coalition is drawn twice in one game, so that
the answer is exact once all are drawn.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .config import Goal
from .reference import ReferenceGame, Tick, check_affordable
from .regression import Regression
from .result import Estimate
from .strata import Pairs

_PAIRS_A_UNIT = 3
"""Fewer pairs a background row than this many a unit estimate worse than walks do."""


class Kernel:
    """KernelSHAP on the games of one row; keeps what it drew, so that it can be continued.

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
        # A unit that does not differ from the background row is no player of that game.
        self.units = [np.flatnonzero(row) for row in game.differs]
        self.pairs = [Pairs(len(units), rng) for units in self.units]
        self.gains: list[list[np.ndarray]] = [[] for _ in self.units]
        self.ends: tuple[np.ndarray, np.ndarray] | None = None

    def least(self) -> int:
        """Model rows without which there is no answer."""
        return self.game.n_references + 1 + self._rows(_PAIRS_A_UNIT * self.game.n_units)

    def spend(self, budget: int, goal: Goal, tick: Tick | None = None) -> Estimate:
        """Draw until ``budget`` model rows in all are spent, the goal is reached, or every coalition is drawn.

        Raises
        ------
        InputError
            If the budget does not cover 3 d pairs of coalitions a background row (or all of them, if they are fewer).
        """
        fixed = self.game.n_references + 1
        check_affordable(self.game, budget, self.least() - fixed, "KernelSHAP")
        if self.ends is None:
            self.ends = self.game.ends()
        empty, output = self.ends
        most = self._affordable(budget - fixed)
        wanted = most if goal.precision is None else min(_PAIRS_A_UNIT * self.game.n_units, most)
        while True:
            self._draw(wanted, None if tick is None else lambda rows: tick(min(1.0, rows / budget)))
            values, errors = self._result(empty, output)
            reached = self._complete() or goal.reached(values, errors)
            if reached or wanted >= most:
                break
            wanted = min(2 * wanted, most)
        spent = fixed + 2 * sum(len(pairs.masks) for pairs in self.pairs)
        return Estimate(values, errors, empty.mean(axis=0), output, spent, self.name, reached)

    def _rows(self, n_pairs: int) -> int:
        """Model rows of so many pairs a background row."""
        return 2 * sum(min(n_pairs, pairs.total) for pairs in self.pairs)

    def _affordable(self, rows: int) -> int:
        """Most pairs a background row, where those that have fewer leave theirs to the others."""
        low, high = 0, max(pairs.total for pairs in self.pairs)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._rows(middle) <= rows else (low, middle - 1)
        return low

    def _complete(self) -> bool:
        return all(len(pairs.masks) == pairs.total for pairs in self.pairs)

    def _draw(self, n_pairs: int, told: Callable[[int], None] | None) -> None:
        """Draw up to so many pairs a background row, and ask the model for all of them together."""
        before = sum(len(pairs.masks) for pairs in self.pairs)
        new = [pairs.draw(max(n_pairs, len(pairs.masks))) for pairs in self.pairs]
        counts = [len(masks) for masks in new]
        references = np.repeat(np.arange(len(new)), counts)
        here, there = np.zeros((2, len(references), self.game.n_units), dtype=bool)
        ends = np.cumsum(counts)
        for units, masks, end in zip(self.units, new, ends, strict=True):
            here[end - len(masks) : end, units] = masks
            there[end - len(masks) : end, units] = ~masks
        gains = [np.empty((0, len(self.game.output_names)))]
        size = max(1, self.game.batch_rows // 2)
        for start in range(0, len(references), size):
            part = slice(start, start + size)
            answers = self.game.play(np.concatenate([here[part], there[part]]), np.tile(references[part], 2))
            half = len(answers) // 2
            gains.append((answers[:half] - answers[half:]) / 2)
            if told is not None:
                told(2 * (before + start + half))
        for kept, more in zip(self.gains, np.split(np.concatenate(gains), ends[:-1]), strict=True):
            kept.append(more)

    def _result(self, empty: np.ndarray, output: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values and standard errors ``(d, k)``."""
        n, shape = self.game.n_references, (self.game.n_units, len(output))
        runs = [
            Regression(pairs.masks, np.concatenate(gains), *pairs.weights(), output - start)
            for start, pairs, gains in zip(empty, self.pairs, self.gains, strict=True)
        ]
        straight, sums = [run.plain() for run in runs], np.zeros(shape)
        for units, (own, _) in zip(self.units, straight, strict=True):
            sums[units] += own
        values, variances = np.zeros((2, *shape))
        for units, run, (own, _) in zip(self.units, runs, straight, strict=True):
            # The slopes of all the others: a game's own errors must not show the way.
            found, variance = run.bent(sums[units] - own)
            values[units] += found
            variances[units] += variance
        return values / n, np.sqrt(variances) / n
