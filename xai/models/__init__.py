"""Models of every framework in one shape, and the native files they come in."""

from __future__ import annotations

from .base import Model
from .files import open_image_model, open_language_model, open_model, sniff
from .performance import Metric, Performance, performance
from .recognised import Recognised, recognise
from .wrap import wrap_model

__all__ = [
    "Metric",
    "Model",
    "Performance",
    "Recognised",
    "open_image_model",
    "open_language_model",
    "open_model",
    "performance",
    "recognise",
    "sniff",
    "wrap_model",
]
