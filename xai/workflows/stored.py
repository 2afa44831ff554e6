"""Results that ship with the bundled data, written by ``sample_data/recipes/model_comparisons.py``."""

from __future__ import annotations

from typing import Any

from ..core.resources import resource
from .rashomon import Rashomon
from .results import ModelComparison

FOLDER = ("sample_data", "results")

RECIPES: dict[str, dict[str, Any]] = {
    "alzheimers_csf": {"test": 0.3},
    # Hospitals differ: one that no model has seen is the harder and the honest test.
    "heart_four_hospitals": {"test": "Cleveland"},
}
"""Data set to the options of :func:`compare_models` that its stored result was made with; all else by default."""


def stored_comparison(name: str) -> ModelComparison:
    """The stored comparison of models on a data set of :data:`RECIPES`."""
    return ModelComparison.from_json(resource(*FOLDER, f"{name}-models.json"))


def stored_rashomon(name: str) -> Rashomon:
    """The stored look for simple models on a data set of :data:`RECIPES`."""
    return Rashomon.from_json(resource(*FOLDER, f"{name}-rashomon.json"))
