"""How far two banks of concepts agree."""

from __future__ import annotations

import numpy as np
import pytest

from xai.core.errors import InputError
from xai.craft import match, stability


def test_a_shuffled_and_rescaled_bank_is_the_same():
    rng = np.random.default_rng(0)
    W = rng.random((6, 30))
    order = rng.permutation(6)
    found = match(W, W[order] * rng.uniform(0.1, 10, (6, 1)))
    assert found.mean == pytest.approx(1)
    assert (order[found.pairs[:, 1]] == found.pairs[:, 0]).all()


def test_banks_of_different_size_match_the_smaller_one():
    W = np.eye(5)
    found = match(W, W[[3, 1]])
    assert found.pairs.tolist() == [[1, 1], [3, 0]]
    assert found.cosines.tolist() == [1, 1]


def test_the_best_pair_comes_first_and_the_sum_is_largest():
    first = np.array([[1.0, 0], [0.8, 0.6]])
    second = np.array([[0.6, 0.8], [1.0, 0]])
    found = match(first, second)
    # Greedy and best agree here: 1 and 0.96 against 0.6 and 0.8.
    assert found.pairs.tolist() == [[0, 1], [1, 0]]
    np.testing.assert_allclose(found.cosines, [1, 0.96])


def test_stability_is_the_mean_over_pairs_of_banks():
    a, b = np.eye(2), np.array([[1.0, 1], [0, 1]])
    assert stability([a, a, a]) == pytest.approx(1)
    assert stability([a, b]) == pytest.approx(match(a, b).mean)
    assert np.isnan(stability([a]))


def test_banks_of_two_layers_cannot_be_compared():
    with pytest.raises(InputError, match="same layer's channels"):
        match(np.eye(3), np.eye(4))
