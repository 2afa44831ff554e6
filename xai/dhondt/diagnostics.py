"""What the electoral law does to the votes: house size and bias."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.attribution import as_votes
from ..core.errors import InputError, listing
from .apportionment import allocate, check_seats
from .ballot import shares
from .rules import RULES, get_rule

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class SeatCurve:
    """Seats against house size.

    Attributes
    ----------
    parties
        d names.
    vote_shares
        ``(d,)``.
    houses
        ``(m,)`` house sizes 1, 2, ..., m.
    seats
        ``(m, d)``; row M - 1 is the house of M seats.
    rule
        The rule.
    """

    parties: tuple[str, ...]
    vote_shares: np.ndarray
    houses: np.ndarray
    seats: np.ndarray
    rule: str

    @property
    def first_seat(self) -> dict[str, int | None]:
        """Party to the smallest house in which it sits, ``None`` if it never does."""
        seated = self.seats > 0
        return {
            party: int(self.houses[seated[:, i].argmax()]) if seated[:, i].any() else None
            for i, party in enumerate(self.parties)
        }

    @property
    def largest_error(self) -> np.ndarray:
        """``(m,)``: largest distance between a seat share and a vote share, max |q - p|."""
        return np.abs(self.seats / self.houses[:, None] - self.vote_shares).max(axis=1)  # type: ignore[no-any-return]  # an array

    def house_for(self, error: float) -> int | None:
        """The house size from which on every seat share stays within ``error`` of its vote share, if any."""
        far = np.flatnonzero(self.largest_error > error)
        position = int(far[-1]) + 1 if len(far) else 0
        return int(self.houses[position]) if position < len(self.houses) else None

    def to_frame(self) -> pd.DataFrame:
        """One row a house size, one column a party."""
        import pandas as pd

        return pd.DataFrame(self.seats, columns=list(self.parties), index=pd.Index(self.houses, name="house"))


def seat_curve(votes: Any, max_seats: int = 200, rule: str = "dhondt") -> SeatCurve:
    """Seats in every house from 1 to ``max_seats``.

    Parameters
    ----------
    votes
        Mapping or Series of name to votes, or an Attribution with k = 1.
    max_seats
        Largest house.
    rule
        A name in :data:`xai.dhondt.RULES`. Under divisor rules no party ever loses a seat to a larger house; under
        Hamilton it may.

    Raises
    ------
    InputError
        On votes, seats or a rule that cannot be used.
    """
    names, values = as_votes(votes)
    largest = int(check_seats(max_seats, 1)[0])
    houses = np.arange(1, largest + 1)
    seats = allocate(np.broadcast_to(values, (largest, len(names))), houses, rule)
    return SeatCurve(names, shares(values), houses, seats, rule)


def expected_bias(votes: Any, seats: int = 100, rule: str = "dhondt") -> dict[str, float]:
    """Seats a party is expected to win beyond its exact quota, (r - 1/2)(n p - 1), by its share p of the votes.

    Parameters
    ----------
    votes
        Mapping or Series of name to votes, or an Attribution with k = 1. Parties without votes have no bias.
    seats
        House size. The formula is the limit for large houses, averaged over house sizes, and does not depend on it;
        it is checked, and needed to turn bias into shares: divide by it.
    rule
        A rule with d(s) = slope (s + r), or ``"hamilton"``, which is unbiased. 0 for Sainte-Laguë, (n p - 1) / 2
        for D'Hondt.

    Raises
    ------
    InputError
        On a rule for which no formula is known, or votes or seats that cannot be used.

    References
    ----------
    Janson 2014, "Asymptotic bias of some election methods" (arXiv 1110.6369).
    """
    names, values = as_votes(votes)
    allocate(values, seats, rule)  # the checks of an election
    per_unit = _shift(rule) - 0.5
    p = shares(values)
    bias = np.where(p > 0, per_unit * ((p > 0).sum() * p - 1), 0.0)
    return dict(zip(names, bias.tolist(), strict=True))


def house_size_for(votes: Any, max_bias: float, rule: str = "dhondt") -> int:
    """Smallest house in which no party's expected bias exceeds ``max_bias`` of the seats.

    Parameters
    ----------
    votes, rule
        As in :func:`expected_bias`, with the same errors.
    max_bias
        As a share of the seats, in (0, 1).
    """
    if not 0 < max_bias < 1:
        raise InputError(f"max_bias is a share of the seats in (0, 1), not {max_bias:g}: write 0.01 for one point.")
    largest = max(abs(bias) for bias in expected_bias(votes, 1, rule).values())
    return max(1, ceil(largest / max_bias - 1e-9))


def corrected_share(seats: Any) -> dict[str, float]:
    """Vote shares read back from D'Hondt seats without the expected bias, (s + 1/2) / (M + n/2).

    Parameters
    ----------
    seats
        Mapping of party to seats, or a Parliament elected by D'Hondt. Parties without a seat are left out:
        nothing can be read from them.

    Returns
    -------
    dict
        Party to share, summing to 1 over the n seated parties.

    Raises
    ------
    InputError
        If nobody has a seat, or the parliament was elected by another rule.
    """
    rule = getattr(seats, "rule", "dhondt")
    if rule != "dhondt":
        raise InputError(f"this correction is for D'Hondt seats, but these were elected by '{rule}'.")
    names, held = as_votes(getattr(seats, "seats", seats))
    seated = {name: count for name, count in zip(names, held.tolist(), strict=True) if count > 0}
    if not seated:
        raise InputError("nobody has a seat: there are no shares to read back.")
    total = sum(seated.values()) + len(seated) / 2
    return {name: (count + 0.5) / total for name, count in seated.items()}


def _shift(rule: str) -> float:
    law = get_rule(rule)
    if law.divisor is None:
        return 0.5
    if not law.stationary:
        known = [name for name, other in RULES.items() if other.stationary or other.divisor is None]
        raise InputError(f"no formula is known for the bias of '{rule}'; there is one for {listing(known)}.")
    return law.shift
