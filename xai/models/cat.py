"""CatBoost models."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError, ModelError
from .base import Model, Output, Task, choose_output, class_spaces, plain, value_names

if TYPE_CHECKING:
    import pandas as pd

_EXPONENTIAL = ("Poisson", "Tweedie")
_RANKING = ("YetiRank", "PairLogit", "Query", "StochasticRank", "StochasticFilter", "LambdaMart", "GroupQuantile")


@dataclass(frozen=True, eq=False, kw_only=True)
class CatBoostModel(Model):
    """A CatBoost model; categorical columns hold text or integers, never missing values.

    Attributes
    ----------
    stored_names
        Column names the library knows, as it checks them.
    text
        Positions of columns of free text, part of ``categorical``.
    """

    stored_names: tuple[str, ...]
    text: tuple[int, ...] = ()

    def pool(self, frame: pd.DataFrame) -> Any:
        """``frame`` as the Pool this model expects."""
        import catboost

        labels = [position for position in self.categorical or () if position not in self.text]
        return catboost.Pool(
            frame.set_axis(list(self.stored_names), axis=1),
            cat_features=labels or None,
            text_features=list(self.text) or None,
        )

    def _prepare(self, frame: pd.DataFrame) -> pd.DataFrame:
        for position in self.categorical or ():
            column = frame.iloc[:, position]
            missing = frame.index[column.isna()]
            if len(missing):
                raise InputError(
                    f"column '{column.name}' is categorical and has {len(missing)} missing values (first in row "
                    f"{missing[0]}), which CatBoost does not take there: write them as the text used in training."
                )
            if column.dtype.kind == "f":
                raise InputError(
                    f"column '{column.name}' is categorical but holds decimal numbers: give text or integers, "
                    "as in training."
                )
        return frame

    def _predict(self, frame: pd.DataFrame) -> np.ndarray:
        import catboost

        kind = {"margin": "RawFormulaVal", "probability": "Probability", "value": "RawFormulaVal"}[self.output]
        if self.output == "value" and "margin" in self.spaces:
            kind = "Exponent"
        # The predict of a CatBoostRanker takes no prediction_type, that of its parent does.
        return np.asarray(catboost.CatBoost.predict(self.native, self.pool(frame), prediction_type=kind), dtype=float)

    def _serialised(self) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.cbm"
            self.native.save_model(str(path))
            return path.read_bytes()


def wrap(obj: Any) -> CatBoostModel:
    """Wrap a CatBoost, CatBoostClassifier, CatBoostRegressor or CatBoostRanker."""
    import catboost

    if not isinstance(obj, catboost.CatBoost):
        raise ModelError(f"{type(obj).__name__} of catboost is no model: give a fitted CatBoost model.")
    if not obj.is_fitted():
        raise ModelError(f"{type(obj).__name__} is not fitted: call fit first.")
    if obj.get_embedding_feature_indices():
        raise ModelError("CatBoost models with embedding features are not supported.")
    stored = tuple(str(name) for name in obj.feature_names_)
    placeholders = stored == tuple(str(i) for i in range(len(stored)))
    text = tuple(obj.get_text_feature_indices())
    task, spaces, classes = _spaces(obj)
    return CatBoostModel(
        framework="catboost",
        native=obj,
        task=task,
        spaces=spaces,
        output=choose_output(spaces),
        feature_names=None if placeholders else stored,
        n_features=len(stored),
        categorical=(*obj.get_cat_feature_indices(), *text),
        classes=classes,
        stored_names=stored,
        text=text,
    )


def _spaces(obj: Any) -> tuple[Task, dict[Output, tuple[str, ...]], tuple[Any, ...] | None]:
    loss = str(obj.get_all_params().get("loss_function", "RMSE"))
    classes = tuple(plain(label) for label in obj.classes_)
    if loss.startswith(("MultiLogloss", "MultiCrossEntropy")):
        raise ModelError(f"CatBoost models of several labels at once ({loss}) are not supported.")
    if classes:
        task: Task = "binary" if len(classes) == 2 else "multiclass"
        return task, class_spaces(classes, ("margin", "probability")), classes
    if loss.startswith(_RANKING):
        return "ranking", {"margin": ("score",)}, None
    if loss.startswith("RMSEWithUncertainty"):
        return "regression", {"value": ("mean", "log_variance")}, None
    names = value_names(_n_outputs(obj))
    return (
        "regression",
        ({"margin": names, "value": names} if loss.startswith(_EXPONENTIAL) else {"value": names}),
        None,
    )


def _n_outputs(obj: Any) -> int:
    # scale and bias are stored a number an output.
    bias = obj.get_scale_and_bias()[1]
    return len(bias) if isinstance(bias, list) else 1
