"""What a model decides, read off its outputs: the largest of several, or which side of a threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core.game import Game


@dataclass(frozen=True)
class Decision:
    """How outputs become an answer.

    Attributes
    ----------
    output_names
        Names of the k outputs.
    threshold
        For k = 1: the answer is whether the output lies above it. 0 suits a margin, 0.5 a probability. Several
        outputs need none: the largest wins, the first of equal ones.
    """

    output_names: tuple[str, ...]
    threshold: float = 0.0

    @property
    def answers(self) -> tuple[str, ...]:
        """All possible answers."""
        if len(self.output_names) > 1:
            return self.output_names
        name = self.output_names[0]
        return (f"{name} not above {self.threshold:g}", f"{name} above {self.threshold:g}")

    def of(self, outputs: np.ndarray) -> np.ndarray:
        """Positions in :attr:`answers` for outputs ``(n, k)``, ``(n,)`` int."""
        if outputs.shape[1] > 1:
            return np.asarray(outputs.argmax(axis=1))
        return np.asarray((outputs[:, 0] > self.threshold).astype(int))

    def name(self, outputs: np.ndarray) -> str:
        """The answer for one row of outputs ``(k,)``."""
        return self.answers[int(self.of(outputs[None])[0])]

    def margin(self, outputs: np.ndarray, winner: int, runner_up: int) -> np.ndarray:
        """How far ``winner`` leads over ``runner_up`` (both positions in :attr:`answers`), ``(n,)``.

        With one output, that is its distance from the threshold, on the side of the winner.
        """
        if outputs.shape[1] > 1:
            return np.asarray(outputs[:, winner] - outputs[:, runner_up])
        return np.asarray((outputs[:, 0] - self.threshold) * (1.0 if winner else -1.0))

    def rival(self, outputs: np.ndarray, winner: int) -> int:
        """The best answer besides ``winner`` for one row of outputs ``(k,)``."""
        if len(outputs) == 1:
            return 1 - winner
        others = outputs.copy()
        others[winner] = -np.inf
        return int(others.argmax())


def decision_of(game: Game, threshold: float) -> Decision:
    """How the outputs of a game become an answer."""
    return Decision(game.output_names, float(threshold))
