"""How much the last word before a target looks at each unit: cheap, often shown, and no measure of what matters."""

from __future__ import annotations

import numpy as np

from ..core.errors import InputError, ModelError
from ..models.text import HuggingFaceLM
from .problem import Problem


def attention(problem: Problem) -> np.ndarray:
    """``(G, U)`` attention from the place before each target, mean over layers and heads, summed over a unit's tokens.

    Raises
    ------
    InputError
        If the model is not a local one, or targets are joint.
    ModelError
        If the model does not give its attention.
    """
    if problem.joint:
        raise InputError("attention belongs to the tokens of an answer one by one: leave out joint=True and the foil.")
    if not isinstance(problem.lm, HuggingFaceLM):
        raise InputError(f"attention needs a local model; {problem.lm.name} only answers with probabilities.")
    looks = problem.lm.attention(problem.ids)
    found = np.zeros((problem.n_targets, problem.n_units))
    for g, position in enumerate(problem.positions):
        owner = problem.owner[:position]
        np.add.at(found[g], owner[owner >= 0], looks[position - 1, :position][owner >= 0])
    if not np.isfinite(found).all():
        raise ModelError(f"{problem.lm.name} gives attention that is no number.")
    return found
