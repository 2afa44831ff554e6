"""Several methods in one call: models compared on one table, and a look for simple models that do as well."""

from __future__ import annotations

from .believe import Gain, Obedience, believe
from .comparison import CompareConfig, compare_models
from .importances import IMPORTANCES
from .rashomon import Rashomon, rashomon
from .registry import MODELS
from .results import ModelComparison, ModelResult
from .simple import FAMILIES
from .transfer import SiteTransfer

__all__ = [
    "FAMILIES",
    "IMPORTANCES",
    "MODELS",
    "CompareConfig",
    "Gain",
    "ModelComparison",
    "ModelResult",
    "Obedience",
    "Rashomon",
    "SiteTransfer",
    "believe",
    "compare_models",
    "rashomon",
]
