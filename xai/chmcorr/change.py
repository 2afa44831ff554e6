"""Two explanations of one picture side by side: which candidates moved, and which cells carried the change."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..core.errors import InputError
from .explanation import Explanation


@dataclass(frozen=True, eq=False)
class Change:
    """What an edit did.

    Attributes
    ----------
    before, after
        The two explanations.
    winner, runner_up
        The answer after, and the class it is compared with: the answer before, or, if that stayed, the class with the
        next most votes; ``None`` if no other class is in the shortlist.
    terms_before, terms_after
        Grids: what each cell adds to the lead of the winner's exemplars over the runner-up's, in mean score.
    """

    before: Explanation
    after: Explanation
    winner: str
    runner_up: str | None
    terms_before: np.ndarray = field(repr=False)
    terms_after: np.ndarray = field(repr=False)

    @property
    def flipped(self) -> bool:
        """Whether the answer changed."""
        return self.before.label != self.after.label

    @property
    def contributions(self) -> np.ndarray:
        """Grid: what each cell did to the lead; sums to ``lead_after - lead_before``."""
        return np.asarray(self.terms_after - self.terms_before)

    @property
    def lead_before(self) -> float:
        """Mean score of the winner's exemplars minus the runner-up's, under the map before."""
        return float(self.terms_before.sum())

    @property
    def lead_after(self) -> float:
        """The same under the map after."""
        return float(self.terms_after.sum())

    @property
    def ranks(self) -> np.ndarray:
        """``(N, 2)`` rank of each candidate before and after, from 0."""
        return np.stack([np.argsort(one.ballot.order) for one in (self.before, self.after)], axis=1)

    @property
    def entered(self) -> np.ndarray:
        """Places of candidates that vote now and did not before."""
        return self._crossed(0, 1)

    @property
    def left(self) -> np.ndarray:
        """Places of candidates that voted before and do not now."""
        return self._crossed(1, 0)

    def _crossed(self, outside: int, inside: int) -> np.ndarray:
        votes = np.stack([self.ranks[:, 0] < self.before.n_voters, self.ranks[:, 1] < self.after.n_voters], axis=1)
        return np.flatnonzero(~votes[:, outside] & votes[:, inside])


def compare(before: Explanation, after: Explanation) -> Change:
    """What changed between two explanations of one picture.

    The exemplars of both classes are those after, so that the cells' parts add up to the change of the lead.

    Raises
    ------
    InputError
        If the two are of different pictures or candidates.
    """
    if before.matched.digest != after.matched.digest or not np.array_equal(
        before.matched.candidates, after.matched.candidates
    ):
        raise InputError("the two explanations are of different pictures, or have different candidates.")
    winner = after.label
    runner_up = before.label if before.label != winner else _next(after)
    grid = after.matched.gallery.grid
    if runner_up is None:
        nothing = np.zeros(grid)
        return Change(before, after, winner, None, nothing, nothing)
    mine, theirs = after.places(winner), after.places(runner_up)
    terms = [
        (one.scores.terms[mine].mean(axis=0) - one.scores.terms[theirs].mean(axis=0)).reshape(grid)
        for one in (before, after)
    ]
    return Change(before, after, winner, runner_up, *terms)


def _next(explanation: Explanation) -> str | None:
    """The class of the shortlist with most votes besides the winner; of equal ones the one whose best picture leads."""
    others = [name for name in explanation.shortlist if name != explanation.label]
    ordered = sorted(others, key=lambda name: (-explanation.votes[name], explanation.exemplars_of(name)[0].rank))
    return ordered[0] if ordered else None
