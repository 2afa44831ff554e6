"""Geometry of a half-round chamber: exactly M equal dots in concentric rows.

Rows lie as in ParliamentArch: outer radius 1 and inner radius 0.5 for the middles of the rows, R rows, dot radius
``t = 1 / (4R - 2)``, row radii ``0.5 + 2kt``, with the fewest rows that hold M dots. Unlike there, seats are given
to rows by Sainte-Lague on the row's radius, so the total is exact and no row takes a rounding rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core.errors import InputError

INNER, OUTER = 0.5, 1.0


@dataclass(frozen=True, eq=False)
class Hemicycle:
    """Places of M seats, from the left end of the arc to the right.

    Attributes
    ----------
    x, y
        ``(M,)`` middles of the dots; the focus is (0, 0) and the longest row has radius 1.
    row
        ``(M,)`` row of each seat, 0 the innermost.
    angle
        ``(M,)`` in radians, falling from pi (left) to 0 (right).
    radius
        Radius of a dot. Dots touch at most.
    """

    x: np.ndarray
    y: np.ndarray
    row: np.ndarray
    angle: np.ndarray
    radius: float


def layout(seats: int) -> Hemicycle:
    """Places of ``seats`` seats, sorted by angle (ties: inner row first) so that blocks are wedges.

    Raises
    ------
    InputError
        If ``seats`` is below 1.
    """
    if seats < 1:
        raise InputError(f"a chamber needs at least one seat, not {seats}.")
    rows = 1
    while _capacity(rows).sum() < seats:
        rows += 1
    radii, dot = _rows(rows)
    filled = _seats_by_row(seats, radii, _capacity(rows))
    row = np.repeat(np.arange(rows), filled)
    angle = np.concatenate([_angles(n, r, dot) for n, r in zip(filled, radii, strict=True)])
    order = np.lexsort((row, -angle.round(12)))
    row, angle = row[order], angle[order]
    return Hemicycle(radii[row] * np.cos(angle), radii[row] * np.sin(angle), row, angle, dot)


def border(angle: np.ndarray, seats: int) -> float:
    """Angle of the line that has ``seats`` seats on its left."""
    if seats <= 0:
        return float(np.pi)
    if seats >= len(angle):
        return 0.0
    return float(angle[seats - 1] + angle[seats]) / 2


def _rows(rows: int) -> tuple[np.ndarray, float]:
    dot = 1 / (4 * rows - 2)
    return INNER + 2 * dot * np.arange(rows), dot


def _capacity(rows: int) -> np.ndarray:
    """Dots that fit on each row: neighbours are a diameter apart along the chord, ends touch the base line."""
    radii, dot = _rows(rows)
    # The half angle under which a dot is seen from the focus is asin(dot / radius).
    return np.floor(np.pi / (2 * np.arcsin(dot / radii)) + 1e-9).astype(int)


def _seats_by_row(seats: int, radii: np.ndarray, capacity: np.ndarray) -> np.ndarray:
    """Sainte-Lague on the radii with at most ``capacity`` each, outer rows first in a tie."""
    if seats == 2:
        # One seat on each of two rows would stand behind one another: two seats face each other instead.
        return np.where(np.arange(len(radii)) == len(radii) - 1, 2, 0)
    row = np.repeat(np.arange(len(radii)), capacity)
    nth = np.concatenate([np.arange(n) for n in capacity])
    quotient = (radii[row] / (2 * nth + 1)).round(12)
    best = np.lexsort((-row, -quotient))[:seats]
    return np.bincount(row[best], minlength=len(radii))


def _angles(n: int, radius: float, dot: float) -> np.ndarray:
    if n < 2:
        return np.full(n, np.pi / 2)
    margin = np.arcsin(dot / radius)
    return np.linspace(np.pi - margin, margin, n)
