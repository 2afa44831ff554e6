"""Concepts that share a position with few others: non-negative factorisation with a price on coefficients.

The squared error alone leaves open how the parts of a picture are told apart: many banks rebuild the activations about
equally well, and some spread what one concept could say over several. With rows and concepts of unit length,

    1/2 ||A - U W||^2 + sparsity * sum(U)

lets a concept take part in a row only if what the others leave out of the row lies along it by more than ``sparsity``,
in units of a cosine (Hoyer 2002; Eggert and Koerner 2004).
"""

from __future__ import annotations

import numpy as np

from .nnls import nnls

_FLOOR = 1e-3  # of the longest row: shorter ones are empty places, whose noise is not made as long as a signal
_SWEEPS = 2  # of the coefficients for one of the concepts: they cost little, products with all rows cost most


def unit_rows(A: np.ndarray) -> np.ndarray:
    """Rows ``(n, p)`` at unit length; rows shorter than 1/1000 of the longest get as much longer as that one allows."""
    size = np.linalg.norm(A, axis=1, keepdims=True)
    least = _FLOOR * float(size.max(initial=0.0))
    return np.asarray(A / np.maximum(size, least or 1.0))


def sharpen(A: np.ndarray, W: np.ndarray, sparsity: float, *, max_iter: int, tolerance: float) -> np.ndarray:
    """Concepts ``(r, p)`` of unit length that rebuild rows ``(n, p)`` with few of them at a time.

    Parameters
    ----------
    A
        Non-negative rows of unit length.
    W
        Non-negative concepts to start from.
    sparsity
        See the module; 0 minimises the error alone.
    max_iter, tolerance
        It ends after so many rounds, or when a round lowers the objective by less than this share of it.

    Notes
    -----
    Hierarchical alternating least squares: every column of coefficients and every concept is set to its best value
    given the others, so the objective never rises.
    """
    W = _unit(W).astype(A.dtype)
    U = np.ascontiguousarray(nnls(A, W).T, dtype=A.dtype)  # (r, n): one concept's coefficients lie side by side
    total, before = float(np.square(A, dtype=float).sum()), np.inf
    for _ in range(max_iter):
        products, gram = W @ A.T, W @ W.T
        for _ in range(_SWEEPS):
            for j, column in enumerate(U):
                U[j] = np.maximum(column + products[j] - gram[j] @ U - sparsity, 0)
        products, sizes = U @ A, U @ U.T
        fit = total - 2 * float((products * W).sum()) + float((sizes * gram).sum())
        objective = fit / 2 + sparsity * float(U.sum())
        if before - objective <= tolerance * objective:
            break
        before = objective
        for j in range(len(W)):
            best = np.maximum(sizes[j, j] * W[j] + products[j] - sizes[j] @ W, 0)
            length = np.linalg.norm(best)
            if length > 0:
                W[j] = best / length
    return W.astype(float)


def _unit(W: np.ndarray) -> np.ndarray:
    size = np.linalg.norm(W, axis=1, keepdims=True)
    return np.asarray(W / np.where(size > 0, size, 1.0))
