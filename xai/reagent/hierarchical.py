"""Long prompts: sentences first, then the words of those that matter.

A sentence is replaced as a whole, a few times; the sentences with the largest effects are taken apart and their words
replaced one at a time. A prompt of 500 tokens then costs about as much as its number of sentences, not of tokens.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .adaptive import expected as prior_of
from .adaptive import explore, summary
from .difference import finish, single_halves, single_means
from .draws import Progress, start
from .estimate import Estimate
from .options import HierarchicalConfig
from .problem import Problem
from .units import owners, unique_names, word_spans


def refined(problem: Problem, config: HierarchicalConfig, progress: Progress | None = None) -> tuple[Problem, Estimate]:
    """The problem with its important sentences taken apart, and the estimate for its units.

    Parameters
    ----------
    problem
        Units are sentences or longer spans.
    """
    coarse = start(problem, replace(config, budget=max(2, config.budget // 2)), progress)
    singles = np.eye(problem.n_units, dtype=bool)
    for _ in range(config.coarse_draws):
        coarse.play(singles)
    means, mean_errors = single_means(coarse.masks, coarse.drops)
    chosen = _chosen(np.where(problem.valid, means, 0), config.segments)
    fine, origin = _taken_apart(problem, chosen, config)
    among = origin < 0
    left = max(2, config.budget - (config.budget // 2 - coarse.left))
    draws = start(fine, replace(config, budget=left), progress)
    explore(draws, config, fine.valid & among, among)
    prior = prior_of(fine.n_units)

    def joined(own: np.ndarray, whole: np.ndarray) -> np.ndarray:
        return np.where(among, own, whole[:, np.maximum(origin, 0)])

    values, errors = summary(draws.masks, draws.drops, prior)
    halves = [
        joined(
            summary(draws.masks[part], draws.drops[part], prior)[0],
            single_means(coarse.masks[rough], coarse.drops[rough])[0],
        )
        for part, rough in zip(single_halves(draws.masks), single_halves(coarse.masks), strict=True)
    ]
    problem.n_forwards = fine.n_forwards
    found = finish(fine, config, draws, joined(values, means), joined(errors, mean_errors), halves)
    taken = ", ".join(f"“{problem.unit_texts[i].strip()[:40]}”" for i in chosen)
    if coarse.masks.sum(axis=0).min() == 0:
        note = f"the budget of {config.budget} did not reach every sentence: {problem.n_units} need twice as many"
        found = replace(found, notes=(*found.notes, note))
    return fine, replace(found, notes=(*found.notes, f"taken apart into {config.inner}: {taken}"))


def _chosen(means: np.ndarray, segments: int) -> np.ndarray:
    """Units with the largest effect on any target, each target's effects over its largest."""
    sizes = np.abs(means) / np.maximum(np.abs(means).max(axis=1, keepdims=True), 1e-300)
    return np.sort(np.argsort(-sizes.max(axis=0), kind="stable")[:segments])


def _taken_apart(problem: Problem, chosen: np.ndarray, config: HierarchicalConfig) -> tuple[Problem, np.ndarray]:
    """The finer problem; and for each of its units the coarse one it still is, -1 for new ones."""
    spans = problem.unit_spans
    pieces: list[tuple[int, int]] = []
    for unit, (begin, end) in enumerate(spans.tolist()):
        if unit not in chosen:
            pieces.append((begin, end))
        elif config.inner == "words":
            pieces += [(begin + a, begin + b) for a, b in word_spans(problem.text[begin:end])]
        else:
            pieces += [(int(a), int(b)) for a, b in problem.spans[problem.owner == unit]]
    covered = [piece for piece in pieces if _holds_token(problem, piece)]
    owner, texts = owners(problem.spans, problem.owner < 0, problem.text, covered)
    fine = replace(problem, owner=owner, unit_names=unique_names(texts), unit_texts=tuple(texts))
    old = np.full(fine.n_units, -1)
    for unit in range(fine.n_units):
        whole = int(problem.owner[np.argmax(owner == unit)])
        old[unit] = -1 if whole in chosen else whole
    return fine, old


def _holds_token(problem: Problem, piece: tuple[int, int]) -> bool:
    """Whether some token's last visible character lies in a piece."""
    for (begin, end), unit in zip(problem.spans, problem.owner, strict=True):
        word = problem.text[begin:end].rstrip()
        if unit >= 0 and word.strip() and piece[0] <= begin + len(word) - 1 < piece[1]:
            return True
    return False
