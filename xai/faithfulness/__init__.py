"""Whether a model obeys an explanation: insertion and deletion curves on any game."""

from __future__ import annotations

from .single import Curve, curve
from .tables import Curves, curves

__all__ = ["Curve", "Curves", "curve", "curves"]
