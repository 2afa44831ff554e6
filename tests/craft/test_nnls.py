"""Batched non-negative least squares against SciPy, row by row."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import nnls as scipy_nnls

from xai.craft.nnls import nnls


def oracle(A, W):
    return np.array([scipy_nnls(W.T, row)[0] for row in A])


@pytest.mark.parametrize(("r", "p"), [(1, 5), (4, 3), (8, 40), (25, 60)])
@pytest.mark.parametrize("signed", [False, True])
def test_every_row_is_solved_exactly(r, p, signed):
    rng = np.random.default_rng(r * p)
    W = rng.normal(size=(r, p)) if signed else rng.random((r, p)) * (rng.random((r, p)) < 0.5)
    A = rng.normal(size=(300, p)) if signed else rng.random((300, p)) * (rng.random((300, p)) < 0.3)
    U, expected = nnls(A, W), oracle(A, W)
    assert (U >= 0).all()
    residual = np.linalg.norm(A - U @ W, axis=1)
    np.testing.assert_allclose(residual, np.linalg.norm(A - expected @ W, axis=1), rtol=1e-8, atol=1e-9)
    if r <= p and np.linalg.matrix_rank(W) == r:  # otherwise the answer is not unique
        np.testing.assert_allclose(U, expected, atol=1e-7)


def test_scale_of_the_concepts_does_not_matter():
    rng = np.random.default_rng(0)
    W, A = rng.random((5, 20)), rng.random((50, 20))
    scale = np.array([1e-6, 1e-2, 1, 1e3, 1e6])
    np.testing.assert_allclose(nnls(A, W * scale[:, None]) * scale, nnls(A, W), rtol=1e-6, atol=1e-9)


def test_empty_and_repeated_concepts_do_no_harm():
    rng = np.random.default_rng(1)
    base, A = rng.random((3, 10)), rng.random((30, 10))
    W = np.vstack([base, base[0], np.zeros(10)])
    U = nnls(A, W)
    assert np.isfinite(U).all()
    assert (U[:, 4] == 0).all()
    np.testing.assert_allclose(U @ W, oracle(A, base) @ base, atol=1e-5)


def test_a_bad_row_spoils_no_other():
    rng = np.random.default_rng(2)
    W, A = rng.random((4, 12)), rng.random((6, 12))
    bad = A.copy()
    bad[2, 3], bad[4] = np.nan, 0.0
    U = nnls(bad, W)
    assert np.isnan(U[2]).all()
    assert (U[4] == 0).all()
    np.testing.assert_array_equal(U[[0, 1, 3, 5]], nnls(A, W)[[0, 1, 3, 5]])


def test_maps_keep_their_shape():
    rng = np.random.default_rng(3)
    W, A = rng.random((4, 12)), rng.random((2, 3, 5, 12))
    U = nnls(A, W)
    assert U.shape == (2, 3, 5, 4)
    np.testing.assert_allclose(U[1, 2, 4], nnls(A[1, 2, 4][None], W)[0], atol=1e-12)
