"""What every estimator returns, and the display form of its values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Estimate:
    """What an estimator found, for G targets and U units.

    Attributes
    ----------
    values, standard_error
        ``(G, U)``.
    scores
        ``(G, U)`` display form, rows sum to 1.
    converged
        ``(G,)`` bool.
    repeatability
        ``(G,)`` rank correlation of the two halves of the draws, NaN where it cannot be known.
    original
        ``(G,)`` answers to the unchanged prompt.
    censored
        Share of the answers that were bounds only.
    notes
        What a reader should know, one sentence each.
    """

    values: np.ndarray
    standard_error: np.ndarray
    scores: np.ndarray
    converged: np.ndarray
    repeatability: np.ndarray
    original: np.ndarray
    censored: float = 0.0
    notes: tuple[str, ...] = ()


def softmax(logits: np.ndarray) -> np.ndarray:
    """Softmax over the last axis; entries of minus infinity get 0."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))
