"""Games against one background row at a time, whose mean is the interventional game."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ...core.errors import InputError
from ...core.game import Game
from ...models import Model
from ...models.masking import Mixer, membership

if TYPE_CHECKING:
    import pandas as pd

Tick = Callable[[float], None]
"""Told the fraction of one row's work that is done."""


@dataclass(frozen=True)
class ReferenceGame:
    """The games ``v_z(S) = f(x_S, z_-S)`` of one row, one for each background row z.

    Shapley values are linear in the game, so those of the mean game are the mean of these games' values: an
    estimator may pay one model row an evaluation instead of all background rows.

    Attributes
    ----------
    play
        Masks ``(m, d)`` booleans and positions of references ``(m,)`` to outputs ``(m, k)``.
    differs
        ``(n_references, d)`` booleans: whether a unit of the row differs from the reference. Where it does not, it
        is a null player of that game and its step costs nothing.
    output_names
        One name an output.
    batch_rows
        Most model rows at once.
    """

    play: Callable[[np.ndarray, np.ndarray], np.ndarray] = field(repr=False)
    differs: np.ndarray
    output_names: tuple[str, ...]
    batch_rows: int = 20_000

    @classmethod
    def of_game(cls, game: Game, batch_rows: int = 20_000) -> ReferenceGame:
        """A game that has no background: one reference, each evaluation counting as one model row."""

        def play(masks: np.ndarray, _: np.ndarray) -> np.ndarray:
            return _in_batches(lambda part: game(masks[part].astype(float)), len(masks), batch_rows)

        return cls(play, np.ones((1, len(game.units)), dtype=bool), game.output_names, batch_rows)

    @classmethod
    def of_row(
        cls,
        model: Model,
        row: pd.DataFrame,
        background: pd.DataFrame,
        index: list[list[int]],
        batch_rows: int = 20_000,
    ) -> ReferenceGame:
        """Games of one checked row; ``index`` holds the column positions of each unit."""
        member = membership(index, row.shape[1])
        mixer = Mixer(row, background)

        def play(masks: np.ndarray, references: np.ndarray) -> np.ndarray:
            return _in_batches(
                lambda part: model.predict_checked(mixer(masks[part] @ member, references[part])),
                len(masks),
                batch_rows,
            )

        return cls(play, mixer.differs() @ member.T, model.output_names, batch_rows)

    @property
    def n_units(self) -> int:
        """Number of units."""
        return int(self.differs.shape[1])

    @property
    def active(self) -> np.ndarray:
        """``(d,)`` booleans: units that differ from some reference; the others are null players."""
        return np.asarray(self.differs.any(axis=0))

    @property
    def n_references(self) -> int:
        """Number of background rows."""
        return len(self.differs)

    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        """Outputs without any unit, one a reference ``(n_references, k)``, and with all units ``(k,)``."""
        d, n = self.n_units, self.n_references
        masks = np.zeros((n + 1, d), dtype=bool)
        masks[n] = True
        answers = self.play(masks, np.append(np.arange(n), 0))
        return answers[:n], answers[n]

    def mean(self, masks: np.ndarray, tick: Tick | None = None) -> np.ndarray:
        """Outputs ``(m, k)`` of the mean game for masks ``(m, d)``; costs ``m * n_references`` model rows."""
        n = self.n_references
        per_block = max(1, self.batch_rows // n)
        blocks = []
        for start in range(0, len(masks), per_block):
            block = masks[start : start + per_block]
            answers = self.play(np.repeat(block, n, axis=0), np.tile(np.arange(n), len(block)))
            blocks.append(answers.reshape(len(block), n, -1).mean(axis=1))
            if tick is not None:
                tick(min(1.0, (start + len(block)) / len(masks)))
        return np.concatenate(blocks)

    def restricted(self, active: np.ndarray) -> ReferenceGame:
        """The game of some units ``(d,)``, the others staying absent."""
        keep = np.flatnonzero(active)

        def play(masks: np.ndarray, references: np.ndarray) -> np.ndarray:
            whole = np.zeros((len(masks), len(active)), dtype=bool)
            whole[:, keep] = masks
            return self.play(whole, references)

        return ReferenceGame(play, self.differs[:, keep], self.output_names, self.batch_rows)


def _in_batches(answer: Callable[[slice], np.ndarray], n: int, batch_rows: int) -> np.ndarray:
    parts = [answer(slice(start, start + batch_rows)) for start in range(0, n, batch_rows)]
    return np.concatenate(parts)


def check_affordable(game: ReferenceGame, budget: int, least: int, what: str) -> None:
    """Refuse a budget that does not cover the least an estimator needs.

    Raises
    ------
    InputError
        With both numbers.
    """
    needed = game.n_references + 1 + least
    if budget < needed:
        raise InputError(
            f"a budget of {budget:,} model rows is too small: {what} of {game.n_units} units against "
            f"{game.n_references} background rows takes at least {needed:,}. Raise budget, or lower n_background."
        )
