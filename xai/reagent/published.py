"""ReAGent as published: chains of multiplicative updates, stopped when the kept words predict the target.

Zhao and Shan, ReAGent: A Model-agnostic Feature Attribution Method for Generative Language Models, 2024,
arXiv:2402.00794, Algorithm 1. Its update adds logit((1 + e d) / 2) to each unit's logit, with d the drop of the
target's probability and e = 1 for replaced units, -1 for kept ones: that is e times 2 artanh(d).
"""

from __future__ import annotations

import math

import numpy as np

from .draws import Progress
from .estimate import Estimate, softmax
from .options import PublishedConfig
from .problem import Problem
from .replacement import Sampler, make_sampler

_LARGEST_DROP = 1 - 1e-6


def update(drop: np.ndarray) -> np.ndarray:
    """2 artanh(d) = logit((1 + d) / 2), finite also where rounding makes a drop 1."""
    return np.asarray(2 * np.arctanh(np.clip(drop, -_LARGEST_DROP, _LARGEST_DROP)))


def draw_mask(n_units: int, config: PublishedConfig, rng: np.random.Generator) -> np.ndarray:
    """Units to replace in one update, ``(U,)`` bool; it may be empty."""
    if config.mask == "bernoulli":
        return rng.random(n_units) < config.rate
    mask = np.zeros(n_units, dtype=bool)
    mask[rng.choice(n_units, max(1, round(config.rate * n_units)), replace=False)] = True
    return mask


def n_kept(keep: float, n_units: int) -> int:
    """How many units the stopping test keeps."""
    return min(n_units, math.ceil(keep * n_units) if keep < 1 else int(keep))


def published(problem: Problem, config: PublishedConfig, progress: Progress | None = None) -> Estimate:
    """The published scores; all chains and targets in one batch, chains that have stopped left out."""
    sampler = make_sampler(config.replacement, problem.lm, problem.ids)
    original = problem.ask(problem.ids[None]).values[0]
    n_targets, n_units = problem.n_targets, problem.n_units
    valid = problem.valid
    rngs = [np.random.default_rng((config.seed, chain)) for chain in range(config.chains)]
    starts = np.stack([rng.random(n_units) for rng in rngs])
    logits = np.where(valid, starts[:, None, :], -np.inf)
    stopped = np.zeros((config.chains, n_targets), dtype=bool)
    for step in range(1, config.steps + 1):
        going = np.flatnonzero(~stopped.all(axis=1))
        if not len(going):
            break
        masks = np.stack([draw_mask(n_units, config, rngs[chain]) for chain in going])
        proposals = np.concatenate([sampler.draw(1, rngs[chain]) for chain in going])
        drops = original - problem.ask(problem.replaced(masks, proposals)).values
        signs = np.where(masks, 1.0, -1.0)
        moved = logits[going] + signs[:, None, :] * update(drops)[:, :, None]
        logits[going] = np.where(stopped[going][:, :, None], logits[going], moved)
        if step % config.check_every == 0:
            _stop(problem, config, sampler, rngs, going, logits, stopped)
        if progress is not None:
            progress(
                step / config.steps,
                f"step {step:,}: {int(stopped.all(axis=1).sum())} of {config.chains} chains stopped",
            )
    return _aggregate(softmax(logits), stopped, original)


def _stop(  # noqa: PLR0917 - the state of the loop
    problem: Problem,
    config: PublishedConfig,
    sampler: Sampler,
    rngs: list[np.random.Generator],
    going: np.ndarray,
    logits: np.ndarray,
    stopped: np.ndarray,
) -> None:
    """Mark chains whose most important units alone leave the target among the top tokens."""
    proposals = np.concatenate([sampler.draw(1, rngs[chain]) for chain in going])
    tested = np.argwhere(~stopped[going])
    kept = np.zeros((len(tested), problem.n_units), dtype=bool)
    for row, (chain, target) in enumerate(tested):
        order = np.argsort(-logits[going[chain], target], kind="stable")
        kept[row, order[: n_kept(config.keep, int(problem.valid[target].sum()))]] = True
    ranks = problem.ask(problem.replaced(~kept, proposals[tested[:, 0]])).ranks
    hit = ranks[np.arange(len(tested)), tested[:, 1]] < config.top
    stopped[going[tested[hit, 0]], tested[hit, 1]] = True


def _aggregate(chains: np.ndarray, stopped: np.ndarray, original: np.ndarray) -> Estimate:
    """Mean over stopped chains; where none stopped the reference divides 0 by 0: here all chains count, with a note."""
    any_stopped = np.asarray(stopped.any(axis=0))
    weight = (stopped | ~any_stopped).astype(float)[:, :, None]
    count = weight.sum(axis=0)
    mean = (weight * chains).sum(axis=0) / count
    spread = (weight * (chains - mean) ** 2).sum(axis=0) / np.maximum(count - 1, 1)
    error = np.where(count > 1, np.sqrt(spread / count), np.nan)
    notes: tuple[str, ...] = ()
    if not any_stopped.all():
        lost = f"{int((~any_stopped).sum())} of {len(any_stopped)} targets"
        notes = (f"no chain stopped for {lost}: the published mean is undefined there, so all chains were averaged",)
    return Estimate(mean, error, mean, any_stopped, np.full(len(any_stopped), np.nan), original, notes=notes)
