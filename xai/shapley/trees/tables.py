"""A forest made ready for many rows: tables built once where they fit, in turns where they do not."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ...core.errors import InputError
from .fill import Groups, Rule, fill, measure
from .forest import MAX_BITS, Forest, edges_and_codes, obstacle
from .kernel import WIDTH, accumulate, encode
from .layout import Nodes, find_groups

Index = Literal["shapley", "banzhaf"]

TABLE_BYTES = 1 << 28
"""Most memory for tables at a time; a forest that needs more is worked through in turns."""

GROUP_BITS = 13
"""Most bits of a group of several leaves."""

_ROWS = 4096
_CACHE_BYTES = 1 << 18


def default_threads() -> int:
    """Processors this process may use, or less if ``NUMBA_NUM_THREADS`` or ``OMP_NUM_THREADS`` says so."""
    limits = [len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1]
    limits += [int(text) for name in _LIMITS if (text := os.environ.get(name, "")).isdigit()]
    return max(1, min(limits))


_LIMITS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS")


@dataclass(frozen=True, eq=False)
class Tables:
    """Contributions of a forest's features.

    Attributes
    ----------
    forest
        The trees.
    rule
        Which values: Shapley or Banzhaf, of features or of pairs.
    nodes, edges, starts
        Nodes with thresholds as codes; the thresholds of each column in order.
    roots, shape
        Roots of the groups; conditions, features, bits of each and whether it adds to all outputs.
    background
        Codes of background rows ``(columns, rows)``; no rows for path-dependent values.
    threads
        Threads that share groups and rows.
    """

    forest: Forest
    rule: Rule
    nodes: Nodes
    edges: np.ndarray
    starts: np.ndarray
    roots: np.ndarray
    shape: np.ndarray
    background: np.ndarray
    threads: int
    table_bytes: int

    @property
    def n_targets(self) -> int:
        """What contributions are added to: (feature, output) or (pair, output)."""
        d = self.rule.n_features
        return (d * (d - 1) // 2 if self.rule.pairs else d) * self.rule.n_outputs

    @property
    def _slots(self) -> np.ndarray:
        features = self.shape[:, 1]
        each = features * (features - 1) // 2 if self.rule.pairs else features
        return each * np.where(self.shape[:, 3] > 0, self.rule.n_outputs, 1)

    def turns(self) -> list[tuple[int, int]]:
        """Ranges of groups whose tables fit into memory together."""
        sizes = 4 * self._slots << self.shape[:, 2]
        turns, first, held = [], 0, 0
        for g, size in enumerate(sizes.tolist()):
            if held + size > self.table_bytes and g > first:
                turns.append((first, g))
                first, held = g, 0
            held += size
        return [*turns, (first, len(sizes))]

    def build(self, first: int, last: int) -> tuple[Groups, np.ndarray]:
        """Tables of some groups, and what they add to the base ``(k,)``."""
        shape, slots = self.shape[first:last], self._slots[first:last]
        n = len(shape)
        groups = Groups(
            condition_start=_starts(shape[:, 0]),
            column=np.empty(shape[:, 0].sum(), np.int32),
            low=np.empty(shape[:, 0].sum(), np.uint16),
            number=np.empty(shape[:, 0].sum(), np.uint16),
            keep=np.empty(shape[:, 0].sum(), np.uint16),
            slot_start=_starts(slots),
            target=np.empty(slots.sum(), np.int32),
            bits=shape[:, 2].astype(np.int64),
            table_start=_starts(slots << shape[:, 2]),
            table=np.empty((slots << shape[:, 2]).sum(), np.float32),
        )
        base = np.zeros((n, self.rule.n_outputs))
        roots, bits = self.roots[first:last], int(shape[:, 2].max(initial=1))

        def part(bounds: tuple[int, int]) -> None:
            fill(self.nodes, roots, *bounds, self.rule, self.background, bits, groups, base)

        _share(part, n, -(-n // (4 * self.threads)), self.threads)
        return groups, base.sum(axis=0)

    def keep(self) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """A function of rows that builds all tables once, or in turns at every call if they do not fit.

        It takes the forest's numbers ``(n, d)`` and gives contributions ``(n, targets)`` and the base ``(k,)``.
        """
        turns = self.turns()
        kept = [self.build(*turns[0])] if len(turns) == 1 else None

        def explain(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            entries = np.ascontiguousarray(self.forest.entries(numbers), dtype=float)
            out = np.zeros((len(numbers), self.n_targets))
            base = self.forest.base.copy()
            for groups, some in kept or self._in_turns(turns):
                base += some
                self._add(groups, entries, out)
            return out, base

        return explain

    def _in_turns(self, turns: list[tuple[int, int]]) -> Iterator[tuple[Groups, np.ndarray]]:
        for first, last in turns:
            yield self.build(first, last)

    def _add(self, groups: Groups, entries: np.ndarray, out: np.ndarray) -> None:
        width = max(32, min(WIDTH, _CACHE_BYTES // (12 * self.n_targets) // 32 * 32))

        def part(bounds: tuple[int, int]) -> None:
            rows = slice(*bounds)
            codes = encode(entries[rows], self.edges, self.starts, self.forest.single)
            accumulate(codes, groups, width, out[rows])

        _share(part, len(entries), min(_ROWS, max(WIDTH, -(-len(entries) // self.threads))), self.threads)


def prepare(
    forest: Forest,
    index: Index = "shapley",
    *,
    pairs: bool = False,
    background: np.ndarray | None = None,
    threads: int | None = None,
    table_bytes: int = TABLE_BYTES,
) -> Tables:
    """Make a forest ready.

    Parameters
    ----------
    forest
        The trees.
    index
        ``"shapley"`` or ``"banzhaf"``.
    pairs
        Values of pairs of features (interaction indices) instead of features.
    background
        Numbers ``(rows, d)`` for interventional values; ``None``: absent features follow the training rows' coverage.
    threads
        Threads, see :func:`default_threads`.
    table_bytes
        Most memory for tables at a time.

    Raises
    ------
    InputError
        If a path has more than 16 features or a column more than 65,533 thresholds.
    """
    reason = obstacle(forest)
    if reason:
        raise InputError(reason)
    edges, starts, code = edges_and_codes(forest)
    nodes = Nodes(
        left=forest.left, right=forest.right, parent=forest.parent, feature=forest.feature, column=forest.column,
        code=code, missing_left=forest.missing_left, cover=forest.cover, values=forest.values,
        output=forest.node_output,
    )  # fmt: skip
    roots = find_groups(nodes, forest.roots, forest.path_features, GROUP_BITS, forest.symmetric)
    codes = np.empty((len(forest.columns), 0), np.uint16)
    if background is not None:
        entries = np.ascontiguousarray(forest.entries(background), dtype=float)
        codes = encode(entries, edges, starts, forest.single)
    return Tables(
        forest=forest,
        rule=_rule(forest, index, pairs),
        nodes=nodes,
        edges=edges,
        starts=starts,
        roots=roots,
        shape=measure(nodes, roots, MAX_BITS),
        background=codes,
        threads=threads or default_threads(),
        table_bytes=table_bytes,
    )


def _rule(forest: Forest, index: Index, pairs: bool) -> Rule:
    most = MAX_BITS + 1
    n_points = np.ones(most + 1, np.int64)
    points, weights = np.full((most + 1, most), 0.5), np.ones((most + 1, most))
    if index == "shapley":
        for d in range(1, most + 1):
            n_points[d] = (d + 1) // 2
            t, w = np.polynomial.legendre.leggauss(int(n_points[d]))
            points[d, : n_points[d]], weights[d, : n_points[d]] = (t + 1) / 2, w / 2
    if pairs:
        # Each of the two features takes half of their interaction.
        weights /= 2
    return Rule(n_points, points, weights, pairs, forest.n_features, forest.n_outputs)


def _starts(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _share(work: Callable[[tuple[int, int]], None], n: int, size: int, threads: int) -> None:
    """Call ``work`` with ranges that cover n, on some threads; compiled code runs without Python's lock."""
    ranges = [(first, min(first + size, n)) for first in range(0, n, max(size, 1))]
    if threads == 1 or len(ranges) == 1:
        for bounds in ranges:
            work(bounds)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, ranges))
