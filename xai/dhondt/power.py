"""Power of the parties: who can turn a losing coalition into a majority."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from ..core.errors import InputError, unknown_names

PowerIndex = Literal["banzhaf", "shapley_shubik"]


def power(seats: Mapping[str, int], index: PowerIndex = "banzhaf") -> dict[str, float]:
    """Normalised voting power under simple majority, quota floor(M / 2) + 1.

    Parameters
    ----------
    seats
        Party to seats, at least one seat in all.
    index
        ``"banzhaf"``: share of all swings (Banzhaf 1965); ``"shapley_shubik"``: share of the orders in which the
        party is the one that completes a majority (Shapley and Shubik 1954).

    Returns
    -------
    dict
        Party to power, summing to 1.

    Raises
    ------
    InputError
        On an unknown index, or if there are no seats.

    Notes
    -----
    If every other party joins with probability t, party i swings with a probability that is a polynomial in t; its
    value at t = 1/2 is Banzhaf's index, its integral over [0, 1] is Shapley and Shubik's (Owen 1972). Dynamic
    programming over seats gives it, Gauss-Legendre quadrature integrates it without error. Only sums and
    products of non-negative numbers occur, so the result is exact up to rounding of the last digits.
    """
    if index not in ("banzhaf", "shapley_shubik"):
        raise InputError(unknown_names("power index", [index], ("banzhaf", "shapley_shubik")))
    weights = np.array([seats[party] for party in seats], dtype=np.int64)
    house = int(weights.sum())
    if house < 1:
        raise InputError("nobody has a seat: there is no power to share.")
    quota = house // 2 + 1
    seated = weights[weights > 0]
    if index == "banzhaf":
        joins, importance = np.array([0.5]), np.array([1.0])
    else:
        nodes, importance = np.polynomial.legendre.leggauss((len(seated) + 1) // 2)
        joins = (nodes + 1.0) / 2.0
    raw = {0: 0.0}
    for weight in np.unique(seated).tolist():  # parties of equal seats have equal power
        others = np.delete(seated, np.flatnonzero(seated == weight)[0])
        raw[weight] = float(importance @ _swing(others, weight, quota, joins))
    values = np.array([raw[int(weight)] for weight in weights])
    return dict(zip(seats, (values / values.sum()).tolist(), strict=True))


def _swing(others: np.ndarray, weight: int, quota: int, joins: np.ndarray) -> np.ndarray:
    """Probability, for each t, that the others hold less than the quota, but no more than ``weight`` seats less."""
    held = np.zeros((len(joins), quota))
    held[:, 0] = 1.0
    t = joins[:, None]
    for other in others.tolist():
        joined = np.zeros_like(held)
        joined[:, other:] = held[:, : max(quota - other, 0)]
        held = (1.0 - t) * held + t * joined
    return held[:, max(quota - weight, 0) :].sum(axis=1)  # type: ignore[no-any-return]  # a slice of an array
