"""CatBoost models of trees over numbers as forests: read from the library's own JSON.

Of trees that are not symmetric the library's own SHAP values do not add up: for these the tables are the exact engine.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...models.base import library_errors
from .forest import Column, Source, UnreadableError, join
from .numbers import as_numbers

if TYPE_CHECKING:
    from ...models.cat import CatBoostModel


_CATEGORIES = "splits on CatBoost's statistics of categories are not read."
_UNWEIGHED = "this CatBoost model stores no weights of its leaves."


def size(model: CatBoostModel) -> tuple[int, float]:
    """Number of trees, and about how many nodes they have."""
    trees, chosen = int(model.native.tree_count_), model.native.get_all_params()
    if chosen.get("grow_policy") == "Lossguide":
        return trees, trees * 2.0 * int(chosen.get("max_leaves", 31))
    return trees, trees * 2.0 ** (1 + int(chosen.get("depth", 6)))


def read(model: CatBoostModel) -> Source:
    """Forest of a CatBoost model.

    Raises
    ------
    UnreadableError
        If there are categories or text, or leaves have no weights.
    """
    if model.categorical:
        raise UnreadableError(_CATEGORIES)
    with tempfile.TemporaryDirectory() as folder, library_errors("catboost", "write its trees"):
        path = Path(folder) / "model.json"
        model.native.save_model(str(path), format="json")
        content = json.loads(path.read_text(encoding="utf-8"))
    scale, bias = content["scale_and_bias"]
    base = np.atleast_1d(np.asarray(bias, dtype=float))
    symmetric, others = content.get("oblivious_trees") or [], content.get("trees") or []
    if not (symmetric or others) or not all(tree.get("leaf_weights") for tree in symmetric):
        raise UnreadableError(_UNWEIGHED)
    n_features = len(model.stored_names)
    right_if_missing = np.zeros(n_features, dtype=bool)
    position = {}
    for feature in content["features_info"]["float_features"]:
        position[feature["feature_index"]] = feature["flat_feature_index"]
        right_if_missing[feature["flat_feature_index"]] = feature["nan_value_treatment"] == "AsTrue"
    arrays = [_symmetric(tree, scale, len(base), position, right_if_missing) for tree in symmetric]
    arrays += [_branching(tree, scale, len(base), position, right_if_missing) for tree in others]
    outputs = [-1 if len(base) > 1 else 0] * len(arrays)
    columns = [Column(j) for j in range(n_features)]
    forest = join(arrays, outputs, columns, base, n_features, single=True, symmetric=not others)
    return Source(forest, lambda frame: as_numbers(frame, {}))


def _symmetric(
    tree: dict[str, Any], scale: float, n_outputs: int, position: dict[int, int], right_if_missing: np.ndarray
) -> dict[str, np.ndarray]:
    """A symmetric tree as a full binary tree, nodes level by level; the last split is the root's."""
    splits = list(reversed(tree["splits"] or []))
    if any(split["split_type"] != "FloatFeature" for split in splits):
        raise UnreadableError(_CATEGORIES)
    n_inner = (1 << len(splits)) - 1
    level = np.repeat(np.arange(len(splits)), 1 << np.arange(len(splits)))
    column = np.array([position[split["float_feature_index"]] for split in splits], dtype=int)[level]
    border = np.array([split["border"] for split in splits], dtype=np.float32).astype(float)[level]
    covers = [np.array(tree["leaf_weights"], dtype=float)]
    for _ in splits:
        covers.append(covers[-1].reshape(-1, 2).sum(axis=1))
    end = np.full(n_inner + 1, -1)
    values = np.zeros((2 * n_inner + 1, n_outputs))
    values[n_inner:] = np.array(tree["leaf_values"], dtype=float).reshape(-1, n_outputs) * scale
    first = 2 * np.arange(n_inner) + 1
    return {
        "left": np.concatenate([first, end]),
        "right": np.concatenate([first + 1, end]),
        "column": np.concatenate([column, 0 * end]),
        "threshold": np.concatenate([border, 0.0 * end]),
        "missing_left": np.concatenate([~right_if_missing[column], end > 0]),
        "cover": np.concatenate(covers[::-1]),
        "values": values,
    }


def _branching(
    tree: dict[str, Any], scale: float, n_outputs: int, position: dict[int, int], right_if_missing: np.ndarray
) -> dict[str, np.ndarray]:
    """A tree whose branches end where they like; nodes in the order in which they are met, parents first."""
    nodes: list[dict[str, Any]] = [tree]
    children = []
    for node in nodes:  # grows meanwhile
        inner = "split" in node
        children.append((len(nodes), len(nodes) + 1) if inner else (-1, -1))
        nodes += [node["left"], node["right"]] if inner else []
    splits = [node.get("split") for node in nodes]
    if any(split is not None and split["split_type"] != "FloatFeature" for split in splits):
        raise UnreadableError(_CATEGORIES)
    if any(split is None and "weight" not in node for split, node in zip(splits, nodes, strict=True)):
        raise UnreadableError(_UNWEIGHED)
    cover = np.array([float(node.get("weight", 0.0)) for node in nodes])
    for i in reversed(range(len(nodes))):
        if splits[i] is not None:
            cover[i] = cover[list(children[i])].sum()
    column = np.array([0 if split is None else position[split["float_feature_index"]] for split in splits])
    border = np.array([0.0 if split is None else split["border"] for split in splits], dtype=np.float32)
    values = [
        np.zeros(n_outputs) if split is not None else node["value"] for split, node in zip(splits, nodes, strict=True)
    ]
    left, right = np.array(children).T
    return {
        "left": left,
        "right": right,
        "column": column,
        "threshold": border.astype(float),
        "missing_left": ~right_if_missing[column],
        "cover": cover,
        "values": scale * np.array([np.ravel(value) for value in values], dtype=float),
    }
