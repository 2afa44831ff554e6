"""The rows on which permutation importance is measured lie all over the data, however they are cut."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from xai import batch
from xai.batch.plan import spread
from xai.core.errors import InputError


@pytest.mark.parametrize(
    ("n", "most"), [(10, 10), (10, 90), (11, 10), (17, 16), (18, 17), (200_000, 10_000), (7, 1), (33, 32), (10**9, 45)]
)
def test_blocks_lie_between_the_first_row_and_the_last(n, most):
    blocks = spread(n, most)
    ends = [start + rows for start, rows in blocks]
    assert sum(rows for _, rows in blocks) == min(n, most)
    assert all(rows > 0 for _, rows in blocks)
    assert blocks[0][0] == 0
    assert all(end <= start for end, (start, _) in zip(ends, blocks[1:], strict=False))
    if most > 1:
        assert ends[-1] == n
    gaps = [start - end for end, (start, _) in zip(ends, blocks[1:], strict=False)]
    assert not gaps or max(gaps) - min(gaps) <= 1


@pytest.fixture
def sampled(monkeypatch):
    """What permutation importance was given."""
    from xai.shapley import importance

    seen, real = [], importance.permutation

    def permutation(model, X, y, *rest):
        seen.append(X.assign(outcome=y))
        return real(model, X, y, *rest)

    monkeypatch.setattr(importance, "permutation", permutation)
    return seen


@pytest.mark.parametrize("rows_per_part", [None, 70])
def test_data_sorted_by_the_outcome_give_both_answers(sampled, tmp_path, rows_per_part):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(3000, 2)), columns=["a", "b"])
    table = X.assign(outcome=(X["a"] > 1).astype(int)).sort_values("outcome", ignore_index=True)
    (tmp_path / "data").mkdir()
    table[:1000].to_parquet(tmp_path / "data" / "1.parquet")
    table[1000:].to_parquet(tmp_path / "data" / "2.parquet", row_group_size=300)
    model = LogisticRegression().fit(X, (X["a"] > 1).astype(int))
    options = {"permutation": {"target": "outcome", "rows": 500, "n_repeats": 1}}
    batch.run(model, tmp_path / "data", tmp_path / "out", ["permutation"], options=options, rows_per_part=rows_per_part)
    (sample,) = sampled
    rows = [row for start, rows in spread(3000, 500) for row in range(start, start + rows)]
    pd.testing.assert_frame_equal(sample, table.iloc[rows].reset_index(drop=True), check_like=True)
    assert abs(sample["outcome"].mean() - table["outcome"].mean()) < 0.02


def test_a_sample_has_rows(tmp_path):
    with pytest.raises(InputError, match="option 'rows' of 'permutation' must be a whole number of at least 1, not 0"):
        batch.run(
            None,
            tmp_path / "data",
            tmp_path / "out",
            ["permutation"],
            options={"permutation": {"target": "y", "rows": 0}},
        )
