"""What a run says as a whole, where its rows say little."""

from __future__ import annotations

import numpy as np
import pandas as pd

import xai
from xai import batch


def test_draws_without_votes_elect_nobody(tmp_path):
    """One row of three has an effect: one draw in six has no votes at all."""
    pd.DataFrame({"a": [0.0, 0.0, 3.0], "b": 0.0}).to_parquet(tmp_path / "rows.parquet")
    pd.DataFrame({"a": [0.0], "b": [0.0]}).to_parquet(tmp_path / "background.parquet")
    model = xai.wrap_model(lambda X: X.to_numpy() @ [1.0, 1.0], feature_names=["a", "b"])
    options = {"removal": {"background": str(tmp_path / "background.parquet")}}
    done = batch.run(model, tmp_path / "rows.parquet", tmp_path / "out", ["removal"], options=options)
    entry = done.entry("removal")
    assert entry["votes"] == {"a": 1.0, "b": 0.0}
    np.testing.assert_allclose(entry["standard_error"]["a"], 1.0)
    assert entry["seats"] == {"a": [100, 0, 100], "b": [0, 0, 0]}
