"""Axis titles that say the units, and the values of units as they are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from ..core import Attribution

_MODELS = {"svm": "SVM", "xgboost": "XGBoost", "l1_logistic": "L1 logistic"}
_SPACES = {
    "margin": "the margin",
    "log-odds": "the log-odds",
    "probability": "the probability",
    "value": "the prediction",
}


def output(a: Attribution) -> str:
    """What the model's answer is called: "the margin of benign"."""
    space = _SPACES.get(a.output_space, a.output_space)
    name = a.output_names[0]
    plain = name.isdigit() or name.lower() in {"margin", "probability", "value", "prediction", "output", "raw"}
    return space if plain else f"{space} of {name}"


def effect(a: Attribution) -> str:
    """Title of an axis of signed effects."""
    return f"effect on {output(a)}"


def model(name: str) -> str:
    """Name for people of a registered model or family."""
    return _MODELS.get(name, name.replace("_", " "))


def column(a: Attribution, unit: str) -> pd.Series | None:
    """Values of a unit in the explained rows; ``None`` for groups and where rows are no table."""
    if a.data is None or unit not in a.data.columns:
        return None
    return a.data[unit]


def numeric(values: pd.Series | None) -> np.ndarray | None:
    """``(n,)`` floats with NaN for missing values; ``None`` if the column holds no numbers."""
    import pandas as pd

    if values is None or isinstance(values.dtype, pd.CategoricalDtype) or not pd.api.types.is_numeric_dtype(values):
        return None
    return values.to_numpy(dtype=float, na_value=np.nan)


def rank_share(values: np.ndarray) -> np.ndarray:
    """Rank of each value as a share in [0, 1], equal values alike, NaN where missing; a constant column is 0.5."""
    known = np.isfinite(values)
    share = np.full(len(values), np.nan)
    distinct, where, count = np.unique(values[known], return_inverse=True, return_counts=True)
    if len(distinct) == 1:
        share[known] = 0.5
    elif len(distinct):
        middle = np.cumsum(count) - (count + 1) / 2
        share[known] = ((middle - middle[0]) / (middle[-1] - middle[0]))[where]
    return share


def thin(order_by: np.ndarray, most: int) -> np.ndarray:
    """Positions of at most ``most`` points, evenly spread over the sorted values, both ends among them."""
    n = len(order_by)
    if n <= most:
        return np.arange(n)
    return np.sort(np.argsort(order_by, kind="stable")[np.linspace(0, n - 1, most).round().astype(int)])


def swarm(values: np.ndarray, low: float, high: float, bins: int = 90) -> np.ndarray:
    """Offsets in [-1, 1] that spread points apart where they are dense; the same for the same values.

    Points are counted in bins of the axis; those of one bin are laid out from its middle, in turn up and down,
    so the outline of the swarm is the histogram of the values.
    """
    if not len(values):
        return np.zeros(0)
    step = (high - low) / bins or 1.0
    cell = ((values - low) / step).astype(int)
    order = np.argsort(cell, kind="stable")
    _, start, count = np.unique(cell[order], return_index=True, return_counts=True)
    nth = np.empty(len(values))
    nth[order] = np.arange(len(values)) - np.repeat(start, count)
    side = np.where(nth % 2 == 0, 1.0, -1.0)
    return np.asarray(side * np.ceil(nth / 2) / max(1.0, np.ceil(count.max() / 2), 4.0))
