"""Answers to random replacements, asked for in batches within a budget."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .problem import Problem
from .replacement import Sampler

Progress = Callable[[float, str], None]


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
        self.problem, self.sampler, self.rng, self.progress = problem, sampler, rng, progress
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
        rows = self.problem.replaced(masks, self.sampler.draw(len(masks), self.rng))
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
