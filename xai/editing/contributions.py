"""Which units carried a flip: each edited unit put back on its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core.game import Game
from ..core.units import Units
from .decision import Decision

_ADDITIVE = 1e-6


@dataclass(frozen=True, eq=False)
class Contributions:
    """What each unit's change did to the lead of one answer over another.

    Attributes
    ----------
    values
        ``(d,)`` in the game's units: the lead with the whole edit, minus the lead when this unit alone is put back.
        Zero for units whose weight did not change.
    rest
        Change of the lead minus the sum of ``values``: what units did together. Zero for an additive game.
    winner, runner_up
        The two answers.
    before, after
        The lead of ``winner`` over ``runner_up`` under the two masks.
    units
        What the d entries are.
    """

    values: np.ndarray
    rest: float
    winner: str
    runner_up: str
    before: float
    after: float
    units: Units

    @property
    def additive(self) -> bool:
        """Whether the values alone explain the change of the lead, to rounding."""
        size = max(abs(self.before), abs(self.after), float(np.abs(self.values).max()), 1e-12)
        return abs(self.rest) <= _ADDITIVE * size


def contributions(game: Game, decision: Decision, before: np.ndarray, after: np.ndarray) -> Contributions:
    """Effects of single units on the lead of the new answer over the old one.

    If the answer stayed, the two are the answer and its best rival under ``after``.

    Parameters
    ----------
    game, decision
        The game and how its outputs become an answer.
    before, after
        Masks ``(d,)`` within the game's domain.
    """
    changed = np.flatnonzero(before != after)
    masks = np.vstack([before, after, np.repeat(after[None], len(changed), axis=0)])
    masks[np.arange(len(changed)) + 2, changed] = before[changed]
    outputs = game(masks)
    old, winner = (int(i) for i in decision.of(outputs[:2]))
    runner_up = old if old != winner else decision.rival(outputs[1], winner)
    leads = decision.margin(outputs, winner, runner_up)
    values = np.zeros(len(game.units))
    values[changed] = leads[1] - leads[2:]
    return Contributions(
        values=values,
        rest=float(leads[1] - leads[0] - values.sum()),
        winner=decision.answers[winner],
        runner_up=decision.answers[runner_up],
        before=float(leads[0]),
        after=float(leads[1]),
        units=game.units,
    )
