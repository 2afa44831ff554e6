"""Exact values of tree ensembles from tables: one tree format, one compiled kernel, several kinds of values."""

from __future__ import annotations

from types import ModuleType

from . import read_catboost, read_lightgbm, read_sklearn, read_xgboost

READERS: dict[str, ModuleType] = {
    "xgboost": read_xgboost,
    "lightgbm": read_lightgbm,
    "catboost": read_catboost,
    "sklearn": read_sklearn,
}
"""Framework to the module that reads its models: ``read(model) -> Source`` and a quick ``size(model)`` in nodes."""
