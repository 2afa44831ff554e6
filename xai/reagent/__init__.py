"""ReAGent: which words of a prompt made a language model say what it said, and how sure that is."""

from __future__ import annotations

from .attribute import ESTIMATORS, attribute, game
from .faithful import soft_faithfulness
from .load import load_lm
from .options import HierarchicalConfig, LeaveOneOutConfig, MaskedDifferenceConfig, PublishedConfig, ReagentConfig
from .replacement import REPLACEMENTS
from .result import TokenAttribution

__all__ = [
    "ESTIMATORS",
    "REPLACEMENTS",
    "HierarchicalConfig",
    "LeaveOneOutConfig",
    "MaskedDifferenceConfig",
    "PublishedConfig",
    "ReagentConfig",
    "TokenAttribution",
    "attribute",
    "game",
    "load_lm",
    "soft_faithfulness",
]
