"""Government and opposition, and a parliament for every row."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from xai.core import Attribution, InputError, Units
from xai.dhondt import RULES, allocate, elect_signed, local_majority, local_seats


def attribution(values, names="abcdefgh"):
    values = np.asarray(values, float)[:, :, None]
    n, d, _ = values.shape
    return Attribution(values, np.zeros((n, 1)), values.sum(1), Units(tuple(names[:d])), ("1",), "test")


def test_one_row_stands_on_one_side_each():
    p = elect_signed(attribution([[4.0, -3.0, 2.0, -1.0]]), 10)
    assert p.government == {"a": 4, "b": 0, "c": 2, "d": 0}
    assert p.opposition == {"a": 0, "b": 3, "c": 0, "d": 1}
    assert p.balance == pytest.approx(0.6)
    frame = p.to_frame()
    assert frame["party"].tolist() == ["a", "c", "b", "d"]
    assert frame["side"].tolist() == ["government", "government", "opposition", "opposition"]
    assert frame["seats"].sum() == p.house == 10
    assert frame["vote_share"].sum() == pytest.approx(1)


def test_many_rows_may_stand_on_both_sides():
    p = elect_signed(attribution([[6.0, 2.0], [-2.0, 2.0]]), 6)
    assert p.government_votes == {"a": 3.0, "b": 2.0}
    assert p.opposition_votes == {"a": 1.0, "b": 0.0}
    assert p.government == {"a": 3, "b": 2}
    assert p.opposition == {"a": 1, "b": 0}


def test_border_is_the_balance_of_the_signs():
    rng = np.random.default_rng(0)
    a = attribution(rng.normal(size=(50, 8)))
    p = elect_signed(a, 100_000, "sainte_lague")
    values = a.values[:, :, 0]
    assert p.balance == pytest.approx(np.maximum(values, 0).sum() / np.abs(values).sum(), abs=1e-4)


def test_signed_tie_is_reported():
    p = elect_signed(attribution([[1.0, -1.0]]), 3)
    assert p.tied == (("a", "government"), ("b", "opposition"))
    assert p.tied_seats == 1
    assert p.government["a"] == 2


@pytest.mark.parametrize("rule", sorted(RULES))
def test_local_seats_are_one_election_a_row(rule):
    values = np.random.default_rng(1).normal(size=(40, 6))
    values[7] = 0.0
    seats = local_seats(attribution(values), 25, rule)
    assert (seats[7] == 0).all()
    for row in [*range(7), *range(8, 40)]:
        assert (seats[row] == allocate(np.abs(values[row]), 25, rule)).all()


def test_local_majority_is_the_smallest_coalition():
    values = np.random.default_rng(1).normal(size=(60, 6)) ** 3
    values[7] = 0.0
    a = attribution(values)
    seats = local_seats(a, 20)
    for row, coalition in enumerate(local_majority(a, 20)):
        if row == 7:
            assert not coalition.any()
            continue
        assert 2 * seats[row, coalition].sum() > 20
        smaller = int(coalition.sum()) - 1
        assert all(2 * seats[row, list(others)].sum() <= 20 for others in combinations(range(6), smaller))


def test_bad_input():
    good = attribution([[1.0, -1.0]])
    with pytest.raises(InputError, match="every effect is zero"):
        elect_signed(attribution([[0.0, 0.0]]))
    with pytest.raises(InputError, match="'b' has nan in row 0"):
        elect_signed(attribution([[1.0, np.nan]]))
    with pytest.raises(InputError, match="'b' has nan in row 0"):
        local_seats(attribution([[1.0, np.nan]]))
    for call in (elect_signed, local_seats, local_majority):
        with pytest.raises(InputError, match="not 0"):
            call(good, 0)
        with pytest.raises(InputError, match="one whole number"):
            call(good, [1])
        with pytest.raises(InputError, match="unknown rule"):
            call(good, 5, "x")
    two = Attribution(np.ones((1, 2, 2)), np.zeros((1, 2)), np.ones((1, 2)), Units(("a", "b")), ("no", "yes"), "test")
    with pytest.raises(InputError, match="choose one"):
        elect_signed(two)
