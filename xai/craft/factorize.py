"""Activations into concepts: ``A ~ U W`` with ``U >= 0``, and ``W >= 0`` where the activations allow it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from ..core.errors import InputError, unknown_names
from .nnls import nnls
from .sparse import sharpen, unit_rows

Solver = Literal["auto", "sklearn", "torch"]
_NEGATIVE = 1e-6  # of the largest activation: below this a negative entry is rounding, not a signed layer
_START = (
    50  # iterations of plain NMF before sparse concepts are looked for: where those start from need not be a minimum
)


@dataclass(frozen=True)
class FactorConfig:
    """Options of the factorisation.

    Attributes
    ----------
    n_rows
        Rows the concepts are learned from, drawn at random; the others only get their coefficients. 0: all rows.
    max_iter
        Most iterations of the solver.
    tolerance
        Relative improvement below which the solver stops.
    solver
        ``"sklearn"``: coordinate descent; ``"torch"``: the same updates on a GPU where there is one;
        ``"auto"``: torch exactly if there is a GPU.
    unit
        Whether rows are brought to unit length before: concepts are then directions, and every position of a picture
        counts alike. Otherwise the few positions of large activations decide. Coefficients always are of the rows as
        they are.
    sparsity
        Price of a coefficient, in units of a cosine, see :mod:`xai.craft.sparse`; needs ``unit``. 0: none.

    ``unit`` and ``sparsity`` are for non-negative activations and do nothing for others. :data:`PUBLISHED` is the plain
    factorisation of all rows, as in the paper.
    """

    n_rows: int = 4000
    max_iter: int = 200
    tolerance: float = 1e-4
    solver: Solver = "auto"
    unit: bool = True
    sparsity: float = 0.05

    def __post_init__(self) -> None:
        if self.solver not in get_args(Solver):
            raise InputError(unknown_names("solver", [self.solver], get_args(Solver)))
        if self.n_rows < 0 or self.max_iter < 1 or not self.tolerance >= 0:
            raise InputError(
                f"n_rows ({self.n_rows}) and tolerance ({self.tolerance}) must not be negative, "
                f"max_iter ({self.max_iter}) must be at least 1."
            )
        if not 0 <= self.sparsity < 1 or (self.sparsity and not self.unit):
            raise InputError(
                f"sparsity ({self.sparsity}) must be at least 0 and below 1, and 0 where rows are not of unit length."
            )


PUBLISHED = FactorConfig(n_rows=0, unit=False, sparsity=0.0)
"""The factorisation of the paper."""


@dataclass(frozen=True, eq=False)
class Factors:
    """Concepts and what they are worth.

    Attributes
    ----------
    W
        ``(r, p)`` concepts with unit length, those that carry most of the activations first.
    kind
        ``"nmf"``: all entries of ``W`` are non-negative; ``"semi-nmf"``: the activations have negative entries, so
        ``W`` has, while coefficients stay non-negative.
    error
        ``||A - U W|| / ||A||`` over all rows.
    n_rows
        Rows the concepts were learned from.
    """

    W: np.ndarray
    kind: Literal["nmf", "semi-nmf"]
    error: float
    n_rows: int


def factorize(
    A: np.ndarray, r: int, config: FactorConfig | None = None, seed: int = 0, warm: np.ndarray | None = None
) -> Factors:
    """Concepts of activations.

    Parameters
    ----------
    A
        ``(n, p)`` activations.
    r
        Number of concepts.
    seed
        Of the rows drawn and of the solver: the same seed, the same concepts.
    warm
        ``(r', p)`` concepts to start from, ``r' <= r``.

    Raises
    ------
    InputError
        If there are fewer rows or channels than concepts, entries are not finite, or all are zero.
    """
    config = config or FactorConfig()
    _check_size(A, r)
    rng = np.random.default_rng(seed)
    sample = A
    if 0 < config.n_rows < len(A):
        sample = A[np.sort(rng.choice(len(A), max(config.n_rows, r), replace=False))]
    sample = sample.astype(np.float32)  # half precision would overflow in sums of squares
    _check_values(sample)
    start = None if warm is None else _widen(warm, sample, r, rng)
    kind: Literal["nmf", "semi-nmf"] = "nmf" if sample.min() >= -_NEGATIVE * np.abs(sample).max() else "semi-nmf"
    learn = _nmf if kind == "nmf" else _semi_nmf
    W = _unit(learn(sample, r, config, seed, start))
    U = nnls(A, W)
    order = np.argsort(-(U**2).sum(axis=0), kind="stable")
    return Factors(W[order], kind, relative_error(A, U, W), len(sample))


def relative_error(A: np.ndarray, U: np.ndarray, W: np.ndarray) -> float:
    """``||A - U W|| / ||A||`` over rows whose entries are finite; 0 if all are zero."""
    rest, size = 0.0, 0.0
    rows, coefficients = A.reshape(-1, A.shape[-1]), U.reshape(-1, U.shape[-1])
    for start in range(0, len(rows), 4096):  # the rebuilt activations are never held at once
        block = rows[start : start + 4096].astype(np.float32)
        block_U = coefficients[start : start + 4096]
        known = np.isfinite(block).all(axis=1)
        rest += float(np.square(block[known] - block_U[known] @ W).sum())
        size += float(np.square(block[known], dtype=float).sum())
    return float(np.sqrt(rest / size)) if size else 0.0


def _nmf(A: np.ndarray, r: int, config: FactorConfig, seed: int, start: np.ndarray | None) -> np.ndarray:
    A = np.maximum(A, 0)
    if config.unit:
        A = unit_rows(A)
    if not config.sparsity:
        return _plain_nmf(A, r, config, seed, start)
    first = _plain_nmf(A, r, replace(config, max_iter=min(_START, config.max_iter)), seed, start)
    return sharpen(A, first, config.sparsity, max_iter=config.max_iter, tolerance=config.tolerance)


def _plain_nmf(A: np.ndarray, r: int, config: FactorConfig, seed: int, start: np.ndarray | None) -> np.ndarray:
    if config.solver == "torch" or (config.solver == "auto" and _has_gpu()):
        from .hals import nmf

        return nmf(A, r, max_iter=config.max_iter, tolerance=config.tolerance, seed=seed, start=start)
    return _coordinate_descent(A, r, config, seed, start)


def _coordinate_descent(A: np.ndarray, r: int, config: FactorConfig, seed: int, start: np.ndarray | None) -> np.ndarray:
    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    # The SVD start knows at most min(n, p) directions.
    init = "custom" if start is not None else "nndsvda" if r <= min(A.shape) else "random"
    solver = NMF(r, init=init, max_iter=config.max_iter, tol=config.tolerance, random_state=seed)
    factors: dict[str, np.ndarray] = {}
    if start is not None:
        start = np.maximum(start, 0).astype(A.dtype)
        factors = {"W": np.ascontiguousarray(nnls(A, start), dtype=A.dtype), "H": start}
    with warnings.catch_warnings():
        # Stopping at max_iter is an option of the caller; how good the fit is, is measured and reported.
        warnings.simplefilter("ignore", ConvergenceWarning)
        solver.fit_transform(A, **factors)
    return np.asarray(solver.components_, dtype=float)


def _semi_nmf(A: np.ndarray, r: int, config: FactorConfig, seed: int, start: np.ndarray | None) -> np.ndarray:
    """Alternating exact least squares, ``W`` free and ``U >= 0`` (the model of Ding, Li and Jordan 2010)."""
    if start is None:
        # Positive and negative parts side by side are non-negative: their factors are a deterministic start.
        parts = _plain_nmf(np.hstack([np.maximum(A, 0), np.maximum(-A, 0)]), r, config, seed, None)
        start = parts[:, : A.shape[1]] - parts[:, A.shape[1] :]
    W, error = _unit(start), np.inf
    for _ in range(config.max_iter):
        U = nnls(A, W)
        W = np.linalg.lstsq(U, A.astype(float), rcond=None)[0]
        before, error = error, relative_error(A, U, W)
        W = _unit(W)
        if before - error <= config.tolerance * error:
            break
    return W


def _widen(warm: np.ndarray, A: np.ndarray, r: int, rng: np.random.Generator) -> np.ndarray:
    """Concepts to start from, filled up to r with the rows they explain worst."""
    if warm.ndim != 2 or warm.shape[1] != A.shape[1] or len(warm) > r:
        raise InputError(f"warm concepts must have shape (at most {r}, {A.shape[1]}), not {warm.shape}.")
    missing = r - len(warm)
    if not missing:
        return warm
    rest = np.square(A - nnls(A, warm) @ warm).sum(axis=1)
    share = rest / rest.sum() if rest.sum() > 0 else np.full(len(A), 1 / len(A))
    share = 0.99 * share + 0.01 / len(A)  # so that there are always enough rows to choose from
    return np.vstack([warm, A[rng.choice(len(A), missing, replace=False, p=share)]])


def _unit(W: np.ndarray) -> np.ndarray:
    size = np.linalg.norm(W, axis=1, keepdims=True)
    return np.asarray(W / np.where(size > 0, size, 1.0))


def _check_size(A: np.ndarray, r: int) -> None:
    if A.ndim != 2:
        raise InputError(f"activations must have shape (n, p), not {A.shape}.")
    if r < 1:
        raise InputError(f"the number of concepts must be at least 1, not {r}.")
    if r > min(A.shape):
        raise InputError(
            f"{r} concepts were asked for, but there are only {A.shape[0]} rows of {A.shape[1]} activations: "
            f"ask for at most {min(A.shape)}, or give more images."
        )


def _check_values(A: np.ndarray) -> None:
    bad = ~np.isfinite(A).all(axis=1)
    if bad.any():
        raise InputError(f"{bad.sum()} of {len(A)} rows of activations are not finite: leave those images out.")
    if not A.any():
        raise InputError("all activations are zero: this layer is dead on these images, choose another.")


def _has_gpu() -> bool:
    try:
        import torch
    except ImportError:
        return False
    return bool(torch.cuda.is_available())
