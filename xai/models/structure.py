"""Cheap checks of model files before a library sees them: a library may crash on what they refuse."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import ModelError

MAX_FEATURES, MAX_OUTPUTS, MAX_CATEGORY = 1_000_000, 100_000, 1 << 24
"""Beyond these a file does not describe a model but a demand for memory."""
_LARGEST = 2**31 - 1
_NEEDED = ("split_conditions", "default_left", "split_type")
_PER_NODE = (*_NEEDED, "parents", "sum_hessian", "loss_changes")


def check_xgboost(content: dict[str, Any], name: str) -> None:
    """Children form trees, and split features exist.

    Raises
    ------
    ModelError
        Naming the file and the tree that is damaged.
    """
    try:
        learner = content["learner"]
        booster = learner["gradient_booster"]
        n_features, n_groups = _sizes(learner, name)
        if booster["name"] == "gblinear":
            if len(booster["model"]["weights"]) != (n_features + 1) * n_groups:
                raise ModelError(f"{name} is damaged: it has other weights than its columns and outputs need.")
            return
        dropped = booster.get("weight_drop")
        booster = booster.get("gbtree", booster)
        trees, groups = booster["model"]["trees"], booster["model"]["tree_info"]
        if dropped is not None and (len(dropped) != len(trees) or not np.isfinite(np.asarray(dropped, float)).all()):
            raise ModelError(f"{name} is damaged: its list of tree weights does not match its trees.")
        _check_rounds(booster["model"], len(trees), name)
        if len(groups) != len(trees) or any(not 0 <= int(group) < n_groups for group in groups):
            raise ModelError(f"{name} is damaged: its list of trees does not match its outputs.")
        for number, tree in enumerate(trees):
            check_children(
                np.asarray(tree["left_children"], dtype=int),
                _right_children(tree),
                np.asarray(tree["split_indices"], dtype=int),
                n_features,
                f"{name} is damaged: tree {number}",
            )
            n_nodes = len(tree["left_children"])
            if any(len(tree[part]) != n_nodes for part in _PER_NODE if part in tree or part in _NEEDED):
                raise ModelError(f"{name} is damaged: tree {number} has lists of different lengths.")
            _check_categories(tree, n_nodes, f"{name} is damaged: tree {number}")
            _check_integers(tree, n_nodes, f"{name} is damaged: tree {number}")
            if int(tree["tree_param"]["num_nodes"]) != n_nodes:
                raise ModelError(f"{name} is damaged: tree {number} has another number of nodes than it says.")
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ModelError(f"{name} is damaged: its XGBoost model is incomplete ({error!r}).") from error


def _sizes(learner: dict[str, Any], name: str) -> tuple[int, int]:
    """Number of columns and of outputs, neither absurd nor at odds with the lists of names."""
    stated = learner["learner_model_param"]
    n_features = int(stated["num_feature"])
    n_groups = max(int(stated["num_class"]), int(stated.get("num_target", 1)), 1)
    if not 0 <= n_features <= MAX_FEATURES or n_groups > MAX_OUTPUTS:
        raise ModelError(f"{name} is damaged: it says that it has {n_features:,} columns and {n_groups:,} outputs.")
    for what in ("feature_names", "feature_types"):
        if len(learner.get(what, ())) not in {0, n_features}:
            raise ModelError(f"{name} is damaged: it has {len(learner[what])} {what} for {n_features} columns.")
    return n_features, n_groups


def _check_rounds(model: dict[str, Any], n_trees: int, name: str) -> None:
    """Where each round begins in the list of trees."""
    stated = int(model["gbtree_model_param"]["num_trees"])
    starts = np.asarray(model.get("iteration_indptr", (0, n_trees)), dtype=int)
    if stated != n_trees or len(starts) < 1 or starts[0] != 0 or starts[-1] != n_trees or (np.diff(starts) < 0).any():
        raise ModelError(f"{name} is damaged: it does not hold the trees that it announces.")


def _check_integers(tree: dict[str, Any], n_nodes: int, where: str) -> None:
    """Parents are those that the children name, and every whole number is one that the library can hold."""
    for part in ("split_indices", "default_left", "id"):
        values = np.asarray(tree.get(part, 0), dtype=int)
        if (values < -_LARGEST).any() or (values > _LARGEST).any():
            raise ModelError(f"{where} has a number that is too large.")
    if "parents" not in tree:
        return
    parents = np.asarray(tree["parents"], dtype=int)
    # A root, and what pruning left behind, has the largest number there is, or -1.
    if ((parents != _LARGEST) & ((parents < -1) | (parents >= n_nodes))).any():
        raise ModelError(f"{where} names parents that do not exist.")
    for side in ("left_children", "right_children"):
        children = np.asarray(tree[side], dtype=int)
        inner = np.flatnonzero(np.asarray(tree["left_children"], dtype=int) >= 0)
        if (parents[children[inner]] != inner).any():
            raise ModelError(f"{where} names other parents than its nodes have.")


def _check_categories(tree: dict[str, Any], n_nodes: int, where: str) -> None:
    """Nodes that split on categories exist, and the categories of each lie within the list of all."""
    kinds = np.asarray(tree["split_type"], dtype=int)
    inner = np.asarray(tree["left_children"], dtype=int) >= 0
    listed, starts, sizes, categories = (
        np.asarray(tree.get(part, ()), dtype=int)
        for part in ("categories_nodes", "categories_segments", "categories_sizes", "categories")
    )
    if not np.isin(kinds, (0, 1)).all() or not len(listed) == len(starts) == len(sizes):
        raise ModelError(f"{where} has lists of different lengths.")
    splits = np.flatnonzero((kinds == 1) & inner)
    if (listed < 0).any() or (listed >= n_nodes).any() or not np.isin(splits, listed).all():
        raise ModelError(f"{where} lacks the categories of a node, or has them for a node that does not exist.")
    ends = starts.astype(object) + sizes.astype(object)
    if (starts < 0).any() or (sizes < 0).any() or any(end > len(categories) for end in ends):
        raise ModelError(f"{where} has categories beyond the end of their list.")
    # A set of categories takes a bit for each number up to its largest.
    if (categories < 0).any() or (categories > MAX_CATEGORY).any():
        raise ModelError(f"{where} has a category with a number that no column can have.")


def _right_children(tree: dict[str, Any]) -> np.ndarray:
    right = np.asarray(tree["right_children"], dtype=int)
    if int(tree["tree_param"].get("size_leaf_vector", 1)) <= 1:
        return right
    # A tree of several outputs keeps the number of a leaf where an inner node has its right child.
    leaves = np.asarray(tree["left_children"], dtype=int) == -1
    if len(leaves) == len(right) and not ((right[leaves] < 0) | (right[leaves] >= leaves.sum())).any():
        right = np.where(leaves, -1, right)
    return right


def check_children(left: np.ndarray, right: np.ndarray, split: np.ndarray, n_features: int, where: str) -> None:
    """Nodes form one tree or several, and split on columns that exist.

    Parameters
    ----------
    left, right
        ``(n,)`` number of each node's children; -1 of a leaf.
    split
        ``(n,)`` column each node splits on; whatever it is for leaves.
    n_features
        Number of columns.
    where
        How a message begins: the file and the tree.

    Raises
    ------
    ModelError
        If a child is missing, does not exist, or is the child of two nodes, or a column does not exist.
    """
    n_nodes = len(left)
    if not n_nodes or len(right) != n_nodes or len(split) != n_nodes:
        raise ModelError(f"{where} has lists of different lengths.")
    inner = left >= 0
    if ((right >= 0) != inner).any() or (left[~inner] != -1).any() or (right[~inner] != -1).any():
        raise ModelError(f"{where} has a node with one child.")
    children = np.concatenate([left[inner], right[inner]])
    # Each node but the root is at most one node's child: then nothing reachable lies on a cycle.
    if len(children) and (children.max() >= n_nodes or children.min() < 1 or len(np.unique(children)) < len(children)):
        raise ModelError(f"{where} points to nodes that do not exist or belong to another branch.")
    if ((split[inner] < 0) | (split[inner] >= n_features)).any():
        raise ModelError(f"{where} splits on a column that does not exist (the model has {n_features}).")


def check_cbm(path: Path) -> None:
    """The binary model is as long as its head says.

    Raises
    ------
    ModelError
        If the file is cut short.
    """
    with path.open("rb") as stream:
        head = stream.read(8)
    if len(head) < 8 or path.stat().st_size < 8 + struct.unpack("<I", head[4:])[0]:
        raise ModelError(f"{path.name} is cut short: it is smaller than its head says.")


def check_catboost(content: dict[str, Any], name: str) -> None:
    """Each symmetric tree has 2^depth leaves for each output, and its splits exist.

    Raises
    ------
    ModelError
        Naming the file and the tree that is damaged.
    """
    try:
        trees = content.get("oblivious_trees", [])
        biases = content["scale_and_bias"][1]
        n_outputs = len(biases) if isinstance(biases, list) else 1
        n_floats = len(content["features_info"].get("float_features", ()))
        n_binary = _binary_features(content["features_info"])
        for number, tree in enumerate(trees):
            splits = tree["splits"] or []
            where = f"{name} is damaged: tree {number}"
            if len(splits) > _MAX_DEPTH or len(tree["leaf_values"]) != n_outputs << len(splits):
                raise ModelError(f"{where} has another number of leaves than its splits give.")
            if len(tree.get("leaf_weights", ())) not in {0, 1 << len(splits)}:
                raise ModelError(f"{where} has weights for other leaves than it holds.")
            if any(not 0 <= int(split.get("float_feature_index", 0)) < max(n_floats, 1) for split in splits):
                raise ModelError(f"{where} splits on a column that does not exist.")
            if any(not 0 <= int(split["split_index"]) < n_binary for split in splits):
                raise ModelError(f"{where} has a split that its columns do not have.")
    except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
        raise ModelError(f"{name} is damaged: its CatBoost model is incomplete ({error!r}).") from error


def _binary_features(info: dict[str, Any]) -> int:
    """How many yes-or-no questions the columns give: a border, a category, or a border of a statistic each."""
    numbers = sum(len(column.get("borders") or ()) for column in info.get("float_features", ()))
    labels = sum(len(column.get("values") or ()) for column in info.get("categorical_features", ()))
    return numbers + labels + sum(len(ctr.get("borders") or ()) for ctr in info.get("ctrs", ()))


_MAX_DEPTH = 16
