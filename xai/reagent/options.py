"""What can be chosen about a token attribution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ..core.errors import InputError, unknown_names

Effect = Literal["probability", "log_probability", "logit"]
UnitChoice = Literal["tokens", "words", "sentences"]
ReplacementName = Literal["uniform", "masked", "masked_best", "left_context", "part_of_speech"]


@dataclass(frozen=True)
class ReagentConfig:
    """The default estimator: units replaced one at a time, spread over the prompt first, then where it matters.

    Attributes
    ----------
    budget
        Most rows the language model computes for the values, the unchanged prompt included. Four more, with every unit
        replaced, give the answer that the values start from.
    replacement
        What stands in for a replaced token, see :data:`xai.reagent.REPLACEMENTS`.
    effect
        What is explained: the target's probability, its logarithm, or its log-odds.
    units
        ``"tokens"``, ``"words"``, ``"sentences"``, or character spans ``((start, end), ...)`` of the prompt; what no
        span covers stays as it is.
    fixed
        Pieces of the prompt that are never replaced, each at its last place: the words that ask, for example. Without
        them no model answers, so they come out on top and say nothing.
    precision
        Stop when every standard error is at most this, as a share of the largest effect's size; 0: use the budget.
    joint
        Explain the target as a whole (sum of its tokens' log-probabilities) instead of each of its tokens.
    seed
        Of masks and replacements.
    """

    budget: int = 256
    replacement: ReplacementName = "uniform"
    effect: Effect = "probability"
    units: UnitChoice | tuple[tuple[int, int], ...] = "tokens"
    fixed: Sequence[str] = ()
    precision: float = 0.0
    joint: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        _check(self)
        if self.budget < 2:
            raise InputError(f"budget is the number of rows the model computes, at least 2, not {self.budget}.")
        if not 0 <= self.precision < 1:
            raise InputError(f"precision is a share of the largest effect, in [0, 1), not {self.precision}.")


@dataclass(frozen=True)
class MaskedDifferenceConfig(ReagentConfig):
    """Means over random balanced masks: answers with a unit replaced against answers with it kept.

    Attributes
    ----------
    rate
        Share of the units replaced in each mask.
    """

    rate: float = 0.3

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.rate < 1:
            raise InputError(f"rate is the share of units replaced, between 0 and 1, not {self.rate}.")


@dataclass(frozen=True)
class LeaveOneOutConfig(ReagentConfig):
    """Every unit replaced alone, over and over while the budget lasts."""


@dataclass(frozen=True)
class HierarchicalConfig(ReagentConfig):
    """For long prompts: sentences replaced as a whole first, then the words of those that matter.

    Attributes
    ----------
    units
        What is replaced first: ``"sentences"`` or spans.
    inner
        What the important ones are taken apart into: ``"words"`` or ``"tokens"``.
    segments
        Most of them to take apart; ``None``: as many as the budget can look at word by word.
    coarse_draws
        Draws of a sentence, within half of the budget: a random half of its words, and the other half in the next one;
        after the first, only of the sentences with the largest effects.
    """

    units: UnitChoice | tuple[tuple[int, int], ...] = "sentences"
    inner: Literal["words", "tokens"] = "words"
    segments: int | None = None
    coarse_draws: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.units in ("tokens", "words"):
            raise InputError(f"{self.units} cannot be taken apart: units is 'sentences' or spans.")
        if self.inner not in ("words", "tokens"):
            raise InputError(unknown_names("inner unit", [self.inner], ("words", "tokens")))
        if (self.segments is not None and self.segments < 1) or self.coarse_draws < 1:
            raise InputError("segments and coarse_draws are at least 1.")


@dataclass(frozen=True)
class PublishedConfig:
    """ReAGent as published (Zhao and Shan 2024, Algorithm 1) and as its authors' code has it.

    Attributes
    ----------
    chains
        Independent runs; the scores are the mean over those that converged.
    steps
        Most updates of a chain.
    rate
        Share of the units replaced in each update.
    mask
        ``"bernoulli"``: each unit with probability ``rate`` (released code); ``"exact"``: that share of them (paper).
    keep
        How many of the most important units the stopping test keeps; a share below 1 means that share, rounded up.
    top
        A chain stops when the target is among this many most probable tokens.
    check_every
        Updates between stopping tests; 1 is the published rule.
    replacement, units, fixed, seed
        As in :class:`ReagentConfig`.
    """

    chains: int = 5
    steps: int = 1000
    rate: float = 0.3
    mask: Literal["bernoulli", "exact"] = "bernoulli"
    keep: float = 0.3
    top: int = 3
    check_every: int = 1
    replacement: ReplacementName = "masked_best"
    units: UnitChoice | tuple[tuple[int, int], ...] = "tokens"
    fixed: Sequence[str] = ()
    seed: int = 0
    effect: Literal["probability"] = "probability"
    joint: Literal[False] = False

    @classmethod
    def paper(cls, **options: Any) -> PublishedConfig:
        """As the paper has it: exactly a share of the units replaced, the top 30 % kept, a masked model's best word."""
        return cls(**{"mask": "exact", "rate": 0.3, "keep": 0.3, "replacement": "masked_best", **options})

    @classmethod
    def released(cls, **options: Any) -> PublishedConfig:
        """As the authors' released runs have it: each unit by chance, 5 units kept, words of the same kind."""
        kind = {"mask": "bernoulli", "rate": 0.3, "keep": 5, "replacement": "part_of_speech"}
        return cls(**{**kind, "chains": 10, "steps": 3000, **options})

    def __post_init__(self) -> None:
        _check(self)
        for name in ("chains", "steps", "top", "check_every"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, not {getattr(self, name)}.")
        if not 0 < self.rate < 1 or self.keep <= 0:
            raise InputError("rate lies between 0 and 1, and keep is positive.")


AnyConfig = ReagentConfig | PublishedConfig


def _check(config: AnyConfig) -> None:
    for name, choice in (("replacement", ReplacementName), ("effect", Effect)):
        value = getattr(config, name)
        if value not in get_args(choice):
            raise InputError(unknown_names(name, [value], get_args(choice)))
    if isinstance(config.units, str) and config.units not in get_args(UnitChoice):
        raise InputError(unknown_names("kind of unit", [config.units], get_args(UnitChoice)))
    if isinstance(config.fixed, str):
        raise InputError(f"fixed is a list of pieces of the prompt: write fixed=[{config.fixed!r}].")
