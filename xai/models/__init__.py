"""Models of every framework in one shape, and the native files they come in."""

from __future__ import annotations

from .base import Model
from .files import open_model, sniff
from .performance import Metric, Performance, performance
from .wrap import wrap_model

__all__ = ["Metric", "Model", "Performance", "open_model", "performance", "sniff", "wrap_model"]
