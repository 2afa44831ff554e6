"""Answers to random replacements, asked for in batches within a budget."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .options import ReagentConfig
from .problem import Problem
from .replacement import Sampler, make_sampler

Progress = Callable[[float, str], None]


_BLOCK = 16


class Pool:
    """Proposals in a fixed order: the k-th replacement of a unit is the same whatever else is drawn.

    So a larger budget goes on from what a smaller one saw, and methods compared on one seed see the same replacements.
    """

    def __init__(self, problem: Problem, sampler: Sampler, rng: np.random.Generator) -> None:
        self.owner, self.sampler, self.rng = problem.owner, sampler, rng
        self.drawn = np.zeros((0, len(problem.ids)), dtype=np.int64)
        self.used = np.zeros(problem.n_units, dtype=int)

    def take(self, masks: np.ndarray) -> np.ndarray:
        """Proposals ``(n, T)`` for masks ``(n, U)``: each unit's next ones."""
        number = self.used + np.cumsum(masks, axis=0) - 1
        self.used = self.used + masks.sum(axis=0)
        while len(self.drawn) < self.used.max(initial=1):
            self.drawn = np.concatenate([self.drawn, self.sampler.draw(_BLOCK, self.rng)])
        return np.asarray(self.drawn[np.maximum(number, 0)[:, self.owner], np.arange(len(self.owner))])


class Draws:
    """Masks that were played and the drops they caused.

    Attributes
    ----------
    masks
        ``(n, U)`` bool, True = replaced.
    drops
        ``(n, G)`` answer to the unchanged prompt minus answer to the masked one.
    original
        ``(G,)``.
    """

    def __init__(
        self,
        problem: Problem,
        sampler: Sampler,
        budget: int,
        rng: np.random.Generator,
        progress: Progress | None = None,
    ) -> None:
        self.problem, self.progress = problem, progress
        self.pool = Pool(problem, sampler, rng)
        first = problem.ask(problem.ids[None])
        self.original = first.values[0]
        self.bounds, self.answers = int(first.censored.sum()), first.censored.size
        self.masks = np.zeros((0, problem.n_units), dtype=bool)
        self.drops = np.zeros((0, problem.n_targets))
        self.budget, self.left = budget, budget - 1

    def play(self, masks: np.ndarray) -> np.ndarray:
        """Drops ``(n, G)`` of masks ``(n, U)``; as many of the masks as the budget allows."""
        masks = np.asarray(masks, dtype=bool)[: self.left]
        if not len(masks):
            return np.zeros((0, self.problem.n_targets))
        rows = self.problem.replaced(masks, self.pool.take(masks))
        answers = self.problem.ask(rows)
        drops = self.original - answers.values
        self.bounds += int(answers.censored.sum())
        self.answers += answers.censored.size
        self.masks = np.concatenate([self.masks, masks])
        self.drops = np.concatenate([self.drops, drops])
        self.left -= len(masks)
        if self.progress is not None:
            spent = self.budget - self.left
            self.progress(spent / self.budget, f"{spent:,} of {self.budget:,} forwards")
        return np.asarray(drops)

    @property
    def censored(self) -> float:
        """Share of answers that were bounds only."""
        return self.bounds / self.answers


def start(problem: Problem, config: ReagentConfig, progress: Progress | None = None) -> Draws:
    """Nothing drawn yet but the unchanged prompt."""
    sampler = make_sampler(config.replacement, problem.lm, problem.ids)
    return Draws(problem, sampler, config.budget, np.random.default_rng((config.seed, 1)), progress)
