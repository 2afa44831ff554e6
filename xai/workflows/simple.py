"""Simple models, drawn at random, and what the best of them says in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .registry import filled, pipeline

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 20


@dataclass(frozen=True)
class Family:
    """A kind of simple model.

    Attributes
    ----------
    draw
        Random hyper-parameters.
    make
        The unfitted model with them.
    tell
        A fitted one, and training rows, in words.
    """

    draw: Callable[[np.random.Generator], dict[str, Any]]
    make: Callable[[Mapping[str, Any]], Any]
    tell: Callable[[Any, pd.DataFrame], str]


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _lasso(options: Mapping[str, Any]) -> Any:
    import sklearn
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    # scikit-learn 1.8 renamed the option.
    version = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
    penalty: dict[str, Any] = {"l1_ratio": 1.0} if version >= (1, 8) else {"penalty": "l1"}
    model = LogisticRegression(solver="liblinear", max_iter=500, **options, **penalty)
    return pipeline(model, *filled(StandardScaler()))


def _tree(options: Mapping[str, Any]) -> Any:
    from sklearn.tree import DecisionTreeClassifier

    return pipeline(DecisionTreeClassifier(**options), *filled())


def _splines(options: Mapping[str, Any]) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import SplineTransformer, StandardScaler

    curves = SplineTransformer(
        n_knots=options["n_knots"], degree=options["degree"], extrapolation="constant", include_bias=False
    )
    return pipeline(LogisticRegression(C=options["C"], max_iter=500), *filled(StandardScaler(), curves))


def _columns(fitted: Any) -> list[str]:
    """Names that the last step sees, without the name of the branch they came through."""
    names = fitted[:-1].get_feature_names_out()
    return [str(name).partition("__")[2] for name in names]


def _tell_lasso(fitted: Any, _: pd.DataFrame) -> str:
    weights, names = fitted[-1].coef_[0], _columns(fitted)
    centre, scale = _standard(fitted)
    used = [int(j) for j in np.argsort(-np.abs(weights), kind="stable") if weights[j] != 0]
    lines = [f"log-odds = {fitted[-1].intercept_[0]:+.3f}"]
    for j in used[:_SHOWN]:
        name = names[j]
        term = f"({name} − {centre[name]:.4g}) / {scale[name]:.4g}" if name in centre else f"[{name}]"
        lines.append(f"  {weights[j]:+.3f} × {term}")
    if len(used) > _SHOWN:
        lines.append(f"  and {len(used) - _SHOWN} smaller terms")
    lines.append(f"{len(used)} of {len(names)} terms are not zero; gaps count as the training median.")
    return "\n".join(lines)


def _standard(fitted: Any) -> tuple[dict[str, float], dict[str, float]]:
    """Mean and spread by which each numeric column was standardised."""
    found = [(branch, columns) for name, branch, columns in fitted[0].transformers_ if name == "numeric"]
    if not found or not len(found[0][1]):
        return {}, {}
    scaler, names = found[0][0][-1], [str(name) for name in found[0][1]]
    return dict(zip(names, scaler.mean_, strict=True)), dict(zip(names, scaler.scale_, strict=True))


def _tell_tree(fitted: Any, _: pd.DataFrame) -> str:
    from sklearn.tree import export_text

    text: str = export_text(fitted[-1], feature_names=_columns(fitted), decimals=3, show_weights=True)
    return text.rstrip() + "\nweights: [rows of class 0, rows of class 1]; gaps count as the training median."


def _tell_splines(fitted: Any, rows: pd.DataFrame) -> str:
    """Each column's part of the log-odds at five of its values, against the median: the model is their sum."""
    parts = []
    middle = _middle(rows)
    start = float(fitted.decision_function(middle)[0])
    for name in rows.columns:
        values = _five(rows[name])
        if not len(values):
            continue
        probe = middle.iloc[np.zeros(len(values), dtype=int)].reset_index(drop=True)
        probe[name] = values.astype(rows[name].dtype).array
        effect = fitted.decision_function(probe) - start
        shown = ", ".join(
            f"{_short(value)} → {round(one, 2) + 0.0:+.2f}" for value, one in zip(values, effect, strict=True)
        )
        parts.append((float(np.ptp(effect)), f"  {name}: {shown}"))
    parts.sort(key=lambda part: -part[0])
    lines = [f"log-odds = {start:+.3f} for the typical row, plus for each column (value → change):"]
    lines += [text for _, text in parts[:_SHOWN]]
    if len(parts) > _SHOWN:
        lines.append(f"  and {len(parts) - _SHOWN} columns with smaller effects")
    return "\n".join(lines)


def _middle(rows: pd.DataFrame) -> pd.DataFrame:
    """One row of medians and most frequent categories."""
    import pandas as pd

    columns = {}
    for name, column in rows.items():
        if column.dtype.kind == "f":
            columns[str(name)] = pd.Series([column.median()], dtype=float)
        else:
            columns[str(name)] = pd.Series(column.mode().iloc[:1].to_numpy()).astype(column.dtype)
    return pd.DataFrame(columns)


def _five(column: pd.Series) -> pd.Series:
    """The 5, 25, 50, 75 and 95 % quantiles of numbers, or the categories."""
    import pandas as pd

    if column.dtype.kind == "f":
        return column.dropna().quantile([0.05, 0.25, 0.5, 0.75, 0.95]).drop_duplicates().reset_index(drop=True)
    return pd.Series(list(column.dropna().unique())[:_SHOWN])


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


FAMILIES: dict[str, Family] = {
    "l1_logistic": Family(
        # liblinear visits the columns in random order.
        lambda rng: {"C": _log_uniform(rng, 0.03, 10.0), "random_state": int(rng.integers(2**31))},
        _lasso,
        _tell_lasso,
    ),
    "tree": Family(
        lambda rng: {
            "max_depth": int(rng.integers(1, 4)),
            "min_samples_leaf": int(rng.choice([1, 5, 10, 20])),
            "random_state": int(rng.integers(2**31)),
        },
        _tree,
        _tell_tree,
    ),
    "spline_logistic": Family(
        lambda rng: {
            "n_knots": int(rng.integers(3, 6)),
            "degree": int(rng.integers(1, 4)),
            "C": _log_uniform(rng, 0.01, 10.0),
        },
        _splines,
        _tell_splines,
    ),
}
"""Registered families by name; models are drawn from them in turn."""
