"""Whether the answer obeys its own map: patches enter or leave by what they add to its lead, beside random orders."""

from __future__ import annotations

import numpy as np

from ..core.errors import InputError
from ..core.game import Game
from ..faithfulness import Curve, insertion_deletion
from .change import compare
from .explanation import Explanation


def obeyed(explanation: Explanation, *, n_random: int = 20, seed: int = 0) -> tuple[Curve, Curve]:
    """Insertion and deletion curves of the share of the votes for the answer.

    Where no patch is left nothing tells candidates apart, and each class has the share of its candidates.

    Parameters
    ----------
    n_random, seed
        Random orders, at least 20, and their seed.

    Raises
    ------
    InputError
        If the shortlist holds one class only.
    """
    change = compare(explanation, explanation)
    if change.runner_up is None:
        raise InputError("there is no other class among the candidates: no patch speaks for one against another.")
    game, labels = explanation.game, explanation.matched.labels
    prior = np.bincount(labels, minlength=len(explanation.class_names)) / len(labels)

    def answers(masks: np.ndarray) -> np.ndarray:
        found = np.tile(prior, (len(masks), 1))
        some = masks.any(axis=1)
        if some.any():
            found[some] = game(masks[some])
        return found

    whole = Game(answers, game.units, game.output_names)
    return insertion_deletion(whole, change.terms_after.ravel(), output=change.winner, n_random=n_random, seed=seed)
