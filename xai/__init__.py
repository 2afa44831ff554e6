"""Show why a model decided; check the explanation, seat it as a parliament, edit it.

Public names load on first use, so ``import xai`` itself costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import (
        agreement,
        batch,
        chmcorr,
        craft,
        datasets,
        dhondt,
        editing,
        faithfulness,
        plots,
        reagent,
        report,
        workflows,
    )
    from .core.attribution import Attribution
    from .core.errors import XaiError
    from .core.game import Game
    from .core.units import Units
    from .datasets import load_dataset
    from .dhondt import elect
    from .models import wrap_model
    from .sandbox import load_model
    from .shapley import explain, game, methods

__version__ = "0.1.0"

_NAMES = {
    "Attribution": "core.attribution",
    "Game": "core.game",
    "Units": "core.units",
    "XaiError": "core.errors",
    "elect": "dhondt",
    "explain": "shapley",
    "game": "shapley",
    "load_dataset": "datasets",
    "load_model": "sandbox",
    "methods": "shapley",
    "wrap_model": "models",
}
_PACKAGES = (
    "agreement",
    "batch",
    "chmcorr",
    "craft",
    "datasets",
    "dhondt",
    "editing",
    "faithfulness",
    "plots",
    "reagent",
    "report",
    "workflows",
)

__all__ = [
    "Attribution",
    "Game",
    "Units",
    "XaiError",
    "agreement",
    "batch",
    "chmcorr",
    "craft",
    "datasets",
    "dhondt",
    "editing",
    "elect",
    "explain",
    "faithfulness",
    "game",
    "load_dataset",
    "load_model",
    "methods",
    "plots",
    "reagent",
    "report",
    "workflows",
    "wrap_model",
]


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return import_module(f".{name}", __name__)
    if name in _NAMES:
        value = getattr(import_module(f".{_NAMES[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'xai' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
