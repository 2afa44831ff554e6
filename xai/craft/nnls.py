"""Exact non-negative least squares for many rows at once, on the Gram matrix of the concepts."""

from __future__ import annotations

import numpy as np

RIDGE = 1e-12
"""Added to the diagonal of the scaled Gram matrix, so that repeated or empty concepts have one answer."""
_ROWS = 1 << 15  # rows multiplied at a time
_CELLS = 1 << 22  # entries of small systems held at a time
_ROUNDS = 1000
_FULL_EXCHANGES = 3  # exchanges of all wrong entries in a row that may fail to help


def nnls(A: np.ndarray, W: np.ndarray) -> np.ndarray:
    """Coefficients ``argmin_{U >= 0} ||A - U W||_F``, each row on its own.

    Parameters
    ----------
    A
        ``(..., p)`` activations.
    W
        ``(r, p)`` concepts; entries may be negative.

    Returns
    -------
    np.ndarray
        ``(..., r)`` float64. A row with an entry that is no finite number gets NaN, and harms no other row.

    Notes
    -----
    Block principal pivoting (Júdice and Pires 1994; Kim and Park 2011): a set of positive coefficients is guessed for
    each row, the small system of that set is solved, and entries on the wrong side change sets until none is. What it
    answers satisfies the optimality conditions, it does not approach them.
    """
    W = np.asarray(W, dtype=float)
    rows = A.reshape(-1, W.shape[1])
    columns = W.T.astype(np.result_type(rows, np.float32))
    # Only (n, r) numbers go on from here, however many channels there are, and half precision is widened in parts.
    parts = [rows[start : start + _ROWS] @ columns for start in range(0, len(rows), _ROWS)]
    products = np.concatenate([np.zeros((0, len(W))), *parts])
    return solve(W @ W.T, products).reshape(*A.shape[:-1], len(W))


def solve(gram: np.ndarray, products: np.ndarray) -> np.ndarray:
    """The same from ``W W^T`` ``(r, r)`` and ``A W^T`` ``(n, r)``: ``(n, r)`` coefficients."""
    r = len(gram)
    scale = np.sqrt(np.diag(gram))
    scale = np.where(scale > 0, scale, 1.0)
    # Unit diagonal: factors of a factorisation come in any scale, and pivoting compares their entries.
    unit = gram / np.outer(scale, scale) + RIDGE * np.eye(r)
    result = np.full(products.shape, np.nan)
    known = np.flatnonzero(np.isfinite(products).all(axis=1))
    step = max(1, _CELLS // (r * r))
    for start in range(0, len(known), step):
        block = known[start : start + step]
        result[block] = _pivot(unit, products[block] / scale) / scale
    return result


def _pivot(G: np.ndarray, B: np.ndarray) -> np.ndarray:
    n, r = B.shape
    size = np.abs(B).max(axis=1, initial=0.0)
    B = B / np.where(size > 0, size, 1.0)[:, None]
    U = np.zeros((n, r))
    slope = -B  # gradient of the loss; must be >= 0 where the coefficient is 0
    positive = np.zeros((n, r), dtype=bool)
    fewest = np.full(n, r + 1)
    patience = np.full(n, _FULL_EXCHANGES)
    todo = np.arange(n)
    for _ in range(_ROUNDS):
        wrong = np.where(positive[todo], U[todo] < 0, slope[todo] < -RIDGE)
        count = wrong.sum(axis=1)
        left = count > 0
        todo, wrong, count = todo[left], wrong[left], count[left]
        if not len(todo):
            break
        better = count < fewest[todo]
        fewest[todo] = np.where(better, count, fewest[todo])
        patience[todo] = np.where(better, _FULL_EXCHANGES, patience[todo] - 1)
        # Exchanging one entry at a time, the last wrong one, cannot cycle (Murty 1974); it is slower, so it comes last.
        last = r - 1 - np.argmax(wrong[:, ::-1], axis=1)
        single = np.zeros_like(wrong)
        single[np.arange(len(todo)), last] = True
        positive[todo] ^= np.where((patience[todo] < 0)[:, None], single, wrong)
        U[todo] = restricted_solve(G, B[todo], positive[todo])
        slope[todo] = U[todo] @ G - B[todo]
    else:
        U[todo] = _one_by_one(G, B[todo])
        positive[todo] = True
    return np.asarray(np.where(positive, U, 0.0) * size[:, None])


def _one_by_one(G: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Rows that rounding keeps from settling, by SciPy's active sets: ``||L^T u - L^-1 b||`` with ``G = L L^T``."""
    from scipy.optimize import nnls as active_sets

    factor = np.linalg.cholesky(G)
    return np.array([active_sets(factor.T, np.linalg.solve(factor, b))[0] for b in B])


def restricted_solve(G: np.ndarray, B: np.ndarray, support: np.ndarray) -> np.ndarray:
    """``G_SS x_S = b_S`` for each row with its own set S, ``(n, r)``; 0 outside the set."""
    s = support.astype(float)
    r = len(G)
    systems = G * s[:, :, None] * s[:, None, :]
    systems[:, np.arange(r), np.arange(r)] += 1.0 - s
    return np.asarray(np.linalg.solve(systems, (B * s)[:, :, None])[:, :, 0])
