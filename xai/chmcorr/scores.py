"""How alike a candidate is: a sum over the cells of the query, by the map of a person or by the rule of a paper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .grids import unit
from .matched import Matched, Vectors, cross_correlation
from .options import Options
from .sinkhorn import plans


@dataclass(frozen=True, eq=False)
class Scores:
    """N candidates scored.

    Attributes
    ----------
    terms
        ``(N, cells)`` what each cell of the query adds to a candidate's score.
    patch_map
        ``(cells,)`` weights >= 0 that the rule goes by; editing starts from it.
    pairs
        ``(N, m, 2)`` pairs of cells (query, candidate) that add most to the score, or carry the largest flows.
    pair_cosines, pair_terms
        ``(N, m)`` their cosine, and what they add.
    """

    terms: np.ndarray
    patch_map: np.ndarray
    pairs: np.ndarray
    pair_cosines: np.ndarray
    pair_terms: np.ndarray

    @property
    def values(self) -> np.ndarray:
        """``(N,)`` scores, higher is better."""
        return np.asarray(self.terms.sum(axis=1))


def by_map(matched: Matched, weights: np.ndarray, n_pairs: int) -> Scores:
    """Mean cosine of the cells and their matches, weighted by one map ``(cells,)`` for all candidates.

    score_n = sum_i w_i S_n,i / sum_i w_i; with a mask of 0 and 1 this is the ranking of CHM-Corr++.
    """
    shares = weights / weights.sum()
    return with_matches(matched, matched.cosines * shares, weights, min(n_pairs, int((weights > 0).sum())))


def by_own_map(matched: Matched, vectors: Vectors, options: Options) -> Scores:
    """:func:`by_map` with the model's own map: every cell alike, or those that resemble the candidates on the whole."""
    if options.start == "uniform":
        return by_map(matched, np.ones(matched.cosines.shape[1]), options.n_pairs)
    typical = unit(vectors.candidates.mean(axis=1)).mean(axis=0)
    return by_map(matched, min_max(vectors.query @ typical), options.n_pairs)


def by_best_cells(matched: Matched, vectors: Vectors, options: Options) -> Scores:
    """CHM-Corr: cells whose cross-correlation with the candidate reaches T; the mean of the five best of them.

    Cells that do not count are zeros, and zeros are averaged in where fewer than five are left, as in the paper's code.
    """
    masks = min_max(cross_correlation(vectors)) >= options.threshold
    counted = matched.cosines * masks
    n_best = min(options.n_pairs, counted.shape[1])
    best = np.argsort(-counted, axis=1, kind="stable")[:, :n_best]
    terms = np.zeros_like(counted)
    np.put_along_axis(terms, best, np.take_along_axis(counted, best, axis=1) / n_best, axis=1)
    return with_matches(matched, terms, masks.mean(axis=0), n_best)


def by_transport(_matched: Matched, vectors: Vectors, options: Options) -> Scores:
    """EMD-Corr: the five largest flows of a transport plan between the two pictures, each times its cosine."""
    cosines = np.einsum("ip,njp->nij", unit(vectors.query), unit(vectors.candidates), optimize=True)
    flows = plans(cosines, *masses(vectors))
    n, cells, _ = flows.shape
    flat = flows.reshape(n, -1)
    largest = np.argsort(-flat, axis=1, kind="stable")[:, : options.n_pairs]
    pairs = np.stack([largest // cells, largest % cells], axis=-1)
    pair_cosines = np.take_along_axis(cosines.reshape(n, -1), largest, axis=1)
    pair_terms = np.take_along_axis(flat, largest, axis=1) * pair_cosines
    terms = np.zeros((n, cells))
    np.add.at(terms, (np.arange(n)[:, None], pairs[..., 0]), pair_terms)
    return Scores(terms, min_max(flows.sum(axis=2).mean(axis=0)), pairs, pair_cosines, pair_terms)


RULES: dict[str, Callable[[Matched, Vectors, Options], Scores]] = {
    "map": by_own_map,
    "published": by_best_cells,
    "emd": by_transport,
}


def masses(vectors: Vectors) -> tuple[np.ndarray, np.ndarray]:
    """``(N, cells)`` how much the cells of the query and of each candidate count in a transport plan; rows sum to 1."""
    return _share(cross_correlation(vectors)), _share(cross_correlation(vectors, of_candidates=True))


def min_max(values: np.ndarray) -> np.ndarray:
    """Rows scaled to 0..1; a row of equal values becomes ones, since then no cell stands out."""
    low, high = values.min(axis=-1, keepdims=True), values.max(axis=-1, keepdims=True)
    spread = high - low
    flat = spread <= 1e-9 * np.maximum(np.abs(high), 1e-30)
    return np.asarray(np.where(flat, 1.0, (values - low) / np.where(flat, 1.0, spread)))


def _share(values: np.ndarray) -> np.ndarray:
    # A plan needs masses above 0; cells that point away from the other picture's mean get next to none.
    positive = np.maximum(values, 1e-6 * np.abs(values).max(axis=1, keepdims=True) + 1e-12)
    return np.asarray(positive / positive.sum(axis=1, keepdims=True))


def with_matches(matched: Matched, terms: np.ndarray, patch_map: np.ndarray, n_pairs: int) -> Scores:
    """Scores whose pairs are the matches that add most."""
    query = np.argsort(-terms, axis=1, kind="stable")[:, :n_pairs]
    take = (np.arange(len(terms))[:, None], query)
    pairs = np.stack([query, matched.targets[take]], axis=-1)
    return Scores(terms, patch_map, pairs, matched.cosines[take], terms[take])
