"""Importances put to one test: models whose answer is known by construction."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import xai
from xai.core.errors import InputError
from xai.workflows import believe
from xai.workflows.believe import MOST_STEPS

COLUMNS = list("abcd")


@pytest.fixture(scope="module", name="X")
def rows():
    return pd.DataFrame(np.random.default_rng(0).normal(size=(80, 4)), columns=COLUMNS)


@pytest.fixture(scope="module")
def additive():
    return xai.wrap_model(lambda X: X.to_numpy() @ np.array([4.0, 2.0, 1.0, 0.0]), feature_names=COLUMNS)


TRUE = {"a": 4, "b": 2, "c": 1, "d": 0}
REVERSED = {"a": 0, "b": 1, "c": 2, "d": 4}


def test_the_true_order_is_obeyed_and_the_reversed_one_is_worse_than_chance(additive, X):
    found = believe(additive, X, {"reversed": REVERSED, "true": TRUE})
    assert list(found.gains) == ["true", "reversed"]
    assert found.gains["true"].verdict == "better"
    assert found.gains["reversed"].verdict == "worse"
    assert found.apart == (("true", "reversed"),)
    words = found.in_words()
    assert "obeys true most" in words
    assert "Reversed does worse than chance." in words
    assert "is -1.00: where they differ, go by true" in words


def test_curves_and_gain_are_those_counted_by_hand(additive, X):
    background = X.iloc[:1]
    found = believe(additive, X, {"true": TRUE, "wrong": REVERSED}, background, n_rows=80, n_random=20)
    effects = (X - background.iloc[0]).to_numpy() * [4.0, 2.0, 1.0, 0.0]
    left = effects[:, ::-1].cumsum(axis=1)[:, ::-1]
    missing = np.abs(np.column_stack([left, np.zeros(80)])).mean(axis=0)  # a enters first
    np.testing.assert_allclose(found.insertion["true"], missing, atol=1e-12)
    gone = np.abs(np.column_stack([np.zeros(80), effects.cumsum(axis=1)])).mean(axis=0)
    np.testing.assert_allclose(found.deletion["true"], gone, atol=1e-12)
    areas = {
        kind: {name: np.trapezoid(curve, found.x) for name, curve in curves.items()}
        for kind, curves in (("insertion", found.insertion), ("deletion", found.deletion))
    }
    gain = found.gains["true"]
    assert gain.insertion == pytest.approx(1 - areas["insertion"]["true"] / areas["insertion"]["random"])
    assert gain.deletion == pytest.approx(areas["deletion"]["true"] / areas["deletion"]["random"] - 1)
    assert gain.value == pytest.approx((gain.insertion + gain.deletion) / 2)
    assert gain.low < gain.value < gain.high
    # The interval of either kind holds the value, and both kinds together vary no more than the wilder of them.
    widths = []
    for kind in ("insertion", "deletion"):
        low, high = getattr(gain, f"{kind}_interval")
        assert low < getattr(gain, kind) < high
        widths.append(high - low)
    assert gain.high - gain.low < max(widths)


def test_equal_importances_are_never_told_apart(additive, X):
    found = believe(additive, X, {"one": TRUE, "other": {k: 10 * v for k, v in TRUE.items()}})
    assert found.apart == ()
    assert "Other cannot be told from it" in found.in_words()
    assert "they tell the same story" in found.in_words()
    assert "go by" not in found.in_words()


def test_a_model_that_looks_elsewhere_in_each_row_obeys_the_order_of_each_row(X):
    def by_sign(frame):
        v = frame.to_numpy()
        return np.where(v[:, 3] > 0, 5 * v[:, 0], 5 * v[:, 1])

    model = xai.wrap_model(by_sign, feature_names=COLUMNS)
    a = xai.explain(model, X, background=X.iloc[:20])
    found = believe(model, X, {"SHAP": a}, X.iloc[:20])
    assert ("SHAP of each row", "SHAP") in found.apart
    assert found.agreement is None
    assert found.in_words().startswith("On these 60 rows the model obeys SHAP of each row most")


def test_a_model_that_looks_at_nothing(X):
    constant = xai.wrap_model(lambda frame: np.zeros(len(frame)), feature_names=COLUMNS)
    found = believe(constant, X, {"a": TRUE})
    assert found.gains["a"].value == 0
    assert found.gains["a"].verdict == "chance"
    assert "obeys none of them" in found.in_words()


def test_the_same_seed_gives_the_same_answer(additive, X):
    one, two = (believe(additive, X, {"true": TRUE}, n_rows=20, seed=3) for _ in range(2))
    assert one.gains == two.gains
    assert one.n_rows == 20


def test_wide_tables_are_followed_in_larger_steps():
    rng = np.random.default_rng(0)
    wide = pd.DataFrame(rng.normal(size=(10, 100)), columns=[f"x{i}" for i in range(100)])
    model = xai.wrap_model(lambda frame: frame["x7"].to_numpy(), feature_names=list(wide))
    found = believe(model, wide, {"true": {name: float(name == "x7") for name in wide}})
    assert len(found.x) == MOST_STEPS + 1
    assert found.x[[0, -1]].tolist() == [0, 1]
    assert found.insertion["true"][1:].max() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("importances", "words"),
    [
        ({}, "at least one importance"),
        ({"x": {"a": 1, "b": 1}}, "'x' is about other units than the model's columns: 'c', 'd'"),
        ({"x": TRUE | {"a": float("nan")}}, "'x' holds a value that is no finite number"),
    ],
)
def test_importances_that_do_not_fit(additive, X, importances, words):
    with pytest.raises(InputError, match=words):
        believe(additive, X, importances)


def test_rows_and_options_that_do_not_fit(additive, X):
    a = xai.explain(additive, X.iloc[:10], background=X.iloc[:5])
    with pytest.raises(InputError, match="'SHAP' explains 10 rows, but X has 80"):
        believe(additive, X, {"SHAP": a})
    with pytest.raises(InputError, match="at least two rows"):
        believe(additive, X.iloc[:1], {"true": TRUE})
    with pytest.raises(InputError, match="n_random must be at least 20"):
        believe(additive, X, {"true": TRUE}, n_random=3)
