"""Groups of neighbouring leaves, and the bits that say where a row lies for them.

A leaf's contributions depend on a row only through which of the features on its path it satisfies. Neighbouring leaves
share most of their path, so a small subtree at the bottom of a tree becomes one group with one pattern: a bit for each
feature on the way to the subtree, and a bit for each split inside.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .compiled import compiled
from .forest import OPEN

_SMALL = 1024.0
_GROWTH = 1.5


class Nodes(NamedTuple):
    """Nodes of a forest with thresholds as codes; see :class:`~.forest.Forest`."""

    left: np.ndarray
    right: np.ndarray
    parent: np.ndarray
    feature: np.ndarray
    column: np.ndarray
    code: np.ndarray
    missing_left: np.ndarray
    cover: np.ndarray
    values: np.ndarray
    output: np.ndarray


class Sketch(NamedTuple):
    """What is known of one group; arrays are reused from group to group.

    ``sizes`` holds the numbers of: features on the way (prefix), features, bits, conditions, leaves.
    """

    sizes: np.ndarray
    feature: np.ndarray  # features, those of the prefix first
    share: np.ndarray  # of the prefix features: the share of training rows that satisfies them
    condition: np.ndarray  # (conditions, 4): column, lowest code, number of codes, bit
    leaf: np.ndarray
    node_bit: np.ndarray  # bit of each inner node, by preorder number
    node: np.ndarray  # inner nodes by preorder number
    interval: np.ndarray  # scratch: column, slot, lowest code, end, missing


@compiled
def sketch(bits: int) -> Sketch:
    """An empty sketch for groups of at most so many bits."""
    most = 1 << bits
    return Sketch(
        np.zeros(5, np.int64),
        np.zeros(2 * bits + 2, np.int32),
        np.zeros(2 * bits + 2, np.float64),
        np.zeros((1024, 4), np.int64),
        np.zeros(most, np.int32),
        np.zeros(most, np.int32),
        np.zeros(most, np.int32),
        np.zeros((512, 5), np.int64),
    )


@compiled
def find_groups(nodes: Nodes, roots: np.ndarray, distinct: np.ndarray, bits: int, whole: bool) -> np.ndarray:
    """Roots of the groups, tree by tree.

    A subtree is one group if its table is not much larger than those of its two halves, which share its pattern.
    ``whole``: each tree is one group (symmetric trees, whose splits are few).
    """
    if whole:
        return roots.astype(np.int32)
    n = len(nodes.left)
    groups, count = np.empty(n, np.int32), 0
    order, stack = np.empty(n, np.int32), np.empty(n + 1, np.int32)
    inner, size, joined = np.zeros(n, np.int64), np.zeros(n), np.zeros(n, np.bool_)
    for root in roots:
        top, m = 1, 0
        stack[0] = root
        while top > 0:
            top -= 1
            node = stack[top]
            order[m] = node
            m += 1
            if nodes.left[node] >= 0:
                stack[top] = nodes.right[node]
                stack[top + 1] = nodes.left[node]
                top += 2
        for i in range(m - 1, -1, -1):
            node = order[i]
            left, right = nodes.left[node], nodes.right[node]
            if left < 0:
                joined[node] = True
                size[node] = distinct[node] * 2.0 ** distinct[node]
            elif joined[left] and joined[right]:
                inner[node] = 1 + inner[left] + inner[right]
                width = distinct[node] + inner[node]
                size[node] = width * 2.0**width
                small = max(_SMALL, _GROWTH * (size[left] + size[right]))
                joined[node] = width <= bits and size[node] <= small
        for i in range(m):
            node = order[i]
            if joined[node] and (node == root or not joined[nodes.parent[node]]):
                groups[count] = node
                count += 1
    return groups[:count].copy()


@compiled
def describe(nodes: Nodes, root: int, s: Sketch) -> None:
    """Fill a sketch with the group below ``root``."""
    n_slots, n_intervals = _prefix(nodes, root, s)
    s.sizes[0] = n_slots
    n_conditions = 0
    for i in range(n_intervals):
        column, slot, low, end, missing = s.interval[i]
        n_conditions = _emit(s, n_conditions, column, low, end, missing, 1 << slot)
    n_bits, n_inner, n_leaves, top = n_slots, 0, 0, 1
    stack = np.empty(len(s.leaf) + 1, np.int32)
    stack[0] = root
    while top > 0:
        top -= 1
        node = stack[top]
        if nodes.left[node] < 0:
            s.leaf[n_leaves] = node
            n_leaves += 1
            continue
        stack[top] = nodes.right[node]
        stack[top + 1] = nodes.left[node]
        top += 2
        bit = -1
        for i in range(n_inner):
            other = s.node[i]
            if (
                nodes.column[other] == nodes.column[node]
                and nodes.code[other] == nodes.code[node]
                and nodes.missing_left[other] == nodes.missing_left[node]
            ):
                bit = s.node_bit[i]
                break
        if bit < 0:
            bit = 1 << n_bits
            n_bits += 1
            missing = 1 if nodes.missing_left[node] else 0
            n_conditions = _emit(s, n_conditions, nodes.column[node], 1, nodes.code[node], missing, bit)
        s.node[n_inner] = node
        s.node_bit[n_inner] = bit
        n_inner += 1
        if _slot(s.feature, n_slots, nodes.feature[node]) < 0:
            s.feature[n_slots] = nodes.feature[node]
            n_slots += 1
    s.sizes[1], s.sizes[2], s.sizes[3], s.sizes[4] = n_slots, n_bits, n_conditions, n_leaves


@compiled
def _slot(features: np.ndarray, count: int, feature: int) -> int:
    for j in range(count):
        if features[j] == feature:
            return j
    return -1


@compiled
def _prefix(nodes: Nodes, root: int, s: Sketch) -> tuple[int, int]:
    """Features on the way to ``root``, their shares, and what their columns must be; the counts of both."""
    n_slots, n_intervals = 0, 0
    node, parent = root, nodes.parent[root]
    while parent >= 0:
        slot = _slot(s.feature, n_slots, nodes.feature[parent])
        if slot < 0:
            slot = n_slots
            s.feature[slot], s.share[slot] = nodes.feature[parent], 1.0
            n_slots += 1
        s.share[slot] *= share(nodes, node)
        found = -1
        for i in range(n_intervals):
            if s.interval[i, 0] == nodes.column[parent]:
                found = i
        if found < 0:
            found = n_intervals
            n_intervals += 1
            s.interval[found, 0], s.interval[found, 1], s.interval[found, 2] = nodes.column[parent], slot, 1
            s.interval[found, 3], s.interval[found, 4] = OPEN, 1
        if nodes.left[parent] == node:
            s.interval[found, 3] = min(s.interval[found, 3], nodes.code[parent])
            kept = nodes.missing_left[parent]
        else:
            s.interval[found, 2] = max(s.interval[found, 2], nodes.code[parent])
            kept = not nodes.missing_left[parent]
        if not kept:
            s.interval[found, 4] = 0
        node, parent = parent, nodes.parent[parent]
    return n_slots, n_intervals


@compiled
def share(nodes: Nodes, child: int) -> float:
    """Share of the parent's training rows that went to a child; 0 where none came by."""
    total = nodes.cover[nodes.parent[child]]
    return nodes.cover[child] / total if total > 0 else 0.0


@compiled
def _emit(s: Sketch, count: int, column: int, low: int, end: int, missing: int, bit: int) -> int:  # noqa: PLR0917  # compiled
    """Conditions ``(code - low) mod 2^16 < number`` for codes in [low, end), with or without 0 for missing."""
    end = max(end, low)
    if not missing:
        return _put(s, count, column, low, end - low, bit)
    if low == 1:
        return _put(s, count, column, 0, end, bit)
    if end < OPEN:
        # Missing or in the middle: missing or below the end, and missing or from the low end on.
        count = _put(s, count, column, 0, end, bit)
    # Counting on from the largest code one arrives at 0.
    return _put(s, count, column, low, OPEN + 2 - low, bit)


@compiled
def _put(s: Sketch, count: int, column: int, low: int, number: int, bit: int) -> int:  # noqa: PLR0917  # compiled
    row = s.condition[count]
    row[0], row[1], row[2], row[3] = column, low, number, bit
    return count + 1
