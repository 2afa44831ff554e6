"""Cheap checks of model files before a library sees them: a library may crash on what they refuse."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import ModelError


def check_xgboost(content: dict[str, Any], name: str) -> None:
    """Children form trees, and split features exist.

    Raises
    ------
    ModelError
        Naming the file and the tree that is damaged.
    """
    try:
        booster = content["learner"]["gradient_booster"]
        n_features = int(content["learner"]["learner_model_param"]["num_feature"])
        if booster["name"] == "gblinear":
            return
        booster = booster.get("gbtree", booster)
        trees, groups = booster["model"]["trees"], booster["model"]["tree_info"]
        n_groups = max(int(content["learner"]["learner_model_param"]["num_class"]), 1)
        n_groups = max(n_groups, int(content["learner"]["learner_model_param"].get("num_target", 1)))
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
            if any(len(tree[part]) != n_nodes for part in ("split_conditions", "default_left", "split_type")):
                raise ModelError(f"{name} is damaged: tree {number} has lists of different lengths.")
            if int(tree["tree_param"]["num_nodes"]) != n_nodes:
                raise ModelError(f"{name} is damaged: tree {number} has another number of nodes than it says.")
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ModelError(f"{name} is damaged: its XGBoost model is incomplete ({error!r}).") from error


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


def check_lightgbm(text: str, name: str) -> None:
    """All trees and the trailer are there: LightGBM ends the whole process on a truncated file.

    Raises
    ------
    ModelError
        Naming the file and what is missing.
    """
    head, _, _ = text.partition("\nTree=")
    sizes = re.search(r"^tree_sizes=([\d ]+)$", head, re.MULTILINE)
    n_trees = len(sizes.group(1).split()) if sizes else -1
    if n_trees != len(re.findall(r"^Tree=\d+$", text, re.MULTILINE)):
        raise ModelError(f"{name} is damaged or cut short: it does not hold the trees that its head announces.")
    _, marker, rest = text.partition("\nend of trees")
    last = rest.rstrip("\r\n").rpartition("\n")[2]
    closed = last == "end of parameters"
    if last.startswith("pandas_categorical:"):
        try:
            json.loads(last.partition(":")[2])
            closed = "\nend of parameters" in rest or "\nparameters:" not in rest
        except ValueError:
            closed = False
    if not marker or not closed:
        raise ModelError(f"{name} is cut short: a LightGBM model ends with its parameters.")
    _check_lightgbm_trees(text, sizes.group(1).split() if sizes else [], name)


def _check_lightgbm_trees(text: str, sizes: list[str], name: str) -> None:
    features = re.search(r"^max_feature_idx=(\d+)$", text, re.MULTILINE)
    if features is None:
        raise ModelError(f"{name} is damaged: it does not say how many columns it has.")
    content = text.encode()
    start = content.find(b"\nTree=0\n") + 1
    for number, size in enumerate(sizes):
        block = content[start : start + int(size)].decode(errors="replace")
        start += int(size)
        fields = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        try:
            n_leaves = int(fields["num_leaves"])
            arrays = {key: np.array(fields.get(key, "").split(), dtype=float) for key in _PER_SPLIT}
            leaves = np.array(fields["leaf_value"].split(), dtype=float)
            whole = fields["Tree"] == str(number) and len(leaves) == max(n_leaves, 1)
            whole = whole and all(len(array) == n_leaves - 1 for array in arrays.values())
        except (KeyError, ValueError) as error:
            raise ModelError(f"{name} is damaged: tree {number} cannot be read ({error}).") from error
        if not whole:
            raise ModelError(f"{name} is damaged: tree {number} has lists of different lengths.")
        if n_leaves > 1:
            _check_lightgbm_links(arrays, n_leaves, int(features.group(1)), f"{name} is damaged: tree {number}")


_PER_SPLIT = ("split_feature", "threshold", "decision_type", "left_child", "right_child")


def _check_lightgbm_links(arrays: dict[str, np.ndarray], n_leaves: int, last_feature: int, where: str) -> None:
    children = np.concatenate([arrays["left_child"], arrays["right_child"]])
    # Inner nodes count from 0, leaf i is written -i - 1; each but the root is the child of exactly one node.
    expected = np.r_[-np.arange(n_leaves, 0, -1), np.arange(1, n_leaves - 1)]
    if not np.array_equal(np.sort(children), expected):
        raise ModelError(f"{where} points to nodes that do not exist or belong to another branch.")
    if (arrays["split_feature"] < 0).any() or (arrays["split_feature"] > last_feature).any():
        raise ModelError(f"{where} splits on a column that does not exist (the model has {last_feature + 1}).")


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
        for number, tree in enumerate(trees):
            depth = len(tree["splits"] or [])
            if len(tree["leaf_values"]) != n_outputs << depth:
                raise ModelError(f"{name} is damaged: tree {number} has another number of leaves than its splits give.")
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise ModelError(f"{name} is damaged: its CatBoost model is incomplete ({error!r}).") from error
