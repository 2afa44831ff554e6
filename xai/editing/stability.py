"""How much a flip means: the same game under other masks of the same size, and under the person's own edits.

In the study of CHM-Corr++ an edit alone told people little; whether the answer holds over several masks told more.
One flip may come from any mask: on the bundled artefact set seven random cells mend most of the wrong answers too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..core.game import Game
from ..core.units import Units
from .decision import Decision
from .masks import count, plural

FEW_UNITS = 3
"""Masks that keep fewer units are too unstable to read anything from."""
_TRIES = 10


@dataclass(frozen=True, eq=False)
class Stability:
    """The answer under other masks.

    Attributes
    ----------
    answer, original
        The answer under the present mask, and without any edit.
    n_kept
        Units whose weight is above 0 in the present mask.
    random_answers
        Answers under random masks that hold the same weights on other units, all different from the present mask.
        Fewer than asked for where there are no more; none if all weights are equal.
    own_answers
        Answers under the different masks the person has tried, the present one among them.
    """

    answer: str
    original: str
    n_kept: int
    random_answers: tuple[str, ...]
    own_answers: tuple[str, ...]
    units: Units

    @property
    def random_same(self) -> int:
        """Random masks that give the present answer."""
        return self.random_answers.count(self.answer)

    @property
    def random_flips(self) -> int:
        """Random masks that give another answer than the original one."""
        return sum(answer != self.original for answer in self.random_answers)

    @property
    def own_flips(self) -> int:
        """Tried masks that give another answer than the original one."""
        return sum(answer != self.original for answer in self.own_answers)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What makes the present mask hard to read."""
        found = []
        if self.n_kept < FEW_UNITS:
            found.append(
                f"Only {count(self.n_kept, self.units)} kept: answers from fewer than {FEW_UNITS} flip easily. "
                "Keep more before reading anything from this one."
            )
        if self.answer != self.original and self.random_answers and 2 * self.random_flips >= len(self.random_answers):
            found.append(
                f"{self.random_flips} of {len(self.random_answers)} random masks of the same size change the answer "
                f"too: the change says little about these {plural(self.units)}."
            )
        return tuple(found)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The findings in words; an answer that stays is never called confirmed."""
        found = []
        if self.random_answers:
            found.append(
                f"{self.random_same} of {len(self.random_answers)} random masks of this size answer '{self.answer}'."
            )
        else:
            found.append(
                f"All {plural(self.units)} weigh the same: there is no other mask of this size to compare with."
            )
        if len(self.own_answers) > 1:
            found.append(
                f"{self.own_flips} of your {len(self.own_answers)} masks changed the answer '{self.original}'."
            )
        if self.answer == self.original:
            found.append(f"The answer is still '{self.answer}'. That does not tell whether it is right.")
        return tuple(found)


def stability(
    game: Game,
    decision: Decision,
    mask: np.ndarray,
    tried: Sequence[np.ndarray],
    original: str,
    *,
    n_random: int,
    seed: int,
) -> Stability:
    """Play random masks of the same size and the tried ones; see :class:`Stability`."""
    others = random_masks(mask, n_random, seed)
    different = {own.tobytes(): own for own in (*tried, mask)}
    outputs = game(np.vstack([mask[None], others, *(own[None] for own in different.values())]))
    answers = [decision.answers[i] for i in decision.of(outputs)]
    return Stability(
        answer=answers[0],
        original=original,
        n_kept=int((mask > 0).sum()),
        random_answers=tuple(answers[1 : 1 + len(others)]),
        own_answers=tuple(answers[1 + len(others) :]),
        units=game.units,
    )


def random_masks(mask: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Up to ``n`` different masks ``(<= n, d)``: the weights of ``mask`` on other units, never ``mask`` itself."""
    if len(set(mask)) == 1:
        return np.empty((0, len(mask)))
    rng = np.random.default_rng(seed)
    found: dict[bytes, np.ndarray] = {}
    for _ in range(_TRIES * n):
        if len(found) == n:
            break
        other = rng.permutation(mask)
        if not np.array_equal(other, mask):
            found[other.tobytes()] = other
    return np.array(list(found.values())).reshape(-1, len(mask))
