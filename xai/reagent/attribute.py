"""The front door: a model and a prompt in, an attribution out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.game import Game
from ..core.provenance import Provenance, hash_bytes, versions
from ..core.units import Units
from ..models.text import Encoding, LanguageModel
from .adaptive import adaptive
from .difference import leave_one_out, masked_difference
from .draws import Progress
from .hierarchical import refined
from .options import (
    AnyConfig,
    HierarchicalConfig,
    LeaveOneOutConfig,
    MaskedDifferenceConfig,
    PublishedConfig,
    ReagentConfig,
)
from .problem import Problem, make_problem
from .published import published
from .replacement import asked_beside, make_sampler
from .result import TokenAttribution

ESTIMATORS: dict[type, tuple[str, Callable[..., Any]]] = {
    ReagentConfig: ("adaptive", adaptive),
    MaskedDifferenceConfig: ("masked difference", masked_difference),
    LeaveOneOutConfig: ("leave-one-out", leave_one_out),
    HierarchicalConfig: ("hierarchical", refined),
    PublishedConfig: ("published", published),
}
"""Name and estimator by the type of the configuration; the hierarchical one returns its finer problem too."""

_REPLACED_DRAWS = 4
_GAME_DRAWS = 4


def attribute(
    lm: LanguageModel,
    prompt: str | Encoding,
    target: str | None = None,
    max_new_tokens: int = 1,
    config: AnyConfig | None = None,
    *,
    foil: str | None = None,
    progress: Progress | None = None,
) -> TokenAttribution:
    """Which units of a prompt made the model give its answer.

    Parameters
    ----------
    lm
        A language model, see :func:`load_lm`.
    prompt
        Text, or an encoding with protected tokens.
    target
        The continuation to explain, with the space before it; ``None``: what the model generates.
    max_new_tokens
        Most tokens to generate where there is no target. Each token of the answer is a target of its own, and all of
        them share the model's forward passes.
    config
        :class:`ReagentConfig` (the default), :class:`HierarchicalConfig` for long prompts,
        :class:`MaskedDifferenceConfig`, :class:`LeaveOneOutConfig` or :class:`PublishedConfig`.
    foil
        Another continuation: the difference between target and foil is explained.
    progress
        Called with the fraction of the budget spent and a short text.

    Returns
    -------
    TokenAttribution
        Values ``(G, T)`` with standard errors.

    Raises
    ------
    InputError
        On an empty or too long prompt, a target the model cannot write, or options that do not fit.
    ModelError
        If the model fails, or answers with numbers that are not finite.
    """
    config = ReagentConfig() if config is None else config
    if type(config) not in ESTIMATORS:
        names = ", ".join(kind.__name__ for kind in ESTIMATORS)
        raise InputError(f"config must be one of {names}, not {type(config).__name__}.")
    problem = make_problem(lm, prompt, target, foil, max_new_tokens, config)
    name, estimator = ESTIMATORS[type(config)]
    found = estimator(problem, config, progress)
    problem, estimate = found if isinstance(found, tuple) else (problem, found)
    valid = problem.valid
    base = replaced_answers(problem, config)
    return TokenAttribution(
        values=np.where(valid, estimate.values, np.nan),
        standard_error=np.where(valid, estimate.standard_error, np.nan),
        scores=np.where(valid, estimate.scores, 0.0),
        tokens=problem.unit_texts,
        spans=problem.unit_spans,
        text=problem.text,
        targets=target_names(problem, foil),
        original=estimate.original,
        replaced=base,
        converged=estimate.converged,
        repeatability=estimate.repeatability,
        censored=estimate.censored,
        n_forwards=problem.n_forwards,
        method=name,
        effect=config.effect,
        notes=estimate.notes,
        provenance=Provenance(
            engine=f"reagent {name}",
            versions=versions(("numpy", "torch", "transformers")),
            model_hash=lm.hash,
            data_hash=hash_bytes(problem.text.encode()),
            seed=config.seed,
            options={
                "config": asdict(config),
                "model": lm.name,
                "foil": foil or "",
                **asked_beside(config.replacement, lm),
            },
        ),
        units=Units(problem.unit_names, "token"),
    )


def target_names(problem: Problem, foil: str | None) -> tuple[str, ...]:
    """What is explained, one text a target."""
    whole = "".join(problem.target_texts)
    if foil is not None:
        return (f"{whole.strip()} rather than {foil.strip()}",)
    return (whole,) if problem.joint else problem.target_texts


def replaced_answers(problem: Problem, config: AnyConfig, draws: int = _REPLACED_DRAWS) -> np.ndarray:
    """Mean answer ``(G,)`` with every unit replaced: what the explanation starts from."""
    sampler = make_sampler(config.replacement, problem.lm, problem.ids)
    rng = np.random.default_rng((config.seed, 1))
    every = np.ones((draws, problem.n_units), dtype=bool)
    return np.asarray(problem.ask(problem.replaced(every, sampler.draw(draws, rng))).values.mean(axis=0))


def game(
    lm: LanguageModel,
    prompt: str | Encoding,
    target: str | None = None,
    max_new_tokens: int = 1,
    config: ReagentConfig | None = None,
    *,
    foil: str | None = None,
    draws: int = _GAME_DRAWS,
) -> Game:
    """The game over the units of a prompt: 1 = as it is, 0 = replaced, averaged over a few fixed replacements.

    The replacements are drawn once, so the same mask always gives the same answer.
    """
    config = ReagentConfig() if config is None else config
    problem = make_problem(lm, prompt, target, foil, max_new_tokens, config)
    sampler = make_sampler(config.replacement, lm, problem.ids)
    proposals = sampler.draw(draws, np.random.default_rng((config.seed, 2)))

    def answers(masks: np.ndarray) -> np.ndarray:
        absent = np.repeat(masks == 0, draws, axis=0)
        rows = problem.replaced(absent, np.tile(proposals, (len(masks), 1)))
        values = problem.ask(rows).values
        return np.asarray(values.reshape(len(masks), draws, -1).mean(axis=1))

    names = tuple(f"{i + 1} {text.strip()}" for i, text in enumerate(target_names(problem, foil)))
    return Game(answers, Units(problem.unit_names, "token"), names, "binary")
