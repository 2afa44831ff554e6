"""scikit-learn estimators and pipelines."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import ModelError
from .base import Model, Output, Task, choose_output, class_spaces, library_errors, plain, value_names

if TYPE_CHECKING:
    import pandas as pd

# Attributes of estimators that hold other estimators, which may take text.
_COMPOSITE = ("steps", "transformers", "estimators", "estimator", "best_estimator_", "regressor")


@dataclass(frozen=True, eq=False, kw_only=True)
class SklearnModel(Model):
    """A scikit-learn estimator."""

    def table(self, frame: pd.DataFrame) -> Any:
        """``frame`` as the estimator was fitted: a table if it knows names, else an array."""
        stored = getattr(self.native, "feature_names_in_", None)
        return frame.to_numpy() if stored is None else frame.set_axis(list(stored), axis=1)

    def _predict(self, frame: pd.DataFrame) -> np.ndarray:
        table = self.table(frame)
        if self.output == "probability":
            return np.asarray(self.native.predict_proba(table))
        if self.output == "value":
            return np.asarray(self.native.predict(table))
        if hasattr(self.native, "decision_function"):
            return np.asarray(self.native.decision_function(table))
        return np.asarray(np.log(self.native.predict(table)))

    def _serialised(self) -> bytes:
        return _pickled(self.native)


@dataclass(frozen=True, eq=False, kw_only=True)
class PipelineModel(Model):
    """A pipeline: its last step, wrapped, behind the steps that change the table.

    Attributes
    ----------
    last
        The last step as a model of its own framework, on the transformed columns.
    """

    last: Model

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The table the last step sees, with the columns' new names."""
        import pandas as pd

        steps = self.native[:-1]
        if not len(steps):
            return frame
        stored = getattr(self.native, "feature_names_in_", None)
        table = frame.to_numpy() if stored is None else frame.set_axis(list(stored), axis=1)
        with library_errors("the pipeline", "transform the table"):
            table = steps.transform(table)
        if hasattr(table, "toarray"):
            table = table.toarray()
        if isinstance(table, pd.DataFrame):
            return table.set_index(frame.index)
        names = self.transformed_names(list(frame.columns), table.shape[1])
        return pd.DataFrame(table, index=frame.index, columns=names)

    def transformed_names(self, names: list[str] | None, n_columns: int) -> list[str]:
        """Names of the columns the last step sees, for a table with columns ``names``."""
        stored = getattr(self.native, "feature_names_in_", None)
        steps = self.native[:-1]
        if not len(steps):
            return names or [f"x{i}" for i in range(n_columns)]
        try:
            return [str(name) for name in steps.get_feature_names_out(names if stored is None else stored)]
        except (AttributeError, ValueError):
            # Some transformers name nothing: the columns then count up.
            return [f"x{i}" for i in range(n_columns)]

    def with_output(self, space: str) -> PipelineModel:
        """The same pipeline answering in another space."""
        return replace(self, last=self.last.with_output(space), output=self._space(space))

    def _predict(self, frame: pd.DataFrame) -> np.ndarray:
        return self.last.predict_checked(self.last.check(self.transform(frame)))

    def _serialised(self) -> bytes:
        return _pickled(self.native)


def wrap(obj: Any) -> Model:
    """Wrap a fitted estimator, a pipeline, or a finished search."""
    from sklearn.exceptions import NotFittedError
    from sklearn.pipeline import Pipeline
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(obj)
    except NotFittedError as error:
        raise ModelError(f"{type(obj).__name__} is not fitted: call fit first.") from error
    except TypeError as error:
        raise ModelError(f"{type(obj).__name__} is no scikit-learn estimator: {error}") from error
    if hasattr(obj, "best_estimator_"):
        obj = obj.best_estimator_
    return _wrap_pipeline(obj) if isinstance(obj, Pipeline) else _wrap_estimator(obj)


def _wrap_pipeline(obj: Any) -> PipelineModel:
    from .wrap import wrap_model

    name, last = obj.steps[-1]
    if isinstance(last, str) or not hasattr(last, "predict"):
        raise ModelError(f"the pipeline ends in '{name}', which predicts nothing: its last step must be a model.")
    inner = wrap_model(last)
    return PipelineModel(
        framework="sklearn",
        native=obj,
        task=inner.task,
        spaces=inner.spaces,
        output=inner.output,
        feature_names=_names_in(obj),
        n_features=getattr(obj, "n_features_in_", None),
        categorical=None,
        classes=inner.classes,
        last=inner,
    )


def _wrap_estimator(obj: Any) -> SklearnModel:
    from sklearn.base import is_classifier, is_outlier_detector, is_regressor

    classes: tuple[Any, ...] | None = None
    task: Task = "regression"
    spaces: dict[Output, tuple[str, ...]]
    if is_classifier(obj):
        classes, spaces = _classifier_spaces(obj)
        task = "binary" if len(classes) == 2 else "multiclass"
    elif is_regressor(obj):
        names = value_names(_n_targets(obj))
        spaces = {"margin": names, "value": names} if _has_log_link(obj) else {"value": names}
    elif is_outlier_detector(obj) and hasattr(obj, "decision_function"):
        spaces = {"margin": ("score",)}
    else:
        raise ModelError(f"{type(obj).__name__} is neither a classifier nor a regressor.")
    takes_text = any(hasattr(obj, name) for name in _COMPOSITE) or getattr(obj, "is_categorical_", None) is not None
    return SklearnModel(
        framework="sklearn",
        native=obj,
        task=task,
        spaces=spaces,
        output=choose_output(spaces),
        feature_names=_names_in(obj),
        n_features=getattr(obj, "n_features_in_", None),
        categorical=None if takes_text else (),
        classes=classes,
    )


def _classifier_spaces(obj: Any) -> tuple[tuple[Any, ...], dict[Output, tuple[str, ...]]]:
    if isinstance(obj.classes_, list):
        raise ModelError(f"{type(obj).__name__} predicts several targets at once, which is not supported.")
    classes = tuple(plain(label) for label in obj.classes_)
    if len(classes) < 2:
        raise ModelError(f"{type(obj).__name__} was trained on one class only, '{classes[0]}'.")
    # A one-against-one decision function has a column a pair of classes, not one a class.
    pairs = getattr(obj, "decision_function_shape", "ovr") == "ovo" and len(classes) > 2
    available: list[Output] = []
    if hasattr(obj, "decision_function") and not pairs:
        available.append("margin")
    if hasattr(obj, "predict_proba"):
        available.append("probability")
    if not available:
        raise ModelError(
            f"{type(obj).__name__} answers labels only, with neither probabilities nor a decision function."
        )
    return classes, class_spaces(classes, tuple(available))


def _n_targets(obj: Any) -> int:
    if hasattr(obj, "n_outputs_"):
        return int(obj.n_outputs_)
    coefficients = np.asarray(getattr(obj, "coef_", ()))
    return coefficients.shape[0] if coefficients.ndim == 2 and type(obj).__module__.startswith("sklearn.linear") else 1


def _has_log_link(obj: Any) -> bool:
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import GammaRegressor, PoissonRegressor, TweedieRegressor

    if isinstance(obj, HistGradientBoostingRegressor):
        return bool(obj.loss in {"poisson", "gamma"})
    if isinstance(obj, TweedieRegressor):
        return bool(obj.link == "log" or (obj.link == "auto" and obj.power > 0))
    return isinstance(obj, (PoissonRegressor, GammaRegressor))


def _names_in(obj: Any) -> tuple[str, ...] | None:
    names = getattr(obj, "feature_names_in_", None)
    return None if names is None else tuple(str(name) for name in names)


def _pickled(obj: Any) -> bytes:
    try:
        return pickle.dumps(obj)
    except (pickle.PicklingError, AttributeError, TypeError):
        # Estimators that hold lambdas or open handles have no serialisation.
        return b""
