"""The allocation engine against a heap in exact fractions, a public library, and what theory says."""

from __future__ import annotations

import heapq
from fractions import Fraction
from math import floor

import numpy as np
import pytest
from apportionment.methods import compute
from hypothesis import given, settings
from hypothesis import strategies as st

from xai.core.errors import InputError
from xai.dhondt import RULES, allocate

# Written out once more, independently of the package: the price of the next seat, squared for Huntington-Hill.
PRICES = {
    "dhondt": lambda s: 1 + Fraction(s),
    "sainte_lague": lambda s: Fraction(2 * s + 1, 2),
    "modified_sainte_lague": lambda s: Fraction(2 * s + 1) if s else Fraction(14, 10),
    "danish": lambda s: Fraction(s) + Fraction(1, 3),
    "huntington_hill": lambda s: Fraction(s * (s + 1)),
    "adams": Fraction,
    "dean": lambda s: Fraction(2 * s * (s + 1), 2 * s + 1),
    "imperiali": lambda s: Fraction(s + 2),
}
DIVISOR_RULES = sorted(PRICES)


def heap(votes, seats, rule):
    """One seat after another to the largest exact quotient; the lowest index among equals."""

    def entry(i, held):
        value = Fraction(float(votes[i])) ** (2 if rule == "huntington_hill" else 1)
        price = PRICES[rule](held)
        return (-1, -value, i) if price == 0 else (0, -value / price, i)

    result = [0] * len(votes)
    queue = [entry(i, 0) for i in range(len(votes)) if votes[i] > 0]
    heapq.heapify(queue)
    for _ in range(seats):
        _, _, i = queue[0]
        result[i] += 1
        heapq.heapreplace(queue, entry(i, result[i]))
    return result


def largest_remainders(votes, seats):
    exact = [Fraction(float(v)) for v in votes]
    quotas = [v * seats / sum(exact) for v in exact]
    result = [floor(q) for q in quotas]
    by_rest = sorted(range(len(votes)), key=lambda i: (floor(quotas[i]) - quotas[i], i))
    for i in by_rest[: seats - sum(result)]:
        result[i] += 1
    return result


def oracle(votes, seats, rule):
    return largest_remainders(votes, seats) if rule == "hamilton" else heap(votes, seats, rule)


def random_votes(rng, trial):
    """Votes that tie, nearly tie, repeat, vanish, and spread over many orders of magnitude."""
    n = int(rng.integers(1, 12))
    kind = trial % 7
    if kind == 0:
        votes = rng.integers(0, 12, n).astype(float)
    elif kind == 1:
        votes = rng.dirichlet(np.full(n, 0.3))
    elif kind == 2:
        votes = rng.integers(1, 7, n) * 0.1  # 0.1 * 3 is not 0.3: nearly tied, not tied
    elif kind == 3:
        votes = np.repeat(rng.random(n), 2)[:n]  # duplicated features
    elif kind == 4:
        votes = rng.integers(2**52, 2**53, n).astype(float)
    elif kind == 5:
        votes = 10.0 ** rng.uniform(-12, 12, n)
    else:
        base = rng.random()
        votes = base * rng.integers(1, 9, n) * (1 + rng.integers(-1, 2, n) * 2.0**-52)
    if not votes.any():
        votes[0] = 1.0
    return votes


@pytest.mark.parametrize("rule", sorted(RULES))
def test_batch_is_the_exact_heap(rule):
    rng = np.random.default_rng(11)
    for trial in range(420):
        votes = random_votes(rng, trial)
        seats = int(rng.integers(1, 45))
        assert allocate(votes, seats, rule).tolist() == oracle(votes, seats, rule), (votes.tolist(), seats)


@pytest.mark.parametrize("rule", sorted(RULES))
def test_rows_of_a_batch_do_not_touch_each_other(rule):
    rng = np.random.default_rng(5)
    votes = rng.integers(0, 9, (400, 6)).astype(float)
    votes[:, 0] += 1
    houses = rng.integers(1, 30, 400)
    together = allocate(votes, houses, rule)
    assert together.sum(axis=1).tolist() == houses.tolist()
    assert together.tolist() == [oracle(row, int(m), rule) for row, m in zip(votes, houses, strict=True)]


def test_blocks_join_without_a_seam(monkeypatch):
    votes = np.random.default_rng(0).random((1000, 7))
    whole = allocate(votes, 50)
    monkeypatch.setattr("xai.dhondt.apportionment._BLOCK", 100)
    assert (allocate(votes, 50) == whole).all()


# Textbook votes, and the Austrian election to the European Parliament of 2019.
@pytest.mark.parametrize(
    ("rule", "votes", "seats", "expected"),
    [
        ("dhondt", [100, 80, 30, 20], 8, [4, 3, 1, 0]),
        ("sainte_lague", [100, 80, 30, 20], 8, [3, 3, 1, 1]),
        ("hamilton", [100, 80, 30, 20], 8, [3, 3, 1, 1]),
        ("adams", [100, 80, 30, 20], 8, [3, 3, 1, 1]),
        ("huntington_hill", [100, 80, 30, 20], 8, [3, 3, 1, 1]),
        ("imperiali", [100, 80, 30, 20], 8, [5, 3, 0, 0]),
        ("dhondt", [340_000, 280_000, 160_000, 60_000], 7, [3, 3, 1, 0]),
        ("sainte_lague", [340_000, 280_000, 160_000, 60_000], 7, [3, 2, 1, 1]),
        ("dhondt", [1305956, 903151, 650114, 532193, 319024], 18, [7, 5, 3, 2, 1]),
        ("hamilton", [6, 6, 2], 10, [4, 4, 2]),
        ("hamilton", [6, 6, 2], 11, [5, 5, 1]),  # one seat more, and the small party loses one
        ("dhondt", [92.15, 1.59, 1.58, 1.57, 1.56, 1.55], 100, [95, 1, 1, 1, 1, 1]),  # above its upper quota
        ("dhondt", [1, 1, 1, 1], 10, [3, 3, 2, 2]),
    ],
)
def test_known_elections(rule, votes, seats, expected):
    assert allocate(votes, seats, rule).tolist() == expected


LIBRARY = {
    "dhondt": "dhondt",
    "sainte_lague": "saintelague",
    "modified_sainte_lague": "modified_saintelague",
    "huntington_hill": "huntington",
    "adams": "adams",
    "dean": "dean",
    "hamilton": "largest_remainder",
}


@pytest.mark.parametrize("rule", sorted(LIBRARY))
def test_the_apportionment_library_agrees(rule):
    rng = np.random.default_rng(3)
    for _ in range(80):
        n = int(rng.integers(2, 9))
        # Primes apart, so that no two parties tie: the library breaks Hamilton ties in another way, and has
        # no exact arithmetic for Huntington-Hill and 1.4.
        votes = rng.choice(np.arange(1001, 99_991), n, replace=False)
        seats = int(rng.integers(n, 60))
        exact = rule not in ("huntington_hill", "modified_sainte_lague")
        theirs = compute(LIBRARY[rule], votes.tolist(), seats, fractions=exact)
        assert allocate(votes, seats, rule).tolist() == theirs, (votes, seats)


@pytest.mark.parametrize("rule", ["adams", "dean", "huntington_hill"])
def test_a_house_too_small_for_all_seats_the_largest(rule):
    assert allocate([3.0, 9.0, 0.0, 7.0, 9.0], 2, rule).tolist() == [0, 1, 0, 0, 1]
    assert allocate([3.0, 9.0, 0.0, 7.0, 9.0], 4, rule).tolist() == [1, 1, 0, 1, 1]


def test_nearly_equal_is_not_equal():
    # 0.1 * 3 is a little more than 0.3, though 0.3 / 3 and 0.1 differ by less than the rounding of a division.
    assert allocate([0.3, 0.1], 3).tolist() == heap([0.3, 0.1], 3, "dhondt")
    big = 2.0**53
    assert allocate([big - 1, big], 1).tolist() == [0, 1]
    assert allocate([3 * 2.0**51 + 1, 2.0**51], 3).tolist() == [3, 0]
    assert allocate([3 * 2.0**51 - 1, 2.0**51], 3).tolist() == [2, 1]


def test_extreme_magnitudes():
    assert allocate([1e308, 1e308, 1e-308], 5).tolist() == [3, 2, 0]
    assert allocate([1e308, 1e-308, 5e-324], 3, "adams").tolist() == [1, 1, 1]
    assert allocate([5e-324, 5e-324], 2).tolist() == [1, 1]
    assert allocate([1.0, 2.0], 10**9, "sainte_lague").tolist() == [333333333, 666666667]


votes_lists = st.lists(st.integers(0, 1000) | st.floats(0, 1e6, width=32), min_size=1, max_size=9).filter(any)
houses = st.integers(1, 200)
few = settings(max_examples=60, deadline=None)


@few
@given(votes_lists, houses, st.sampled_from(sorted(RULES)), st.integers(-40, 40))
def test_scale_does_not_matter(votes, seats, rule, power):
    scaled = [v * 2.0**power for v in votes]
    assert allocate(scaled, seats, rule).tolist() == allocate(votes, seats, rule).tolist()


@few
@given(st.permutations(list(range(8))), st.integers(0, 10**6), houses, st.sampled_from(sorted(RULES)))
def test_names_do_not_matter(order, seed, seats, rule):
    votes = np.random.default_rng(seed).random(8)  # no ties, so no order to break them by
    assert (allocate(votes[order], seats, rule) == allocate(votes, seats, rule)[order]).all()


@few
@given(votes_lists, houses, st.sampled_from(DIVISOR_RULES))
def test_one_seat_more_costs_nobody_a_seat(votes, seats, rule):
    difference = allocate(votes, seats + 1, rule) - allocate(votes, seats, rule)
    assert sorted(difference.tolist()) == [0] * (len(votes) - 1) + [1]


@few
@given(votes_lists, houses)
def test_dhondt_quota_bounds(votes, seats):
    exact = [Fraction(v) for v in votes]
    parties = sum(v > 0 for v in exact)
    for v, s in zip(exact, allocate(votes, seats).tolist(), strict=True):
        share = v / sum(exact)
        assert floor(share * seats) <= s <= share * (seats + parties - 1)


@few
@given(st.lists(st.integers(0, 1000), min_size=3, max_size=9).filter(any), houses, st.data())
def test_dhondt_never_punishes_a_merger(votes, seats, data):
    k = data.draw(st.integers(2, len(votes)))
    apart = allocate(votes, seats)[:k].sum()
    merged = allocate([sum(votes[:k]), *votes[k:]], seats)[0]
    # The merged party stands first, so it also wins the ties that its members at the top of the list would win.
    assert 0 <= merged - apart <= k - 1


def test_shapes():
    assert allocate(np.zeros((0, 3)), 5).shape == (0, 3)
    assert allocate([2.0], 7).tolist() == [7]
    assert allocate([[2.0], [3.0]], 7).tolist() == [[7], [7]]
    assert allocate([1, 2], 3).dtype == np.int64


@pytest.mark.parametrize(
    ("votes", "seats", "rule", "says"),
    [
        ([1.0, float("nan")], 5, "dhondt", "party 1 has nan"),
        ([1.0, float("inf")], 5, "dhondt", "party 1 has inf"),
        ([[1.0, 2.0], [1.0, -2.0]], 5, "dhondt", "party 1 of row 1 has -2"),
        ([0.0, 0.0], 5, "dhondt", "all votes are zero"),
        ([[1.0, 0.0], [0.0, 0.0]], 5, "dhondt", "row 1 are zero"),
        ([1.0], 0, "dhondt", "not 0"),
        ([1.0], 2.5, "dhondt", "not 2.5"),
        ([1.0], "many", "dhondt", "'many'"),
        ([1.0], 10**10, "dhondt", "1,000,000,000"),
        ([[1.0], [2.0]], [1, 2, 3], "dhondt", "one a row"),
        ([1.0], 5, "sainte-lague", "Did you mean 'sainte_lague'"),
        ([], 5, "dhondt", "shape"),
        (np.ones((2, 2, 2)), 5, "dhondt", "shape"),
    ],
)
def test_bad_input_says_what_is_wrong(votes, seats, rule, says):
    with pytest.raises(InputError, match=says):
        allocate(votes, seats, rule)
