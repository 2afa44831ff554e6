"""How well a model does on rows, with bootstrap intervals.

Every metric is written for row weights, so that 1,000 resamples are 1,000 rows of counts and one matrix
product instead of 1,000 passes over the data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..core.errors import InputError, listing
from .base import Model, plain

if TYPE_CHECKING:
    import pandas as pd

Weighted = Callable[[np.ndarray], np.ndarray]
"""Row weights ``(b, n)`` to one number for each of b resamples."""

_BLOCK_CELLS = 4_000_000


@dataclass(frozen=True)
class Metric:
    """One number with its 95 % bootstrap interval."""

    name: str
    value: float
    low: float
    high: float
    higher_is_better: bool


@dataclass(frozen=True, eq=False)
class Performance:
    """Metrics of a model on n rows.

    Attributes
    ----------
    task, n
        What was predicted, and on how many rows.
    metrics
        Metrics with their intervals.
    confusion
        ``(K, K)`` counts, rows true classes and columns predicted ones; ``None`` for regressions.
    classes
        Labels of the confusion's rows.
    """

    task: str
    n: int
    metrics: tuple[Metric, ...]
    confusion: np.ndarray | None = None
    classes: tuple[str, ...] | None = None

    def to_frame(self) -> pd.DataFrame:
        """One row a metric."""
        import pandas as pd

        columns = ["value", "low", "high", "higher_is_better"]
        rows = [[getattr(metric, column) for column in columns] for metric in self.metrics]
        return pd.DataFrame(rows, columns=columns, index=pd.Index([m.name for m in self.metrics], name="metric"))


def performance(model: Model, X: object, y: object, n_boot: int = 1000, seed: int = 0) -> Performance:
    """Metrics on rows, each with a 95 % percentile interval over resampled rows.

    Binary: ROC AUC, accuracy, sensitivity, specificity (at probability 0.5 or margin 0), log loss, Brier score.
    Multiclass: accuracy, macro AUC (one class against the rest), log loss. Regression: R2, RMSE, MAE. Log loss and
    Brier score need probabilities and are left out for models without.

    Parameters
    ----------
    model
        A wrapped model.
    X, y
        Rows and their true targets: rows that the model has not seen, or the numbers flatter it.
    n_boot
        Number of resamples; 0 gives NaN intervals.
    seed
        Seed of the resampling.

    Raises
    ------
    InputError
        If lengths differ, there are no rows, y holds labels or values the model cannot have, or the model
        ranks or has several targets.
    """
    if n_boot < 0:
        raise InputError(f"n_boot must be 0 or more, not {n_boot}.")
    frame = model.check(X)
    if model.classes is None:
        target = target_values(model, y, len(frame))
        metrics = _regression(target, _one_value(model, frame))
        return Performance(model.task, len(frame), _with_intervals(metrics, len(frame), n_boot, seed))
    position = class_positions(model, y, len(frame))
    space, outputs = answer(model, ("probability", "margin"), frame)
    n_classes = len(model.classes)
    if space == "margin" and n_classes == 2:
        outputs = np.hstack([-outputs, outputs])
    predicted = outputs.argmax(axis=1)
    metrics = _classification(position, outputs, predicted, space)
    confusion = np.zeros((n_classes, n_classes), dtype=int)
    np.add.at(confusion, (position, predicted), 1)
    return Performance(
        model.task,
        len(frame),
        _with_intervals(metrics, len(frame), n_boot, seed),
        confusion,
        tuple(str(label) for label in model.classes),
    )


def scores(model: Model, frame: pd.DataFrame, y: np.ndarray) -> tuple[str, np.ndarray]:
    """Name of one score, higher being better, and its values ``(b,)`` on b tables that stand below each other.

    Negative log loss for classifiers with probabilities, else ROC AUC (binary) or accuracy; R2 for regressions.

    Parameters
    ----------
    model
        A wrapped model.
    frame
        A checked table of ``b * len(y)`` rows.
    y
        What :func:`targets` returned: the targets of each of the b tables.
    """
    once = np.ones((1, len(y)))
    if model.classes is None:
        tables = _one_value(model, frame).reshape(-1, len(y))
        return "R2", np.array([_r2(y, table)(once)[0] for table in tables])
    space, outputs = answer(model, ("probability", "margin"), frame)
    if space == "probability":
        losses = _log_losses(np.tile(y, len(frame) // len(y)), outputs)
        return "negative log loss", -losses.reshape(-1, len(y)).mean(axis=1)
    if len(model.classes) == 2:
        return "ROC AUC", np.array([_auc(y == 1, table)(once)[0] for table in outputs[:, 0].reshape(-1, len(y))])
    return "accuracy", (outputs.argmax(axis=1).reshape(-1, len(y)) == y).mean(axis=1)


def targets(model: Model, y: object, n_rows: int) -> np.ndarray:
    """Targets as the model's task has them: class positions or numbers."""
    return target_values(model, y, n_rows) if model.classes is None else class_positions(model, y, n_rows)


def class_positions(model: Model, y: object, n_rows: int) -> np.ndarray:
    """Position of each row's label among the model's classes, ``(n,)`` integers.

    Raises
    ------
    InputError
        If y has another length, missing answers, or labels the model does not know.
    """
    labels = _column(y, n_rows)
    missing = _missing(labels)
    if len(missing):
        raise InputError(
            f"{len(missing):,} of {n_rows:,} rows have no answer in {_named(y)}, the first of them at position "
            f"{missing[0]}: leave such rows out."
        )
    known = {plain(label): position for position, label in enumerate(model.classes or ())}
    unknown = dict.fromkeys(label for label in labels if label not in known)
    if unknown:
        raise InputError(f"y holds labels the model does not know: {listing(unknown)}. It knows {listing(known)}.")
    return np.array([known[label] for label in labels], dtype=int)


def target_values(model: Model, y: object, n_rows: int) -> np.ndarray:
    """Targets of a regression, ``(n,)`` float64.

    Raises
    ------
    InputError
        If y has another length or holds no finite numbers, or the model ranks or has several outputs.
    """
    if model.task != "regression" or len(model.output_names) > 1:
        raise InputError(f"a {model.task} model with {len(model.output_names)} outputs has no score against one y.")
    column = _column(y, n_rows)
    for position in _missing(column):
        column[position] = np.nan  # pandas has others, which are no numbers
    try:
        values = np.array(column, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(f"y must hold numbers for a regression: {error}.") from error
    if not np.isfinite(values).all():
        rows = np.flatnonzero(~np.isfinite(values))
        raise InputError(
            f"{len(rows):,} of {n_rows:,} rows have no finite number in {_named(y)}, the first of them "
            f"{values[rows[0]]} at position {rows[0]}: leave such rows out."
        )
    return values


def _missing(column: list[object]) -> np.ndarray:
    """Positions of missing values, of whatever kind."""
    import pandas as pd

    return np.flatnonzero(pd.isna(np.array(column, dtype=object)))


def _named(y: object) -> str:
    """The answers, for people."""
    name = getattr(y, "name", None)
    return "y" if name is None else f"column '{name}'"


def answer(model: Model, spaces: tuple[str, ...], frame: pd.DataFrame) -> tuple[str, np.ndarray]:
    """The first space of ``spaces`` the model has, and its answer there."""
    space = next(space for space in spaces if space in model.spaces)
    return space, model.with_output(space).predict_checked(frame)


def _column(y: object, n_rows: int) -> list[object]:
    values = np.asarray(y)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.shape != (n_rows,):
        raise InputError(f"y must have one value a row, {n_rows} in all, but has shape {values.shape}.")
    if not n_rows:
        raise InputError("there are 0 rows: give at least one.")
    return [plain(value) for value in values.tolist()]


def _classification(
    position: np.ndarray, outputs: np.ndarray, predicted: np.ndarray, space: str
) -> list[tuple[str, Weighted, bool]]:
    binary = outputs.shape[1] == 2
    right = _mean(predicted == position)
    metrics: list[tuple[str, Weighted, bool]] = []
    if binary:
        positive = position == 1
        metrics.append(("ROC AUC", _auc(positive, outputs[:, 1]), True))
        metrics.append(("accuracy", right, True))
        metrics.append(("sensitivity", _mean(predicted == 1, positive), True))
        metrics.append(("specificity", _mean(predicted == 0, ~positive), True))
    else:
        each = [_auc(position == k, outputs[:, k]) for k in range(outputs.shape[1])]
        metrics.append(("accuracy", right, True))
        metrics.append(("macro AUC", lambda weights: np.mean([auc(weights) for auc in each], axis=0), True))
    if space == "probability":
        metrics.append(("log loss", _mean(_log_losses(position, outputs)), False))
        if binary:
            metrics.append(("Brier score", _mean((outputs[:, 1] - (position == 1)) ** 2), False))
    return metrics


def _one_value(model: Model, frame: pd.DataFrame) -> np.ndarray:
    """What a regression answers, ``(n,)``."""
    if "value" not in model.spaces and "margin" not in model.spaces:
        raise InputError(
            f"this {model.framework} model answers in {listing(model.spaces)} and has no classes: "
            "give classes= when wrapping it."
        )
    outputs = answer(model, ("value", "margin"), frame)[1]
    if outputs.shape[1] != 1:
        raise InputError(f"the model has {outputs.shape[1]} outputs, and there is no score of those against one y.")
    return outputs[:, 0]


def _regression(target: np.ndarray, predicted: np.ndarray) -> list[tuple[str, Weighted, bool]]:
    error = target - predicted
    squared = _mean(error**2)
    return [
        ("R2", _r2(target, predicted), True),
        ("RMSE", lambda weights: np.sqrt(squared(weights)), False),
        ("MAE", _mean(np.abs(error)), False),
    ]


def _with_intervals(metrics: list[tuple[str, Weighted, bool]], n: int, n_boot: int, seed: int) -> tuple[Metric, ...]:
    rng = np.random.default_rng(seed)
    per_block = max(1, _BLOCK_CELLS // n)
    samples: list[list[np.ndarray]] = [[] for _ in metrics]
    for start in range(0, n_boot, per_block):
        weights = rng.multinomial(n, np.full(n, 1.0 / n), size=min(per_block, n_boot - start)).astype(float)
        for found, (_, metric, _) in zip(samples, metrics, strict=True):
            found.append(metric(weights))
    result = []
    for found, (name, metric, higher) in zip(samples, metrics, strict=True):
        drawn = np.concatenate(found) if found else np.empty(0)
        # A resample without one of the classes has no AUC; it does not count.
        drawn = drawn[np.isfinite(drawn)]
        low, high = np.percentile(drawn, [2.5, 97.5]) if len(drawn) else (np.nan, np.nan)
        result.append(Metric(name, float(metric(np.ones((1, n)))[0]), float(low), float(high), higher))
    return tuple(result)


def _mean(values: np.ndarray, among: np.ndarray | None = None) -> Weighted:
    """Weighted mean of values, over the rows ``among`` if given; NaN where no such row was drawn."""
    values = np.asarray(values, dtype=float)
    rows = np.ones(len(values)) if among is None else among.astype(float)

    def metric(weights: np.ndarray) -> np.ndarray:
        return _ratio(weights @ (values * rows), weights @ rows)

    return metric


def ordered_pairs(positive: np.ndarray, scores: np.ndarray) -> Weighted:
    """Weighted number of (positive, negative) pairs whose positive scores higher; equal scores count half.

    Rows are sorted once, so that no pair is ever looked at; with whole weights the number is exact.
    """
    order = np.argsort(scores, kind="stable")
    positive, scores = positive[order].astype(float), scores[order]
    starts = np.flatnonzero(np.r_[True, scores[1:] != scores[:-1]])

    def number(weights: np.ndarray) -> np.ndarray:
        weights = weights[:, order]
        above = np.add.reduceat(weights * positive, starts, axis=1)
        below = np.add.reduceat(weights * (1.0 - positive), starts, axis=1)
        in_order: np.ndarray = (above * (np.cumsum(below, axis=1) - below / 2)).sum(axis=1)
        return in_order

    return number


def _auc(positive: np.ndarray, scores: np.ndarray) -> Weighted:
    """Weighted area under the ROC curve: the share of (positive, negative) pairs in order, ties counting half."""
    in_order = ordered_pairs(positive, scores)

    def metric(weights: np.ndarray) -> np.ndarray:
        return _ratio(in_order(weights), (weights @ positive) * (weights @ ~positive))

    return metric


def _r2(target: np.ndarray, predicted: np.ndarray) -> Weighted:
    squares = (target - predicted) ** 2
    target = target - target.mean()

    def metric(weights: np.ndarray) -> np.ndarray:
        total = weights.sum(axis=1)
        spread = weights @ target**2 - (weights @ target) ** 2 / total
        return 1.0 - _ratio(weights @ squares, spread)

    return metric


def _log_losses(position: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    shares = probabilities / probabilities.sum(axis=1, keepdims=True)
    tiny = np.finfo(float).eps
    losses: np.ndarray = -np.log(np.clip(shares[np.arange(len(position)), position], tiny, 1.0 - tiny))
    return losses


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    ratio = np.full(len(above), np.nan)
    np.divide(above, below, out=ratio, where=below > 0)
    return ratio
