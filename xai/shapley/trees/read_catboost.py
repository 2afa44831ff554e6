"""CatBoost models of symmetric trees over numbers as forests: read from the library's own JSON."""

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


def size(model: CatBoostModel) -> tuple[int, float]:
    """Number of trees, and about how many nodes they have."""
    trees = int(model.native.tree_count_)
    return trees, trees * 2.0 ** (1 + int(model.native.get_all_params().get("depth", 6)))


def read(model: CatBoostModel) -> Source:
    """Forest of a CatBoost model.

    Raises
    ------
    UnreadableError
        If there are categories or text, trees are not symmetric, or leaves have no weights.
    """
    if model.categorical:
        raise UnreadableError("splits on CatBoost's statistics of categories are not read.")
    if model.native.get_all_params().get("grow_policy", "SymmetricTree") != "SymmetricTree":
        raise UnreadableError("CatBoost trees that are not symmetric are not read.")
    with tempfile.TemporaryDirectory() as folder, library_errors("catboost", "write its trees"):
        path = Path(folder) / "model.json"
        model.native.save_model(str(path), format="json")
        content = json.loads(path.read_text(encoding="utf-8"))
    scale, bias = content["scale_and_bias"]
    base = np.atleast_1d(np.asarray(bias, dtype=float))
    trees = content.get("oblivious_trees") or []
    if not trees or not all(tree.get("leaf_weights") for tree in trees):
        raise UnreadableError("this CatBoost model stores no weights of its leaves.")
    n_features = len(model.stored_names)
    right_if_missing = np.zeros(n_features, dtype=bool)
    position = {}
    for feature in content["features_info"]["float_features"]:
        position[feature["feature_index"]] = feature["flat_feature_index"]
        right_if_missing[feature["flat_feature_index"]] = feature["nan_value_treatment"] == "AsTrue"
    arrays = [_tree(tree, scale, len(base), position, right_if_missing) for tree in trees]
    outputs = [-1 if len(base) > 1 else 0] * len(arrays)
    columns = [Column(j) for j in range(n_features)]
    forest = join(arrays, outputs, columns, base, n_features, single=True, symmetric=True)
    return Source(forest, lambda frame: as_numbers(frame, {}))


def _tree(
    tree: dict[str, Any], scale: float, n_outputs: int, position: dict[int, int], right_if_missing: np.ndarray
) -> dict[str, np.ndarray]:
    """A symmetric tree as a full binary tree, nodes level by level; the last split is the root's."""
    splits = list(reversed(tree["splits"] or []))
    if any(split["split_type"] != "FloatFeature" for split in splits):
        raise UnreadableError("splits on CatBoost's statistics of categories are not read.")
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
