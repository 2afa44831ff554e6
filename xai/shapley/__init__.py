"""Importance of features: Shapley values exact or sampled, removal effects, and the game they are played on."""

from __future__ import annotations

from . import aspects, importance
from .coalitions import ExactConfig, RemovalConfig
from .features import game
from .front import explain, methods
from .request import Method
from .sampling import OwenConfig, SamplingConfig
from .torchgrad import TorchConfig
from .trees.engine import TreeConfig
from .trees.interactions import Interactions, interactions

__all__ = [
    "ExactConfig",
    "Interactions",
    "Method",
    "OwenConfig",
    "RemovalConfig",
    "SamplingConfig",
    "TorchConfig",
    "TreeConfig",
    "aspects",
    "explain",
    "game",
    "importance",
    "interactions",
    "methods",
]
