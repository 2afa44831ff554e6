"""An election: votes of units to a parliament of parties."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal, get_args

import numpy as np

from ..core.attribution import as_votes
from ..core.errors import InputError, unknown_names
from .apportionment import Tie, allocate, check_house, find_tie
from .ballot import Alliances, eligible, make_ballot, shares
from .parliament import Parliament
from .rules import get_rule

Ties = Literal["order", "largest", "random", "fractional"]


def elect(  # noqa: PLR0917  # the public contract fixes the signature
    votes: Any,
    seats: int = 100,
    rule: str = "dhondt",
    threshold: float = 0.0,
    alliances: Alliances | None = None,
    exclude: Sequence[str] = (),
    ties: Ties = "order",
    seed: int = 0,
) -> Parliament:
    """Elect a parliament.

    Parameters
    ----------
    votes
        Unit to votes as a mapping or Series, or an Attribution with k = 1 (its mean absolute values vote).
    seats
        House size M.
    rule
        A name in :data:`xai.dhondt.RULES`.
    threshold
        Share in [0, 1) of the votes left after exclusions. A party below it is barred; a share of exactly the threshold
        stays in. An alliance counts as one party.
    alliances
        Alliance name to its members, or a sequence of member lists. An alliance's seats are handed out
        among its members by the same rule.
    exclude
        Units that do not stand.
    ties
        Who gets seats to which several parties have exactly the same claim: ``"order"``: those earlier on the ballot
        paper (alliances first, then units in their order); ``"largest"``: those with more votes, then by
        order; ``"random"``: drawn by lot with ``seed``; ``"fractional"``: by order too, as seats are whole, but the
        seat shares and indices are those of ``expected_seats``, which treat the tied alike.
    seed
        Seed of the lots.

    Returns
    -------
    Parliament
        Ties are reported in ``.tied`` whichever way they were broken.

    Raises
    ------
    InputError
        On votes that are negative, not finite or all zero, seats that are not whole or below 1, a threshold outside
        [0, 1) or above every party, and unknown, repeated or overlapping names.
    """
    names, unit_votes = as_votes(votes)
    if ties not in get_args(Ties):
        raise InputError(unknown_names("way to break ties", [ties], get_args(Ties)))
    get_rule(rule)
    house = check_house(seats)
    _check_unit_votes(names, unit_votes)
    ballot = make_ballot(names, alliances, exclude)
    counted = ballot.party_votes(unit_votes)
    if not counted.any():
        raise InputError("all votes are zero: nobody can be elected.")
    passed = eligible(counted, threshold)
    if not passed.any():
        best = int(counted.argmax())
        raise InputError(
            f"nobody passes the threshold of {threshold:g}: the largest party, '{ballot.parties[best]}', has a share "
            f"of {shares(counted)[best]:.4g}. Lower the threshold."
        )
    seat = partial(_seat, rule=rule, ties=ties, seed=seed)
    held, tie = seat(np.where(passed, counted, 0.0), house)
    expected = held.astype(float)
    if tie is not None:
        expected = tie.base.astype(float)
        expected[list(tie.parties)] += tie.seats / len(tie.parties)
    inside: dict[str, int] = {}
    for count, members, columns in zip(held.tolist(), ballot.members, ballot.columns, strict=True):
        split = [count] if len(members) == 1 else seat(unit_votes[list(columns)], count)[0].tolist()
        inside |= dict(zip(members, split, strict=True))
    standing = [name for name in names if name in inside]
    alone = unit_votes[[name in inside for name in names]]
    alone_seats, _ = seat(np.where(eligible(alone, threshold), alone, 0.0), house)
    return Parliament(
        seats=dict(zip(ballot.parties, held.tolist(), strict=True)),
        expected_seats=dict(zip(ballot.parties, expected.tolist(), strict=True)),
        votes=dict(zip(ballot.parties, counted.tolist(), strict=True)),
        members=dict(zip(ballot.parties, ballot.members, strict=True)),
        member_seats={name: inside[name] for name in standing},
        standalone=dict(zip(standing, alone_seats.tolist(), strict=True)),
        barred=tuple(party for party, ok in zip(ballot.parties, passed, strict=True) if not ok),
        tied=() if tie is None else tuple(ballot.parties[i] for i in tie.parties),
        tied_seats=0 if tie is None else tie.seats,
        rule=rule,
        threshold=float(threshold),
        ties=ties,
        house=house,
    )


def _check_unit_votes(names: Sequence[str], votes: np.ndarray) -> None:
    for name, value in zip(names, votes.tolist(), strict=True):
        if not np.isfinite(value):
            raise InputError(f"'{name}' has {value} votes: votes must be finite numbers.")
        if value < 0:
            raise InputError(
                f"'{name}' has {value:g} votes: votes must not be negative. "
                "For signed effects use abs(value), or elect_signed on an attribution."
            )


def _seat(votes: np.ndarray, house: int, *, rule: str, ties: Ties, seed: int) -> tuple[np.ndarray, Tie | None]:
    """Seats of one election and its tie; nobody is seated where there are no seats or no votes."""
    if not house or not votes.any():
        return np.zeros(len(votes), dtype=np.int64), None
    held = allocate(votes, house, rule)
    tie = find_tie(votes, held, get_rule(rule))
    if tie is None or ties in ("order", "fractional"):
        return held, tie
    tied = np.array(tie.parties)
    if ties == "largest":
        winners = tied[np.argsort(-votes[tied], kind="stable")][: tie.seats]
    else:
        winners = np.random.default_rng(seed).permutation(tied)[: tie.seats]
    held = tie.base.copy()
    held[winners] += 1
    return held, tie
