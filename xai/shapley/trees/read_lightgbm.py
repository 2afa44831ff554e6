"""LightGBM boosters as forests: read from the library's own text format."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from ...models.base import library_errors
from .forest import Column, Missing, Source, UnreadableError, join
from .numbers import as_numbers

if TYPE_CHECKING:
    from ...models.lgbm import LightGBMModel

# Bits of LightGBM's decision_type.
_CATEGORICAL, _DEFAULT_LEFT = 1, 2
_MISSING: tuple[Missing, ...] = ("never", "zero", "nan")


def size(model: LightGBMModel) -> tuple[int, float]:
    """Number of trees, and about how many nodes they have, from a few rounds of the booster."""
    booster = model.booster
    rounds = booster.current_iteration()
    some = sorted({0, rounds // 4, rounds // 2, rounds - 1})
    texts = [str(booster.model_to_string(start_iteration=i, num_iteration=1)) for i in some if i >= 0]
    leaves = [int(count) for text in texts for count in re.findall(r"^num_leaves=(\d+)$", text, re.MULTILINE)]
    return booster.num_trees(), 2.0 * booster.num_trees() * sum(leaves) / max(len(leaves), 1)


def read(model: LightGBMModel) -> Source:
    """Forest of a booster, up to its best iteration.

    Raises
    ------
    UnreadableError
        If leaves hold linear models, or it is unknown which columns are categories.
    """
    if model.categorical is None:
        raise UnreadableError("this LightGBM model does not say which columns are categories.")
    with library_errors("lightgbm", "write its trees"):
        text = str(model.booster.model_to_string())
    head, *blocks = text.partition("\nend of trees")[0].split("\nTree=")
    header = dict(line.partition("=")[::2] for line in head.splitlines())
    if not blocks:
        raise UnreadableError("this LightGBM model has no trees.")
    n_features = int(header["max_feature_idx"]) + 1
    n_outputs = int(header["num_tree_per_iteration"])
    # A random forest's answer is a mean over its trees, but its raw score is their sum.
    averages = "average_output" in header and "margin" not in model.spaces
    scale = n_outputs / len(blocks) if averages else 1.0
    columns: dict[Column, int] = {}
    trees = [_tree(block, scale, columns) for block in blocks]
    if not columns:
        columns[Column(0)] = 0
    forest = join(
        trees,
        [number % n_outputs for number in range(len(trees))],
        tuple(columns),
        np.zeros(n_outputs),
        n_features,
    )
    return Source(forest, lambda frame: as_numbers(frame, model.categories))


def _tree(block: str, scale: float, columns: dict[Column, int]) -> dict[str, np.ndarray]:
    fields = dict(line.partition("=")[::2] for line in block.splitlines())

    def numbers(name: str, dtype: type) -> np.ndarray:
        return np.array(fields.get(name, "").split(), dtype=dtype)

    if fields.get("is_linear", "0") != "0":
        raise UnreadableError("LightGBM trees with linear models in their leaves are no tables of constants.")
    leaves = numbers("leaf_value", float) * scale
    n_inner, n_leaves = len(leaves) - 1, len(leaves)
    if not n_inner:
        one = np.ones(1)
        return {
            "left": -one, "right": -one, "column": one * 0, "threshold": one, "missing_left": one, "cover": one,
            "values": leaves,
        }  # fmt: skip
    # Inner nodes first, then leaves, which LightGBM counts -1, -2, ...
    children = [np.where(c < 0, n_inner + ~c, c) for c in (numbers("left_child", int), numbers("right_child", int))]
    kinds = numbers("decision_type", int)
    features, threshold = numbers("split_feature", int), numbers("threshold", float)
    column = np.empty(n_inner, dtype=int)
    bounds, words = numbers("cat_boundaries", int), numbers("cat_threshold", np.uint32)
    for node, (feature, kind) in enumerate(zip(features.tolist(), kinds.tolist(), strict=True)):
        if kind & _CATEGORICAL:
            which = int(threshold[node])
            key = Column(feature, members=_members(words[bounds[which] : bounds[which + 1]]), nan_is_member=False)
            threshold[node] = 0.5
        else:
            key = Column(feature, _MISSING[kind >> 2 & 3])
        column[node] = columns.setdefault(key, len(columns))
    end = np.full(n_leaves, -1)
    pad = np.zeros(n_leaves)
    return {
        "left": np.concatenate([children[0], end]),
        "right": np.concatenate([children[1], end]),
        "column": np.concatenate([column, pad]),
        "threshold": np.concatenate([threshold, pad]),
        "missing_left": np.concatenate([(kinds & _DEFAULT_LEFT) > 0, pad]),
        "cover": np.concatenate([numbers("internal_count", float), numbers("leaf_count", float)]),
        "values": np.concatenate([np.zeros(n_inner), leaves]),
    }


def _members(words: np.ndarray) -> frozenset[int]:
    """Categories whose bit is set, 32 to a word."""
    return frozenset(np.flatnonzero(np.unpackbits(words.view(np.uint8), bitorder="little")).tolist())
