"""Editing an explanation: paint weights on the units of any game, see the answer change, go back, compare."""

from __future__ import annotations

from .contributions import Contributions, contributions
from .decision import Decision
from .masks import check_mask, describe
from .session import EditSession, Outputs, Step
from .stability import Stability

__all__ = [
    "Contributions",
    "Decision",
    "EditSession",
    "Outputs",
    "Stability",
    "Step",
    "check_mask",
    "contributions",
    "describe",
]
