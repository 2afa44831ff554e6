"""From scores to an answer: the best candidates vote."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .options import Ties


@dataclass(frozen=True, eq=False)
class Ballot:
    """One vote.

    Attributes
    ----------
    order
        ``(N,)`` candidates, best first.
    counts
        ``(C,)`` votes of each class among the voters.
    n_voters
        K, or more where a tie was broken by adding voters.
    winner
        The class with most votes.
    tied
        Whether several classes had as many votes at the end, so that the first of them was taken.
    """

    order: np.ndarray
    counts: np.ndarray
    n_voters: int
    winner: int
    tied: bool


def vote(scores: np.ndarray, labels: np.ndarray, n_classes: int, k: int, ties: Ties) -> Ballot:
    """The vote of the ``k`` best candidates; equal scores keep the order of the candidates.

    Parameters
    ----------
    scores
        ``(N,)`` higher is better.
    labels
        ``(N,)`` class of each candidate, from 0 to C - 1.
    """
    order = np.argsort(-scores, kind="stable")
    counts = np.cumsum(np.eye(n_classes, dtype=int)[labels[order]], axis=0)[k - 1 :]
    leaders = (counts == counts.max(axis=1, keepdims=True)).sum(axis=1)
    last = 0
    if ties == "grow" and leaders[0] > 1:
        clear = np.flatnonzero(leaders == 1)
        last = int(clear[0]) if clear.size else 0
    return Ballot(order, counts[last], k + last, int(counts[last].argmax()), bool(leaders[last] > 1))
