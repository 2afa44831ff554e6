"""Soft sufficiency and comprehensiveness of token importances: parts of the embeddings are hidden by chance.

Zhao and Aletras, Incorporating Attribution Importance for Improving Faithfulness Metrics, 2023, arXiv:2305.10496; for
next tokens Zhao and Shan 2024, arXiv:2402.00794. Each feature of a token's embedding is kept with the probability that
its importance says (sufficiency) or with the rest of it (comprehensiveness), and the next token's whole distribution is
compared with the one after the unchanged text.

Importances sum to 1, so a peaked one hides one embedding wholly and a flat one a little of each: Soft-NC rewards peaks.
Beside the random importances of the papers there are therefore the same importances on shuffled tokens, as peaked as
the ones that are judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import numpy as np

from ..core.errors import InputError, unknown_names

Distance = Literal["hellinger", "released"]


class Embedding(Protocol):
    """A language model whose embeddings can be reached, see :class:`xai.models.text.HuggingFaceLM`."""

    def embeddings(self, ids: np.ndarray) -> np.ndarray:
        """``(T, E)``."""
        ...

    def after_embeddings(self, points: np.ndarray) -> np.ndarray:
        """``(n, T, E)`` to log-probabilities ``(n, vocabulary)``."""
        ...


@dataclass(frozen=True, eq=False)
class SoftScores:
    """Mean scores over draws of what is hidden; higher is better for both.

    Attributes
    ----------
    sufficiency, comprehensiveness
        Soft-NS and Soft-NC, in [0, 1] by Hellinger's distance (the released variant can leave it).
    sufficiency_error, comprehensiveness_error
        Standard errors over the draws.
    random_sufficiency, random_comprehensiveness
        Of importances that know nothing: softmax of uniform numbers, one a draw.
    shuffled_sufficiency, shuffled_comprehensiveness
        Of the same importances on shuffled tokens, one order a draw: as peaked, but without knowledge.
    """

    sufficiency: float
    comprehensiveness: float
    sufficiency_error: float
    comprehensiveness_error: float
    random_sufficiency: float
    random_comprehensiveness: float
    shuffled_sufficiency: float
    shuffled_comprehensiveness: float


def distance(log_p: np.ndarray, log_q: np.ndarray, kind: Distance = "hellinger") -> np.ndarray:
    """Distance of distributions ``(..., V)``: Hellinger's, in [0, 1]; or sqrt(2) times its square, as released."""
    square = ((np.exp(log_p / 2) - np.exp(log_q / 2)) ** 2).sum(axis=-1)
    return np.asarray(np.sqrt(square / 2) if kind == "hellinger" else square / np.sqrt(2))


def soft(
    lm: Embedding,
    ids: np.ndarray,
    importance: np.ndarray,
    *,
    keep: np.ndarray | None = None,
    kind: Distance = "hellinger",
    draws: int = 8,
    seed: int = 0,
) -> SoftScores:
    """Soft-NS and Soft-NC of one importance for the token after a text.

    Parameters
    ----------
    lm
        A model that takes embeddings.
    ids
        ``(T,)`` tokens of the text.
    importance
        ``(T,)`` in [0, 1]; usually it sums to 1.
    keep
        ``(T,)`` bool: tokens that are never hidden (start of text, chat template); by default none.
    kind
        ``"hellinger"``, or ``"released"``: what the authors' code computes.
    draws
        How often something is hidden; the papers have 1.
    seed
        Of the draws; the same seed hides the same features for every importance that is as large.

    Raises
    ------
    InputError
        If importances do not fit the tokens, or the text says nothing: hiding all of it changes nothing.
    """
    importance = np.asarray(importance, dtype=float)
    if importance.shape != np.shape(ids):
        raise InputError(f"importance needs one number a token, {len(ids)}, not shape {importance.shape}.")
    if not ((importance >= 0) & (importance <= 1)).all():
        raise InputError("importances are probabilities of keeping a token: they lie in [0, 1].")
    if kind not in get_args(Distance):
        raise InputError(unknown_names("kind of distance", [kind], get_args(Distance)))
    if draws < 1:
        raise InputError(f"draws must be at least 1, not {draws}.")
    always = np.zeros(len(importance), dtype=bool) if keep is None else np.asarray(keep, dtype=bool)
    points = np.asarray(lm.embeddings(ids))
    rng = np.random.default_rng(seed)
    chance = rng.random((draws, *points.shape))
    random = rng.random((draws, int((~always).sum())))
    random = np.exp(random) / np.exp(random).sum(axis=1, keepdims=True)
    shuffled = np.stack([rng.permutation(importance[~always]) for _ in range(draws)])
    before, nothing = lm.after_embeddings(np.stack([points, np.where(always[:, None], points, 0)]))
    largest = float(distance(before, nothing, kind))
    if largest < 1e-12:
        raise InputError("hiding the whole text does not change the next token: there is nothing to be faithful to.")

    def scores(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Soft-NS and Soft-NC ``(draws,)`` of importances ``(draws, tokens that may be hidden)``."""
        whole = np.zeros((draws, len(importance)))
        whole[:, ~always] = weights
        found = []
        for kept in (whole, 1 - whole):
            shown = (chance < kept[:, :, None]) | always[None, :, None]
            found.append(distance(before, lm.after_embeddings(shown * points), kind))
        # (S - S0) / (1 - S0) with S = 1 - D: what is left of the largest distance.
        return np.maximum(largest - found[0], 0) / largest, found[1] / largest

    own = scores(np.repeat(importance[None, ~always], draws, axis=0))
    by_chance, moved = scores(random), scores(shuffled)
    errors = [float(x.std(ddof=1) / np.sqrt(draws)) if draws > 1 else float("nan") for x in own]
    return SoftScores(
        *(float(x.mean()) for x in own),
        *errors,
        *(float(x.mean()) for x in by_chance),
        *(float(x.mean()) for x in moved),
    )


def log_ratio(own: np.ndarray, random: np.ndarray) -> float:
    """The papers' figure over many texts: log of the sum of scores over the sum of random importances' scores."""
    total, chance = float(np.sum(own)), float(np.sum(random))
    if total <= 0 or chance <= 0:
        raise InputError("the ratio needs positive sums of scores.")
    return float(np.log(total / chance))
