"""How sure the seats are: the election held again on resampled rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ..core.errors import InputError
from .apportionment import allocate
from .ballot import Alliances, eligible, make_ballot
from .election import elect
from .parliament import Parliament

if TYPE_CHECKING:
    import pandas as pd

    from ..core.attribution import Attribution, VoteKind

_BLOCK = 1 << 22  # resampling weights held at a time


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """Seats under resampling of the rows. Made by :func:`xai.dhondt.uncertainty`.

    Attributes
    ----------
    parliament
        The election on all rows.
    parties
        p names, in the order of the ballot paper.
    samples
        ``(n_boot, p)`` seats in each resample; a resample in which nobody passes the threshold is all zero.
    intervals
        Party to (low, high): central ``level`` interval of its seats, whole numbers that occurred.
    rank_probability
        ``(p, p)``: entry (i, r) is the share of resamples in which party i is at rank r, 0 the largest. Ranked
        by seats, equal seats by votes, equal votes by ballot order; barred parties come last.
    largest_probability
        Party to the share of resamples in which it is the largest.
    seat_probability
        Party to the share of resamples in which it wins a seat.
    too_close_to_call
        Pairs of neighbours in the ranking of ``parliament`` whose order flips in more than ``1 - level`` of
        the resamples.
    failed
        Share of resamples in which nobody passes the threshold.
    level, n_boot, seed
        As asked for.
    """

    parliament: Parliament
    parties: tuple[str, ...]
    samples: np.ndarray
    intervals: dict[str, tuple[int, int]]
    rank_probability: np.ndarray
    largest_probability: dict[str, float]
    seat_probability: dict[str, float]
    too_close_to_call: tuple[tuple[str, str], ...]
    failed: float
    level: float
    n_boot: int
    seed: int

    def to_frame(self) -> pd.DataFrame:
        """One row a party: party, seats, low, high, mean, sd, p_largest, p_seat."""
        import pandas as pd

        low, high = zip(*self.intervals.values(), strict=True)
        return pd.DataFrame(
            {
                "party": list(self.parties),
                "seats": list(self.parliament.seats.values()),
                "low": low,
                "high": high,
                "mean": self.samples.mean(axis=0),
                "sd": self.samples.std(axis=0),
                "p_largest": list(self.largest_probability.values()),
                "p_seat": list(self.seat_probability.values()),
            }
        )


def uncertainty(
    a: Attribution,
    seats: int = 100,
    n_boot: int = 1000,
    seed: int = 0,
    *,
    rule: str = "dhondt",
    level: float = 0.95,
    alliances: Alliances | None = None,
    threshold: float = 0.0,
    exclude: Sequence[str] = (),
    votes: VoteKind = "abs",
) -> Uncertainty:
    """Hold the election on bootstrap resamples of the explained rows.

    It says how far the seats depend on which rows happened to be explained; it does not refit the model.

    Parameters
    ----------
    a
        k = 1, at least two rows.
    seats, rule, alliances, threshold, exclude
        The law, as in :func:`xai.dhondt.elect`; ties go by order.
    n_boot
        Number of resamples.
    seed
        Same seed, same result.
    level
        Of the intervals, in (0, 1).
    votes
        ``"abs"``, ``"positive"`` or ``"negative"``, see :meth:`xai.Attribution.votes`.

    Raises
    ------
    InputError
        If there are fewer than two rows, or the law or the votes cannot be used.
    """
    if not 0 < level < 1:
        raise InputError(f"level is a probability in (0, 1), not {level:g}: write 0.95 for 95 %.")
    if n_boot < 1:
        raise InputError(f"n_boot must be at least 1, not {n_boot}.")
    ballots = a.votes(votes)
    n = len(ballots)
    if n < 2:
        raise InputError(f"resampling rows needs at least two, but {n} were explained.")
    names = a.units.names
    whole = dict(zip(names, ballots.mean(axis=0).tolist(), strict=True))
    parliament = elect(whole, seats, rule, threshold, alliances, exclude)
    ballot = make_ballot(names, alliances, exclude)
    counted = ballot.party_votes(_resampled_means(ballots, n_boot, seed))
    running = np.where(eligible(counted, threshold), counted, 0.0)
    held = np.zeros(running.shape, dtype=np.int64)
    voting = running.any(axis=1)
    held[voting] = allocate(running[voting], seats, rule)
    # lexsort ranks by its last key first: most seats, then most votes, then ballot order (it is stable).
    order = np.lexsort((-counted, -running, -held), axis=1)
    ranks = np.argsort(order, axis=1)
    p = len(ballot.parties)
    rank_probability = np.stack([(ranks == r).mean(axis=0) for r in range(p)], axis=1)
    tail = (1 - level) / 2
    low, high = np.quantile(held, [tail, 1 - tail], axis=0, method="inverted_cdf").astype(int).tolist()
    return Uncertainty(
        parliament=parliament,
        parties=ballot.parties,
        samples=held,
        intervals=dict(zip(ballot.parties, zip(low, high, strict=True), strict=True)),
        rank_probability=rank_probability,
        largest_probability=dict(zip(ballot.parties, rank_probability[:, 0].tolist(), strict=True)),
        seat_probability=dict(zip(ballot.parties, (held > 0).mean(axis=0).tolist(), strict=True)),
        too_close_to_call=_close_pairs(parliament, ranks, 1 - level),
        failed=float(1 - voting.mean()),
        level=level,
        n_boot=n_boot,
        seed=seed,
    )


def _resampled_means(values: np.ndarray, n_boot: int, seed: int) -> np.ndarray:
    """Column means ``(n_boot, d)`` of rows drawn with replacement."""
    rng = np.random.default_rng(seed)
    n = len(values)
    step = max(1, _BLOCK // n)
    means = []
    for start in range(0, n_boot, step):
        count = min(step, n_boot - start)
        drawn = rng.integers(n, size=(count, n)) + n * np.arange(count)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=count * n).reshape(count, n)
        means.append(weights.astype(float) @ values / n)
    return np.concatenate(means)


def _close_pairs(p: Parliament, ranks: np.ndarray, allowed: float) -> tuple[tuple[str, str], ...]:
    standing = {party: (count, p.votes[party] * (party not in p.barred)) for party, count in p.seats.items()}
    order = sorted(range(len(standing)), key=lambda i: list(standing.values())[i], reverse=True)
    return tuple(
        (p.parties[first], p.parties[second])
        for first, second in pairwise(order)
        if (ranks[:, first] > ranks[:, second]).mean() > allowed
    )
