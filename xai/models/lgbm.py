"""LightGBM models: native boosters and the scikit-learn interface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import ModelError
from .base import Model, Output, Task, as_categories, choose_output, class_spaces, plain, replace_column, value_names

if TYPE_CHECKING:
    import pandas as pd

# Objectives whose answer is a transformed raw score; other regressions answer the raw score itself.
_LINKED = {"poisson", "gamma", "tweedie", "cross_entropy", "cross_entropy_lambda"}


@dataclass(frozen=True, eq=False, kw_only=True)
class LightGBMModel(Model):
    """A LightGBM model.

    Text in a column that was a pandas category in training gets the categories of training. As in LightGBM
    itself, a category that training did not know counts as missing.

    Attributes
    ----------
    booster
        The native booster.
    categories
        Category labels of training by column position; empty where the booster stores none.
    """

    booster: Any
    categories: dict[int, tuple[Any, ...]]

    def _prepare(self, frame: pd.DataFrame) -> pd.DataFrame:
        import pandas as pd

        for position, labels in self.categories.items():
            column = frame.iloc[:, position]
            if not isinstance(column.dtype, pd.CategoricalDtype):
                frame = replace_column(frame, as_categories(column, labels))
        return frame

    def _predict(self, frame: pd.DataFrame) -> np.ndarray:
        raw = np.asarray(self.booster.predict(frame, raw_score=self.output == "margin"), dtype=float)
        if self.output == "probability" and self.task == "binary":
            return np.column_stack([1.0 - raw, raw])
        return raw

    def _serialised(self) -> bytes:
        return str(self.booster.model_to_string()).encode()


def wrap(obj: Any) -> LightGBMModel:
    """Wrap a Booster, or an estimator of lightgbm.sklearn."""
    import lightgbm

    if isinstance(obj, lightgbm.Booster):
        booster, labels = obj, None
    elif isinstance(obj, lightgbm.LGBMModel):
        try:
            booster = obj.booster_
        except Exception as error:
            raise ModelError(f"{type(obj).__name__} is not fitted: call fit first.") from error
        labels = tuple(plain(label) for label in obj.classes_) if hasattr(obj, "classes_") else None
    else:
        raise ModelError(f"{type(obj).__name__} of lightgbm is no model: give a Booster or a fitted estimator.")
    header = booster.dump_model(num_iteration=1)
    stored = list(header["feature_names"])
    placeholders = stored == [f"Column_{i}" for i in range(len(stored))]
    names = None if placeholders else tuple(stored)
    task, spaces, classes = _spaces(header, labels)
    categorical, categories = _categories(header)
    return LightGBMModel(
        framework="lightgbm",
        native=obj,
        task=task,
        spaces=spaces,
        output=choose_output(spaces),
        feature_names=names,
        n_features=len(stored),
        categorical=categorical,
        classes=classes,
        booster=booster,
        categories=categories,
    )


def _spaces(
    header: dict[str, Any], labels: tuple[Any, ...] | None
) -> tuple[Task, dict[Output, tuple[str, ...]], tuple[Any, ...] | None]:
    objective, *options = str(header.get("objective", "custom")).split()
    both: tuple[Output, ...] = ("margin", "probability")
    if objective == "binary":
        classes = labels or (0, 1)
        return "binary", class_spaces(classes, both), classes
    if objective in {"multiclass", "multiclassova"}:
        classes = labels or tuple(range(int(header["num_class"])))
        return "multiclass", class_spaces(classes, both), classes
    if labels is not None:
        raise ModelError(f"LightGBM classifiers with the objective '{objective}' are not supported.")
    if objective in {"lambdarank", "rank_xendcg"}:
        return "ranking", {"margin": ("score",)}, None
    names = value_names(int(header["num_tree_per_iteration"]))
    linked = objective in _LINKED or "sqrt" in options
    return "regression", ({"margin": names, "value": names} if linked else {"value": names}), None


def _categories(header: dict[str, Any]) -> tuple[tuple[int, ...] | None, dict[int, tuple[Any, ...]]]:
    """Positions of categorical columns and their labels of training.

    LightGBM stores the labels of pandas categories in column order but not which columns they belong to. A
    column whose information lists values is categorical; a categorical column that never split on anything
    has no information, and where the counts differ for that reason nothing is assumed.
    """
    infos = header["feature_infos"]
    columns = tuple(i for i, name in enumerate(header["feature_names"]) if infos.get(name, {}).get("values"))
    labels = header["pandas_categorical"] or []
    if not labels:
        return columns, {}
    if len(labels) != len(columns):
        return None, {}
    return columns, {i: tuple(values) for i, values in zip(columns, labels, strict=True)}
