"""scikit-learn trees, forests and boosted trees as forests."""

from __future__ import annotations

from typing import Any

import numpy as np

from .forest import Column, Forest, Source, UnreadableError, join
from .numbers import as_numbers


def size(model: Any) -> tuple[int, float]:
    """Number of trees, and of their nodes; 0 for what is no tree."""
    native = model.native
    if hasattr(native, "_predictors"):
        sizes = [len(tree.nodes) for stage in native._predictors for tree in stage]  # noqa: SLF001  # no public way
    else:
        members = [native] if hasattr(native, "tree_") else np.ravel(getattr(native, "estimators_", ()))
        sizes = [tree.tree_.node_count for tree in members if hasattr(tree, "tree_")]
    return len(sizes), float(sum(sizes))


def read(model: Any) -> Source:
    """Forest of a tree, a forest (classifiers: probabilities), or boosted trees (classifiers: margins).

    Raises
    ------
    UnreadableError
        For other estimators, boosting that starts from an estimator of its own, or splits on categories.
    """
    from sklearn import ensemble, tree

    native = model.native
    averages = (
        ensemble.RandomForestClassifier,
        ensemble.RandomForestRegressor,
        ensemble.ExtraTreesClassifier,
        ensemble.ExtraTreesRegressor,
    )
    if isinstance(native, tree.BaseDecisionTree):
        forest = _average(model, [native])
    elif isinstance(native, averages):
        forest = _average(model, list(native.estimators_))
    elif isinstance(native, ensemble.GradientBoostingClassifier | ensemble.GradientBoostingRegressor):
        forest = _boosted(model)
    elif isinstance(native, ensemble.HistGradientBoostingClassifier | ensemble.HistGradientBoostingRegressor):
        forest = _histogram(model)
    else:
        raise UnreadableError(f"{type(native).__name__} is no sum of trees.")
    return Source(forest, lambda frame: as_numbers(frame, {}))


def _columns(model: Any) -> list[Column]:
    return [Column(j) for j in range(model.native.n_features_in_)]


def _average(model: Any, members: list[Any]) -> Forest:
    trees = []
    for member in members:
        values = member.tree_.value
        if model.classes is not None:
            values = values[:, 0, :] / values[:, 0, :].sum(axis=1, keepdims=True)
        else:
            values = values[:, :, 0]
        trees.append(_arrays(member.tree_, values / len(members)))
    k = trees[0]["values"].shape[1]
    outputs = [-1 if k > 1 else 0] * len(trees)
    return join(trees, outputs, _columns(model), np.zeros(k), model.native.n_features_in_, single=True)


def _boosted(model: Any) -> Forest:
    native = model.native
    if native.init not in (None, "zero"):
        raise UnreadableError(f"this {type(native).__name__} starts from an estimator of its own (init=).")
    stages = native.estimators_
    trees = [_arrays(tree.tree_, tree.tree_.value[:, :, 0] * native.learning_rate) for tree in stages.ravel()]
    outputs = list(range(stages.shape[1])) * len(stages)
    forest = join(trees, outputs, _columns(model), np.zeros(stages.shape[1]), native.n_features_in_, single=True)
    return _with_base(model, forest)


def _histogram(model: Any) -> Forest:
    native = model.native
    if getattr(native, "is_categorical_", None) is not None:
        raise UnreadableError("histogram gradient boosting with categorical columns is not read.")
    stages = native._predictors  # noqa: SLF001  # scikit-learn has no public way to its trees
    trees = [_histogram_arrays(tree.nodes) for stage in stages for tree in stage]
    k = len(stages[0])
    forest = join(trees, list(range(k)) * len(stages), _columns(model), np.zeros(k), native.n_features_in_)
    return _with_base(model, forest)


def _with_base(model: Any, forest: Forest) -> Forest:
    """The constant that boosting starts from is no tree: it is what the trees leave of one answer."""
    from dataclasses import replace

    import pandas as pd

    probe = np.zeros((1, forest.n_features))
    names = list(model.feature_names or [f"x{j}" for j in range(forest.n_features)])
    raw = model.with_output("margin" if "margin" in model.spaces else "value")
    return replace(forest, base=raw.predict(pd.DataFrame(probe, columns=names))[0] - forest.predict(probe)[0])


def _arrays(tree: Any, values: np.ndarray) -> dict[str, np.ndarray]:
    left = tree.children_left
    return {
        "left": left,
        "right": tree.children_right,
        "column": np.maximum(tree.feature, 0),
        "threshold": tree.threshold,
        "missing_left": getattr(tree, "missing_go_to_left", np.zeros(len(left))),
        "cover": tree.weighted_n_node_samples,
        "values": values,
    }


def _histogram_arrays(nodes: np.ndarray) -> dict[str, np.ndarray]:
    leaf = nodes["is_leaf"].astype(bool)
    return {
        "left": np.where(leaf, -1, nodes["left"].astype(int)),
        "right": np.where(leaf, -1, nodes["right"].astype(int)),
        "column": np.where(leaf, 0, nodes["feature_idx"]),
        "threshold": nodes["num_threshold"],
        "missing_left": nodes["missing_go_to_left"],
        "cover": nodes["count"].astype(float),
        "values": nodes["value"],
    }
