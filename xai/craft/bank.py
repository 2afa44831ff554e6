"""How far two banks of concepts agree: which concept of one is which of the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ..core.errors import InputError


@dataclass(frozen=True, eq=False)
class Matching:
    """One-to-one matching of two banks that maximises the sum of cosines.

    Attributes
    ----------
    pairs
        ``(m, 2)`` positions in the first and in the second bank, best pair first; m is the smaller size.
    cosines
        ``(m,)`` cosine of each pair.
    """

    pairs: np.ndarray
    cosines: np.ndarray

    @property
    def mean(self) -> float:
        """Mean matched cosine: 1 if both banks hold the same directions."""
        return float(self.cosines.mean())


def match(first: np.ndarray, second: np.ndarray) -> Matching:
    """Match two banks ``(r, p)`` and ``(r', p)`` of one layer by cosine (Hungarian algorithm).

    Raises
    ------
    InputError
        If the banks have different numbers of channels.
    """
    from scipy.optimize import linear_sum_assignment

    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise InputError(
            f"banks of shapes {first.shape} and {second.shape} cannot be compared: both need the same layer's channels."
        )
    cosine = _unit(first) @ _unit(second).T
    rows, columns = linear_sum_assignment(-cosine)
    order = np.argsort(-cosine[rows, columns], kind="stable")
    return Matching(np.column_stack([rows, columns])[order], cosine[rows, columns][order])


def stability(banks: Sequence[np.ndarray]) -> float:
    """Mean matched cosine over all pairs of banks, e.g. of one data set with several seeds; NaN for fewer than two."""
    means = [match(a, b).mean for a, b in combinations(banks, 2)]
    return float(np.mean(means)) if means else float("nan")


def _unit(W: np.ndarray) -> np.ndarray:
    size = np.linalg.norm(W, axis=1, keepdims=True)
    return np.asarray(W / np.where(size > 0, size, 1.0))
