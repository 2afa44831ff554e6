"""Gradients through non-negative least squares against finite differences and against the full optimality system."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from xai.craft.implicit import coefficients  # noqa: E402
from xai.craft.nnls import nnls  # noqa: E402


def problem(n=6, r=5, p=12, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((n, p)), rng.random((r, p)), rng.normal(size=(n, r))


def differences(function, X, step=1e-6):
    gradient = np.zeros_like(X)
    for index in np.ndindex(X.shape):
        up, down = X.copy(), X.copy()
        up[index] += step
        down[index] -= step
        gradient[index] = (function(up) - function(down)) / (2 * step)
    return gradient


@pytest.mark.parametrize("seed", range(4))
def test_gradients_are_those_of_finite_differences(seed):
    A, W, q = problem(seed=seed)
    a, w = torch.tensor(A, requires_grad=True), torch.tensor(W, requires_grad=True)
    U = coefficients(a, w)
    assert 0 < (U == 0).sum() < U.numel()  # both kinds of entries are tested
    (U * torch.tensor(q)).sum().backward()
    np.testing.assert_allclose(a.grad.numpy(), differences(lambda X: (nnls(X, W) * q).sum(), A), atol=1e-6)
    np.testing.assert_allclose(w.grad.numpy(), differences(lambda X: (nnls(A, X) * q).sum(), W), atol=1e-6)


def test_gradient_solves_the_full_optimality_system():
    A, W, _ = problem(n=1, seed=7)
    a = torch.tensor(A, requires_grad=True)
    U = coefficients(a, torch.tensor(W))
    jacobian = np.stack([torch.autograd.grad(U[0, i], a, retain_graph=True)[0][0].numpy() for i in range(len(W))])
    G, u = W @ W.T, U[0].detach().numpy()
    dual = G @ u - W @ A[0]
    system = np.block([[G, -np.eye(len(W))], [np.diag(dual), np.diag(u)]])
    full = np.linalg.solve(system, np.vstack([W, np.zeros_like(W)]))[: len(W)]
    np.testing.assert_allclose(jacobian, full, atol=1e-10)


def test_maps_and_single_precision():
    rng = np.random.default_rng(3)
    A = torch.tensor(rng.random((2, 3, 4, 12)), dtype=torch.float32, requires_grad=True)
    W = torch.tensor(rng.random((5, 12)), dtype=torch.float32)
    U = coefficients(A, W)
    U.mean(dim=(1, 2)).sum().backward()
    assert U.shape == (2, 3, 4, 5)
    assert U.dtype == A.grad.dtype == torch.float32
    double = A.detach().double().requires_grad_()
    coefficients(double, W.double()).mean(dim=(1, 2)).sum().backward()
    np.testing.assert_allclose(A.grad.numpy(), double.grad.numpy(), atol=1e-5)


def test_a_dead_row_has_no_gradient():
    A = torch.zeros((1, 12), dtype=torch.float64, requires_grad=True)
    coefficients(A, torch.tensor(problem()[1])).sum().backward()
    assert (A.grad == 0).all()
