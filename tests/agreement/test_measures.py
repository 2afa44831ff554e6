"""Measures against scipy, against their definitions and in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from xai.agreement import measures


def rbo_by_definition(first, second, p, depth=4000):
    """(1 - p) sum p^(k-1) A_k over an endless list whose agreement stays at that of its last item."""
    total, weight, shared = 0.0, 1 - p, 0.0
    for k in range(1, depth + 1):
        if k <= len(first):
            shared = len(set(first[:k]) & set(second[:k])) / k
        total += weight * shared
        weight *= p
    return total


def importances(order, items):
    """Importances that rank ``items`` in the given order."""
    return np.array([[len(order) - order.index(item) for item in items]], dtype=float)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("d", [2, 3, 7, 30, 230])
def test_correlations_equal_scipy(d, ties):
    rng = np.random.default_rng(d)
    x, y = rng.normal(size=(2, 12, d))
    y += x
    if ties:
        x, y = x.round(), y.round()
        keep = (np.ptp(x, axis=1) > 0) & (np.ptp(y, axis=1) > 0)
        x, y = x[keep], y[keep]
    for name, oracle in (("pearson", stats.pearsonr), ("spearman", stats.spearmanr), ("kendall", stats.kendalltau)):
        expected = [oracle(one, other).statistic for one, other in zip(x, y, strict=True)]
        assert getattr(measures, name)(x, y) == pytest.approx(expected, abs=1e-12)


def test_constant_lists_have_no_correlation_and_give_no_warning(recwarn):
    x, y = np.full((1, 4), 3.0), np.arange(4.0)[None]
    for function in (measures.pearson, measures.spearman, measures.kendall):
        assert np.isnan(function(x, y)).all()
        assert np.isnan(function(y, x)).all()
    assert not recwarn.list


@pytest.mark.parametrize("p", [0.5, 0.9, 0.98])
def test_rbo_equals_its_definition(p):
    rng = np.random.default_rng(1)
    items = "abcdefg"
    for _ in range(25):
        d = int(rng.integers(2, 8))
        first, second = (list(rng.permutation(list(items[:d]))) for _ in range(2))
        agreement = measures.overlap(importances(first, items[:d]), importances(second, items[:d]))
        assert measures.rbo(agreement, p)[0] == pytest.approx(rbo_by_definition(first, second, p), abs=1e-12)


@pytest.mark.parametrize(
    ("first", "second", "p", "value"),
    [
        ("ab", "ba", 0.9, 0.9),  # only depth 1 disagrees, and it weighs 1 - p
        ("abcdef", "bacdef", 0.7, 0.7),
        ("abc", "cba", 0.5, 1 - 0.5 - 0.25 * 0.5),  # A = 0, 1/2, 1
        ("abcd", "dcba", 0.9, 1 - 0.1 - 0.09 - 0.081 / 3),  # A = 0, 0, 2/3, 1
        ("abcde", "abcde", 0.9, 1.0),
    ],
)
def test_rbo_reference_values(first, second, p, value):
    agreement = measures.overlap(importances(first, sorted(first)), importances(second, sorted(first)))
    assert measures.rbo(agreement, p)[0] == pytest.approx(value, abs=1e-12)


def test_tied_units_all_stand_at_their_best_rank():
    x = np.array([[3.0, 3.0, 1.0]])  # a and b share rank 1
    y = np.array([[3.0, 2.0, 1.0]])
    # Depth 1: {a, b} and {a}; depth 2: {a, b} both; depth 3: all.
    assert measures.overlap(x, y)[0] == pytest.approx([2 / 3, 1.0, 1.0])
    assert measures.overlap(x, x)[0] == pytest.approx([1.0, 1.0, 1.0])


def test_overlap_equals_sets():
    rng = np.random.default_rng(2)
    x, y = rng.integers(0, 5, (2, 20, 9)).astype(float)
    found = measures.overlap(x, y)
    for b in range(20):
        for k in range(1, 10):
            s, t = ({i for i in range(9) if (v[b] > v[b, i]).sum() < k} for v in (x, y))
            assert found[b, k - 1] == pytest.approx(2 * len(s & t) / (len(s) + len(t)))
