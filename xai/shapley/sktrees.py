"""scikit-learn trees: read into plain arrays, explained by shap's path-dependent TreeSHAP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import ModelError
from ..models.base import library_errors
from .engine import Engine

if TYPE_CHECKING:
    import pandas as pd

    from ..models.base import Output


def engine(model: Any) -> Engine | None:
    """Engine of a tree, forest or boosted trees; ``None`` for other estimators.

    Raises
    ------
    ModelError
        If boosting starts from an estimator of its own, which is no tree.
    """
    from sklearn import ensemble, tree

    native = model.native
    if isinstance(native, tree.BaseDecisionTree):
        return _forest(model, [native])
    forests = (ensemble.RandomForestClassifier, ensemble.RandomForestRegressor)
    if isinstance(native, (*forests, ensemble.ExtraTreesClassifier, ensemble.ExtraTreesRegressor)):
        return _forest(model, list(native.estimators_))
    if isinstance(native, ensemble.GradientBoostingClassifier | ensemble.GradientBoostingRegressor):
        return _boosting(model)
    if isinstance(native, ensemble.HistGradientBoostingClassifier | ensemble.HistGradientBoostingRegressor):
        return _histogram_boosting(model)
    return None


def _forest(model: Any, trees: list[Any]) -> Engine:
    explainer = _explainer([_arrays(tree.tree_, 1.0 / len(trees), model.classes is not None) for tree in trees])

    def explain(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        return _run(explainer, _as_trees_see(rows))

    space: Output = "probability" if model.classes is not None else "value"
    return Engine(explain, space, "shap TreeExplainer", ("scikit-learn", "shap"))


def _boosting(model: Any) -> Engine:
    native = model.native
    if native.init not in (None, "zero"):
        raise ModelError(
            f"this {type(native).__name__} starts from an estimator of its own (init=), which the tree engine cannot "
            "explain: use method 'exact' or 'removal' with a background."
        )
    explainers = [
        _explainer([_arrays(stage.tree_, native.learning_rate, normalise=False) for stage in column])
        for column in native.estimators_.T
    ]
    space: Output = "margin" if "margin" in model.spaces else "value"
    raw = model.with_output(space)

    def explain(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        parts = [_run(explainer, _as_trees_see(rows)) for explainer in explainers]
        values = np.concatenate([values for values, _ in parts], axis=2)
        base = np.concatenate([base for _, base in parts], axis=1)
        return values, base + start

    # The constant that boosting starts from is no tree: it is what the trees leave of one answer.
    probe = _probe(native)
    parts = [_run(explainer, probe) for explainer in explainers]
    trees = np.array([float(base[0, 0] + values[0, :, 0].sum()) for values, base in parts])
    names = list(model.feature_names or [f"x{j}" for j in range(probe.shape[1])])
    import pandas as pd

    start = raw.predict(pd.DataFrame(probe, columns=names))[0] - trees
    return Engine(explain, space, "shap TreeExplainer", ("scikit-learn", "shap"))


def _probe(native: Any) -> np.ndarray:
    return np.zeros((1, native.n_features_in_))


def _histogram_boosting(model: Any) -> Engine:
    if getattr(model.native, "is_categorical_", None) is not None:
        raise ModelError(
            "histogram gradient boosting with categorical columns has no exact engine: use method 'exact' or "
            "'removal' with a background."
        )
    import shap

    with library_errors("shap", "read the model"):
        explainer = shap.TreeExplainer(model.native)

    def explain(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        return _run(explainer, rows.to_numpy(float))

    space: Output = "margin" if "margin" in model.spaces else "value"
    return Engine(explain, space, "shap TreeExplainer", ("scikit-learn", "shap"))


def _arrays(tree: Any, scale: float, normalise: bool) -> dict[str, np.ndarray]:
    """A scikit-learn tree in the arrays that shap documents for trees of any origin."""
    values = tree.value[:, 0, :] if normalise else tree.value[:, :, 0]
    if normalise:
        values = values / values.sum(axis=1, keepdims=True)
    left, right = tree.children_left, tree.children_right
    goes_left = getattr(tree, "missing_go_to_left", np.zeros(len(left), dtype=np.uint8)).astype(bool)
    return {
        "children_left": left,
        "children_right": right,
        "children_default": np.where(goes_left, left, right),
        "features": tree.feature,
        "thresholds": tree.threshold,
        "values": values * scale,
        "node_sample_weight": tree.weighted_n_node_samples,
    }


def _explainer(trees: list[dict[str, np.ndarray]]) -> Any:
    import shap

    with library_errors("shap", "read the trees"):
        return shap.TreeExplainer({"trees": trees})


def _as_trees_see(rows: pd.DataFrame) -> np.ndarray:
    # scikit-learn compares single-precision values with double-precision thresholds.
    return rows.to_numpy(np.float32).astype(float)


def _run(explainer: Any, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values of shap as ``(n, d, k)`` and base values as ``(n, k)``, whatever shape it chose."""
    with library_errors("shap", "explain"):
        values = np.asarray(explainer.shap_values(table, check_additivity=False), dtype=float)
    values = values[:, :, None] if values.ndim == 2 else values
    base = np.atleast_1d(np.asarray(explainer.expected_value, dtype=float)).ravel()
    return values, np.tile(base, (len(table), 1))
