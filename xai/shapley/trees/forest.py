"""One format for tree ensembles of every framework: flat arrays of nodes, one rule for every split."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from ...core.errors import ModelError

if TYPE_CHECKING:
    import pandas as pd

Missing = Literal["nan", "zero", "never"]

OPEN = 65535
"""One past the largest code: codes are 0 for a missing value and 1, 2, ... for the gaps between thresholds."""

MAX_BITS = 16
"""Most features of a path that tables take."""


@dataclass(frozen=True)
class Column:
    """What a split looks at.

    Attributes
    ----------
    feature
        Position of the model's column.
    missing
        Which values take a split's default direction: ``"nan"``, ``"zero"`` (NaN and zero), or ``"never"`` (NaN
        counts as the number zero).
    members
        For a split on categories: the ones that go left. ``None`` for numbers.
    nan_is_member
        For a split on categories: whether NaN goes left; ``None`` if it takes the default direction.
    """

    feature: int
    missing: Missing = "nan"
    members: frozenset[int] | None = None
    nan_is_member: bool | None = None


@dataclass(frozen=True, eq=False)
class Forest:
    """A tree ensemble as a sum of trees.

    A row goes left at a node if ``x <= threshold``, where x is the row's entry of the node's column; other
    comparisons are brought to this one by moving the threshold to the neighbouring number. Splits on categories look
    at a column that is 0 for members, which go left, and 1 for the others.

    Attributes
    ----------
    left, right
        Children of each node, -1 at leaves.
    column
        What the node looks at, an index into ``columns``.
    threshold, missing_left, cover
        The split, its default direction, and the weight of the training rows that came by.
    values
        ``(nodes, 1)``, or ``(nodes, k)`` where leaves hold one value an output; scaled, so that trees add up.
    roots
        The root of each tree.
    tree_output
        The output a tree adds to, -1 for all.
    columns
        What splits look at.
    base
        ``(k,)`` constants outside the trees.
    n_features
        Columns of the model.
    single
        Whether the framework compares numbers in single precision.
    symmetric
        Whether all nodes of a level share one split, as in CatBoost's trees.
    """

    left: np.ndarray
    right: np.ndarray
    column: np.ndarray
    threshold: np.ndarray
    missing_left: np.ndarray
    cover: np.ndarray
    values: np.ndarray
    roots: np.ndarray
    tree_output: np.ndarray
    columns: tuple[Column, ...]
    base: np.ndarray
    n_features: int
    single: bool = False
    symmetric: bool = False

    @property
    def n_outputs(self) -> int:
        """Outputs k."""
        return len(self.base)

    @cached_property
    def column_feature(self) -> np.ndarray:
        """Feature of each column."""
        return np.array([column.feature for column in self.columns], dtype=np.int32)

    @cached_property
    def feature(self) -> np.ndarray:
        """Feature each node splits on; 0 at leaves."""
        return self.column_feature[self.column] if len(self.columns) else np.zeros(len(self.left), np.int32)

    @cached_property
    def parent(self) -> np.ndarray:
        """Parent of each node, -1 at roots."""
        parent = np.full(len(self.left), -1, dtype=np.int32)
        inner = np.flatnonzero(self.left >= 0).astype(np.int32)
        parent[self.left[inner]] = inner
        parent[self.right[inner]] = inner
        return parent

    @cached_property
    def node_output(self) -> np.ndarray:
        """Output of each node's tree, -1 for all."""
        sizes = np.diff(np.append(self.roots, len(self.left)))
        return np.repeat(self.tree_output, sizes).astype(np.int32)

    @cached_property
    def path_features(self) -> np.ndarray:
        """Number of different features on the way to each node."""
        return self._levels[0]

    @cached_property
    def depth(self) -> np.ndarray:
        """Number of splits on the way to each node."""
        return self._levels[1]

    @cached_property
    def _levels(self) -> tuple[np.ndarray, np.ndarray]:
        distinct, depth = np.zeros((2, len(self.left)), dtype=np.int32)
        level, path = self.roots, np.empty((len(self.roots), 0), dtype=np.int32)
        while True:
            inner = self.left[level] >= 0
            level, path = level[inner], path[inner]
            if not len(level):
                return distinct, depth
            feature = self.feature[level]
            below = distinct[level] + ~(path == feature[:, None]).any(axis=1)
            children = np.concatenate([self.left[level], self.right[level]])
            distinct[children] = np.tile(below, 2)
            path = np.tile(np.hstack([path, feature[:, None]]), (2, 1))
            depth[children] = path.shape[1]
            level = children

    def entries(self, table: np.ndarray) -> np.ndarray:
        """Rows ``(n, d)`` as the columns see them, ``(n, columns)``; NaN takes the default direction."""
        plain = len(self.columns) == table.shape[1] and all(
            column == Column(position) for position, column in enumerate(self.columns)
        )
        return table if plain else np.column_stack([_entries(table[:, c.feature], c) for c in self.columns])

    def predict(self, table: np.ndarray) -> np.ndarray:
        """Sum of trees and base ``(n, k)`` for rows ``(n, d)``: slow, for checks of readers."""
        entries = self.entries(table) if len(self.columns) else table
        if self.single:
            entries = entries.astype(np.float32).astype(float)
        outputs = np.tile(self.base.astype(float), (len(table), 1))
        rows = np.arange(len(table))
        for root, output in zip(self.roots, self.tree_output, strict=True):
            node = np.full(len(table), root)
            while (inner := self.left[node] >= 0).any():
                here = node[inner]
                x = entries[rows[inner], self.column[here]]
                goes_left = np.where(np.isnan(x), self.missing_left[here], x <= self.threshold[here])
                node[inner] = np.where(goes_left, self.left[here], self.right[here])
            if output < 0:
                outputs += self.values[node]
            else:
                outputs[:, output] += self.values[node, 0]
        return outputs


_ZERO = 1e-35  # LightGBM's kZeroThreshold, as the single-precision number it is


def _entries(x: np.ndarray, column: Column) -> np.ndarray:
    if column.members is not None:
        known = np.isfinite(x)
        whole = np.where(known, x, -1.0).astype(np.int64)
        entries = np.where(np.isin(whole, np.fromiter(column.members, np.int64)), 0.0, 1.0)
        missing = np.nan if column.nan_is_member is None else 1.0 - column.nan_is_member
        return np.where(np.isnan(x), missing, entries)
    if column.missing == "never":
        return np.where(np.isnan(x), 0.0, x)
    if column.missing == "zero":
        return np.where(np.abs(x) <= np.float32(_ZERO), np.nan, x)
    return x


def obstacle(forest: Forest) -> str:
    """Why a forest cannot be put into tables; empty if it can."""
    inner = forest.left >= 0
    leaves = forest.path_features[~inner]
    if leaves.max(initial=0) > MAX_BITS:
        return f"a path of this model asks {leaves.max()} features, and tables take up to {MAX_BITS}."
    if len(np.unique(forest.threshold[inner])) > OPEN - 2 and np.bincount(edges_and_codes(forest)[2]).max() > OPEN - 2:
        return f"a column of this model has more than {OPEN - 2:,} thresholds."
    return ""


def edges_and_codes(forest: Forest) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Thresholds column by column, where each column's begin, and the code below which a node's rows go left."""
    inner = np.flatnonzero(forest.left >= 0)
    column, threshold = forest.column[inner], forest.threshold[inner]
    order = np.lexsort((threshold, column))
    sorted_column, sorted_threshold = column[order], threshold[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (sorted_column[1:] != sorted_column[:-1]) | (sorted_threshold[1:] != sorted_threshold[:-1])
    edges = sorted_threshold[new]
    starts = np.searchsorted(sorted_column[new], np.arange(len(forest.columns) + 1))
    code = np.zeros(len(forest.left), dtype=np.int32)
    code[inner[order]] = np.cumsum(new) - 1 - starts[sorted_column] + 2
    return edges, starts.astype(np.int64), code


@dataclass(frozen=True)
class Source:
    """A forest and how a checked table becomes the numbers it splits.

    Attributes
    ----------
    forest
        The trees.
    numbers
        A checked table to ``(n, d)`` float64, categories as the codes of training.
    """

    forest: Forest
    numbers: Callable[[pd.DataFrame], np.ndarray] = field(repr=False)


def join(
    trees: Sequence[dict[str, np.ndarray]],
    outputs: Sequence[int],
    columns: Sequence[Column],
    base: np.ndarray,
    n_features: int,
    *,
    single: bool = False,
    symmetric: bool = False,
) -> Forest:
    """Forest of trees given as arrays ``left``, ``right``, ``column``, ``threshold``, ``missing_left``, ``cover``
    and ``values`` each, children counted within the tree.
    """  # noqa: D205  # one sentence
    sizes = [len(tree["left"]) for tree in trees]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    shift = np.repeat(starts[:-1], sizes)

    def flat(name: str, dtype: type) -> np.ndarray:
        return np.concatenate([np.asarray(tree[name]) for tree in trees]).astype(dtype)

    left, right = flat("left", np.int64), flat("right", np.int64)
    leaf = left < 0
    values = np.concatenate([np.asarray(tree["values"], dtype=float).reshape(len(tree["left"]), -1) for tree in trees])
    return Forest(
        left=np.where(leaf, -1, left + shift).astype(np.int32),
        right=np.where(leaf, -1, right + shift).astype(np.int32),
        column=np.where(leaf, 0, flat("column", np.int64)).astype(np.int32),
        threshold=np.where(leaf, 0.0, flat("threshold", float)),
        missing_left=flat("missing_left", bool),
        cover=flat("cover", float),
        values=np.where(leaf[:, None], values, 0.0),
        roots=starts[:-1].astype(np.int64),
        tree_output=np.asarray(outputs, dtype=np.int32),
        columns=tuple(columns),
        base=np.asarray(base, dtype=float),
        n_features=n_features,
        single=single,
        symmetric=symmetric,
    )


class UnreadableError(ModelError):
    """A model that is no sum of trees of this format; the text says which part is not."""
