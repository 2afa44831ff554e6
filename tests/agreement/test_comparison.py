"""Comparing importances: the published numbers, intervals, order, signs and errors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from xai.agreement import MEASURES, compare, compare_many
from xai.core import Attribution, InputError, Units

NAMES = [f"u{i}" for i in range(10)]
SEATS = dict(zip(NAMES, [37, 121, 42, 51, 54, 31, 70, 124, 44, 26], strict=True))
MEAN_SHAP = dict(
    zip(NAMES, [0.4520, 1.0405, 0.5294, 0.7134, 0.3458, 0.1581, 0.8206, 1.3664, 0.1517, 0.1078], strict=True)
)


def attribution(values, names=None, rows=()):
    values = np.asarray(values, dtype=float)[:, :, None]
    zero = np.zeros((len(values), 1))
    names = names or [f"x{j}" for j in range(values.shape[1])]
    return Attribution(values, zero, values.sum(axis=1), Units(tuple(names)), ("margin",), "shap", rows=rows)


def noisy(n, seed=0, d=6, noise=0.5):
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=(n, d)) * np.linspace(1, 2, d)
    return attribution(signal), attribution(signal + noise * rng.normal(size=(n, d)))


def test_published_correlations():
    found = compare(SEATS, MEAN_SHAP)
    assert found.pearson.value == pytest.approx(0.9096, abs=5e-5)
    assert found.spearman.value == pytest.approx(0.8303, abs=5e-5)
    assert found.kendall.value == pytest.approx(0.7333, abs=5e-5)
    assert found.p_values["pearson"] == pytest.approx(2.6e-4, abs=5e-6)
    assert found.p_values["spearman"] == pytest.approx(0.0029, abs=5e-5)
    assert found.p_values["kendall"] == pytest.approx(0.0022, abs=5e-5)
    assert (found.basis, found.n_units, found.n_rows) == ("units", 10, 0)
    # Top five: texture, area, smoothness, concavity, points against texture, perimeter, area, concavity, points.
    assert found.top_k.value == pytest.approx(4 / 5)


def test_identical_and_reversed():
    x = dict(zip("abcdef", [6.0, 5, 4, 3, 2, 1], strict=True))
    y = dict(zip("abcdef", [1.0, 2, 3, 4, 5, 6], strict=True))
    same, turned = compare(x, x, k=2), compare(x, y, k=2)
    for name in ("pearson", "spearman", "kendall", "rbo", "top_k"):
        assert getattr(same, name).value == pytest.approx(1.0)
        assert getattr(same, name).low == pytest.approx(1.0)
    for name in ("pearson", "spearman", "kendall"):
        assert getattr(turned, name).value == pytest.approx(-1.0)
        assert getattr(turned, name).high == pytest.approx(-1.0)
    assert turned.top_k.value == 0.0


def test_units_are_matched_by_name():
    shuffled = dict(reversed(MEAN_SHAP.items()))
    expected = compare(SEATS, MEAN_SHAP).to_frame()
    pd.testing.assert_frame_equal(compare(SEATS, shuffled).to_frame(), expected, check_exact=True)
    pd.testing.assert_frame_equal(compare(pd.Series(SEATS), pd.Series(shuffled)).to_frame(), expected)


def test_rows_are_matched_by_label():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(2, 40, 5))
    a, b = attribution(x, rows=range(40)), attribution(y, rows=range(40))
    turned = b.for_rows(np.arange(40)[::-1])
    assert turned.rows[0] == 39
    assert compare(a, turned) == compare(a, b)
    assert compare(a, b).basis == "rows"
    assert compare(a, attribution(y, rows=range(100, 140))).basis == "units"


def test_bootstrap_by_rows_repeats_the_resampling():
    """The interval equals the one found by resampling rows one at a time."""
    a, b = noisy(25)
    rng = np.random.default_rng(4)
    draws = rng.integers(0, 25, (50, 25))
    x, y = np.abs(a.values[:, :, 0]), np.abs(b.values[:, :, 0])
    by_hand = [np.corrcoef(x[draw].mean(axis=0), y[draw].mean(axis=0))[0, 1] for draw in draws]
    found = compare(a, b, n_boot=50, seed=4).pearson
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(by_hand, [0.025, 0.975])), abs=1e-9)


def test_same_seed_same_result_and_another_seed_another():
    a, b = noisy(60)
    assert compare(a, b, seed=1) == compare(a, b, seed=1)
    assert compare(a, b, seed=1).pearson != compare(a, b, seed=2).pearson
    assert compare(a, b, seed=1).pearson.value == compare(a, b, seed=2).pearson.value


def test_intervals_shrink_with_rows_and_level():
    widths = []
    for n in (50, 5000):
        found = compare(*noisy(n)).pearson
        assert found.low <= found.value <= found.high
        widths.append(found.high - found.low)
    assert widths[1] < widths[0] / 3
    narrow = compare(*noisy(50), level=0.5).pearson
    assert narrow.high - narrow.low < widths[0]


def test_interval_covers_the_truth():
    """Of 60 samples from one population, about 95 % of the intervals hold the population's correlation."""
    rng = np.random.default_rng(9)
    a = attribution(rng.normal(size=(30_000, 8)) * [1, 2, 3, 4, 5, 6, 7, 8])
    b = attribution(rng.normal(size=(30_000, 8)) * [3, 1, 2, 6, 3, 8, 4, 5])
    # The mean absolute value of a normal variable is proportional to its scale.
    big = np.corrcoef([1, 2, 3, 4, 5, 6, 7, 8], [3, 1, 2, 6, 3, 8, 4, 5])[0, 1]
    hits = 0
    for i in range(60):
        rows = np.arange(i * 400, (i + 1) * 400)
        found = compare(a.for_rows(rows), b.for_rows(rows), n_boot=300, seed=i).pearson
        hits += found.low <= big <= found.high
    assert hits >= 50


def test_sign_agreement():
    a = attribution([[1, -1, 2], [3, -2, -1]])
    b = attribution([[2, -3, -2], [1, 0, -5]])
    assert compare(a, b).sign.value == pytest.approx(4 / 6)
    unsigned = attribution([[2, 3, 2], [1, 1, 5]])
    found = compare(a, unsigned)
    assert np.isnan(found.sign.value)
    assert any("sign" in note for note in found.notes)
    assert compare({"a": 1, "b": -2, "c": 3}, {"a": 5, "b": -1, "c": -1}).sign.value == pytest.approx(2 / 3)
    assert np.isnan(compare(a, {"x0": 1, "x1": -2, "x2": 3}).sign.value)


def test_constant_importance_is_noted_without_a_warning(recwarn):
    found = compare(dict.fromkeys("abc", 2.0), dict(zip("abc", [1, 2, 3], strict=True)))
    for name in ("pearson", "spearman", "kendall"):
        assert np.isnan(getattr(found, name).value)
        assert np.isnan(found.p_values[name])
    assert np.isfinite(found.rbo.value)
    assert any("same for all units" in note for note in found.notes)
    assert not recwarn.list


def test_equal_but_for_rounding_is_tied():
    x = {"a": 0.1 + 0.2, "b": 0.3, "c": 1.0}
    y = {"a": 1.0, "b": 1.0, "c": 2.0}
    assert compare(x, y).kendall.value == pytest.approx(1.0)


def test_k_that_covers_all_units_is_noted():
    assert any(
        "k = 5" in note for note in compare(dict(zip("abc", [1, 2, 3], strict=True)), dict.fromkeys("abc", 1)).notes
    )


def test_to_frame():
    frame = compare(SEATS, MEAN_SHAP).to_frame()
    assert tuple(frame["measure"]) == MEASURES
    assert frame.loc[0, "value"] == pytest.approx(0.9096, abs=5e-5)
    assert frame["p_value"].notna().tolist() == [True, True, True, False, False, False]


def test_compare_many():
    lists = {"seats": SEATS, "shap": MEAN_SHAP, "negated": {name: -v for name, v in SEATS.items()}}
    table = compare_many(lists, n_boot=20)
    matrix = table.matrix("spearman")
    assert np.allclose(matrix, matrix.T)
    assert np.diag(matrix).tolist() == [1, 1, 1]
    assert matrix[0, 1] == pytest.approx(0.8303, abs=5e-5)
    assert matrix[0, 2] == pytest.approx(-1)
    assert len(table.to_frame()) == 3 * len(MEASURES)
    with pytest.raises(InputError, match="spearman"):
        table.matrix("speerman")
    with pytest.raises(InputError, match="at least two"):
        compare_many({"seats": SEATS})
    with pytest.raises(InputError, match="'seats' and 'other'"):
        compare_many({"seats": SEATS, "other": {"x": 1, "y": 2}})


@pytest.mark.parametrize(
    ("a", "b", "options", "message"),
    [
        ({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 2, "d": 3}, {}, "only in the first: 'c'; only in the second: 'd'"),
        ({"a": 1}, {"a": 1}, {}, "only 'a'"),
        ({"a": 1, "b": float("nan")}, {"a": 1, "b": 2}, {}, "'b' is nan in the first"),
        ({"a": 1, "b": 2}, {"a": 1, "b": float("inf")}, {}, "'b' is inf in the second"),
        ({"a": 1, "b": 2}, {"a": 1, "b": 2}, {"p": 1.0}, "p is a probability"),
        ({"a": 1, "b": 2}, {"a": 1, "b": 2}, {"level": 95}, "write 0.95"),
        ({"a": 1, "b": 2}, {"a": 1, "b": 2}, {"k": 0}, "k must"),
        ({"a": 1, "b": 2}, {"a": 1, "b": 2}, {"n_boot": 0}, "n_boot must"),
        ([1, 2], {"a": 1, "b": 2}, {}, "no names"),
    ],
)
def test_errors(a, b, options, message):
    with pytest.raises(InputError, match=message):
        compare(a, b, **options)


def test_several_outputs_are_an_error():
    a = Attribution(
        np.ones((2, 3, 2)), np.zeros((2, 2)), np.zeros((2, 2)), Units(("a", "b", "c")), ("no", "yes"), "shap"
    )
    with pytest.raises(InputError, match="'no', 'yes'"):
        compare(a, a)
