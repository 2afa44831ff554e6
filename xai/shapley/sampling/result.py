"""What an estimator answers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Estimate:
    """Values of one game.

    Attributes
    ----------
    values, standard_errors
        ``(d, k)``; the values sum to ``output - base``. Errors of exact values are 0.
    base, output
        ``(k,)``: the game without any unit and with all.
    model_rows
        Model rows spent (game evaluations where there is no background).
    estimator
        ``"exact"``, ``"permutation"`` or ``"kernel"``.
    converged
        Whether the precision asked for was reached; ``False`` where none was asked for and the values are not exact.
    """

    values: np.ndarray
    standard_errors: np.ndarray
    base: np.ndarray
    output: np.ndarray
    model_rows: int
    estimator: str
    converged: bool

    def expanded(self, active: np.ndarray) -> Estimate:
        """The same with all units, ``active`` ``(d,)`` saying which of them played; the others have value 0."""
        values, errors = np.zeros((2, len(active), self.values.shape[1]))
        values[active], errors[active] = self.values, self.standard_errors
        return replace(self, values=values, standard_errors=errors)
