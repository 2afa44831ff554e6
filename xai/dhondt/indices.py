"""How far seat shares are from vote shares: disproportionality and fragmentation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def gallagher(p: np.ndarray, q: np.ndarray) -> float:
    """Least squares index, sqrt(sum (q - p)^2 / 2)."""
    return float(np.sqrt(0.5 * np.sum((q - p) ** 2)))


def loosemore_hanby(p: np.ndarray, q: np.ndarray) -> float:
    """Share of seats in the wrong hands, sum |q - p| / 2."""
    return float(0.5 * np.sum(np.abs(q - p)))


def rae(p: np.ndarray, q: np.ndarray) -> float:
    """Mean absolute deviation a party, mean |q - p|."""
    return float(np.mean(np.abs(q - p)))


def sainte_lague(p: np.ndarray, q: np.ndarray) -> float:
    """Relative squared deviation, sum (q - p)^2 / p over parties with votes. What Sainte-Laguë minimises."""
    voted = p > 0
    return float(np.sum((q[voted] - p[voted]) ** 2 / p[voted]))


def max_ratio(p: np.ndarray, q: np.ndarray) -> float:
    """Largest advantage, max q / p over parties with votes. What D'Hondt minimises."""
    voted = p > 0
    return float(np.max(q[voted] / p[voted]))


def exact_share(p: np.ndarray, q: np.ndarray) -> float:
    """Share of the votes that the seats represent exactly, min p / q over seated parties (Medzihorsky 2019)."""
    seated = q > 0
    return float(np.min(p[seated] / q[seated]))


def effective_parties(shares: np.ndarray) -> float:
    """Effective number of parties, 1 / sum p^2 (Laakso and Taagepera 1979)."""
    return float(1.0 / np.sum(shares**2))


INDICES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "gallagher": gallagher,
    "loosemore_hanby": loosemore_hanby,
    "exact_share": exact_share,
    "effective_parties_votes": lambda p, _: effective_parties(p),
    "effective_parties_seats": lambda _, q: effective_parties(q),
    "rae": rae,
    "sainte_lague": sainte_lague,
    "max_ratio": max_ratio,
}
"""Indices by name: functions of vote shares and seat shares, both ``(d,)`` and summing to 1."""
