"""Independent brute force: trees read from each library's dump, all coalitions of the path-dependent game."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from math import factorial, isnan
from pathlib import Path

import numpy as np


@dataclass
class Node:
    """A leaf has a value; an inner node a feature, a rule and two children."""

    cover: float
    value: np.ndarray | None = None
    feature: int = -1
    goes_left: Callable[[float], bool] | None = None
    left: Node | None = None
    right: Node | None = None


def expectation(node: Node, x: np.ndarray, known: set[int]) -> np.ndarray:
    """Answer of a tree when the features outside ``known`` follow the training rows' coverage."""
    if node.value is not None:
        return node.value
    if node.feature in known:
        return expectation(node.left if node.goes_left(x[node.feature]) else node.right, x, known)
    total = node.left.cover + node.right.cover
    if total == 0:
        return 0.0 * (expectation(node.left, x, known) + expectation(node.right, x, known))
    return (
        node.left.cover * expectation(node.left, x, known) + node.right.cover * expectation(node.right, x, known)
    ) / total


def brute_force(trees: list[Node], x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shapley values ``(d, k)`` and base ``(k,)`` of the sum of trees."""
    d = len(x)
    worth = [sum(expectation(t, x, {j for j in range(d) if mask >> j & 1}) for t in trees) for mask in range(1 << d)]
    phi = np.zeros((d, len(worth[0])))
    for i in range(d):
        for mask in range(1 << d):
            if not mask >> i & 1:
                s = mask.bit_count()
                phi[i] += factorial(s) * factorial(d - s - 1) / factorial(d) * (worth[mask | 1 << i] - worth[mask])
    return phi, worth[0]


def one_hot(value: float, position: int, k: int) -> np.ndarray:
    result = np.zeros(k)
    result[position] = value
    return result


def xgboost_trees(booster, k: int) -> list[Node]:
    names = booster.feature_names

    def build(node: dict, group: int) -> Node:
        if "leaf" in node:
            return Node(node["cover"], one_hot(node["leaf"], group, k))
        children = {child["nodeid"]: child for child in node["children"]}
        threshold, missing_left = node["split_condition"], node["missing"] == node["yes"]

        def rule(v: float) -> bool:
            if isnan(v):
                return missing_left
            # For categories the dump's "yes" are the categories listed.
            return int(v) in threshold if isinstance(threshold, list) else np.float32(v) < np.float32(threshold)

        yes, no = build(children[node["yes"]], group), build(children[node["no"]], group)
        return Node(node["cover"], None, names.index(node["split"]), rule, yes, no)

    dump = booster.get_dump(with_stats=True, dump_format="json")
    return [build(json.loads(tree), number % k) for number, tree in enumerate(dump)]


def lightgbm_trees(booster, k: int) -> list[Node]:
    def build(node: dict, group: int) -> Node:
        if "leaf_value" in node:
            return Node(node.get("leaf_count", 1), one_hot(node["leaf_value"], group, k))

        def rule(v: float) -> bool:
            if node["decision_type"] == "==":
                return not isnan(v) and int(v) in {int(c) for c in node["threshold"].split("||")}
            if isnan(v):
                if node["missing_type"] == "NaN":
                    return node["default_left"]
                v = 0.0
            return v <= node["threshold"]

        left, right = build(node["left_child"], group), build(node["right_child"], group)
        return Node(node["internal_count"], None, node["split_feature"], rule, left, right)

    dump = booster.dump_model()
    return [build(tree["tree_structure"], number % k) for number, tree in enumerate(dump["tree_info"])]


def branching_catboost_trees(path: Path) -> list[Node]:
    """Trees that are not symmetric, from the JSON that CatBoost saves; tables without gaps only."""
    content = json.loads(Path(path).read_text())
    scale = content["scale_and_bias"][0]

    def build(node: dict) -> Node:
        if "value" in node:
            return Node(node["weight"], scale * np.atleast_1d(np.asarray(node["value"], dtype=float)))
        left, right, border = build(node["left"]), build(node["right"]), node["split"]["border"]
        return Node(
            left.cover + right.cover,
            feature=node["split"]["float_feature_index"],
            goes_left=lambda v: not np.float32(v) > border,
            left=left,
            right=right,
        )

    return [build(tree) for tree in content["trees"]]


def catboost_trees(path: str, k: int, labels: tuple[str, ...] = ()) -> tuple[list[Node], np.ndarray]:
    """Symmetric trees of a CatBoost JSON file, scaled, and their bias; categories are positions in ``labels``."""
    content = json.loads(Path(path).read_text())
    features = content["features_info"]["float_features"]
    categories = content["features_info"].get("categorical_features", [])
    code = {entry["value"]: entry["hash"] for entry in content["features_info"].get("cat_features_hash", [])}
    scale, bias = content["scale_and_bias"]
    trees = []
    for tree in content["oblivious_trees"]:
        splits, weights = tree["splits"], np.array(tree["leaf_weights"], dtype=float)
        values = np.array(tree["leaf_values"], dtype=float).reshape(-1, k) * scale

        def build(level: int, leaf: int, splits=splits, weights=weights, values=values) -> Node:
            if level < 0:
                return Node(weights[leaf], values[leaf])
            split = splits[level]
            one_hot = split["split_type"] == "OneHotFeature"
            info = categories[split["cat_feature_index"]] if one_hot else features[split["float_feature_index"]]

            def rule(v: float) -> bool:
                if one_hot:
                    return code[labels[int(v)]] & 0xFFFFFFFF != split["value"] & 0xFFFFFFFF
                if isnan(v):
                    return info["nan_value_treatment"] != "AsTrue"
                return not np.float32(v) > np.float32(split["border"])

            no, yes = build(level - 1, leaf), build(level - 1, leaf | 1 << level)
            return Node(no.cover + yes.cover, None, info["flat_feature_index"], rule, no, yes)

        trees.append(build(len(splits) - 1, 0))
    return trees, np.broadcast_to(np.asarray(bias, dtype=float), (k,))


def sklearn_tree(tree, value: Callable[[np.ndarray], np.ndarray]) -> Node:
    def build(i: int) -> Node:
        cover = float(tree.weighted_n_node_samples[i])
        if tree.children_left[i] < 0:
            return Node(cover, value(tree.value[i]))
        missing_left, threshold = bool(tree.missing_go_to_left[i]), tree.threshold[i]

        def rule(v: float) -> bool:
            return missing_left if isnan(v) else np.float32(v) <= threshold

        return Node(
            cover, None, int(tree.feature[i]), rule, build(tree.children_left[i]), build(tree.children_right[i])
        )

    return build(0)


def histogram_trees(model, k: int) -> list[Node]:
    def build(nodes: np.ndarray, i: int, group: int) -> Node:
        node = nodes[i]
        if node["is_leaf"]:
            return Node(float(node["count"]), one_hot(float(node["value"]), group, k))
        missing_left, threshold = bool(node["missing_go_to_left"]), float(node["num_threshold"])

        def rule(v: float) -> bool:
            return missing_left if isnan(v) else v <= threshold

        left, right = build(nodes, node["left"], group), build(nodes, node["right"], group)
        return Node(float(node["count"]), None, int(node["feature_idx"]), rule, left, right)

    return [build(tree.nodes, 0, group) for stage in model._predictors for group, tree in enumerate(stage)]
