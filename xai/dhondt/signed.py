"""Seats by sign and by row: government and opposition, and a parliament for every row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..core.errors import InputError
from .apportionment import allocate, check_house, find_tie
from .ballot import shares
from .rules import get_rule

if TYPE_CHECKING:
    import pandas as pd

    from ..core.attribution import Attribution


@dataclass(frozen=True)
class SignedParliament:
    """One chamber: evidence that raises the output against evidence that lowers it.

    Attributes
    ----------
    government, opposition
        Unit to seats for positive and for negative evidence; together they sum to ``house``. Over many rows
        a unit may sit on both sides.
    government_votes, opposition_votes
        Unit to votes: mean max(value, 0) and mean max(-value, 0) over the rows.
    tied
        (unit, ``"government"`` or ``"opposition"``) pairs with exactly equal claims to the last ``tied_seats`` seats.
    tied_seats
        How many seats they competed for; they went to the government first, then in the order of the units.
    rule, house
        The electoral law and the number of seats.
    """

    government: dict[str, int]
    opposition: dict[str, int]
    government_votes: dict[str, float]
    opposition_votes: dict[str, float]
    tied: tuple[tuple[str, str], ...]
    tied_seats: int
    rule: str
    house: int

    @property
    def balance(self) -> float:
        """Share of the seats that the government holds: where the border between the two sides stands."""
        return sum(self.government.values()) / self.house

    def to_frame(self) -> pd.DataFrame:
        """One row a unit and side that has votes: party, side, votes, vote_share, seats, seat_share."""
        import pandas as pd

        sides = {
            "government": (self.government, self.government_votes),
            "opposition": (self.opposition, self.opposition_votes),
        }
        frame = pd.DataFrame(
            [
                {"party": name, "side": side, "votes": votes[name], "seats": seats[name]}
                for side, (seats, votes) in sides.items()
                for name in seats
            ]
        )
        frame.insert(3, "vote_share", shares(frame["votes"].to_numpy()))
        frame["seat_share"] = frame["seats"] / self.house
        return frame[frame["votes"] > 0].reset_index(drop=True)


def elect_signed(attribution: Attribution, seats: int = 100, rule: str = "dhondt") -> SignedParliament:
    """One election over all (unit, side) pairs, so that the border between the sides shows the balance of the signs.

    Parameters
    ----------
    attribution
        k = 1. One row: each unit stands on one side. Many rows: positive and negative evidence
        are averaged apart, and a unit may stand on both.
    seats
        House size.
    rule
        A name in :data:`xai.dhondt.RULES`.

    Raises
    ------
    InputError
        If there is more than one output, every value is zero or one is not finite, or the law cannot be used.
    """
    law = get_rule(rule)
    house = check_house(seats)
    votes = np.concatenate([attribution.global_votes("positive"), attribution.global_votes("negative")])
    names = attribution.units.names
    _require_finite(attribution)
    if not votes.any():
        raise InputError("every effect is zero: there is no evidence to elect.")
    held = allocate(votes, house, rule)
    tie = find_tie(votes, held, law)
    stands = [(name, side) for side in ("government", "opposition") for name in names]
    d = len(names)
    return SignedParliament(
        government=dict(zip(names, held[:d].tolist(), strict=True)),
        opposition=dict(zip(names, held[d:].tolist(), strict=True)),
        government_votes=dict(zip(names, votes[:d].tolist(), strict=True)),
        opposition_votes=dict(zip(names, votes[d:].tolist(), strict=True)),
        tied=() if tie is None else tuple(stands[i] for i in tie.parties),
        tied_seats=0 if tie is None else tie.seats,
        rule=rule,
        house=house,
    )


def local_seats(attribution: Attribution, seats: int = 100, rule: str = "dhondt") -> np.ndarray:
    """A parliament for every row: seats ``(n, d)`` by absolute effect.

    Rows sum to ``seats``. A row in which every effect is zero elects nobody and is all zero.

    Parameters
    ----------
    attribution
        k = 1.
    seats
        House size of each row.
    rule
        A name in :data:`xai.dhondt.RULES`.

    Raises
    ------
    InputError
        If there is more than one output, a value is not finite, or the law cannot be used.
    """
    house = check_house(seats)
    votes = attribution.votes("abs")
    _require_finite(attribution)
    result = np.zeros(votes.shape, dtype=np.int64)
    voting = votes.any(axis=1)
    result[voting] = allocate(votes[voting], house, rule)
    return result


def local_majority(attribution: Attribution, seats: int = 100, rule: str = "dhondt") -> np.ndarray:
    """The fewest units with more than half of a row's seats, as a boolean mask ``(n, d)``.

    Largest first, equals in the order of the units; a row that elects nobody has an empty coalition. Its row
    sums are the sizes of the coalitions: how few features carry one decision.

    Parameters
    ----------
    attribution, seats, rule
        As in :func:`local_seats`, with the same errors.
    """
    held = local_seats(attribution, seats, rule)
    order = np.argsort(-held, axis=1, kind="stable")
    ranked = np.take_along_axis(held, order, axis=1)
    before = np.cumsum(ranked, axis=1) - ranked
    needed = (2 * before <= seats) & (ranked > 0)
    result = np.zeros(held.shape, dtype=bool)
    np.put_along_axis(result, order, needed, axis=1)
    return result


def _require_finite(attribution: Attribution) -> None:
    bad = np.argwhere(~np.isfinite(attribution.values[:, :, 0]))
    if len(bad):
        row, unit = bad[0]
        raise InputError(
            f"'{attribution.units.names[unit]}' has {attribution.values[row, unit, 0]} in row "
            f"{attribution.rows[row]}: effects must be finite numbers."
        )
