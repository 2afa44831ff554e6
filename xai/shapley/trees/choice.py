"""Which engine will be quicker: a small cost model, measured, of tables and of each library's own routine.

Seconds of one thread. The constants come from 30 to 100 trees of depth 3 to 12 on 30 columns (benchmarks/treeshap.py
prints the grid they must hold on); they are rough, so tables must win by a margin. Nothing here imports numba.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from math import log2
from pathlib import Path

from .forest import Forest

FEW_ROWS = 8
"""Fewer rows than this cost less than reading the trees, whatever the model."""

_MARGIN = 0.8
_LOADED = "xai.shapley.trees.tables"
_LOAD_SECONDS, _COMPILE_SECONDS = 1.2, 20.0
_SLOT_SECONDS, _ENTRY_SECONDS, _CELL_SECONDS = 2.5e-9, 5e-8, 6e-9
_LEAVES_JOINED = 3.0

# Seconds a node to read the trees.
_READ = {"xgboost": 4.5e-6, "lightgbm": 5.5e-6, "catboost": 1.5e-6, "sklearn": 3e-7}
# Seconds a (row, leaf) over the square of the leaf's depth.
_OWN = {"xgboost": 5e-9, "lightgbm": 4e-9, "catboost": 9e-9, "sklearn": 4.5e-9}
# CatBoost may prepare all pairs of leaves of a tree first; then a row costs a look-up a level.
_CATBOOST_PAIR, _CATBOOST_LEVEL = 5e-7, 1e-7


@dataclass(frozen=True)
class Shape:
    """What costs depend on.

    Attributes
    ----------
    n_trees, n_nodes
        Trees and nodes.
    work
        Sum over leaves of the squared depth.
    features
        Sum over leaves of the number of different features on the path, plus one.
    cells
        Sum over leaves of 2^d d^2 / 2 for d features.
    """

    n_trees: int
    n_nodes: float
    work: float
    features: float
    cells: float

    @classmethod
    def guess(cls, n_trees: int, n_nodes: float) -> Shape:
        """Balanced trees of that many nodes: the least that trees of this size can cost."""
        leaves = max(n_nodes / 2, 1.0)
        depth = max(log2(max(leaves / max(n_trees, 1), 1.0)), 1.0)
        return cls(n_trees, n_nodes, leaves * depth**2, leaves * (depth + 1), leaves * 2**depth * depth**2 / 2)

    @classmethod
    def of(cls, forest: Forest) -> Shape:
        """The shape of a forest that was read."""
        leaf = forest.left < 0
        features = forest.path_features[leaf].astype(float)
        return cls(
            n_trees=len(forest.roots),
            n_nodes=float(len(leaf)),
            work=float((forest.depth[leaf].astype(float) ** 2).sum()),
            features=float((features + 1).sum()),
            cells=float((2.0**features * features**2 / 2).sum()),
        )


def own_seconds(framework: str, shape: Shape, rows: int) -> float:
    """The library's own routine."""
    seconds = rows * shape.work * _OWN[framework]
    if framework != "catboost":
        return seconds
    leaves = (shape.n_nodes + shape.n_trees) / 2 / max(shape.n_trees, 1)
    prepared = shape.n_trees * (leaves**2 * _CATBOOST_PAIR + rows * log2(max(leaves, 2.0)) * _CATBOOST_LEVEL)
    return min(seconds, prepared)


def table_seconds(framework: str, shape: Shape, rows: int, columns: int) -> float:
    """Tables: start, reading, building, rows."""
    slots = shape.features / _LEAVES_JOINED
    if framework == "catboost":
        slots = shape.n_trees * shape.features / max(shape.n_nodes / 2, 1.0)
    read = shape.n_nodes * _READ[framework]
    return (
        start_seconds() + read + shape.cells * _CELL_SECONDS + rows * (slots * _SLOT_SECONDS + columns * _ENTRY_SECONDS)
    )


def start_seconds() -> float:
    """Importing numba and loading the machine code, or making it where none is on disk."""
    if _LOADED in sys.modules:
        return 0.01
    return _LOAD_SECONDS if _is_on_disk() else _COMPILE_SECONDS


def _is_on_disk() -> bool:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    places = [Path(__file__).parent / "__pycache__", Path(cache) / "numba"]
    if os.environ.get("NUMBA_CACHE_DIR"):
        places = [Path(os.environ["NUMBA_CACHE_DIR"])]
    return any(next(place.rglob("kernel.accumulate-*.nbi"), None) is not None for place in places if place.is_dir())


def tables_win(framework: str, shape: Shape, rows: int, columns: int) -> bool:
    """Whether tables are expected to be quicker, by a margin."""
    return table_seconds(framework, shape, rows, columns) < _MARGIN * own_seconds(framework, shape, rows)


def too_small(framework: str, rows: int) -> bool:
    """Whether not even a look at the model is worth its time (scikit-learn's trees are read for next to nothing)."""
    return rows < FEW_ROWS and framework != "sklearn"
