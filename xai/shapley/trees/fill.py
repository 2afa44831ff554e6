"""Tables of contributions: for each group of leaves and each pattern, what its features get.

Shapley values are integrals over t of products, one factor a feature, of the expected answer when each feature is known
with probability t (the multilinear extension; Owen 1972). For a leaf with d features the integrand is a polynomial of
degree d - 1, so Gauss-Legendre points at (d + 1) // 2 places are exact. Banzhaf values are the integrand at t = 1/2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .compiled import compiled
from .layout import Nodes, Sketch, describe, share, sketch


class Groups(NamedTuple):
    """Groups of leaves, ready for rows. ``*_start`` hold one entry more than there are groups."""

    condition_start: np.ndarray
    column: np.ndarray
    low: np.ndarray
    number: np.ndarray
    keep: np.ndarray  # the pattern's bits that stay if the condition fails
    slot_start: np.ndarray
    target: np.ndarray  # what a slot adds to
    bits: np.ndarray
    table_start: np.ndarray
    table: np.ndarray


class Rule(NamedTuple):
    """How leaves turn into contributions: points and weights by the number of features, and whether in pairs."""

    n_points: np.ndarray
    points: np.ndarray
    weights: np.ndarray
    pairs: bool
    n_features: int
    n_outputs: int


@compiled
def measure(nodes: Nodes, roots: np.ndarray, bits: int) -> np.ndarray:
    """``(groups, 4)``: conditions, features, bits, and whether trees add to all outputs."""
    s = sketch(bits)
    result = np.empty((len(roots), 4), np.int64)
    for g in range(len(roots)):
        describe(nodes, roots[g], s)
        result[g, 0], result[g, 1], result[g, 2] = s.sizes[3], s.sizes[1], s.sizes[2]
        result[g, 3] = nodes.output[roots[g]] < 0
    return result


@compiled
def fill(  # noqa: PLR0917  # compiled code
    nodes: Nodes, roots: np.ndarray, first: int, last: int, rule: Rule, codes: np.ndarray, bits: int, groups: Groups,
    base: np.ndarray,
) -> None:  # fmt: skip
    """Fill groups ``first`` to ``last``; ``base`` (groups, k) takes their answer when nothing is known.

    ``codes`` (columns, rows) are the background's; without rows the training rows' coverage stands for what is
    unknown.
    """
    s = sketch(bits)
    path = _paths(bits)
    pattern = np.empty(codes.shape[1], np.uint16)
    for g in range(first, last):
        describe(nodes, roots[g], s)
        _conditions(s, groups, g)
        # A tree of one output fills one column of base, else all.
        output = nodes.output[roots[g]]
        first_output, last_output = (output, output + 1) if output >= 0 else (0, rule.n_outputs)
        _targets(s, groups, g, rule, first_output, last_output)
        n_patterns = 1 << s.sizes[2]
        counts = np.zeros(n_patterns if codes.shape[1] else 0)
        if codes.shape[1]:
            patterns(groups, g, codes, 0, pattern)
            for i in range(codes.shape[1]):
                counts[pattern[i]] += 1.0 / codes.shape[1]
        start, end = groups.table_start[g], groups.table_start[g + 1]
        block = np.zeros(((end - start) // n_patterns, n_patterns))
        for i in range(s.sizes[4]):
            leaf = s.leaf[i]
            d = _follow(nodes, roots[g], leaf, s, path)
            reach = _look_up(path, d, n_patterns, counts)
            for o in range(first_output, last_output):
                base[g, o] += reach * nodes.values[leaf, o - first_output]
            table = _contributions(path, d, rule, len(counts) > 0)
            _spread(path, d, rule, table, nodes.values[leaf], block)
        groups.table[start:end] = block.ravel()


@compiled
def _conditions(s: Sketch, groups: Groups, g: int) -> None:
    start = groups.condition_start[g]
    for i in range(s.sizes[3]):
        groups.column[start + i] = s.condition[i, 0]
        groups.low[start + i] = s.condition[i, 1]
        groups.number[start + i] = s.condition[i, 2]
        groups.keep[start + i] = 65535 - s.condition[i, 3]


@compiled
def pair(i: int, j: int) -> int:
    """Place of a pair among all pairs, (1, 0), (2, 0), (2, 1), (3, 0), ..."""
    low, high = min(i, j), max(i, j)
    return high * (high - 1) // 2 + low


@compiled
def _targets(s: Sketch, groups: Groups, g: int, rule: Rule, first: int, last: int) -> None:  # noqa: PLR0917  # compiled
    slot = groups.slot_start[g]
    for i in range(s.sizes[1]):
        for j in range(i if rule.pairs else 1):
            row = pair(s.feature[i], s.feature[j]) if rule.pairs else s.feature[i]
            for o in range(first, last):
                groups.target[slot] = row * rule.n_outputs + o
                slot += 1


@compiled
def patterns(groups: Groups, g: int, codes: np.ndarray, first: int, pattern: np.ndarray) -> None:
    """Pattern of a group for rows from ``first`` on."""
    n = len(pattern)
    pattern[:] = np.uint16((1 << groups.bits[g]) - 1)
    for c in range(groups.condition_start[g], groups.condition_start[g + 1]):
        row = codes[groups.column[c]]
        low, number, keep = groups.low[c], groups.number[c], groups.keep[c]
        for i in range(n):
            held = np.uint16(row[first + i] - low) < number
            pattern[i] &= np.uint16(65535) if held else keep


class Paths(NamedTuple):
    """One leaf's features: their slots, which bits of the group's pattern each asks for, their shares; scratch."""

    slot: np.ndarray
    mask: np.ndarray
    wanted: np.ndarray  # -1: nothing will do
    share: np.ndarray
    lookup: np.ndarray  # the leaf's hits, one bit a feature, for each pattern of the group
    weight: np.ndarray
    product: np.ndarray
    single: np.ndarray


@compiled
def _paths(bits: int) -> Paths:
    most, n = 2 * bits + 2, 1 << bits
    return Paths(
        np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most),
        np.empty(n, np.int64), np.empty(n), np.empty(n), np.empty(n),
    )  # fmt: skip


@compiled
def _follow(nodes: Nodes, root: int, leaf: int, s: Sketch, path: Paths) -> int:
    """Collect what a leaf asks of its features; their number."""
    d = int(s.sizes[0])
    for j in range(d):
        path.slot[j], path.share[j] = j, s.share[j]
        path.mask[j] = path.wanted[j] = 1 << j
    node = leaf
    while node != root:
        parent = nodes.parent[node]
        number, slot, j = 0, 0, 0
        while s.node[number] != parent:
            number += 1
        while s.feature[slot] != nodes.feature[parent]:
            slot += 1
        while j < d and path.slot[j] != slot:
            j += 1
        if j == d:
            d += 1
            path.slot[j], path.mask[j], path.wanted[j], path.share[j] = slot, 0, 0, 1.0
        bit = s.node_bit[number]
        goes = bit if nodes.left[parent] == node else 0
        if path.wanted[j] < 0 or (path.mask[j] & bit and path.wanted[j] & bit != goes):
            path.wanted[j] = -1  # the same split twice on a path, both ways: nobody arrives
        else:
            path.wanted[j] |= goes
        path.mask[j] |= bit
        path.share[j] *= share(nodes, node)
        node = parent
    return d


@compiled
def _look_up(path: Paths, d: int, n_patterns: int, counts: np.ndarray) -> float:
    """Hits by pattern, the background's weights by hits; the share of it that arrives at the leaf."""
    n = 1 << d
    for p in range(n_patterns):
        hits = 0
        for j in range(d):
            if p & path.mask[j] == path.wanted[j]:
                hits |= 1 << j
        path.lookup[p] = hits
    if len(counts):
        path.weight[:n] = 0.0
        for p in range(n_patterns):
            path.weight[path.lookup[p]] += counts[p]
        return float(path.weight[n - 1])
    reach = 1.0
    for j in range(d):
        reach *= path.share[j]
    return reach


@compiled
def _contributions(path: Paths, d: int, rule: Rule, observed: bool) -> np.ndarray:
    """``(features or pairs, 2^d)``: what each gets of a leaf worth 1, by hits."""
    n = 1 << d
    table = np.zeros((d * (d - 1) // 2 if rule.pairs else d, n))
    for q in range(rule.n_points[d]):
        t, w = rule.points[d, q], rule.weights[d, q]
        if observed:
            path.product[:n] = path.weight[:n]
            _known_with_probability(path.product, d, t)
        else:
            _products(path.product, path.share, d, t)
        for i in range(d):
            if not rule.pairs:
                _gain(path.product[:n], i, t, w, table[i])
                continue
            path.single[:n] = 0.0
            _gain(path.product[:n], i, t, 1.0, path.single)
            for j in range(i):
                _gain(path.single[:n], j, t, w, table[pair(i, j)])
    return table


@compiled
def _spread(path: Paths, d: int, rule: Rule, table: np.ndarray, values: np.ndarray, block: np.ndarray) -> None:  # noqa: PLR0917  # compiled
    """Add a leaf's table to its group's, in which a slot stands for a feature or a pair, and an output."""
    for i in range(d):
        for j in range(i if rule.pairs else 1):
            row, slot = (pair(i, j), pair(path.slot[i], path.slot[j])) if rule.pairs else (i, path.slot[i])
            for o in range(len(values)):
                out, value = block[slot * len(values) + o], values[o]
                for p in range(len(out)):
                    out[p] += value * table[row, path.lookup[p]]


@compiled
def _products(product: np.ndarray, shares: np.ndarray, d: int, t: float) -> None:
    """Product over features of (1 - t) share + t hit, for all patterns of hits."""
    product[0] = 1.0
    for j in range(d):
        miss = (1.0 - t) * shares[j]
        for p in range(1 << j):
            product[p | 1 << j] = product[p] * (miss + t)
            product[p] *= miss


@compiled
def _known_with_probability(product: np.ndarray, d: int, t: float) -> None:
    """The same, averaged over background rows: one factor a feature, applied to their counts by pattern."""
    for j in range(d):
        bit = 1 << j
        for p in range(1 << d):
            if not p & bit:
                absent, present = product[p], product[p | bit]
                product[p] = (1.0 - t) * present
                product[p | bit] = t * absent + present


@compiled
def _gain(product: np.ndarray, j: int, t: float, w: float, out: np.ndarray) -> None:
    """Add w times what knowing feature j changes: its factor (1 - t) z + t x replaced by x - z."""
    bit = 1 << j
    for p in range(len(product)):
        if p & bit:
            out[p] += w * (product[p] - product[p ^ bit] / (1.0 - t)) / t
        else:
            out[p] -= w * product[p] / (1.0 - t)
