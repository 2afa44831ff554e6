"""Soft-NS and Soft-NC of a token attribution."""

from __future__ import annotations

import numpy as np

from ..core.errors import InputError
from ..faithfulness import SoftScores, soft
from ..faithfulness.soft import Distance
from ..models.text import Encoding, HuggingFaceLM, LanguageModel
from .result import TokenAttribution


def soft_faithfulness(
    lm: LanguageModel,
    t: TokenAttribution,
    scores: np.ndarray | None = None,
    *,
    kind: Distance = "hellinger",
    draws: int = 8,
    seed: int = 0,
) -> SoftScores:
    """Soft-NS and Soft-NC of an attribution of the next token.

    Parameters
    ----------
    lm
        The model that was explained; a local one, because parts of embeddings are hidden.
    t
        Attribution whose first target follows the prompt; its units' scores go to their tokens in equal parts.
    scores
        ``(U,)`` non-negative scores to judge instead, e.g. another method's; they are made to sum to 1.

    Raises
    ------
    InputError
        If the model is a server, or scores are negative or all 0.
    """
    if not isinstance(lm, HuggingFaceLM):
        raise InputError(f"Soft-NS and Soft-NC hide parts of embeddings; {lm.name} only answers with probabilities.")
    own = t.scores[0] if scores is None else np.asarray(scores, dtype=float)
    if own.shape != (len(t.tokens),) or (own < 0).any() or own.sum() <= 0:
        raise InputError(f"scores must be {len(t.tokens)} non-negative numbers with a positive sum.")
    # Tokens of the answer come after the first target; it does not see them.
    before = ~np.isnan(t.values[0])
    end = int(t.spans[before][:, 1].max())
    encoding = lm.encode(t.text[:end])
    owner = _owner(encoding, t.spans)
    own = np.where(before, own, 0) / np.where(before, own, 0).sum()
    counts = np.bincount(owner[owner >= 0], minlength=len(own))
    importance = np.where(owner >= 0, (own / np.maximum(counts, 1))[owner], 0)
    return soft(lm, encoding.ids, importance, keep=encoding.protected, kind=kind, draws=draws, seed=seed)


def _owner(encoding: Encoding, spans: np.ndarray) -> np.ndarray:
    """Unit of each token, -1 for none: the unit its last character lies in."""
    last = encoding.spans[:, 1] - 1
    inside = (spans[None, :, 0] <= last[:, None]) & (last[:, None] < spans[None, :, 1]) & ~encoding.protected[:, None]
    return np.where(inside.any(axis=1), inside.argmax(axis=1), -1)
