"""The electoral law as words and as keywords."""

from __future__ import annotations

import pytest

from xai import elect
from xai.dashboard.controls import MAIN_RULES, MORE_RULES, SOURCES, TIES, Law
from xai.dhondt.rules import RULES
from xai.dhondt.sources import SOURCES as VOTE_SOURCES

VOTES = {"a": 53.0, "b": 24.0, "c": 23.0}


def test_the_default_law_is_the_default_of_elect():
    assert elect(VOTES, **Law().keywords()).seats == elect(VOTES).seats


def test_keywords_reach_the_election():
    law = Law(7, "sainte_lague", 0.05, {"b + c": ("b", "c")}, (), "largest")
    assert elect(VOTES, **law.keywords()).seats == {"a": 4, "b + c": 3}
    assert elect(VOTES, **Law(10, exclude=("b",)).keywords()).seats == {"a": 7, "c": 3}
    assert elect(VOTES, **Law(10, threshold=0.235).keywords()).barred == ("c",)


@pytest.mark.parametrize(
    ("law", "sentence"),
    [
        (Law(), "100 seats, D'Hondt"),
        (Law(600, "hamilton"), "600 seats, Hamilton (largest remainder)"),
        (Law(10, "sainte_lague", 0.05), "10 seats, Sainte-Laguë, threshold 5.0%"),
        (Law(10, exclude=("age", "sex")), "10 seats, D'Hondt, without age, sex"),
    ],
)
def test_the_sentence_says_the_law(law, sentence):
    assert law.sentence() == sentence


def test_every_choice_of_the_library_is_offered_and_no_other():
    assert set(MAIN_RULES | MORE_RULES) == set(RULES)
    assert set(SOURCES) == set(VOTE_SOURCES)
    for ties in TIES:
        assert sum(elect({"a": 1.0, "b": 1.0}, seats=3, ties=ties).expected_seats.values()) == 3
