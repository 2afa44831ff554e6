"""XGBoost models: native boosters and the scikit-learn interface."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError, ModelError, listing
from .base import Model, Output, Task, as_categories, choose_output, class_spaces, plain, replace_column, value_names

if TYPE_CHECKING:
    import pandas as pd

# Objectives whose answer is a transformed margin; every other regression answers the margin itself.
_LINKED = {"reg:logistic", "reg:gamma", "reg:tweedie", "count:poisson", "survival:cox", "survival:aft"}


@dataclass(frozen=True, eq=False, kw_only=True)
class XGBoostModel(Model):
    """An XGBoost model.

    Trees after the best iteration of an early-stopped training do not count, as in XGBoost's scikit-learn
    interface: a model, its booster and its file then give the same numbers.

    Attributes
    ----------
    booster
        The native booster.
    categories
        Category labels by column position, for text columns; empty where the booster stores none.
    """

    booster: Any
    categories: dict[int, tuple[Any, ...]]

    def matrix(self, frame: pd.DataFrame) -> Any:
        """``frame`` as the DMatrix this booster expects."""
        import xgboost

        names = self.booster.feature_names
        if names is None:
            return xgboost.DMatrix(frame.to_numpy(float), feature_types=self.booster.feature_types)
        return xgboost.DMatrix(frame.set_axis(names, axis=1), enable_categorical=True)

    @property
    def iterations(self) -> tuple[int, int]:
        """Range of boosting rounds that count; (0, 0) means all."""
        try:
            return (0, int(self.booster.best_iteration) + 1)
        except AttributeError:
            return (0, 0)

    def _prepare(self, frame: pd.DataFrame) -> pd.DataFrame:
        import pandas as pd

        for position in self.categorical or ():
            column = frame.iloc[:, position]
            if isinstance(column.dtype, pd.CategoricalDtype):
                continue
            labels = self.categories.get(position)
            if labels is not None:
                unknown = column[column.notna() & ~column.isin(labels)]
                if len(unknown):
                    raise InputError(
                        f"column '{column.name}' has the category {unknown.iloc[0]!r}, unknown to the model: "
                        f"it knows {listing(labels)}."
                    )
                frame = replace_column(frame, as_categories(column, labels))
            elif not pd.api.types.is_numeric_dtype(column.dtype):
                raise InputError(
                    f"column '{column.name}' holds text, and this XGBoost model does not store its categories: "
                    "give a pandas category column with the categories of training."
                )
        return frame

    def _predict(self, frame: pd.DataFrame) -> np.ndarray:
        from scipy.special import expit, softmax

        margin = self.output != "value" or "margin" not in self.spaces
        raw = self.booster.predict(self.matrix(frame), output_margin=margin, iteration_range=self.iterations)
        raw = np.asarray(raw, dtype=float).reshape(len(frame), -1)
        if self.output != "probability":
            return raw
        if self.task == "binary":
            return np.hstack([expit(-raw), expit(raw)])
        return np.asarray(softmax(raw, axis=1))

    def _serialised(self) -> bytes:
        return bytes(self.booster.save_raw("ubj"))


def wrap(obj: Any) -> XGBoostModel:
    """Wrap a Booster, or an estimator of xgboost.sklearn."""
    import xgboost

    if isinstance(obj, xgboost.Booster):
        booster, labels = obj, None
    elif isinstance(obj, xgboost.XGBModel):
        try:
            booster = obj.get_booster()
        except Exception as error:
            raise ModelError(f"{type(obj).__name__} is not fitted: call fit first.") from error
        labels = tuple(plain(label) for label in obj.classes_) if hasattr(obj, "classes_") else None
    else:
        raise ModelError(f"{type(obj).__name__} of xgboost is no model: give a Booster or a fitted estimator.")
    learner = json.loads(booster.save_config())["learner"]
    n_features = booster.num_features()
    if not n_features:
        raise ModelError("this XGBoost Booster is not trained: train it first.")
    names = tuple(booster.feature_names) if booster.feature_names else None
    task, spaces, classes = _spaces(learner, labels)
    types = booster.feature_types or []
    categorical = tuple(position for position, kind in enumerate(types) if kind == "c")
    return XGBoostModel(
        framework="xgboost",
        native=obj,
        task=task,
        spaces=spaces,
        output=choose_output(spaces),
        feature_names=names,
        n_features=n_features,
        categorical=categorical,
        classes=classes,
        booster=booster,
        categories=_categories(booster) if categorical else {},
    )


def _spaces(
    learner: dict[str, Any], labels: tuple[Any, ...] | None
) -> tuple[Task, dict[Output, tuple[str, ...]], tuple[Any, ...] | None]:
    objective = learner["objective"]["name"]
    parameters = learner["learner_model_param"]
    n_classes, n_targets = int(parameters["num_class"]), int(parameters.get("num_target", 1))
    if objective.startswith("binary:") and n_targets == 1:
        classes = labels or (0, 1)
        available: tuple[Output, ...] = ("margin", "probability") if objective == "binary:logistic" else ("margin",)
        return "binary", class_spaces(classes, available), classes
    if objective.startswith("multi:"):
        classes = labels or tuple(range(n_classes))
        return "multiclass", class_spaces(classes, ("margin", "probability")), classes
    if labels is not None:
        raise ModelError(f"XGBoost classifiers with the objective '{objective}' are not supported.")
    if objective.startswith("rank:"):
        return "ranking", {"margin": ("score",)}, None
    names = value_names(max(n_targets, n_classes, 1))
    return "regression", ({"margin": names, "value": names} if objective in _LINKED else {"value": names}), None


def _categories(booster: Any) -> dict[int, tuple[Any, ...]]:
    """Category labels that XGBoost >= 3.1 stores; older versions store none."""
    if not hasattr(booster, "get_categories"):
        return {}
    stored = booster.get_categories(export_to_arrow=True).to_arrow()
    return {i: tuple(labels.to_pylist()) for i, (_, labels) in enumerate(stored) if labels is not None}
