"""Measures of agreement between two lists of importances, for many pairs of lists at once.

Arrays are ``(b, d)``: b pairs of lists over d units, matched by position. Where a measure does not exist, since one
of the lists is constant, the result is NaN.
"""

from __future__ import annotations

import numpy as np

_PAIRWISE_UNITS = 200  # up to here all pairs of units are compared at once; beyond, sorting is cheaper
_BLOCK = 1 << 22  # entries of a pairwise block held at a time


def ranks(x: np.ndarray, method: str = "min") -> np.ndarray:
    """Ranks by falling importance, 1 the largest; ties share the best (``"min"``) or mean (``"average"``) rank."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(-x, method=method, axis=1))


def pearson(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Linear correlation, ``(b,)``."""
    undefined = (np.ptp(x, axis=1) == 0) | (np.ptp(y, axis=1) == 0)
    x, y = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    size = np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    undefined |= size == 0
    result = np.clip((x * y).sum(axis=1) / np.where(undefined, 1.0, size), -1.0, 1.0)
    return np.where(undefined, np.nan, result)


def spearman(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Linear correlation of mean ranks, ``(b,)``."""
    return pearson(ranks(x, "average"), ranks(y, "average"))


def kendall(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Kendall's tau-b, ``(b,)``: concordant minus discordant pairs, corrected for ties."""
    b, d = x.shape
    if d > _PAIRWISE_UNITS:
        from scipy.stats import kendalltau

        undefined = (np.ptp(x, axis=1) == 0) | (np.ptp(y, axis=1) == 0)
        pairs = zip(x, y, undefined, strict=True)
        return np.array([np.nan if bad else kendalltau(one, other).statistic for one, other, bad in pairs])
    first, second = np.triu_indices(d, 1)
    step = max(1, _BLOCK // max(1, len(first)))
    result = np.empty(b)
    for start in range(0, b, step):
        part = slice(start, start + step)
        s = np.sign(x[part][:, first] - x[part][:, second])
        t = np.sign(y[part][:, first] - y[part][:, second])
        size = np.sqrt((s**2).sum(axis=1) * (t**2).sum(axis=1))
        result[part] = np.where(size > 0, (s * t).sum(axis=1) / np.where(size > 0, size, 1.0), np.nan)
    return result


def overlap(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Agreement at each depth, ``(b, d)``: column k - 1 compares the k largest of both lists.

    It is ``2 |S ∩ T| / (|S| + |T|)``. Ties are handled as by Webber et al. (2010): tied units all stand at the best
    of their ranks, so a set may hold more than k of them.
    """
    b, d = x.shape
    rx, ry = ranks(x).astype(int), ranks(y).astype(int)
    offset = (d + 1) * np.arange(b)[:, None]

    def within(depth: np.ndarray) -> np.ndarray:
        counts = np.bincount((depth + offset).ravel(), minlength=b * (d + 1)).reshape(b, d + 1)
        return np.asarray(counts[:, 1:].cumsum(axis=1))

    # A unit is in both sets from the deeper of its two ranks on.
    return np.asarray(2 * within(np.maximum(rx, ry)) / (within(rx) + within(ry)))


def rbo(agreement: np.ndarray, p: float) -> np.ndarray:
    """Rank-biased overlap, extrapolated, ``(b,)``, from the agreement at each depth.

    ``RBO = A_D p^D + (1 - p) / p · Σ_{k=1..D} A_k p^k`` (Webber, Moffat and Zobel 2010, ACM TOIS 28(4), equation 30,
    for two lists of the same D units). The first k units carry most of the weight when p is small; as both lists
    hold all units, the value is never below ``p^D``.
    """
    d = agreement.shape[1]
    weights = (1 - p) * p ** np.arange(d)
    weights[-1] += p**d
    return np.asarray(agreement @ weights)
