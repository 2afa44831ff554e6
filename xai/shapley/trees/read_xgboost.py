"""XGBoost boosters as forests: read from the library's own JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from ...models.base import library_errors
from .forest import Column, Source, UnreadableError, join
from .numbers import as_numbers

if TYPE_CHECKING:
    from ...models.xgb import XGBoostModel

_SINGLE = np.float32(-np.inf)
_TREE_BYTES, _NODE_BYTES = 600, 36


def size(model: XGBoostModel) -> tuple[int, float]:
    """Number of trees, and about how many nodes they have, from the length of the booster's file."""
    trees = model.booster.num_boosted_rounds() * _n_outputs(model)
    return trees, max(trees, (len(model.booster.save_raw("ubj")) - _TREE_BYTES * trees) / _NODE_BYTES)


def read(model: XGBoostModel) -> Source:
    """Forest of a booster's rounds that count; weights of dropped trees (DART) are in the leaves.

    Raises
    ------
    UnreadableError
        If the booster is linear or its leaves hold several values.
    """
    with library_errors("xgboost", "write its trees"):
        learner = json.loads(model.booster.save_raw("json"))["learner"]
    booster = learner["gradient_booster"]
    if booster["name"] not in {"gbtree", "dart"}:
        raise UnreadableError(f"XGBoost's {booster['name']} has no trees.")
    content = booster.get("gbtree", booster)["model"]
    begin, end = model.iterations
    bounds = content["iteration_indptr"]
    last = bounds[end] if end else bounds[-1]
    weights = booster.get("weight_drop") or [1.0] * last
    trees, groups = content["trees"][bounds[begin] : last], content["tree_info"][bounds[begin] : last]
    if not trees:
        raise UnreadableError("this XGBoost model has no trees.")
    if any(int(tree["tree_param"]["size_leaf_vector"]) > 1 for tree in trees):
        raise UnreadableError("trees with several outputs in a leaf are not read from XGBoost.")
    n_features = int(learner["learner_model_param"]["num_feature"])
    columns = {Column(j): j for j in range(n_features)}
    arrays = [_tree(tree, weight, columns) for tree, weight in zip(trees, weights, strict=False)]
    forest = join(arrays, groups, tuple(columns), np.zeros(_n_outputs(model)), n_features, single=True)
    base = _base(model, arrays, groups, bounds, forest.n_outputs)
    labels = {position: model.categories.get(position) for position in model.categorical or ()}
    object.__setattr__(forest, "base", base)
    return Source(forest, lambda frame: as_numbers(frame, labels))


def _n_outputs(model: XGBoostModel) -> int:
    # Trees add to margins, whatever space the model answers in.
    return len(model.spaces.get("margin") or model.spaces["value"])


def _tree(tree: dict[str, Any], weight: float, columns: dict[Column, int]) -> dict[str, np.ndarray]:
    left, right = np.array(tree["left_children"]), np.array(tree["right_children"])
    column, missing_left = np.array(tree["split_indices"]), np.array(tree["default_left"], dtype=bool)
    conditions = np.array(tree["split_conditions"], dtype=np.float32)
    # "x < t" of single-precision numbers is "x <= the number before t".
    threshold = np.nextafter(conditions, _SINGLE).astype(float)
    for node, begin, count in zip(
        tree["categories_nodes"], tree["categories_segments"], tree["categories_sizes"], strict=True
    ):
        # The listed categories go right; here members go left, so the children change places.
        members = frozenset(tree["categories"][begin : begin + count])
        column[node] = columns.setdefault(Column(int(column[node]), members=members), len(columns))
        left[node], right[node] = right[node], left[node]
        missing_left[node] = not missing_left[node]
        threshold[node] = 0.5
    return {
        "left": left,
        "right": right,
        "column": column,
        "threshold": threshold,
        "missing_left": missing_left,
        "cover": np.array(tree["sum_hessian"], dtype=float),
        "values": conditions.astype(float) * weight,
    }


def _base(
    model: XGBoostModel, trees: list[dict[str, np.ndarray]], groups: list[int], bounds: list[int], n_outputs: int
) -> np.ndarray:
    """Margins before the first tree: what the first round leaves of the answer to a row of missing values.

    The stored base score is not in the space of margins, and the link differs by objective and version.
    """
    import xgboost

    probe = xgboost.DMatrix(
        np.full((1, model.booster.num_features()), np.nan),
        feature_names=model.booster.feature_names,
        feature_types=model.booster.feature_types,
    )
    with library_errors("xgboost", "predict"):
        margins = model.booster.predict(probe, output_margin=True, iteration_range=(0, 1))
    base = np.asarray(margins, dtype=float).reshape(n_outputs).copy()
    for tree, group in zip(trees[: bounds[1]], groups, strict=False):
        node = 0
        while tree["left"][node] >= 0:
            node = tree["left" if tree["missing_left"][node] else "right"][node]
        base[group] -= tree["values"][node]
    return base
