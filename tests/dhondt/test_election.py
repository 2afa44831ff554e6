"""Elections: the law, ties, alliances, errors, and the numbers read off a parliament."""

from __future__ import annotations

import json
from collections import Counter
from itertools import combinations, permutations
from math import factorial

import numpy as np
import pandas as pd
import pytest
import voting.diversity
import voting.proportion
from hypothesis import given, settings
from hypothesis import strategies as st

from xai.core import Attribution, InputError, Units
from xai.dhondt import RULES, Parliament, elect
from xai.dhondt.power import power

ABCD = {"A": 50, "B": 30, "C": 15, "D": 5}
# Votes of the published breast cancer figure, as shares in percent.
FIGURE = [6.271130, 20.068244, 7.038052, 8.600886, 8.942949, 5.174851, 11.584732, 20.593390, 7.344122, 4.381645]


def attribution(values, names="abc"):
    values = np.asarray(values, float)[:, :, None]
    n = len(values)
    return Attribution(values, np.zeros((n, 1)), values.sum(1), Units(tuple(names)), ("1",), "test")


def test_exclusion_keeps_names_and_votes_together():
    p = elect(ABCD, 10, exclude=["A"])
    assert p.votes == {"B": 30, "C": 15, "D": 5}
    assert list(p.vote_shares.values()) == pytest.approx([0.6, 0.3, 0.1])
    assert p.seats == {"B": 6, "C": 3, "D": 1}


def test_exclusion_and_alliance_together():
    p = elect(ABCD, 10, exclude=["A"], alliances=[["C", "D"]])
    assert p.parties == ("C + D", "B")
    assert p.votes == {"C + D": 20, "B": 30}
    assert p.seats == {"C + D": 4, "B": 6}
    assert p.members == {"C + D": ("C", "D"), "B": ("B",)}


@pytest.mark.parametrize("votes", [ABCD, pd.Series(ABCD), attribution([[40, -30, 20, 5], [-60, 30, 10, 5]], "ABCD")])
def test_every_kind_of_votes(votes):
    assert list(elect(votes, 100).seats.values()) == [50, 30, 15, 5]


def test_threshold_is_strict_and_counts_the_barred():
    p = elect(ABCD, 100, threshold=0.05)
    assert p.barred == ()  # a share of exactly the threshold stays in
    p = elect(ABCD, 100, threshold=0.0501)
    assert p.barred == ("D",)
    assert p.barred_share == pytest.approx(0.05)
    assert p.seats["D"] == 0
    assert sum(p.seats.values()) == 100
    assert p.vote_shares["A"] == pytest.approx(0.5)


@pytest.mark.parametrize(("count", "total"), [(5, 100), (3, 30), (1, 3), (7, 41)])
def test_threshold_is_exact_on_whole_votes(count, total):
    p = elect({"x": count, "y": total - count}, 10, threshold=count / total)
    assert p.barred == ()


def test_an_alliance_is_one_party_for_the_threshold():
    p = elect({"A": 90, "B": 6, "C": 4}, 100, threshold=0.08, alliances={"small": ["B", "C"]})
    assert p.barred == ()
    assert p.standalone == {"A": 100, "B": 0, "C": 0}  # alone both would have been barred
    assert p.bonus == {"small": 10, "A": -10}
    assert p.member_seats == {"A": 90, "B": 6, "C": 4}


def test_standalone_when_nobody_would_pass_alone():
    p = elect({"A": 1, "B": 1, "C": 1, "D": 1}, 9, threshold=0.4, alliances=[["A", "B"], ["C", "D"]])
    assert set(p.standalone.values()) == {0}
    assert p.seats == {"A + B": 5, "C + D": 4}


def test_barred_alliance_gives_its_members_nothing():
    p = elect({"A": 97, "B": 2, "C": 1}, 10, threshold=0.05, alliances=[["B", "C"]])
    assert p.barred == ("B + C",)
    assert p.member_seats == {"A": 10, "B": 0, "C": 0}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 200), min_size=4, max_size=9).filter(any),
    st.integers(1, 120),
    st.sampled_from(sorted(RULES)),
    st.integers(2, 4),
)
def test_seats_add_up_everywhere(votes, seats, rule, k):
    named = {f"v{i}": vote for i, vote in enumerate(votes)}
    p = elect(named, seats, rule, alliances={"front": list(named)[:k]})
    assert sum(p.seats.values()) == seats
    assert sum(p.expected_seats.values()) == pytest.approx(seats)
    assert sum(p.standalone.values()) == seats
    assert sum(p.bonus.values()) == 0
    for party, members in p.members.items():
        assert sum(p.member_seats[m] for m in members) == p.seats[party]
    if rule == "dhondt":
        assert 0 <= p.bonus["front"] <= k - 1


# ---- ties


def test_tie_by_order_is_reported():
    p = elect({"a": 1, "b": 1, "c": 1, "d": 1}, 10)
    assert p.seats == {"a": 3, "b": 3, "c": 2, "d": 2}
    assert p.tied == ("a", "b", "c", "d")
    assert p.tied_seats == 2
    assert set(p.expected_seats.values()) == {2.5}


def test_no_tie_no_report():
    p = elect({"a": 2, "b": 1}, 3)
    assert p.tied == ()
    assert p.tied_seats == 0
    assert p.expected_seats == {"a": 2.0, "b": 1.0}


def test_largest_first():
    votes = {"small": 1, "large": 3}  # of 3 seats: 3, 3/2, then 3/3 against 1/1
    assert elect(votes, 3).seats == {"small": 1, "large": 2}
    assert elect(votes, 3, ties="largest").seats == {"small": 0, "large": 3}
    assert elect(votes, 3, ties="largest").tied == ("small", "large")


def test_lots_are_seeded_and_fair():
    votes = {"a": 2, "b": 2, "c": 2, "d": 5}
    first = [elect(votes, 4, ties="random", seed=s).seats for s in range(150)]
    assert first[:20] == [elect(votes, 4, ties="random", seed=s).seats for s in range(20)]
    # d has 2 seats; two of a, b, c win the other two.
    assert all(result["d"] == 2 for result in first)
    wins = Counter(name for result in first for name in "abc" if result[name])
    assert all(75 < wins[name] < 125 for name in "abc")


def test_fractional_treats_the_tied_alike():
    p = elect({"a": 1, "b": 1, "c": 1}, 2, ties="fractional")
    assert p.seats == {"a": 1, "b": 1, "c": 0}
    assert p.expected_seats == pytest.approx(dict.fromkeys("abc", 2 / 3))
    assert p.indices["gallagher"] == pytest.approx(0)
    assert p.to_frame()["seat_share"].tolist() == pytest.approx([1 / 3] * 3)


def test_tie_for_the_first_seats_of_adams():
    p = elect({"a": 5, "b": 3, "c": 3, "d": 1}, 2, "adams")
    assert p.tied == ("b", "c")
    assert p.expected_seats == {"a": 1.0, "b": 0.5, "c": 0.5, "d": 0.0}
    assert elect({"a": 5, "b": 3, "c": 3}, 3, "adams").tied == ()


def test_tie_of_remainders():
    p = elect({"a": 6, "b": 6, "c": 2}, 12, "hamilton")  # quotas 5.14, 5.14, 1.71
    assert p.tied == ()
    p = elect({"a": 7, "b": 7, "c": 7}, 10, "hamilton")
    assert p.tied == ("a", "b", "c")
    assert p.tied_seats == 1
    assert elect({"a": 5, "b": 5}, 10, "hamilton").tied == ()


def test_nearly_equal_votes_are_no_tie():
    assert elect({"a": 0.3, "b": 0.1 * 3}, 1).tied == ()
    assert elect({"a": 0.3, "b": 0.1 * 3}, 1).seats == {"a": 0, "b": 1}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 6), min_size=2, max_size=6).filter(any),
    st.integers(1, 15),
    st.sampled_from(sorted(RULES)),
)
def test_ties_do_not_depend_on_the_order(votes, seats, rule):
    forward = elect({f"v{i}": vote for i, vote in enumerate(votes)}, seats, rule)
    backward = elect({f"v{i}": vote for i, vote in reversed(list(enumerate(votes)))}, seats, rule)
    assert set(forward.tied) == set(backward.tied)
    assert forward.expected_seats == pytest.approx(backward.expected_seats)
    if not forward.tied:
        assert forward.seats == backward.seats


# ---- numbers


def test_indices_of_the_published_figure():
    # Reference values for 100 seats, vote shares rounded to the digits printed there.
    votes = {str(i): v for i, v in enumerate(FIGURE)}
    p = elect(votes, 100)
    assert list(p.seats.values()) == [6, 20, 7, 9, 9, 5, 12, 21, 7, 4]
    assert elect(votes, 600).tied == ()
    shares = [0.0627, 0.2007, 0.0704, 0.0860, 0.0894, 0.0517, 0.1158, 0.2059, 0.0734, 0.0438]
    q = elect(dict(zip("abcdefghij", shares, strict=True)), 100, "sainte_lague")
    for name, theirs in {
        "gallagher": voting.proportion.gallagher,
        "loosemore_hanby": voting.proportion.loosemore_hanby,
        "rae": voting.proportion.rae,
        "sainte_lague": voting.proportion.sainte_lague,
        "max_ratio": voting.proportion.dhondt,
    }.items():
        assert q.indices[name] == pytest.approx(theirs(shares, list(q.seats.values())), rel=1e-12)
    assert q.indices["effective_parties_votes"] == pytest.approx(voting.diversity.laakso_taagepera(shares))
    assert q.indices["effective_parties_seats"] == pytest.approx(
        voting.diversity.laakso_taagepera(list(q.seats.values()))
    )


def test_indices_count_the_barred_votes():
    p = elect({"a": 60, "b": 30, "c": 10}, 9, threshold=0.2)
    assert list(p.seats.values()) == [6, 3, 0]
    assert p.indices["loosemore_hanby"] == pytest.approx(0.1)
    assert p.indices["exact_share"] == pytest.approx(0.9)


def test_exact_share_is_the_share_of_proportional_votes():
    p = elect({"a": 50, "b": 30, "c": 20}, 5, "dhondt")  # 3, 1, 1
    assert list(p.seats.values()) == [3, 1, 1]
    assert p.indices["exact_share"] == pytest.approx(0.5 / 0.6)


def test_majority():
    p = elect({"a": 40, "b": 35, "c": 15, "d": 10}, 100)
    assert p.majority == (("a", "b"), 75)
    assert p.majority.seats == 75
    assert elect({"a": 1, "b": 1}, 2).majority.parties == ("a", "b")  # half is no majority
    assert elect({"a": 1}, 1).majority == (("a",), 1)


def swings(seats, index):
    """Power by listing every coalition, or every order of arrival."""
    names = list(seats)
    quota = sum(seats.values()) // 2 + 1
    counts = dict.fromkeys(names, 0.0)
    for name in names:
        others = [other for other in names if other != name]
        for size in range(len(names)):
            weight = (
                1.0 if index == "banzhaf" else factorial(size) * factorial(len(others) - size) / factorial(len(names))
            )
            for coalition in combinations(others, size):
                held = sum(seats[other] for other in coalition)
                counts[name] += weight * (held < quota <= held + seats[name])
    total = sum(counts.values())
    return {name: count / total for name, count in counts.items()}


@pytest.mark.parametrize("index", ["banzhaf", "shapley_shubik"])
def test_power_is_that_of_all_coalitions(index):
    rng = np.random.default_rng(2)
    for _ in range(40):
        n = int(rng.integers(1, 9))
        seats = {f"p{i}": int(s) for i, s in enumerate(rng.integers(0, 20, n))}
        seats["p0"] += 1
        assert power(seats, index) == pytest.approx(swings(seats, index), abs=1e-13)


def test_shapley_shubik_is_the_share_of_pivotal_orders():
    seats = {"a": 4, "b": 3, "c": 2, "d": 1}
    pivots = Counter()
    for order in permutations(seats):
        held = 0
        for name in order:
            held += seats[name]
            if held >= 6:
                pivots[name] += 1
                break
    p = elect(seats, 10)
    assert p.seats == seats
    assert p.power("shapley_shubik") == pytest.approx({name: pivots[name] / 24 for name in seats})


def test_power_of_many_equal_parties():
    seats = {f"p{i}": 7 for i in range(80)}
    for index in ("banzhaf", "shapley_shubik"):
        assert list(power(seats, index).values()) == pytest.approx([1 / 80] * 80)


def test_seats_and_power_differ():
    p = elect({"a": 49, "b": 49, "c": 2}, 100)
    assert p.power() == pytest.approx({"a": 1 / 3, "b": 1 / 3, "c": 1 / 3})
    with pytest.raises(InputError, match="shapley_shubik"):
        p.power("deegan")


def test_frame_and_json(tmp_path):
    p = elect(ABCD, 7, threshold=0.06, alliances={"left": ["A", "C"]})
    frame = p.to_frame()
    assert frame.columns.tolist() == [
        "party",
        "members",
        "votes",
        "vote_share",
        "seats",
        "expected_seats",
        "seat_share",
        "bonus",
        "barred",
    ]
    assert frame["party"].tolist() == ["left", "B", "D"]
    assert frame["members"].tolist() == ["A, C", "B", "D"]
    assert frame["barred"].tolist() == [False, False, True]
    assert frame["seats"].sum() == 7
    text = p.to_json(tmp_path / "p.json")
    assert json.loads(text)["seats"] == p.seats
    assert Parliament.from_json(tmp_path / "p.json") == p
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(InputError, match="holds no parliament"):
        Parliament.from_json(tmp_path / "bad.json")
    with pytest.raises(InputError, match="cannot be read"):
        Parliament.from_json(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("votes", "law", "says"),
    [
        ({"a": float("nan")}, {}, "'a' has nan votes"),
        ({"a": 1, "b": float("inf")}, {}, "'b' has inf votes"),
        ({"a": 1, "b": -2}, {}, "'b' has -2 votes"),
        ({"a": "x"}, {}, "'a' has 'x'"),
        ({"a": 0, "b": 0}, {}, "all votes are zero"),
        ({"a": 0, "b": 2}, {"exclude": ["b"]}, "all votes are zero"),
        ({}, {}, "at least one unit"),
        ([1, 2], {}, "list has no names"),
        (pd.Series([1, 2], index=["a", "a"]), {}, "'a'"),
        (ABCD, {"seats": 0}, "not 0"),
        (ABCD, {"seats": -5}, "not -5"),
        (ABCD, {"seats": 10.5}, "not 10.5"),
        (ABCD, {"seats": [5, 5]}, "one whole number"),
        (ABCD, {"seats": float("nan")}, "not nan"),
        (ABCD, {"rule": "d'hondt"}, "Did you mean 'dhondt'"),
        (ABCD, {"ties": "coin"}, "'random'"),
        (ABCD, {"threshold": 5}, "write 0.05"),
        (ABCD, {"threshold": 1}, "write 0.01"),
        (ABCD, {"threshold": -0.1}, "not -0.1"),
        (ABCD, {"threshold": float("nan")}, "nan"),
        (ABCD, {"threshold": "5%"}, "5%"),
        (ABCD, {"threshold": 0.6}, "largest party, 'A', has a share of 0.5"),
        (ABCD, {"exclude": ["E"]}, "unknown name to exclude: 'E'. The names are: 'A'"),
        (ABCD, {"exclude": list("ABCD")}, "every party is excluded"),
        (ABCD, {"alliances": [["A", "Bb"]]}, "unknown member: 'Bb'"),
        (ABCD, {"alliances": [["A", "B"], ["B", "C"]]}, "'B' stands in more than one place"),
        (ABCD, {"alliances": {"C": ["A", "B"]}}, "named like a column outside them: 'C'"),
        (ABCD, {"alliances": {"x": []}}, "without members: 'x'"),
        (ABCD, {"alliances": ["A", "B"]}, "is text"),
        (ABCD, {"alliances": "AB"}, "not the text 'AB'"),
        (ABCD, {"alliances": {"x": "AB"}}, "is text"),
        (ABCD, {"alliances": [["A", "B"]], "exclude": ["B"]}, "'B' cannot be excluded and in an alliance"),
    ],
)
def test_bad_input_says_what_is_wrong(votes, law, says):
    with pytest.raises(InputError, match=says.replace("(", r"\(")):
        elect(votes, **law)


def test_two_outputs_must_be_chosen_from():
    a = Attribution(np.ones((2, 2, 2)), np.zeros((2, 2)), np.ones((2, 2)), Units(("a", "b")), ("yes", "no"), "test")
    with pytest.raises(InputError, match="'yes', 'no'"):
        elect(a)
