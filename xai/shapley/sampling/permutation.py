"""Permutation sampling: antithetic pairs of walks, each pair against one background row.

A walk starts at a background row and takes the explained row's units one by one in a random order; what the output
changes at a unit's step is that unit's marginal contribution (Castro, Gómez and Tejada 2009). Each order is walked
forwards and backwards (Mitchell et al. 2022). Background rows take turns: with one background row a pair a walk costs
d - 1 model rows instead of (d - 1) times the number of background rows, the additive part of the model is exact after
one turn, and only what interacts leaves sampling error.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .config import Goal
from .reference import ReferenceGame, Tick, check_affordable
from .result import Estimate

Orders = Callable[[np.random.Generator, int, int], np.ndarray]
"""Generator, number of orders and of units to orders ``(n, d)``."""

_FIRST_PAIRS = 16
_ENOUGH_DEGREES = 10


def uniform_orders(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    """All orders alike: these give Shapley values."""
    return rng.random((n, d)).argsort(axis=1)


class Permutation:
    """Antithetic pairs of walks over the games of one row; keeps what it drew, so that it can be continued.

    Parameters
    ----------
    game
        Games of one row.
    rng
        Generator to draw with.
    orders
        Distribution of the orders.
    """

    name = "permutation"

    def __init__(self, game: ReferenceGame, rng: np.random.Generator, orders: Orders = uniform_orders) -> None:
        self.game, self.orders, self.rng = game, orders, rng
        # Both walks of a pair pass d - 1 states between the ends; steps of units that do not differ cost nothing.
        self.costs = 2 * np.maximum(game.differs.sum(axis=1) - 1, 0)
        self.model_rows = 0

    def spend(self, budget: int, goal: Goal, tick: Tick | None = None) -> Estimate:
        """Draw until ``budget`` model rows in all are spent, or the goal is reached.

        Raises
        ------
        InputError
            If the budget does not cover two pairs.
        """
        check_affordable(self.game, budget, int(2 * self.costs.max()), "permutation sampling")
        if not self.model_rows:
            self._begin()
        n, free = self.game.n_references, not self.costs.any()
        turns = 1 if free else max(2, -(-_FIRST_PAIRS // n))
        done = False
        while not done:
            references = np.concatenate([self.rng.permutation(n) for _ in range(turns)])
            affordable = int(np.searchsorted(np.cumsum(self.costs[references]), budget - self.model_rows, side="right"))
            chunk = max(1, self.game.batch_rows // max(1, int(self.costs.max())))
            for start in range(0, affordable, chunk):
                self._add(references[start : min(start + chunk, affordable)])
                if tick is not None:
                    tick(min(1.0, self.model_rows / budget))
            values, errors = self._result()
            reached = free or goal.reached(values, errors)
            done = reached or affordable < len(references)
            # Looking at each turn would invite stopping by luck: double.
            turns = max(1, int(self.counts.max()))
        return Estimate(values, errors, self.base, self.output, self.model_rows, self.name, reached)

    def _begin(self) -> None:
        self.empty, self.output = self.game.ends()
        self.base = self.empty.mean(axis=0)
        n, d, k = self.game.n_references, self.game.n_units, len(self.output)
        self.model_rows = n + 1
        self.counts = np.zeros(n, dtype=int)
        self.sums, self.squares = np.zeros((n, d, k)), np.zeros((n, d, k))

    def _add(self, references: np.ndarray) -> None:
        """Walk one antithetic pair for each reference."""
        forwards = self.orders(self.rng, len(references), self.game.n_units)
        gains = (self._walk(forwards, references) + self._walk(forwards[:, ::-1], references)) / 2
        np.add.at(self.counts, references, 1)
        np.add.at(self.sums, references, gains)
        np.add.at(self.squares, references, gains**2)

    def _walk(self, orders: np.ndarray, references: np.ndarray) -> np.ndarray:
        """Marginal contributions ``(p, d, k)`` along orders ``(p, d)``."""
        p, d = orders.shape
        place = orders.argsort(axis=1)
        changes = np.take_along_axis(self.game.differs[references], orders, axis=1)
        so_far = changes.cumsum(axis=1)
        # The last change arrives at the explained row, whose output is known.
        asked = changes & (so_far < so_far[:, -1:])
        walk, step = np.nonzero(asked)
        values = np.empty((p, d + 1, len(self.output)))
        values[:, 0] = self.empty[references]
        values[:, 1:][changes & ~asked] = self.output
        if len(walk):
            values[walk, step + 1] = self.game.play(place[walk] <= step[:, None], references[walk])
            self.model_rows += len(walk)
        # Steps that change nothing repeat the value before them.
        last = np.maximum.accumulate(np.where(changes, np.arange(1, d + 1), 0), axis=1)
        values[:, 1:] = np.take_along_axis(values, last[:, :, None], axis=1)
        return np.asarray(np.take_along_axis(np.diff(values, axis=1), place[:, :, None], axis=1))

    def _result(self) -> tuple[np.ndarray, np.ndarray]:
        """Values and standard errors ``(d, k)``."""
        seen = self.counts > 0
        counts = self.counts[seen][:, None, None]
        sums, squares = self.sums[seen], self.squares[seen]
        values = (sums / counts).mean(axis=0)
        errors = np.sqrt(_variance(counts, sums, squares, complete=bool(seen.all())))
        if not seen.all():
            # Not every background row had its turn: what is missing to the total goes where the doubt is.
            missing = self.output - self.base - values.sum(axis=0)
            share = errors**2
            total = share.sum(axis=0)
            share = np.where(total > 0, share / np.where(total > 0, total, 1.0), 1.0 / len(values))
            values += share * missing
        return values, errors


def _variance(counts: np.ndarray, sums: np.ndarray, squares: np.ndarray, *, complete: bool) -> np.ndarray:
    """Variance ``(d, k)`` of the mean over background rows of the means of their pairs."""
    n_pairs = counts.sum()
    degrees = float((counts - 1).sum())
    if complete and degrees >= _ENOUGH_DEGREES:
        within = np.maximum((squares - sums**2 / counts).sum(axis=0), 0.0) / degrees
        return np.asarray(within * (1.0 / counts).mean() / len(counts))
    # Too few repeats: the spread of all pairs, which counts the differences between background rows too.
    mean = sums.sum(axis=0) / n_pairs
    return np.asarray(np.maximum(squares.sum(axis=0) / n_pairs - mean**2, 0.0) / max(n_pairs - 1, 1))
