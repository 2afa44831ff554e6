"""One person editing one explanation: steps that can be undone, redone, named, noted and taken home."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from ..core.errors import InputError, unknown_names
from ..core.game import Game
from .contributions import Contributions, contributions
from .decision import decision_of
from .masks import check_mask, describe
from .stability import Stability, stability


@dataclass(frozen=True, eq=False)
class Step:
    """One mask that was played.

    Attributes
    ----------
    number
        Place in the history, from 0.
    mask
        ``(d,)`` weights.
    outputs
        ``(k,)`` what the model answered.
    answer
        The outputs as a decision.
    description
        What changed, in words, written by the session.
    note
        What the person wrote beside it.
    """

    number: int
    mask: np.ndarray
    outputs: np.ndarray
    answer: str
    description: str
    note: str = ""


@dataclass(frozen=True, eq=False)
class Outputs:
    """Outputs ``(k,)`` side by side: without any edit, before the last change, and now."""

    original: np.ndarray
    before: np.ndarray
    after: np.ndarray


class EditSession:
    """Edits of the masks of one game, with everything that was tried.

    Parameters
    ----------
    game
        Features, concepts, tokens or patches.
    start
        The mask editing starts from, e.g. the model's own map; by default every unit as it is.
    original
        ``(k,)`` outputs of the model's own decision, where that is not the game's answer to ``start``.
    threshold
        For games with one output: the answer is whether it lies above. 0 suits margins, 0.5 probabilities.

    Raises
    ------
    InputError
        If the start is no mask of this game, or the original outputs do not fit.
    """

    def __init__(
        self, game: Game, start: Any = None, *, original: np.ndarray | None = None, threshold: float = 0.0
    ) -> None:
        self.game = game
        self.decision = decision_of(game, threshold)
        mask = check_mask(game, np.ones(len(game.units)) if start is None else start)
        outputs = game(mask[None])[0]
        self.original = outputs if original is None else np.asarray(original, dtype=float)
        if self.original.shape != outputs.shape or not np.isfinite(self.original).all():
            raise InputError(f"original must hold {len(outputs)} finite outputs, not {original}.")
        first = Step(0, _frozen(mask), _frozen(outputs), self.decision.name(outputs), "start")
        # Steps are never lost; the line holds the numbers of those that undo and redo walk along.
        self._steps = [first]
        self._line = [0]
        self._at = 0
        self._snapshots: dict[str, int] = {}

    @property
    def step(self) -> Step:
        """Where the session is now."""
        return self._steps[self._line[self._at]]

    @property
    def mask(self) -> np.ndarray:
        """The present weights ``(d,)``."""
        return self.step.mask

    @property
    def answer(self) -> str:
        """The present answer."""
        return self.step.answer

    @property
    def original_answer(self) -> str:
        """The answer without any edit."""
        return self.decision.name(self.original)

    @property
    def outputs(self) -> Outputs:
        """Outputs without any edit, one step back, and now."""
        before = self._steps[self._line[max(self._at - 1, 0)]]
        return Outputs(self.original, before.outputs, self.step.outputs)

    @property
    def history(self) -> tuple[Step, ...]:
        """Every step ever made, those that were undone among them."""
        return tuple(self._steps)

    @property
    def line(self) -> tuple[int, ...]:
        """Numbers of the steps that undo and redo walk along, oldest first."""
        return tuple(self._line)

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to go back to."""
        return self._at > 0

    @property
    def can_redo(self) -> bool:
        """Whether a step was undone."""
        return self._at + 1 < len(self._line)

    @property
    def snapshots(self) -> Mapping[str, int]:
        """Name of a snapshot to the number of its step."""
        return MappingProxyType(self._snapshots)

    def edit(self, mask: Any, note: str = "") -> Step:
        """Play a mask and make it the present step; a mask equal to the present one makes no step.

        Parameters
        ----------
        mask
            One weight a unit, flat or in the units' layout.
        note
            A remark for the history.

        Raises
        ------
        InputError
            If the mask is none of this game's: wrong shape, NaN, outside the domain, or empty.
        """
        weights = check_mask(self.game, mask)
        if np.array_equal(weights, self.mask):
            return self.annotate(self.step.number, note) if note else self.step
        return self._add(weights, describe(self.mask, weights, self.game.units), note)

    def undo(self) -> Step:
        """One step back.

        Raises
        ------
        InputError
            If this is the first step.
        """
        if not self.can_undo:
            raise InputError("there is nothing to undo: this is the start.")
        self._at -= 1
        return self.step

    def redo(self) -> Step:
        """The step that was undone last.

        Raises
        ------
        InputError
            If nothing was undone, or something else was edited since.
        """
        if not self.can_redo:
            raise InputError("there is nothing to redo: nothing was undone since the last edit.")
        self._at += 1
        return self.step

    def reset(self) -> Step:
        """Back to the mask the session started from, as a step that can be undone."""
        return self._return_to(self._steps[0], "reset to the start")

    def go_to(self, number: int) -> Step:
        """Back to the mask of any step of the history, as a new step.

        Raises
        ------
        InputError
            If there is no step of that number.
        """
        return self._return_to(self._steps[self._checked(number)], f"back to step {number}")

    def snapshot(self, name: str) -> Step:
        """Name the present step; a name that was used moves here.

        Raises
        ------
        InputError
            If the name is empty.
        """
        if not name.strip():
            raise InputError("a snapshot needs a name.")
        self._snapshots[name] = self.step.number
        return self.step

    def restore(self, name: str) -> Step:
        """Back to the mask of a snapshot, as a new step.

        Raises
        ------
        InputError
            If there is no snapshot of that name; the message lists them.
        """
        if name not in self._snapshots:
            raise InputError(unknown_names("snapshot", [name], self._snapshots))
        return self._return_to(self._steps[self._snapshots[name]], f"back to snapshot '{name}'")

    def annotate(self, number: int, note: str) -> Step:
        """Write a note beside a step, in place of the one it had.

        Raises
        ------
        InputError
            If there is no step of that number.
        """
        self._steps[self._checked(number)] = replace(self._steps[number], note=note)
        return self._steps[number]

    def stability(self, n_random: int = 20, seed: int = 0) -> Stability:
        """How often the answer changes under random masks of the same size and under the person's own.

        Parameters
        ----------
        n_random
            Random masks, at least 1.
        seed
            Their seed.

        Raises
        ------
        InputError
            If ``n_random`` is below 1.
        """
        if n_random < 1:
            raise InputError(f"n_random is {n_random}: at least 1 random mask is needed.")
        tried = [step.mask for step in self._steps]
        return stability(self.game, self.decision, self.mask, tried, self.original_answer, n_random=n_random, seed=seed)

    def contributions(self, since: int = 0) -> Contributions:
        """What each changed unit did to the lead of the present answer, compared with a step of the history.

        Raises
        ------
        InputError
            If there is no step of that number.
        """
        return contributions(self.game, self.decision, self._steps[self._checked(since)].mask, self.mask)

    @property
    def summary(self) -> str:
        """The present state in a sentence."""
        old, new = self.original_answer, self.answer
        if old != new:
            return f"The answer changed from '{old}' to '{new}'."
        return f"The answer is still '{new}'. That does not tell whether it is right."

    def to_json(self, path: str | Path | None = None) -> str:
        """Everything that was tried as JSON text, every bit of it, written to ``path`` if given."""
        from .store import to_json

        text = to_json(self)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    @classmethod
    def from_json(cls, source: str | Path, game: Game) -> EditSession:
        """A session as :meth:`to_json` wrote it, to go on with.

        Parameters
        ----------
        source
            The file, or the text itself.
        game
            The same game: a file holds masks and outputs, not the model.

        Raises
        ------
        InputError
            If it is no session, or the game has other units or gives other outputs than the file says.
        """
        from .store import from_json

        return from_json(cls, source, game)

    def _return_to(self, step: Step, description: str) -> Step:
        return self.step if np.array_equal(step.mask, self.mask) else self._add(step.mask, description)

    def _add(self, mask: np.ndarray, description: str, note: str = "") -> Step:
        outputs = self.game(mask[None])[0]
        step = Step(len(self._steps), _frozen(mask), _frozen(outputs), self.decision.name(outputs), description, note)
        self._steps.append(step)
        self._line = [*self._line[: self._at + 1], step.number]
        self._at += 1
        return step

    def _checked(self, number: int) -> int:
        if not 0 <= number < len(self._steps):
            raise InputError(f"there is no step {number}: the history has steps 0 to {len(self._steps) - 1}.")
        return number


def _frozen(array: np.ndarray) -> np.ndarray:
    """A copy nobody can write to: the history must stay what it was."""
    copy = array.copy()
    copy.flags.writeable = False
    return copy
