"""What can be asked of the sampled estimators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from ...core.errors import InputError, unknown_names

EstimatorName = Literal["auto", "permutation", "kernel", "exact"]
PrecisionKind = Literal["relative", "absolute"]

DEFAULT_BUDGET = 50_000
DEFAULT_PRECISION = 0.01


@dataclass(frozen=True)
class SamplingConfig:
    """Options of Shapley values of any model.

    Attributes
    ----------
    budget
        Most model rows spent on one explained row (game evaluations where there is no background). ``None``: as many
        as exact values need up to 14 units, otherwise 50,000.
    precision
        Stop once the largest standard error of a row is this small. ``None``: 0.01 relative if no budget is given,
        otherwise the whole budget is spent.
    precision_kind
        ``"relative"``: a share of the row's largest absolute value for the same output; ``"absolute"``: in the
        output's own units.
    estimator
        ``"auto"``, ``"permutation"``, ``"kernel"`` or ``"exact"``.
    n_background
        Most background rows; a larger background is sampled.
    seed
        Seed of everything drawn. Each row draws by the seed and its own content, so that its result depends neither
        on its place nor on the rows explained with it.
    batch_rows
        Most rows handed to the model at once; bounds the memory.
    """

    budget: int | None = None
    precision: float | None = None
    precision_kind: PrecisionKind = "relative"
    estimator: EstimatorName = "auto"
    n_background: int = 100
    seed: int = 0
    batch_rows: int = 20_000

    def __post_init__(self) -> None:
        if self.estimator not in get_args(EstimatorName):
            raise InputError(unknown_names("estimator", [self.estimator], get_args(EstimatorName)))
        check_limits(self)


@dataclass(frozen=True)
class OwenConfig:
    """Options of Owen values; the fields are those of :class:`SamplingConfig`."""

    budget: int | None = None
    precision: float | None = None
    precision_kind: PrecisionKind = "relative"
    n_background: int = 100
    seed: int = 0
    batch_rows: int = 20_000

    def __post_init__(self) -> None:
        check_limits(self)


def check_limits(config: SamplingConfig | OwenConfig) -> None:
    """Refuse numbers that make no sense.

    Raises
    ------
    InputError
        Naming the field and its value.
    """
    for name in ("budget", "n_background", "batch_rows"):
        value = getattr(config, name)
        if value is not None and value < 1:
            raise InputError(f"{name} must be at least 1, not {value}.")
    if config.precision is not None and not (np.isfinite(config.precision) and config.precision > 0):
        raise InputError(f"precision must be a positive number, not {config.precision}.")
    if config.precision_kind not in get_args(PrecisionKind):
        raise InputError(unknown_names("kind of precision", [config.precision_kind], get_args(PrecisionKind)))


@dataclass(frozen=True)
class Goal:
    """When an estimate is good enough."""

    precision: float | None
    kind: PrecisionKind = "relative"

    def reached(self, values: np.ndarray, standard_errors: np.ndarray) -> bool:
        """Whether the standard errors ``(d, k)`` of every output are small enough."""
        if self.precision is None:
            return False
        scale = np.abs(values).max(axis=0) if self.kind == "relative" else 1.0
        return bool(np.all(standard_errors.max(axis=0) <= self.precision * scale))


def plan(config: SamplingConfig | OwenConfig) -> tuple[int, Goal]:
    """Budget and goal with their defaults filled in."""
    precision = config.precision
    if precision is None and config.budget is None:
        precision = DEFAULT_PRECISION
    return config.budget or DEFAULT_BUDGET, Goal(precision, config.precision_kind)
