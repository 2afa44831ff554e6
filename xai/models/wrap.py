"""Recognise an object and bring it into the one shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from os import PathLike
from typing import Any

from ..core.errors import InputError, ModelError
from .base import Model, Output, Task, class_spaces

# Library to the module here that wraps its objects; the first library found among an object's classes
# counts, so a scikit-learn subclass of XGBoost is XGBoost's. Looking needs no import of any library.
FRAMEWORKS = {"xgboost": "xgb", "lightgbm": "lgbm", "catboost": "cat", "sklearn": "sk", "torch": "torch_module"}

_ACCEPTED = (
    "accepted are fitted XGBoost, LightGBM and CatBoost models, scikit-learn estimators and pipelines, "
    "torch modules, and any callable that maps a table to an array"
)


def wrap_model(
    obj: Any,
    output: str | None = None,
    *,
    feature_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    classes: Sequence[Any] | None = None,
) -> Model:
    """Bring a fitted model into the one shape ``(n, k)``.

    Parameters
    ----------
    obj
        An XGBoost, LightGBM or CatBoost model, a scikit-learn estimator or pipeline, a torch module from a float
        tensor ``(n, d)`` to ``(n,)`` or ``(n, k)``, any callable from a DataFrame to an array, or a model that is
        wrapped already.
    output
        ``"margin"``, ``"probability"`` or ``"value"``; ``None``: margin where the framework has one, else
        probability, else value. A callable answers ``"value"`` unless told otherwise.
    feature_names
        Column names in the model's order; they replace those the model stores, if any.
    output_names
        Names of the outputs in the chosen space.
    classes
        Class labels in the model's order, for native boosters, callables and torch modules, which know none.

    Raises
    ------
    ModelError
        If the object is of no known kind, is not fitted, or lacks the space asked for.
    InputError
        If names or classes do not fit the model in number.
    """
    model = obj if isinstance(obj, Model) else _wrap(obj, output)
    if output is not None and output != model.output:
        model = model.with_output(output)
    if classes is not None:
        model = _with_classes(model, tuple(classes))
    if feature_names is not None:
        model = _with_features(model, tuple(str(name) for name in feature_names))
    if output_names is not None:
        model = _with_output_names(model, tuple(str(name) for name in output_names))
    return model


def _wrap(obj: Any, output: str | None) -> Model:
    if isinstance(obj, str | PathLike):
        raise ModelError(f"'{obj}' is a path, not a model: open model files with xai.load_model(path).")
    if isinstance(obj, type):
        raise ModelError(f"{obj.__name__} is a class, not a fitted model: make an instance and call fit first.")
    origins = {cls.__module__.partition(".")[0] for cls in type(obj).__mro__}
    for library, module in FRAMEWORKS.items():
        if library in origins:
            bring = import_module(f".{module}", __package__).wrap
            # These say nothing of what they answer: the caller does.
            model: Model = bring(obj, output) if library == "torch" else bring(obj)
            return model
    if callable(obj):
        from .callables import wrap

        return wrap(obj, output)
    raise ModelError(f"{type(obj).__name__} is no model that is known here: {_ACCEPTED}.")


def _with_classes(model: Model, classes: tuple[Any, ...]) -> Model:
    if model.classes is None:
        if model.framework not in {"callable", "torch"}:
            raise InputError(f"classes were given, but this {model.framework} model does {model.task}.")
    elif len(classes) != len(model.classes):
        raise InputError(f"{len(classes)} classes were given, but the model has {len(model.classes)}.")
    if len({str(label) for label in classes}) < max(len(classes), 2):
        raise InputError(f"classes must be at least two different labels, not {classes}.")
    available: tuple[Output, ...] = tuple(model.spaces)
    task: Task = "binary" if len(classes) == 2 else "multiclass"
    return replace(model, classes=classes, spaces=class_spaces(classes, available), task=task)


def _with_features(model: Model, names: tuple[str, ...]) -> Model:
    expected = model.n_features
    if expected is not None and len(names) != expected:
        raise InputError(f"{len(names)} feature names were given, but the model has {expected} columns.")
    if len(set(names)) < len(names):
        raise InputError(f"feature names must be different, not {names}.")
    return replace(model, feature_names=names, n_features=len(names))


def _with_output_names(model: Model, names: tuple[str, ...]) -> Model:
    known = model.output_names
    if (known and len(names) != len(known)) or not names or len(set(names)) < len(names):
        raise InputError(f"output_names must be {len(known) or 'some'} different names, not {names}.")
    return replace(model, spaces={**model.spaces, model.output: names})
