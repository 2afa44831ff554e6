"""Seat curves and the bias of the rules, against simulation and the rules' own properties."""

from __future__ import annotations

import numpy as np
import pytest

from xai.core import InputError
from xai.dhondt import (
    RULES,
    allocate,
    corrected_share,
    elect,
    expected_bias,
    house_size_for,
    seat_curve,
)

VOTES = {"a": 41.3, "b": 27.1, "c": 16.9, "d": 9.2, "e": 3.9, "f": 1.6}


@pytest.mark.parametrize("rule", sorted(RULES))
def test_curve_is_one_election_a_house(rule):
    curve = seat_curve(VOTES, 60, rule)
    frame = curve.to_frame()
    for house in range(1, 61):
        assert frame.loc[house].to_dict() == elect(VOTES, house, rule).seats


def test_first_seats_and_smallest_faithful_house():
    curve = seat_curve(VOTES, 200)
    assert curve.first_seat["a"] == 1
    assert all(
        curve.seats[first - 1, i] == 1 and curve.seats[: first - 1, i].sum() == 0
        for i, first in enumerate(curve.first_seat.values())
    )
    assert seat_curve(VOTES, 5).first_seat["f"] is None
    house = curve.house_for(0.02)
    assert curve.largest_error[house - 2] > 0.02
    assert (curve.largest_error[house - 1 :] <= 0.02).all()
    assert curve.house_for(1e-9) is None
    assert curve.house_for(1.0) == 1


@pytest.mark.parametrize("rule", ["dhondt", "sainte_lague", "danish", "adams", "hamilton"])
def test_bias_formula_agrees_with_simulation(rule):
    # Average over house sizes, at shares that are not near small fractions.
    p = np.array([0.4131416, 0.2709877, 0.1693147, 0.0922913, 0.0386453])
    p = np.append(p, 1 - p.sum())
    houses = np.arange(2000, 12000)
    seats = allocate(np.broadcast_to(p, (len(houses), 6)), houses, rule)
    found = (seats - houses[:, None] * p).mean(axis=0)
    stated = list(expected_bias(dict(zip("abcdef", p, strict=True)), 100, rule).values())
    assert found == pytest.approx(stated, abs=0.02)


def test_bias_of_dhondt_is_half_n_p_minus_one():
    votes = {"a": 3, "b": 1, "none": 0}
    assert expected_bias(votes, 10) == {"a": 0.25, "b": -0.25, "none": 0.0}
    assert house_size_for(votes, 0.01) == 25
    assert house_size_for({f"f{i}": 0.7 / 29 for i in range(29)} | {"big": 0.3}, 0.01) == 400
    assert house_size_for(votes, 0.01, "sainte_lague") == 1


def test_bias_needs_a_formula():
    for rule in ("huntington_hill", "dean", "modified_sainte_lague"):
        with pytest.raises(InputError, match="'dhondt', 'sainte_lague'"):
            expected_bias(VOTES, 100, rule)
    with pytest.raises(InputError, match=r"write 0\.01"):
        house_size_for(VOTES, 1)
    with pytest.raises(InputError, match="all votes are zero"):
        expected_bias({"a": 0})


def test_corrected_shares_are_nearer_on_average():
    p = np.array([0.55, 0.2, 0.1, 0.08, 0.07])
    raw, corrected = [], []
    for house in range(20, 120):
        parliament = elect(dict(zip("abcde", p, strict=True)), house)
        back = corrected_share(parliament)
        assert sum(back.values()) == pytest.approx(1)
        raw.append(parliament.seats["a"] / house)
        corrected.append(back["a"])
    assert abs(np.mean(corrected) - 0.55) < 0.2 * abs(np.mean(raw) - 0.55)


def test_corrected_share_formula_and_errors():
    assert corrected_share({"a": 3, "b": 1, "c": 0}) == pytest.approx({"a": 3.5 / 5, "b": 1.5 / 5})
    with pytest.raises(InputError, match="'adams'"):
        corrected_share(elect(VOTES, 10, "adams"))
    with pytest.raises(InputError, match="nobody has a seat"):
        corrected_share({"a": 0})
