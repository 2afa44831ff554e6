"""The game over features keeps types, averages over the background, and checks its input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import xai
from xai.core.errors import InputError
from xai.models import masking
from xai.shapley import features


def mixed(n: int = 12) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age": rng.integers(20, 80, n),
            "dose": rng.normal(size=n),
            "sex": pd.Categorical(rng.choice(["f", "m"], n), categories=["m", "f"]),
            "site": rng.choice(["north", "south"], n),
        }
    )


def risk(frame: pd.DataFrame) -> np.ndarray:
    assert isinstance(frame["sex"].dtype, pd.CategoricalDtype)
    assert frame["age"].dtype.kind == "i"
    return np.column_stack([frame.age + 10 * (frame.sex == "f"), frame.dose * (frame.site == "south")])


def test_a_mask_is_the_mean_over_background_rows():
    X = mixed()
    game = xai.game(risk, X.iloc[[0]], X)
    masks = np.array([[m >> j & 1 for j in range(4)] for m in range(16)])
    got = game(masks)
    for mask, answer in zip(masks, got, strict=True):
        composed = X.copy()
        for j, name in enumerate(X.columns):
            if mask[j]:
                composed[name] = [X[name].iloc[0]] * len(X)
        composed["sex"] = composed["sex"].astype(X.sex.dtype)
        assert np.allclose(answer, risk(composed).mean(axis=0), atol=1e-12)
    assert game.output_names == ("value_0", "value_1")
    assert game.weights == "binary"


def test_blocks_do_not_change_the_answer(monkeypatch):
    X = mixed()
    masks = np.array([[m >> j & 1 for j in range(4)] for m in range(16)])
    whole = xai.game(risk, X.iloc[[1]], X)(masks)
    monkeypatch.setattr(masking, "BLOCK_ROWS", 30)
    seen = []

    def watched(frame: pd.DataFrame) -> np.ndarray:
        seen.append(len(frame))
        return risk(frame)

    assert np.array_equal(xai.game(watched, X.iloc[[1]], X)(masks), whole)
    assert max(seen) <= 30


def test_categories_of_row_and_background_may_differ():
    X = mixed()
    row = X.iloc[[0]].assign(sex=pd.Categorical(["f"], categories=["f"]))
    game = xai.game(risk, row, X)
    expected = row.age.iloc[0] + 10
    assert game(np.ones((1, 4)))[0, 0] == expected


def test_rows_may_be_series_or_arrays():
    def total(frame: pd.DataFrame) -> np.ndarray:
        return frame.sum(axis=1).to_numpy(float)

    X = pd.DataFrame([[1.0, 2.0], [3.0, 4.0]], columns=["a", "b"])
    for row in (X.iloc[1], X.iloc[[1]]):
        assert xai.game(total, row, X)(np.ones((1, 2)))[0, 0] == 7.0
    assert xai.game(total, np.array([3.0, 4.0]), X.to_numpy())(np.zeros((1, 2)))[0, 0] == 5.0


def test_groups_are_units():
    X = mixed()
    game = xai.game(risk, X.iloc[[0]], X)
    grouped = features.game(risk, X.iloc[[0]], X, groups={"person": ["age", "sex"]})
    assert grouped.units.names == ("person", "dose", "site")
    assert np.array_equal(grouped(np.array([[1, 0, 0]])), game(np.array([[1, 0, 1, 0]])))


def test_errors():
    X = mixed()
    with pytest.raises(InputError, match="one row, but 2"):
        xai.game(risk, X.iloc[:2], X)
    with pytest.raises(InputError, match="background has 0 rows"):
        xai.game(risk, X.iloc[:1], X[:0])
    with pytest.raises(InputError, match="0 or 1"):
        xai.game(risk, X.iloc[:1], X)(np.full((1, 4), 0.5))
