"""The models compared by default: pipelines that tune themselves on the rows they are given, and no others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError, ModelError, unknown_names
from ..models import Model, wrap_model
from ..models.base import library_errors

if TYPE_CHECKING:
    import pandas as pd

INNER_FOLDS = 3


def numeric_columns(X: pd.DataFrame) -> list[str]:
    """Columns of numbers with at least two different values; the others teach nothing."""
    return _varying(X.select_dtypes("number"))


def categorical_columns(X: pd.DataFrame) -> list[str]:
    """Columns of categories with at least two different values."""
    return _varying(X.select_dtypes("category"))


def _varying(X: pd.DataFrame) -> list[str]:
    present = {str(name): column.dropna().to_numpy() for name, column in X.items()}
    return [name for name, values in present.items() if len(values) and (values != values[0]).any()]


def one_hot() -> Any:
    """Gaps filled with the most frequent category, then one column a category; categories unknown so far count as none.

    A gap is no category of its own: where values are missing by hospital, it would name the hospital.
    """
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    return make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    )


def pipeline(model: Any, *numeric: Any) -> Any:
    """Columns prepared, then a model: ``numeric`` are the steps for numbers, none to leave them as they are."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline, make_pipeline

    numbers = make_pipeline(*numeric) if numeric else "passthrough"
    columns = ColumnTransformer(
        [("numeric", numbers, numeric_columns), ("categorical", one_hot(), categorical_columns)], sparse_threshold=0.0
    )
    return Pipeline([("columns", columns), ("model", model)])


def filled(*steps: Any) -> tuple[Any, ...]:
    """Gaps filled with the median, then ``steps``."""
    from sklearn.impute import SimpleImputer

    return (SimpleImputer(strategy="median"), *steps)


def _tuned(estimator: Any, grid: Mapping[str, Sequence[Any]], seed: int) -> Any:
    from sklearn.model_selection import GridSearchCV, StratifiedKFold

    folds = StratifiedKFold(INNER_FOLDS, shuffle=True, random_state=seed)
    named = {f"model__{name}": list(values) for name, values in grid.items()}
    return GridSearchCV(estimator, named, scoring="roc_auc", cv=folds, error_score="raise")


def _svm(seed: int) -> Any:
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    return _tuned(pipeline(SVC(), *filled(StandardScaler())), {"C": (0.1, 1.0, 10.0)}, seed)


def _random_forest(seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(100, max_depth=8, random_state=seed)
    return _tuned(pipeline(forest, *filled()), {"min_samples_leaf": (1, 5)}, seed)


def _xgboost(seed: int) -> Any:
    from xgboost import XGBClassifier

    # It knows what to do with gaps, so that numbers reach it as they are.
    boosted = XGBClassifier(n_estimators=200, learning_rate=0.05, subsample=0.8, n_jobs=1, random_state=seed)
    return _tuned(pipeline(boosted), {"max_depth": (2, 4)}, seed)


def _decision_tree(seed: int) -> Any:
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(random_state=seed)
    return _tuned(pipeline(tree, *filled()), {"max_depth": (2, 3, 5), "min_samples_leaf": (5, 15)}, seed)


def _logistic_regression(seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    linear = LogisticRegression(max_iter=2000)
    return _tuned(pipeline(linear, *filled(StandardScaler())), {"C": (0.01, 0.1, 1.0, 10.0)}, seed)


MODELS: dict[str, Callable[[int], Any]] = {
    "svm": _svm,
    "random_forest": _random_forest,
    "xgboost": _xgboost,
    "decision_tree": _decision_tree,
    "logistic_regression": _logistic_regression,
}
"""Name to a function of the seed that makes the unfitted model."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """A model fitted on training rows.

    Attributes
    ----------
    estimator
        The fitted estimator, of a search the best one.
    model
        The same, wrapped.
    hyperparameters
        What a search chose, by cross-validation on the training rows; empty where nothing was searched.
    """

    name: str
    estimator: Any
    model: Model
    hyperparameters: Mapping[str, Any]


def recipes(models: Sequence[str] | Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Names to unfitted estimators, from names of :data:`MODELS` or a mapping of one's own.

    Raises
    ------
    InputError
        On no models, an unknown or repeated name, or an object that scikit-learn cannot clone and fit.
    """
    if isinstance(models, str):
        models = (models,)
    if not models:
        raise InputError(f"no models were given; the names are: {', '.join(MODELS)}.")
    if isinstance(models, Mapping):
        for name, estimator in models.items():
            if isinstance(estimator, type) or not (hasattr(estimator, "fit") and hasattr(estimator, "get_params")):
                raise InputError(
                    f"model '{name}' is {estimator!r}: give an estimator in scikit-learn's manner, with fit and "
                    "get_params; it is fitted anew on the training rows."
                )
        return {str(name): estimator for name, estimator in models.items()}
    unknown = [name for name in models if name not in MODELS]
    if unknown:
        raise InputError(unknown_names("model", unknown, MODELS))
    if len(set(models)) < len(models):
        raise InputError(f"a model is named twice: {', '.join(models)}.")
    return {name: MODELS[name](seed) for name in models}


def fit(name: str, estimator: Any, X: pd.DataFrame, y: np.ndarray) -> Fitted:
    """Fit a clone; what it searches, it searches on these rows only.

    Raises
    ------
    ModelError
        If it cannot be fitted, or does not end as a classifier of two classes.
    """
    from sklearn.base import clone

    with library_errors(f"model '{name}'", "be fitted"):
        fitted = clone(estimator).fit(X, y)
    chosen = {key.removeprefix("model__"): value for key, value in getattr(fitted, "best_params_", {}).items()}
    fitted = getattr(fitted, "best_estimator_", fitted)
    model = wrap_model(fitted)
    if model.task != "binary":
        raise ModelError(f"model '{name}' does {model.task}: this workflow compares classifiers of two classes.")
    return Fitted(name, fitted, model, chosen)
