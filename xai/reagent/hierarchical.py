"""Long prompts: sentences first, then the words of those that matter.

Of each sentence a random half of the words is replaced, and of those with the largest effects (one in four) the other
half. Whole sentences of words that nobody would write confuse a model wherever they stand; halves leave what it reads
in shape, and hit part of a phrase that matters just as well. Sentences are then taken apart by falling effect, and
their words replaced one at a time. A prompt of 500 tokens costs about its number of sentences and the words of a few of
them, not its number of tokens.
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

_AGAIN = 4
_LEAST_SHARE = 0.02


def refined(problem: Problem, config: HierarchicalConfig, progress: Progress | None = None) -> tuple[Problem, Estimate]:
    """The problem with its important sentences taken apart, and the estimate for its units.

    Parameters
    ----------
    problem
        Units are sentences or longer spans.
    """
    pieces, home = _taken_apart(problem, np.arange(problem.n_units), config)
    coarse = start(pieces, replace(config, budget=max(2, config.budget // 2)), progress)
    member = np.eye(problem.n_units, dtype=int)[home]
    touched = np.zeros((0, problem.n_units), dtype=bool)
    asked = np.arange(problem.n_units)
    for masks in _halves(home, config.coarse_draws, np.random.default_rng((config.seed, 3))):
        coarse.play(masks[asked])
        touched = (coarse.masks.astype(int) @ member) > 0
        means, mean_errors = single_means(touched, coarse.drops)
        shares = _shares(np.where(problem.valid, means, 0))
        asked = np.argsort(-shares, kind="stable")[: max(1, problem.n_units // _AGAIN)]
    left = max(2, config.budget - (config.budget // 2 - coarse.left))
    chosen = _chosen(shares, np.bincount(home), left - 1, config.segments)
    problem.n_forwards = pieces.n_forwards
    fine, home = _taken_apart(problem, chosen, config)
    among = np.isin(home, chosen)
    draws = start(fine, replace(config, budget=left), progress)
    explore(draws, config, fine.valid & among, among)
    prior = prior_of(fine.n_units)

    def joined(own: np.ndarray, whole: np.ndarray) -> np.ndarray:
        return np.where(among, own, whole[:, home])

    values, errors = summary(draws.masks, draws.drops, prior)
    halves = [
        joined(
            summary(draws.masks[part], draws.drops[part], prior)[0],
            single_means(touched[rough], coarse.drops[rough])[0],
        )
        for part, rough in zip(single_halves(draws.masks), single_halves(touched), strict=True)
    ]
    problem.n_forwards = fine.n_forwards
    found = finish(fine, config, draws, joined(values, means), joined(errors, mean_errors), halves)
    taken = ", ".join(f"“{problem.unit_texts[i].strip()[:40]}” {means[0, i]:+.2g}" for i in chosen)
    notes = (
        *found.notes,
        "the value of a sentence that stays whole is the effect of replacing half of its words",
        f"taken apart into {config.inner}: {taken}",
    )
    if touched.sum(axis=0).min() == 0:
        lacking = f"the budget of {config.budget} did not reach every sentence: {problem.n_units} need twice as many"
        notes = (lacking, *notes)
    return fine, replace(found, notes=notes)


def _halves(home: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Masks ``(draws, S, U)``: of each sentence a random half of its units, and in the next draw the other half."""
    masks = np.zeros((draws, int(home.max()) + 1, len(home)), dtype=bool)
    for whole in range(masks.shape[1]):
        units = np.flatnonzero(home == whole)
        half = len(units) // 2
        for draw in range(draws):
            if draw % 2 == 0:
                units = rng.permutation(units)
            # A single unit has no half to leave.
            masks[draw, whole, units if not half else units[half:] if draw % 2 == 0 else units[:half]] = True
    return masks


def _shares(means: np.ndarray) -> np.ndarray:
    """``(S,)`` sizes of effects ``(G, S)`` on any target, each target's over its largest."""
    return np.asarray((np.abs(means) / np.maximum(np.abs(means).max(axis=1, keepdims=True), 1e-300)).max(axis=0))


def _chosen(shares: np.ndarray, sizes: np.ndarray, room: int, segments: int | None) -> np.ndarray:
    """Units to take apart: by falling effect, as long as there is room for each of their pieces."""
    order = np.argsort(-shares, kind="stable")[:segments]
    fits = (np.cumsum(sizes[order]) <= room) & (shares[order] >= _LEAST_SHARE)
    # The first one in any case, else nothing would be found.
    return np.sort(order[: max(1, int(np.argmin(np.append(fits, False))))])


def _taken_apart(problem: Problem, chosen: np.ndarray, config: HierarchicalConfig) -> tuple[Problem, np.ndarray]:
    """The finer problem; and for each of its units the coarse one that it is, or is a piece of."""
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
    home = np.array([int(problem.owner[np.argmax(owner == unit)]) for unit in range(fine.n_units)])
    return fine, home


def _holds_token(problem: Problem, piece: tuple[int, int]) -> bool:
    """Whether some token's last visible character lies in a piece."""
    for (begin, end), unit in zip(problem.spans, problem.owner, strict=True):
        word = problem.text[begin:end].rstrip()
        if unit >= 0 and word.strip() and piece[0] <= begin + len(word) - 1 < piece[1]:
            return True
    return False
