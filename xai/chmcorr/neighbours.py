"""Exact nearest neighbours, block by block."""

from __future__ import annotations

import numpy as np

_BLOCK = 16_384


def nearest(embeddings: np.ndarray, query: np.ndarray, n: int, leave_out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The ``n`` rows most similar to ``query``, best first; of equal ones the earlier row.

    Parameters
    ----------
    embeddings
        ``(rows, q)`` float32 of length 1; may lie on disk, and is read in blocks.
    query
        ``(q,)`` of length 1.
    leave_out
        Rows that do not take part.

    Returns
    -------
    tuple
        Positions ``(n,)`` and inner products ``(n,)``.
    """
    query = query.astype(np.float32)
    similarity = np.empty(len(embeddings), dtype=np.float32)
    for start in range(0, len(embeddings), _BLOCK):
        block = slice(start, start + _BLOCK)
        np.matmul(embeddings[block], query, out=similarity[block])
    similarity[leave_out] = -np.inf
    n = min(n, len(similarity) - len(leave_out))
    # Everything at least as good as the n-th best, then a stable order: ties do not depend on the partition.
    limit = np.partition(similarity, len(similarity) - n)[len(similarity) - n]
    good = np.flatnonzero(similarity >= limit)
    order = good[np.argsort(-similarity[good], kind="stable")][:n]
    return order, similarity[order]
