"""The result of an election."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..core.errors import InputError
from .ballot import shares
from .indices import INDICES
from .power import PowerIndex, power

if TYPE_CHECKING:
    import pandas as pd


class Majority(NamedTuple):
    """The smallest coalition with more than half of the seats, largest party first, and the seats it holds."""

    parties: tuple[str, ...]
    seats: int


@dataclass(frozen=True)
class Parliament:
    """Seats of parties. Made by :func:`xai.dhondt.elect`.

    Attributes
    ----------
    seats
        Party to seats, in the order of the ballot paper (alliances first); they sum to ``house``.
    expected_seats
        The same with tied seats shared evenly among the tied, whichever way the tie was broken.
    votes
        Party to votes, barred parties included.
    members
        Party to the names of its units; a single unit has itself.
    member_seats
        Unit to seats: those of an alliance are handed out among its members by the same rule.
    standalone
        Unit to the seats it would win if nobody were allied, under the same law. All zero if nobody would pass the
        threshold alone.
    barred
        Parties below the threshold.
    tied
        Parties with exactly equal claims to the last ``tied_seats`` seats; empty if there was no tie.
    tied_seats
        How many seats the tied parties competed for.
    rule, threshold, ties, house
        The electoral law and the number of seats.
    """

    seats: dict[str, int]
    expected_seats: dict[str, float]
    votes: dict[str, float]
    members: dict[str, tuple[str, ...]]
    member_seats: dict[str, int]
    standalone: dict[str, int]
    barred: tuple[str, ...]
    tied: tuple[str, ...]
    tied_seats: int
    rule: str
    threshold: float
    ties: str
    house: int

    @property
    def parties(self) -> tuple[str, ...]:
        """Names of the parties, in the order of the ballot paper."""
        return tuple(self.seats)

    @cached_property
    def vote_shares(self) -> dict[str, float]:
        """Share of all counted votes (exclusions are not counted, barred parties are)."""
        return dict(zip(self.votes, shares(np.array(list(self.votes.values()))).tolist(), strict=True))

    @cached_property
    def seat_shares(self) -> dict[str, float]:
        """Share of the house: of the expected seats when ``ties="fractional"``, else of the seats."""
        held = self.expected_seats if self.ties == "fractional" else self.seats
        return {party: count / self.house for party, count in held.items()}

    @property
    def barred_share(self) -> float:
        """Share of the counted votes that went to barred parties."""
        return float(sum(self.vote_shares[party] for party in self.barred))

    @property
    def bonus(self) -> dict[str, int]:
        """Seats of each party beyond what its members would win if nobody were allied."""
        return {
            party: count - sum(self.standalone[member] for member in self.members[party])
            for party, count in self.seats.items()
        }

    @cached_property
    def indices(self) -> dict[str, float]:
        """Disproportionality and fragmentation by name, see :data:`xai.dhondt.INDICES`."""
        p, q = (np.array(list(share.values())) for share in (self.vote_shares, self.seat_shares))
        return {name: index(p, q) for name, index in INDICES.items()}

    @property
    def majority(self) -> Majority:
        """The fewest parties with more than half of the seats: the largest ones, ties in ballot order."""
        coalition: list[str] = []
        held = 0
        for party in sorted(self.seats, key=self.seats.__getitem__, reverse=True):
            coalition.append(party)
            held += self.seats[party]
            if 2 * held > self.house:
                break
        return Majority(tuple(coalition), held)

    def power(self, index: PowerIndex = "banzhaf") -> dict[str, float]:
        """Party to normalised voting power, see :func:`xai.dhondt.power.power`."""
        return power(self.seats, index)

    def to_frame(self) -> pd.DataFrame:
        """One row a party: party, members, votes, vote_share, seats, expected_seats, seat_share, bonus, barred."""
        import pandas as pd

        return pd.DataFrame(
            {
                "party": list(self.seats),
                "members": [", ".join(self.members[party]) for party in self.seats],
                "votes": list(self.votes.values()),
                "vote_share": list(self.vote_shares.values()),
                "seats": list(self.seats.values()),
                "expected_seats": list(self.expected_seats.values()),
                "seat_share": list(self.seat_shares.values()),
                "bonus": list(self.bonus.values()),
                "barred": [party in self.barred for party in self.seats],
            }
        )

    def to_json(self, path: str | Path | None = None) -> str:
        """The whole result as exact JSON text, written to ``path`` if given."""
        text = json.dumps({"format": "hemicycle parliament 1"} | asdict(self), ensure_ascii=False)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    @classmethod
    def from_json(cls, path: str | Path) -> Parliament:
        """Read what :meth:`to_json` wrote.

        Raises
        ------
        InputError
            If the file cannot be read or holds no parliament.
        """
        try:
            body: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
            if body.pop("format") != "hemicycle parliament 1":
                raise InputError(f"{path} holds no parliament of this version.")
            members = {party: tuple(names) for party, names in body.pop("members").items()}
            return cls(**body | {"members": members, "barred": tuple(body["barred"]), "tied": tuple(body["tied"])})
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}.") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{path} holds no parliament ({type(error).__name__}: {error}).") from error
