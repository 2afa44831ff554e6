"""Exact gradients of non-negative coefficients with respect to the activations and the concepts.

At the solution of a row the coefficients on the set S of positive ones solve ``G_SS u_S = W_S a`` and the others stay 0
while the activations move a little (strict complementarity). The implicit function theorem needs no more than that:
with cotangent q, ``z = G_SS^-1 q_S`` is one small solve a row, the gradient for the activations is ``W_S^T z`` and the
gradient for the concepts ``z e^T - u (W^T z)^T`` with the residual ``e = a - W^T u``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.errors import MissingExtraError
from .nnls import RIDGE, nnls, restricted_solve

try:
    import torch
except ImportError as error:
    raise MissingExtraError("torch", "vision") from error


class _Coefficients(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, A: torch.Tensor, W: torch.Tensor) -> torch.Tensor:
        U = nnls(A.detach().cpu().numpy(), W.detach().cpu().numpy())
        coefficients = torch.from_numpy(U).to(A)
        ctx.save_for_backward(A, W, coefficients)
        return coefficients

    @staticmethod
    def backward(ctx: Any, *cotangents: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        A, W, U = ctx.saved_tensors
        z = _adjoint(W, U, cotangents[0])
        to_activations = z @ W if ctx.needs_input_grad[0] else None
        to_concepts = None
        if ctx.needs_input_grad[1]:
            r = len(W)
            rows, u, dual = A.reshape(-1, A.shape[-1]), U.reshape(-1, r), z.reshape(-1, r)
            to_concepts = dual.T @ (rows - u @ W) - u.T @ (dual @ W)
        return to_activations, to_concepts


def coefficients(A: torch.Tensor, W: torch.Tensor) -> torch.Tensor:
    """``argmin_{U >= 0} ||A - U W||_F`` as a differentiable tensor.

    Parameters
    ----------
    A
        ``(..., p)`` activations.
    W
        ``(r, p)`` concepts, of the same type and on the same device.

    Returns
    -------
    torch.Tensor
        ``(..., r)``. Where a coefficient is exactly at the border of being positive, the gradient is that of the side
        it is on.
    """
    result: torch.Tensor = _Coefficients.apply(A, W)
    return result


def _adjoint(W: torch.Tensor, U: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """``G_SS^-1 q_S`` for each row, 0 outside S; in double precision, like the forward solution."""
    bank = W.detach().cpu().numpy().astype(float)
    scale = np.linalg.norm(bank, axis=1)
    scale = np.where(scale > 0, scale, 1.0)
    unit = (bank / scale[:, None]) @ (bank / scale[:, None]).T + RIDGE * np.eye(len(bank))
    rows = q.detach().cpu().numpy().astype(float).reshape(-1, len(bank)) / scale
    support = U.detach().cpu().numpy().reshape(-1, len(bank)) > 0
    z = restricted_solve(unit, rows, support) / scale
    return torch.from_numpy(z.reshape(tuple(q.shape))).to(q)
