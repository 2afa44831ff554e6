"""Shapley values of linear models in closed form: coefficient times distance from the background's mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .engine import Engine

if TYPE_CHECKING:
    import pandas as pd

    from ..models.base import Output


def engine(model: Any, background: pd.DataFrame | None) -> Engine | None:
    """Engine of a scikit-learn linear model; ``None`` for other estimators.

    ``phi_i = w_i (x_i - mean z_i)`` and base ``f(mean z)``: exact for the interventional game, and needs
    the background's mean only. Without a background the mean of the explained rows stands in, which the
    caller supplies and the provenance records.
    """
    native = model.native
    if not _is_linear(native) or background is None:
        return None
    weights = native.coef_.toarray() if hasattr(native.coef_, "toarray") else np.asarray(native.coef_, dtype=float)
    weights = np.atleast_2d(weights)
    intercept = np.broadcast_to(np.asarray(native.intercept_, dtype=float).ravel(), len(weights))
    if weights.shape[1] != background.shape[1]:
        return None
    centre = background.to_numpy(float).mean(axis=0)
    base = weights @ centre + intercept

    def explain(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        offsets = rows.to_numpy(float) - centre
        return offsets[:, :, None] * weights.T[None], np.tile(base, (len(rows), 1))

    space: Output = "margin" if "margin" in model.spaces else "value"
    return Engine(explain, space, "linear model in closed form", ("scikit-learn",), path_dependent=False)


def _is_linear(native: Any) -> bool:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.svm import LinearSVC, LinearSVR

    known = isinstance(native, LinearSVC | LinearSVR | LinearDiscriminantAnalysis)
    return hasattr(native, "coef_") and (known or type(native).__module__.startswith("sklearn.linear_model"))
