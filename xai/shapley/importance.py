"""Other importances of features: each framework's own, and by permutation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError, ModelError, listing
from ..models import Model, wrap_model
from ..models.base import library_errors
from ..models.masking import BLOCK_ROWS
from ..models.performance import scores, targets
from ..models.sk import PipelineModel
from .sources import pipeline_sources

if TYPE_CHECKING:
    import pandas as pd


def native(model: Any, X: Any = None) -> pd.Series:
    """The framework's own importance of each feature; ``.attrs["kind"]`` says what it measures.

    CatBoost: prediction values change (sums to 100). XGBoost: mean gain a split, normalised to 1, as its
    ``feature_importances_``. LightGBM: total gain. scikit-learn: ``feature_importances_`` or, for linear models, the
    size of the coefficients. These measure different things: do not compare them across frameworks.

    Parameters
    ----------
    model
        A wrapped model, or an object that :func:`xai.wrap_model` takes.
    X
        A row of the table is enough. Importances of a pipeline are those of the columns its last step sees; with a
        row they are summed over the column of the table that each of them is made of.

    Raises
    ------
    ModelError
        If the framework has no importance for this model, or its pipeline mixes columns.
    """
    import pandas as pd

    wrapped = model if isinstance(model, Model) else wrap_model(model)
    if hasattr(wrapped, "importance"):  # a model elsewhere, whose own side knows
        answer: pd.Series = wrapped.importance("native", X=None if X is None else wrapped.check(X).iloc[:1])
        return answer
    source = _NATIVE.get(wrapped.framework)
    if source is None:
        raise ModelError(
            f"a {wrapped.framework} model has no importances of its own: use permutation importance or mean |SHAP|."
        )
    values, kind = source(wrapped)
    names = _names(wrapped, None, len(values))
    if isinstance(wrapped, PipelineModel) and X is not None:
        frame = wrapped.check(X)
        values, names = _summed(wrapped, frame, values), [str(name) for name in frame.columns]
    series = pd.Series(values, index=names, name="importance", dtype=float)
    series.attrs["kind"] = kind
    return series


def _names(model: Model, given: list[str] | None, n_columns: int) -> list[str]:
    """Names of the columns the importances belong to: of a pipeline, those its last step sees."""
    given = list(model.feature_names) if model.feature_names else given
    if isinstance(model, PipelineModel):
        return _names(model.last, model.transformed_names(given, n_columns), n_columns)
    return given or [f"x{j}" for j in range(n_columns)]


def _summed(model: PipelineModel, frame: pd.DataFrame, values: np.ndarray) -> np.ndarray:
    sources = pipeline_sources(model, frame)
    if sources.mixed:
        raise ModelError(
            f"the pipeline mixes columns ({listing(sources.mixed)}), so that its own importances belong to none of "
            "them: use permutation importance or mean |SHAP|."
        )
    return np.array([values[list(positions)].sum() for positions in sources.columns])


def _xgboost(model: Any) -> tuple[np.ndarray, str]:
    names = model.booster.feature_names or [f"f{j}" for j in range(model.n_features)]
    try:
        found = model.booster.get_score(importance_type="gain")
        kind = "mean gain (share)"
    except Exception:  # noqa: BLE001  # xgboost raises its one error type for linear boosters, which have no gain
        with library_errors("xgboost", "give importances"):
            found = model.booster.get_score(importance_type="weight")
        kind = "|coefficient| (share)"
    values = np.array([np.abs(np.ravel(found.get(name, 0.0))).mean() for name in names], dtype=float)
    return values / (values.sum() or 1.0), kind


def _lightgbm(model: Any) -> tuple[np.ndarray, str]:
    return np.asarray(model.booster.feature_importance(importance_type="gain"), dtype=float), "total gain"


def _catboost(model: Any) -> tuple[np.ndarray, str]:
    with library_errors("catboost", "give importances"):
        values = model.native.get_feature_importance(type="PredictionValuesChange")
    return np.asarray(values, dtype=float), "prediction values change"


def _sklearn(model: Any) -> tuple[np.ndarray, str]:
    if isinstance(model, PipelineModel):
        return _NATIVE[model.last.framework](model.last)
    if hasattr(model.native, "feature_importances_"):
        return np.asarray(model.native.feature_importances_, dtype=float), "mean decrease in impurity"
    if hasattr(model.native, "coef_"):
        weights = model.native.coef_
        weights = np.atleast_2d(weights.toarray() if hasattr(weights, "toarray") else weights)
        return np.abs(weights).mean(axis=0), "|coefficient|"
    raise ModelError(
        f"{type(model.native).__name__} has no importances of its own: use permutation importance or mean |SHAP|."
    )


_NATIVE: dict[str, Callable[[Any], tuple[np.ndarray, str]]] = {
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
    "catboost": _catboost,
    "sklearn": _sklearn,
}


def permutation(
    model: Any,
    X: Any,
    y: Any,
    n_repeats: int = 10,
    seed: int = 0,
    *,
    progress: Callable[[float, str], None] | None = None,
) -> pd.DataFrame:
    """How far the score drops when one column is shuffled.

    Parameters
    ----------
    model
        A wrapped model, or an object that :func:`xai.wrap_model` takes.
    X, y
        Rows that the model was not trained on, and their targets. On training rows the result shows what the
        model memorised; nothing here can tell the two apart.
    n_repeats
        Shuffles a column.
    seed
        Seed of the shuffles.
    progress
        Called with the fraction done and a short text after each column.

    Returns
    -------
    DataFrame
        One row a feature, ``mean`` and ``std`` (over the shuffles) of the drop; ``.attrs["score"]`` names the score:
        negative log loss for classifiers with probabilities, else ROC AUC or accuracy, R2 for regressions.

    Raises
    ------
    InputError
        If X or y do not fit the model, there are fewer than 2 rows, or ``n_repeats`` is below 1.
    """
    import pandas as pd

    wrapped = model if isinstance(model, Model) else wrap_model(model)
    if n_repeats < 1:
        raise InputError(f"n_repeats must be at least 1, not {n_repeats}.")
    frame = wrapped.check(X)
    if len(frame) < 2:
        raise InputError(f"permutation importance needs at least 2 rows, but there are {len(frame)}.")
    wrapped.predict_checked(frame.iloc[:1])  # a plain function shows here how many outputs it has
    truth = targets(wrapped, y, len(frame))
    name, (reference,) = scores(wrapped, frame, truth)
    if not np.isfinite(reference):
        raise InputError(f"the score ({name}) is not defined on these rows: y has only one value.")
    n, d = frame.shape
    shuffles = _shuffles(n, d, n_repeats, seed)
    drops: list[float] = []
    # Libraries take longer to be called than to answer a few hundred rows: few large tables are several times quicker.
    while block := list(islice(shuffles, max(1, BLOCK_ROWS // n))):
        before = len(drops) // n_repeats
        drops += (reference - scores(wrapped, _stacked(frame, block), truth)[1]).tolist()
        if progress is not None:
            for j in range(before + 1, len(drops) // n_repeats + 1):
                progress(j / d, f"shuffled {j} of {d} columns")
    by_column = np.reshape(drops, (d, n_repeats))
    table = pd.DataFrame({"mean": by_column.mean(axis=1), "std": by_column.std(axis=1)}, index=frame.columns)
    table.attrs["score"] = name
    return table


def _shuffles(n: int, d: int, n_repeats: int, seed: int) -> Iterator[tuple[int, np.ndarray]]:
    """Position of a column and a new order of its rows, column by column."""
    for j in range(d):
        rng = np.random.default_rng([seed, j])
        for _ in range(n_repeats):
            yield j, rng.permutation(n)


def _stacked(frame: pd.DataFrame, shuffles: list[tuple[int, np.ndarray]]) -> pd.DataFrame:
    """One copy of the table below the other, each with one column in a new order."""
    import pandas as pd

    n = len(frame)
    same = np.tile(np.arange(n), len(shuffles))
    rows: dict[int, np.ndarray] = {}
    for place, (j, order) in enumerate(shuffles):
        rows.setdefault(j, same.copy())[place * n : (place + 1) * n] = order
    return pd.DataFrame({name: frame[name].array.take(rows.get(j, same)) for j, name in enumerate(frame.columns)})
