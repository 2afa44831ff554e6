"""Whether a model obeys an explanation: insertion and deletion curves on any game, Soft-NS and Soft-NC of tokens."""

from __future__ import annotations

from .paired import insertion_deletion
from .single import Curve, curve
from .soft import SoftScores, log_ratio, soft
from .tables import Curves, curves

__all__ = ["Curve", "Curves", "SoftScores", "curve", "curves", "insertion_deletion", "log_ratio", "soft"]
