"""Options of gradient methods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ...core.errors import InputError, unknown_names

Baseline = Literal["mean", "each"]


@dataclass(frozen=True)
class TorchConfig:
    """Options of integrated gradients, DeepLift, GradientShap and feature ablation.

    Attributes
    ----------
    baseline
        Where paths begin: ``"mean"``, the background's mean row, or ``"each"``, every background row, the values being
        averaged. GradientShap always draws from the rows themselves.
    n_steps
        Steps of integrated gradients.
    n_samples
        Draws a row of GradientShap.
    n_background
        Most background rows; a larger background is sampled.
    seed
        Seed of GradientShap and of that sample.
    batch_rows
        Most rows handed to the module at once.
    """

    baseline: Baseline = "mean"
    n_steps: int = 64
    n_samples: int = 200
    n_background: int = 100
    seed: int = 0
    batch_rows: int = 8192

    def __post_init__(self) -> None:
        for name in ("n_steps", "n_samples", "n_background", "batch_rows"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, not {getattr(self, name)}.")
        if self.baseline not in get_args(Baseline):
            raise InputError(unknown_names("baseline", [self.baseline], get_args(Baseline)))
