"""Sums add up over parts to what all rows at once give, for few units and for many."""

from __future__ import annotations

import numpy as np
import pytest

from xai.batch import sums
from xai.batch.sums import Sums
from xai.core import Attribution, Units


def attribution(values):
    n, d, k = values.shape
    return Attribution(
        values=values,
        base_values=np.zeros((n, k)),
        outputs=values.sum(axis=1),
        units=Units(tuple(f"u{i}" for i in range(d)), "feature"),
        output_names=tuple(f"o{i}" for i in range(k)),
        method="test",
        output_space="value",
    )


@pytest.mark.parametrize("most", [1 << 16, 10])
def test_votes_and_errors_are_those_of_all_rows(monkeypatch, most):
    monkeypatch.setattr(sums, "MOST_PRODUCTS", most)
    values = np.random.default_rng(0).normal(1, 2, size=(101, 4, 2))
    total = Sums.of(attribution(values[:40])) + Sums.from_dict(Sums.of(attribution(values[40:])).to_dict())
    size = np.abs(values)
    for output in range(2):
        np.testing.assert_allclose(total.votes(output), size[:, :, output].mean(axis=0))
        error = size[:, :, output].std(axis=0, ddof=1) / np.sqrt(101)
        np.testing.assert_allclose(total.standard_error(output), error)
        covariance = total.covariance(output)
        if most > 10:
            np.testing.assert_allclose(covariance, np.cov(size[:, :, output].T) / 101)
        else:
            assert covariance.shape == (4,)


def test_one_row_has_no_error():
    assert not Sums.of(attribution(np.ones((1, 3, 1)))).standard_error(0).any()
