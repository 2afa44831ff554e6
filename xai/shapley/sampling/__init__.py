"""Shapley values of any game by the best estimator at a given number of model rows."""

from __future__ import annotations

from .choice import estimate
from .config import OwenConfig, SamplingConfig
from .reference import ReferenceGame
from .result import Estimate

__all__ = ["Estimate", "OwenConfig", "ReferenceGame", "SamplingConfig", "estimate"]
