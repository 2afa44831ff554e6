"""Non-negative factorisation by hierarchical alternating least squares (Cichocki and Phan 2009) in torch, for GPUs."""

from __future__ import annotations

import numpy as np

from ..core.errors import MissingExtraError

try:
    import torch
except ImportError as error:
    raise MissingExtraError("torch", "vision") from error

_CHECK_EVERY = 10  # iterations between two looks at the error: each look waits for the GPU
_FINER = 0.01  # of the tolerance of coordinate descent, which leaves as little to gain: iterations are cheap here


def nmf(
    A: np.ndarray, r: int, *, max_iter: int, tolerance: float, seed: int, start: np.ndarray | None = None
) -> np.ndarray:
    """Concepts ``(r, p)`` of non-negative activations ``(n, p)``, on the GPU if there is one.

    Parameters
    ----------
    tolerance
        Stops when ten iterations improve the squared error by less than a hundredth of this share of its start.
    start
        ``(r, p)`` concepts to start from; random ones of the right size otherwise.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    X = torch.as_tensor(A, dtype=torch.float32, device=device)
    generator = torch.Generator().manual_seed(seed)
    scale = float(torch.sqrt(X.mean() / r))
    U = (torch.rand((len(X), r), generator=generator) * scale).to(device)
    if start is None:
        W = (torch.rand((r, X.shape[1]), generator=generator) * scale).to(device)
    else:
        W = torch.as_tensor(np.maximum(start, 0), dtype=torch.float32, device=device)
    total = float(X.square().sum())
    first = last = None
    for iteration in range(max_iter):
        _sweep(U, X @ W.T, W @ W.T)
        products, gram = X.T @ U, U.T @ U
        if iteration % _CHECK_EVERY == 0:
            error = total - 2 * float((products * W.T).sum()) + float((gram * (W @ W.T)).sum())
            first = error if first is None else first
            if last is not None and last - error < _FINER * tolerance * first:
                break
            last = error
        columns = W.T.contiguous()
        _sweep(columns, products, gram)
        W = columns.T
    return np.asarray(W.cpu().double().numpy())


def _sweep(factor: torch.Tensor, products: torch.Tensor, gram: torch.Tensor) -> None:
    """One round over the columns of a factor ``(n, r)``, each set to its best value given the others, in place."""
    # Asking whether a number is 0 waits for the GPU: a column that nothing can be said of is computed and not taken.
    known = gram.diagonal() > 0
    divisor = torch.where(known, gram.diagonal(), 1.0)
    for j in range(factor.shape[1]):
        best = (factor[:, j] + (products[:, j] - factor @ gram[:, j]) / divisor[j]).clamp(min=0)
        factor[:, j] = torch.where(known[j], best, factor[:, j])
