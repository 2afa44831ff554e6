"""The allocation engine: votes to seats, many elections at once, exactly.

Divisor rules give party i as many seats as it has quotients v_i / d(s) above a common threshold. The engine
guesses the threshold, counts, and walks the few seats up or down to the house size; its cost hardly depends on the
house size. Floats are exact rationals: wherever two quotients that decide a seat are too close for float
division to tell apart, the row is settled again with exact fractions.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from numbers import Real
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..core.errors import InputError
from .rules import Rule, get_rule

if TYPE_CHECKING:
    from collections.abc import Callable

    _OfArray = Callable[[np.ndarray], np.ndarray]

MAX_SEATS = 10**9
# Far above the error of one float division, far below the gap between two quotients of one party in the largest house.
_CLOSE = 1e-12
_BLOCK = 1 << 17  # entries worked on at a time: a dozen temporaries of one MiB


@dataclass(frozen=True)
class Tie:
    """Parties whose claims to the last seats are exactly equal.

    Attributes
    ----------
    parties
        Positions of the tied parties.
    seats
        How many seats they compete for; fewer than parties.
    base
        Seats of every party without the tied ones, ``(d,)``.
    """

    parties: tuple[int, ...]
    seats: int
    base: np.ndarray


def allocate(votes: np.ndarray, seats: int | np.ndarray, rule: str = "dhondt") -> np.ndarray:
    """Seats of one election, or of many at once.

    Parameters
    ----------
    votes
        ``(d,)`` or ``(n, d)``, non-negative and finite; every row needs some votes.
    seats
        House size, or one a row, ``(n,)``. Whole, from 1 to 10^9.
    rule
        A name in :data:`xai.dhondt.RULES`.

    Returns
    -------
    np.ndarray
        Integers of the same shape; rows sum to ``seats``.

    Raises
    ------
    InputError
        On votes or seats that cannot be used, or an unknown rule.

    Notes
    -----
    Exact: floats are taken as the rationals they are, and exactly equal claims to the last seat go to the lowest index.
    Rules with d(0) = 0 (Huntington-Hill, Adams, Dean) seat every party with votes first; a house smaller than
    that goes to the largest parties, one seat each. Works in blocks of rows: little memory beyond input and result.
    """
    law = get_rule(rule)
    table = np.asarray(votes, dtype=float)
    if table.ndim not in (1, 2) or table.shape[-1] == 0:
        raise InputError(f"votes must have shape (d,) or (n, d) with d > 0, not {table.shape}.")
    rows = np.atleast_2d(table)
    _check_votes(rows, single=table.ndim == 1)
    houses = check_seats(seats, len(rows))
    result = np.empty(rows.shape, dtype=np.int64)
    step = max(1, _BLOCK // rows.shape[1])
    for start in range(0, len(rows), step):
        block = slice(start, start + step)
        result[block] = _allocate_block(rows[block], houses[block], law)
    return result.reshape(table.shape)


def find_tie(votes: np.ndarray, seats: np.ndarray, rule: Rule) -> Tie | None:
    """The tie for the last seats of one election that :func:`allocate` has held, or ``None``.

    Parameters
    ----------
    votes, seats
        ``(d,)`` votes, and the seats they were given.
    rule
        The rule that gave them.
    """
    claims: dict[int, Any]  # a party's claim to its next seat, or to its last one where that was the last handed out
    if rule.divisor is None:
        floors, remainders, left = _quotas(votes, int(seats.sum()))
        if not left:
            return None
        claims = dict(enumerate(remainders))
        last: Any = sorted(remainders, reverse=True)[left - 1]
        base = np.array(floors)
        base[[i for i, remainder in claims.items() if remainder > last]] += 1
    else:
        base = seats.copy()
        lasts = {i: _claim(rule, votes[i], int(seats[i]) - 1) for i in np.flatnonzero(seats).tolist()}
        last = min(lasts.values())
        claims = {i: _claim(rule, votes[i], int(seats[i])) for i in np.flatnonzero(votes).tolist()}
        for i, claim in lasts.items():
            if claim == last:
                claims[i] = last
                base[i] -= 1
    tied = tuple(i for i, claim in sorted(claims.items()) if claim == last)
    stake = int(seats.sum() - base.sum())
    return Tie(tied, stake, base) if len(tied) > stake else None


def check_seats(seats: int | np.ndarray, n: int) -> np.ndarray:
    """House sizes as ``(n,)`` integers.

    Raises
    ------
    InputError
        Unless they are whole, from 1 to 10^9, and one or n in number.
    """
    try:
        houses = np.asarray(seats, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"seats must be a whole number, not {seats!r}.") from None
    if houses.ndim > 1 or (houses.ndim == 1 and len(houses) != n):
        raise InputError(f"seats must be one number or one a row ({n}), not of shape {houses.shape}.")
    bad = houses[~(np.isfinite(houses) & (houses == np.floor(houses)) & (houses >= 1) & (houses <= MAX_SEATS))]
    if bad.size:
        raise InputError(f"seats must be a whole number from 1 to {MAX_SEATS:,}, not {bad.flat[0]:g}.")
    return np.broadcast_to(houses, (n,)).astype(np.int64)


def check_house(seats: object) -> int:
    """One house size.

    Raises
    ------
    InputError
        Unless it is one whole number from 1 to 10^9.
    """
    if not isinstance(seats, Real):
        raise InputError(f"seats must be one whole number, not {seats!r}.")
    return int(check_seats(np.asarray(float(seats)), 1)[0])


def _check_votes(rows: np.ndarray, *, single: bool) -> None:
    valid = np.isfinite(rows) & (rows >= 0)
    if not valid.all():
        row, party = np.argwhere(~valid)[0]
        place = f"party {party}" if single else f"party {party} of row {row}"
        raise InputError(f"votes must be finite and not negative, but {place} has {rows[row, party]}.")
    empty = np.flatnonzero(~rows.any(axis=1))
    if len(empty):
        where = "all votes are zero" if single else f"all votes of row {empty[0]} are zero"
        raise InputError(f"{where}: nobody can be elected.")


def _allocate_block(votes: np.ndarray, houses: np.ndarray, rule: Rule) -> np.ndarray:
    # A power of two changes no ratio; tiny votes that underflow win no seat anyway (first seats look at `votes`).
    exponents = np.frexp(votes.max(axis=1))[1]
    scaled = votes if np.abs(exponents).max(initial=0) < 500 else np.ldexp(votes, -exponents[:, None])
    if rule.divisor is None:
        return _hamilton(votes, scaled, houses)
    if not rule.seats_everyone:
        return _highest_averages(votes, scaled, houses, rule)
    small = houses < (votes > 0).sum(axis=1)
    result = np.empty(votes.shape, dtype=np.int64)
    result[~small] = _highest_averages(votes[~small], scaled[~small], houses[~small], rule)
    order = np.argsort(-votes[small], axis=1, kind="stable")
    ranks = np.argsort(order, axis=1)
    result[small] = ranks < houses[small, None]
    return result


def _highest_averages(votes: np.ndarray, scaled: np.ndarray, houses: np.ndarray, rule: Rule) -> np.ndarray:
    seats = _start(votes, scaled, houses, rule)
    gap = houses - seats.sum(axis=1).astype(np.int64)
    with np.errstate(divide="ignore", invalid="ignore"):
        # Up: a seat to the largest next quotient. Down: a seat from the smallest last one.
        for sign, quotient in ((1, _following), (-1, _last)):
            rows = np.flatnonzero(sign * gap > 0)
            if not len(rows):
                continue
            quotients = sign * quotient(votes[rows], scaled[rows], seats[rows], rule)
            while len(rows):
                party = quotients.argmax(axis=1)
                seats[rows, party] += sign
                gap[rows] -= sign
                changed = quotient(votes[rows, party], scaled[rows, party], seats[rows, party], rule)
                quotients[np.arange(len(rows)), party] = sign * changed
                going = gap[rows] != 0
                if not going.all():
                    rows, quotients = rows[going], quotients[going]
        following, last = (quotient(votes, scaled, seats, rule) for quotient in (_following, _last))
    result = seats.astype(np.int64)
    close = np.flatnonzero(last.min(axis=1) <= following.max(axis=1) * (1 + _CLOSE))
    if len(close):
        result[close] = _settle(votes[close], following[close], last[close], result[close], rule)
    return result


def _start(votes: np.ndarray, scaled: np.ndarray, houses: np.ndarray, rule: Rule) -> np.ndarray:
    """Seats for a common threshold quotient near the right one: a true allocation, of nearly the right house size."""
    count = cast("_OfArray", rule.count)
    in_play = votes > 0
    factor = rule.slope * (houses + in_play.sum(axis=1) * (rule.shift - 0.5)) / scaled.sum(axis=1)
    seats = count(scaled * factor[:, None]) * in_play
    for _ in range(8):  # Newton's method on a piecewise linear function; what it leaves is walked seat by seat
        gap = houses - seats.sum(axis=1)
        rows = np.flatnonzero(np.abs(gap) > 10)
        if not len(rows):
            break
        x = scaled[rows]
        moving = np.maximum((x * (seats[rows] > 0)).sum(axis=1), x.max(axis=1))
        factor[rows] = np.maximum(factor[rows] + rule.slope * gap[rows] / moving, factor[rows] / 2)
        seats[rows] = count(x * factor[rows, None]) * in_play[rows]
    return seats


def _following(votes: np.ndarray, scaled: np.ndarray, seats: np.ndarray, rule: Rule) -> np.ndarray:
    """Quotient of each party's next seat."""
    quotients: np.ndarray = scaled / cast("_OfArray", rule.divisor)(seats)
    return np.where(votes > 0, quotients, 0.0) if rule.seats_everyone else quotients


def _last(_: np.ndarray, scaled: np.ndarray, seats: np.ndarray, rule: Rule) -> np.ndarray:
    """Quotient of each party's last seat, infinite where it has none to lose."""
    price = cast("_OfArray", rule.divisor)(np.maximum(seats - 1, 0.0))
    seated = (seats > 0) & (price > 0) if rule.seats_everyone else seats > 0
    return np.where(seated, scaled / price, np.inf)


def _settle(votes: np.ndarray, following: np.ndarray, last: np.ndarray, seats: np.ndarray, rule: Rule) -> np.ndarray:
    """Hand out again, exactly, the seats whose quotients lie too close together for floats."""
    low, high = last.min(axis=1, keepdims=True), following.max(axis=1, keepdims=True)
    losing = last <= np.maximum(low, high) * (1 + _CLOSE)
    open_ = losing | (following >= np.minimum(low, high) * (1 - _CLOSE))
    base = seats - losing
    stake = losing.sum(axis=1)
    # Equal votes with equal seats (duplicated features) are equal claims: the lowest index wins, no fractions needed.
    first = open_.argmax(axis=1)[:, None]
    same = (votes == np.take_along_axis(votes, first, 1)) & (base == np.take_along_axis(base, first, 1))
    result: np.ndarray = base + (open_ & (np.cumsum(open_, axis=1) <= stake[:, None]))
    for row in np.flatnonzero((open_ & ~same).any(axis=1)):
        claims = {i: _claim(rule, votes[row, i], int(base[row, i])) for i in np.flatnonzero(open_[row])}
        ranked = sorted(claims, key=claims.__getitem__, reverse=True)  # stable: equal claims keep the index order
        result[row] = base[row]
        result[row, ranked[: stake[row]]] += 1
    return result


def _claim(rule: Rule, votes: float, seats: int) -> tuple[bool, Fraction]:
    """Exact, comparable form of votes / d(seats); first seats that cost nothing come before all others."""
    price = cast("Callable[[int], Fraction]", rule.exact)(seats)
    exact = Fraction(float(votes))
    if price == 0:
        return True, exact
    return False, (exact * exact if rule.squared else exact) / price


def _hamilton(votes: np.ndarray, scaled: np.ndarray, houses: np.ndarray) -> np.ndarray:
    n_parties = votes.shape[1]
    quotas = scaled * (houses / scaled.sum(axis=1))[:, None]
    floors = np.floor(quotas)
    remainders = np.where(votes > 0, quotas - floors, -1.0)
    left = houses - floors.sum(axis=1).astype(np.int64)
    order = np.argsort(-remainders, axis=1, kind="stable")
    ranks = np.argsort(order, axis=1)
    result: np.ndarray = floors.astype(np.int64) + (ranks < left[:, None])
    # Where rounding could have moved a quota across a whole number, or the last remainders past each other:
    slack = 8 * np.finfo(float).eps * (n_parties + 8) * houses
    unsure = ((votes > 0) & (np.minimum(remainders, 1 - remainders) <= slack[:, None])).any(axis=1)
    unsure |= (left < 0) | (left >= n_parties)
    at = np.clip(left, 1, n_parties - 1)[:, None] if n_parties > 1 else None
    if at is not None:
        ordered = np.take_along_axis(remainders, order, 1)
        gap = np.take_along_axis(ordered, at - 1, 1) - np.take_along_axis(ordered, at, 1)
        unsure |= (left > 0) & (gap[:, 0] <= 2 * slack)
    for row in np.flatnonzero(unsure):
        whole, rest, seats_left = _quotas(votes[row], int(houses[row]))
        ranked = sorted(range(n_parties), key=rest.__getitem__, reverse=True)
        result[row] = whole
        result[row, ranked[:seats_left]] += 1
    return result


def _quotas(votes: np.ndarray, house: int) -> tuple[list[int], list[int], int]:
    """Whole quotas, remainders (over a common denominator) and seats left, in exact integers."""
    ratios = [float(value).as_integer_ratio() for value in votes]
    denominator = max(below for _, below in ratios)  # powers of two: the largest is a multiple of all
    whole = [above * (denominator // below) for above, below in ratios]
    total = sum(whole)
    floors, remainders = [list(part) for part in zip(*(divmod(value * house, total) for value in whole), strict=True)]
    return floors, remainders, house - sum(floors)
