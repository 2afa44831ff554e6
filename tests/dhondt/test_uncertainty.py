"""Bootstrap of the rows: reproducible, the same law as an election, and surer with more data."""

from __future__ import annotations

from importlib import import_module
from math import comb

import numpy as np
import pytest

from xai.core import Attribution, InputError, Units
from xai.dhondt import elect, uncertainty


def attribution(values):
    values = np.asarray(values, float)[:, :, None]
    n, d, _ = values.shape
    names = tuple(f"f{i}" for i in range(d))
    return Attribution(values, np.zeros((n, 1)), values.sum(1), Units(names), ("1",), "test")


def sample(n, seed=0):
    return attribution(np.random.default_rng(seed).normal(size=(n, 5)) * [4, 3.9, 2, 1, 0.2])


def test_same_seed_same_result():
    first, second, other = (uncertainty(sample(60), 100, 200, seed) for seed in (3, 3, 4))
    assert (first.samples == second.samples).all()
    assert first.to_frame().equals(second.to_frame())
    assert not (first.samples == other.samples).all()


def test_every_resample_is_an_election():
    # The same draws by hand, one election after the other.
    a = sample(30)
    law = {"alliances": {"pair": ["f3", "f1"]}, "threshold": 0.1, "exclude": ["f2"], "rule": "sainte_lague"}
    u = uncertainty(a, 41, 50, 7, **law)
    drawn = np.random.default_rng(7).integers(30, size=(50, 30))
    for rows, seats in zip(drawn, u.samples, strict=True):
        p = elect(a.for_rows(rows), 41, **law)
        assert list(p.seats.values()) == seats.tolist()
        assert p.parties == u.parties
    assert u.parliament.seats == elect(a, 41, **law).seats


def test_probabilities_are_those_of_the_samples():
    u = uncertainty(sample(40), 50, 400)
    assert u.rank_probability.sum(axis=0) == pytest.approx(np.ones(5))
    assert u.rank_probability.sum(axis=1) == pytest.approx(np.ones(5))
    assert u.largest_probability["f0"] == pytest.approx(u.rank_probability[0, 0])
    assert u.seat_probability["f0"] == 1.0
    assert list(u.seat_probability.values()) == pytest.approx((u.samples > 0).mean(axis=0))
    for i, (low, high) in enumerate(u.intervals.values()):
        assert (u.samples[:, i] < low).mean() <= 0.025
        assert (u.samples[:, i] > high).mean() <= 0.025


def test_close_and_clear_races():
    u = uncertainty(sample(100), 100, 500)
    assert len(u.too_close_to_call) == 1
    assert set(u.too_close_to_call[0]) == {"f0", "f1"}
    tilted = np.random.default_rng(0).random((100, 3)) + np.array([10, 5, 1])
    assert uncertainty(attribution(tilted), 100, 200).too_close_to_call == ()


def test_intervals_shrink_with_more_rows():
    widths = []
    for n in (25, 400, 6400):
        u = uncertainty(sample(n), 1000, 300)
        widths.append(np.mean([high - low for low, high in u.intervals.values()]))
    # The width goes with 1 / sqrt(n): a quarter for sixteen times the rows.
    assert widths[0] > 2.5 * widths[1] > 2.5 * 2.5 * widths[2]


def test_equal_rows_leave_no_doubt():
    u = uncertainty(attribution(np.tile([3.0, 2.0, 1.0], (10, 1))), 60, 50)
    assert u.intervals == {"f0": (30, 30), "f1": (20, 20), "f2": (10, 10)}
    assert u.to_frame()["sd"].tolist() == [0, 0, 0]
    assert u.too_close_to_call == ()
    assert u.failed == 0


def test_resamples_without_a_winner_are_counted():
    # Every row votes for one of two parties, so one of them always has nearly half.
    rows = np.zeros((10, 3))
    rows[:5, 0] = rows[5:, 1] = 1.0
    rows[:, 2] = 0.01
    u = uncertainty(attribution(rows), 10, 300, threshold=0.49)
    assert u.failed == 0
    with pytest.raises(InputError, match="nobody passes"):
        uncertainty(attribution(rows), 10, 300, threshold=0.6)
    lean = rows.copy()
    lean[5, :2] = 1.0, 0.0
    # Six rows of ten for the first: nobody has 59 % exactly when five are drawn for each.
    u = uncertainty(attribution(lean), 10, 2000, threshold=0.59)
    assert u.failed == pytest.approx(comb(10, 5) * 0.6**5 * 0.4**5, abs=0.03)
    assert (u.samples.sum(axis=1) == 0).mean() == pytest.approx(u.failed)


def test_blocks_do_not_change_the_law(monkeypatch):
    # By module name: as an attribute of the package the name is the function.
    monkeypatch.setattr(import_module("xai.dhondt.uncertainty"), "_BLOCK", 100)
    u = uncertainty(sample(40), 100, 25)
    assert (u.samples.sum(axis=1) == 100).all()


def test_bad_input():
    with pytest.raises(InputError, match="at least two"):
        uncertainty(attribution([[1.0, 2.0]]))
    with pytest.raises(InputError, match=r"write 0\.95"):
        uncertainty(sample(5), level=95)
    with pytest.raises(InputError, match="n_boot"):
        uncertainty(sample(5), n_boot=0)
    with pytest.raises(InputError, match="'f0' has nan"):
        uncertainty(attribution([[np.nan, 1.0], [1.0, 1.0]]))
