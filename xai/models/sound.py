"""Whether what compiled code will follow blindly inside a scikit-learn object leads anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core.errors import ModelError
from .structure import check_children

_MOST = 5_000_000


def check_estimator(estimator: Any, name: str) -> None:
    """Trees, neighbour searches and support vectors hold together; work is left to one process.

    Parameters
    ----------
    estimator
        Any object made of scikit-learn's.
    name
        Of the file, for messages.

    Raises
    ------
    ModelError
        Naming what is damaged.
    """
    try:
        for part in _parts(estimator):
            check = _CHECKS.get(type(part).__name__)
            # What an ensemble was made after is kept beside what was fitted, and is not fitted itself.
            if check is not None and _is_fitted(part):
                check(part, f"{name} is damaged: a {type(part).__name__}")
            attributes = getattr(part, "__dict__", {})
            # Otherwise a number in the file would decide how many processes start.
            if attributes.get("n_jobs") is not None:
                part.n_jobs = None
    except (AttributeError, TypeError, ValueError, IndexError, KeyError, OverflowError) as error:
        raise ModelError(f"{name} is damaged: a part of its model is incomplete ({error!r}).") from error


def _is_fitted(part: Any) -> bool:
    return not hasattr(part, "get_params") or hasattr(part, "n_features_in_")


def _parts(root: Any) -> Iterator[Any]:
    """Every object reached from the estimator, once."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        part = waiting.pop()
        if id(part) in seen or isinstance(part, (str, bytes, int, float, type, np.generic)):
            continue
        if len(seen) > _MOST:
            raise ValueError("more objects than any model has")
        seen.add(id(part))
        if isinstance(part, dict):
            waiting.extend(part.values())
        elif isinstance(part, (list, tuple, set)):
            waiting.extend(part)
        elif isinstance(part, np.ndarray):
            if part.dtype == object:
                waiting.extend(part.ravel())
            continue
        if type(part).__module__.startswith("sklearn."):
            yield part
            waiting.extend(getattr(part, "__dict__", {}).values())


def _check_tree(tree: Any, where: str) -> None:
    nodes = tree.__getstate__()["nodes"]
    left, right = nodes["left_child"].astype(int), nodes["right_child"].astype(int)
    check_children(left, right, nodes["feature"].astype(int), int(tree.n_features), where)
    if int(tree.node_count) != len(nodes) or len(tree.value) != len(nodes):
        raise ModelError(f"{where} has another number of nodes than it says.")


def _check_histogram_tree(tree: Any, where: str) -> None:
    nodes = tree.nodes
    leaf = nodes["is_leaf"].astype(bool)
    left, right = (np.where(leaf, -1, nodes[side].astype(int)) for side in ("left", "right"))
    check_children(left, right, nodes["feature_idx"].astype(int), int(nodes["feature_idx"].max()) + 1, where)
    categorical = nodes["is_categorical"].astype(bool) & ~leaf
    for bitsets in (tree.raw_left_cat_bitsets, tree.binned_left_cat_bitsets):
        if bitsets.ndim != 2 or bitsets.shape[1] != 8 or (nodes["bitset_idx"][categorical] >= len(bitsets)).any():
            raise ModelError(f"{where} asks for categories that it does not hold.")


def _check_histogram_boosting(model: Any, where: str) -> None:
    last = max(
        (int(tree.nodes["feature_idx"].max()) for stage in model._predictors for tree in stage),  # noqa: SLF001
        default=0,
    )
    if last >= int(model.n_features_in_):
        raise ModelError(f"{where} splits on a column that does not exist (the model has {model.n_features_in_}).")


def _check_forest(model: Any, where: str) -> None:
    """Each tree was made for the columns it will be given, and for as many outputs."""
    for tree in np.asarray(model.estimators_, dtype=object).ravel():
        inner = tree.tree_
        if int(tree.n_features_in_) != int(inner.n_features) or int(inner.n_features) > int(model.n_features_in_):
            raise ModelError(f"{where} holds a tree for {inner.n_features} columns, but has {model.n_features_in_}.")


def _check_one_tree(model: Any, where: str) -> None:
    if int(model.n_features_in_) != int(model.tree_.n_features):
        raise ModelError(f"{where} says that it has other columns than its tree.")


def _check_neighbours(tree: Any, where: str) -> None:
    data, order, nodes, bounds = (np.asarray(part) for part in tree.__getstate__()[:4])
    n = len(data)
    if order.shape != (n,) or not np.array_equal(np.sort(order), np.arange(n)):
        raise ModelError(f"{where} lists rows that it does not hold.")
    starts, ends = nodes["idx_start"], nodes["idx_end"]
    if (starts < 0).any() or (ends > n).any() or (starts > ends).any():
        raise ModelError(f"{where} points to rows that it does not hold.")
    if bounds.ndim != 3 or bounds.shape[1] != len(nodes) or bounds.shape[2] not in {data.shape[1], 1, 0}:
        raise ModelError(f"{where} has bounds for other nodes than it holds.")


def _check_support(model: Any, where: str) -> None:
    vectors = model.support_vectors_.shape[0]
    groups = len(getattr(model, "classes_", ())) or 2
    rows = max(groups - 1, 1)
    counts = np.asarray(model._n_support)  # noqa: SLF001 - the numbers compiled code reads
    if model._dual_coef_.shape != (rows, vectors) or len(model.support_) != vectors:
        raise ModelError(f"{where} has coefficients for other vectors than it holds.")
    classifier = hasattr(model, "classes_")
    if (counts < 0).any() or (classifier and (len(counts) != groups or counts.sum() != vectors)):
        raise ModelError(f"{where} counts other vectors than it holds.")
    if len(model._intercept_) != (groups * (groups - 1) // 2 if classifier else 1):
        raise ModelError(f"{where} has intercepts for other classes than it holds.")


_FORESTS = (
    "RandomForestClassifier",
    "RandomForestRegressor",
    "ExtraTreesClassifier",
    "ExtraTreesRegressor",
    "GradientBoostingClassifier",
    "GradientBoostingRegressor",
)
_TREES = ("DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor")
_HISTOGRAMS = ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor")
_CHECKS = {
    "Tree": _check_tree,
    "TreePredictor": _check_histogram_tree,
    "KDTree": _check_neighbours,
    "BallTree": _check_neighbours,
    **dict.fromkeys(_FORESTS, _check_forest),
    **dict.fromkeys(_TREES, _check_one_tree),
    **dict.fromkeys(_HISTOGRAMS, _check_histogram_boosting),
    **dict.fromkeys(("SVC", "NuSVC", "SVR", "NuSVR", "OneClassSVM"), _check_support),
}
