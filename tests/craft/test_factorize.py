"""Factorisation: planted concepts are found, samples stand for all rows, negative activations work."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.decomposition import NMF

from xai.core.errors import InputError
from xai.craft.bank import match, stability
from xai.craft.factorize import PUBLISHED, FactorConfig, factorize, relative_error
from xai.craft.nnls import nnls
from xai.craft.sparse import sharpen, unit_rows


def planted(n=3000, r=4, p=30, noise=0.01, seed=0):
    """Sparse mixtures of disjointly supported concepts, at least one a row: their factorisation is unique."""
    rng = np.random.default_rng(seed)
    W = rng.random((r, p)) * (np.arange(p) % r == np.arange(r)[:, None])
    there = (rng.random((n, r)) < 0.4) | (rng.integers(r, size=(n, 1)) == np.arange(r))
    U = rng.exponential(size=(n, r)) * there
    return U @ W + noise * rng.random((n, p)), W


def test_planted_concepts_are_found():
    A, W = planted()
    found = factorize(A, 4)
    assert found.kind == "nmf"
    assert found.n_rows == 3000
    assert match(found.W, W).mean > 0.995  # noise of weak rows counts as much as that of strong ones
    assert match(factorize(A, 4, PUBLISHED).W, W).mean > 0.999
    np.testing.assert_allclose(np.linalg.norm(found.W, axis=1), 1)
    U = nnls(A, found.W)
    assert (np.diff((U**2).sum(axis=0)) <= 0).all()
    assert found.error == pytest.approx(np.linalg.norm(A - U @ found.W) / np.linalg.norm(A), rel=1e-5)


def test_a_sample_of_rows_is_nearly_as_good_as_all():
    A, _ = planted(n=6000, noise=0.3)
    sampled = factorize(A, 4, FactorConfig(n_rows=600))
    assert sampled.n_rows == 600
    assert sampled.error <= 1.02 * factorize(A, 4, FactorConfig(n_rows=0)).error


def test_the_error_is_that_of_scikit_learn_or_better():
    A, _ = planted(noise=0.3)
    solver = NMF(4, init="nndsvda", random_state=0).fit(A)
    peer = relative_error(A, solver.transform(A), solver.components_)
    assert factorize(A, 4, PUBLISHED).error <= peer * (1 + 1e-4)


def test_seeds_repeat_and_half_precision_is_read():
    A, _ = planted(n=800)
    config = FactorConfig(n_rows=300)
    np.testing.assert_array_equal(factorize(A, 3, config, seed=5).W, factorize(A, 3, config, seed=5).W)
    assert not np.array_equal(factorize(A, 3, config, seed=5).W, factorize(A, 3, config, seed=6).W)
    half = factorize((100 * A).astype(np.float16), 4)
    assert match(half.W, factorize(A, 4).W).mean > 0.999


def test_warm_start_keeps_what_it_is_given():
    A, W = planted()
    few = FactorConfig(max_iter=1)
    assert factorize(A, 4, few, warm=W).error < 0.05
    wider = factorize(A, 4, warm=W[:2])
    assert match(wider.W, W).mean > 0.99
    with pytest.raises(InputError, match="warm concepts must have shape"):
        factorize(A, 4, warm=W[:, :5])


def test_negative_activations_use_semi_nmf():
    rng = np.random.default_rng(0)
    W = rng.normal(size=(3, 20))
    A = rng.exponential(size=(900, 3)) * (rng.random((900, 3)) < 0.5) @ W
    found = factorize(A, 3)
    assert found.kind == "semi-nmf"
    assert found.error < 0.05
    U = nnls(A, found.W)
    assert (U >= 0).all()
    # Alternating least squares ends no worse than the split it starts from.
    split = NMF(3, init="nndsvda", random_state=0).fit(np.hstack([np.maximum(A, 0), np.maximum(-A, 0)])).components_
    start = split[:, :20] - split[:, 20:]
    assert found.error <= relative_error(A, nnls(A, start), start)


def test_torch_updates_reach_the_same_error():
    pytest.importorskip("torch")
    A, W = planted(noise=0.3)
    thorough = replace(PUBLISHED, solver="torch", max_iter=500, tolerance=1e-7)
    found = factorize(A, 4, thorough)
    assert found.error <= 1.005 * factorize(A, 4, PUBLISHED).error
    assert factorize(A, 4, replace(thorough, max_iter=1), warm=W).error < 1.05 * found.error
    assert match(factorize(A, 4, FactorConfig(solver="torch")).W, factorize(A, 4).W).mean > 0.999


def test_sharpening_only_ever_lowers_its_objective():
    A = unit_rows(planted(n=500, noise=0.3)[0])
    start = np.random.default_rng(0).random((4, 30))

    def objective(W, price):
        # The best coefficients at this price, by coordinate descent to the end.
        U, gram, products = np.zeros((500, 4)), W @ W.T, A @ W.T
        for _ in range(500):
            for j in range(4):
                U[:, j] = np.maximum(U[:, j] + (products[:, j] - U @ gram[:, j] - price) / gram[j, j], 0)
        return np.square(A - U @ W).sum() / 2 + price * U.sum()

    for price in (0.0, 0.1):
        steps = [sharpen(A, start, price, max_iter=n, tolerance=0.0) for n in (1, 2, 4, 8, 64)]
        assert all(np.allclose(np.linalg.norm(W, axis=1), 1) and (W >= 0).all() for W in steps)
        assert (np.diff([objective(W, price) for W in steps]) < 1e-9).all()


def test_a_price_keeps_concepts_apart():
    """Rows of one concept each beside rows of both: the price leaves the concepts where the single ones are."""
    rng = np.random.default_rng(0)
    W = np.array([[1.0, 0, 0.4], [0, 1.0, 0.4]])
    U = rng.exponential(size=(400, 2)) * np.array([[1, 0]] * 150 + [[0, 1]] * 150 + [[1, 1]] * 100)
    A = U @ W
    plain, sparse = factorize(A, 2, PUBLISHED), factorize(A, 2)
    assert match(sparse.W, W).mean > 0.999
    used = lambda bank: (nnls(A, bank) > 1e-3).sum()  # noqa: E731
    assert used(sparse.W) <= used(plain.W)


def test_rows_of_any_length_count_alike():
    """A direction that only weak rows point in is found although strong rows have three."""
    rng = np.random.default_rng(1)
    W = np.eye(4, 12) + np.eye(4, 12, 4) / 2
    U = np.vstack([30 * rng.exponential(size=(300, 3)) @ np.eye(3, 4), rng.random((300, 1)) * np.eye(1, 4, 3)])
    A = U @ W + 2 * rng.random((600, 12)) * (np.arange(600) < 300)[:, None]
    assert match(factorize(A, 4).W, W).cosines.min() > 0.95
    assert match(factorize(A, 4, PUBLISHED).W, W).cosines.min() < 0.9
    empty = unit_rows(np.array([[3.0, 4.0], [0.0, 0.0], [0.0, 0.001]]))
    np.testing.assert_allclose(empty, [[0.6, 0.8], [0, 0], [0, 0.2]])


def test_matching_finds_a_permutation():
    rng = np.random.default_rng(0)
    W = rng.random((5, 40))
    order = np.array([3, 0, 4, 1, 2])
    found = match(W, 7 * W[order])
    np.testing.assert_array_equal(order[found.pairs[:, 1]], found.pairs[:, 0])
    assert found.mean == pytest.approx(1)
    assert len(match(W, W[:2]).pairs) == 2
    assert stability([W, W[order], W]) == pytest.approx(1)
    assert np.isnan(stability([W]))
    with pytest.raises(InputError, match="same layer"):
        match(W, W[:, 1:])


@pytest.mark.parametrize(
    ("A", "r", "words"),
    [
        (np.ones((3, 9)), 4, "4 concepts were asked for, but there are only 3 rows"),
        (np.ones((9, 3)), 4, "ask for at most 3"),
        (np.ones((9, 9)), 0, "at least 1, not 0"),
        (np.zeros((9, 9)), 2, "all activations are zero"),
        (np.where(np.eye(9) > 0, np.nan, 1.0)[:, :5], 2, "5 of 9 rows"),
        (np.ones((2, 3, 4)), 2, "shape"),
    ],
)
def test_bad_input_is_told(A, r, words):
    with pytest.raises(InputError, match=words):
        factorize(A, r)


def test_bad_options_are_told():
    with pytest.raises(InputError, match="unknown solver"):
        FactorConfig(solver="cupy")
    with pytest.raises(InputError, match="max_iter"):
        FactorConfig(max_iter=0)
    with pytest.raises(InputError, match=r"sparsity \(1.5\)"):
        FactorConfig(sparsity=1.5)
    with pytest.raises(InputError, match="where rows are not of unit length"):
        FactorConfig(unit=False)
