"""Exact SHAP values through each framework's own routine; one function a framework."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..models.base import Model, Output, library_errors
from .engine import Engine

if TYPE_CHECKING:
    import pandas as pd


def find_engine(model: Model, background: pd.DataFrame | None) -> Engine | None:
    """The exact engine of a model, ``None`` if there is none; linear models use the background's mean."""
    maker = ENGINES.get(model.framework)
    return None if maker is None else maker(model, background)


def _raw_space(model: Model) -> Output:
    return "margin" if "margin" in model.spaces else "value"


def _split(contributions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``(n, k, d + 1)`` with the base last, as the libraries give it, to values and base values."""
    return contributions[:, :, :-1].transpose(0, 2, 1), contributions[:, :, -1]


def _xgboost(model: Any, _: pd.DataFrame | None) -> Engine:
    def explain(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        with library_errors("xgboost", "explain"):
            contributions = model.booster.predict(
                model.matrix(rows), pred_contribs=True, strict_shape=True, iteration_range=model.iterations
            )
        return _split(np.asarray(contributions, dtype=float))

    return Engine(explain, _raw_space(model), "xgboost pred_contribs", ("xgboost",))


def _lightgbm(model: Any, _: pd.DataFrame | None) -> Engine:
    def explain(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        with library_errors("lightgbm", "explain"):
            flat = np.asarray(model.booster.predict(rows, pred_contrib=True), dtype=float)
        # K blocks of d + 1 side by side.
        return _split(flat.reshape(len(rows), -1, rows.shape[1] + 1))

    return Engine(explain, _raw_space(model), "lightgbm pred_contrib", ("lightgbm",))


def _catboost(model: Any, _: pd.DataFrame | None) -> Engine | None:
    # Of trees grown otherwise CatBoost's values need not add up to its answers: where branches stop early, gaps of
    # over a quarter of the outputs' range were seen in 1.2.10 (see also catboost/catboost#1703).
    if model.native.get_all_params().get("grow_policy", "SymmetricTree") != "SymmetricTree":
        return None

    def explain(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        with library_errors("catboost", "explain"):
            values = np.asarray(model.native.get_feature_importance(model.pool(rows), type="ShapValues"), dtype=float)
        return _split(values[:, None, :] if values.ndim == 2 else values)

    # Each call prepares the trees anew.
    return Engine(explain, _raw_space(model), "catboost ShapValues", ("catboost",), first_block=16_384)


def _sklearn(model: Any, background: pd.DataFrame | None) -> Engine | None:
    from . import linear, sktrees

    return linear.engine(model, background) or sktrees.engine(model)


ENGINES: dict[str, Callable[[Any, Any], Engine | None]] = {
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
    "catboost": _catboost,
    "sklearn": _sklearn,
}
