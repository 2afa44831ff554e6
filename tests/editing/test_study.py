"""The study's design and analysis against values worked out by hand."""

from __future__ import annotations

import math
from collections import Counter

import pytest

from xai.core.errors import InputError
from xai.editing import study
from xai.editing.study import Trial


def trial(session="a", condition="static", *, right=True, accepted=True, **changes):
    options = {"session": session, "seed": 1, "condition": condition, "number": 1, "picture": "p", "truth": "cat"}
    options |= {"answer": "cat" if right else "dog", "accepted": accepted, "confidence": 3, "seconds": 2.5}
    return Trial(**options | changes)


def test_a_decision_is_correct_if_it_accepts_what_is_right_or_rejects_what_is_wrong():
    table = {(True, True): True, (True, False): False, (False, True): False, (False, False): True}
    for (right, accepted), correct in table.items():
        assert trial(right=right, accepted=accepted).correct is correct


def test_each_session_counts_once_however_many_decisions_it_made():
    # Static: sessions at 100 % (2 of 2) and 50 % (1 of 2). Editable: 0 % (0 of 1) and 50 % (2 of 4).
    trials = [
        trial("a"), trial("a"), trial("b"), trial("b", accepted=False),
        trial("c", "editable", accepted=False),
        trial("d", "editable"), trial("d", "editable"),
        trial("d", "editable", right=False), trial("d", "editable", right=False),
    ]  # fmt: skip
    everything, right, wrong = study.compare_conditions(trials)
    assert (everything.static.mean, everything.static.sessions, everything.static.decisions) == (75, 2, 4)
    assert everything.static.deviation == pytest.approx(35.35534)  # sqrt(2 * 25^2 / 1)
    assert (everything.editable.mean, everything.editable.decisions) == (25, 5)
    # Pooled variance 1250, standard error sqrt(1250 * (1/2 + 1/2)); t = -50 / 35.355; with 2 degrees of freedom
    # p = 1 - |t| / sqrt(2 + t^2).
    assert everything.t == pytest.approx(-1.4142136)
    assert everything.p == pytest.approx(1 - 1.4142136 / 2)
    assert right.editable.mean == 50  # c at 0 %, d at 100 %
    assert wrong.static is None
    assert wrong.editable.mean == 0
    assert math.isnan(wrong.t)  # one session: no test


def test_flips_against_correctness_by_hand():
    edited = {"condition": "editable", "edits": 2}
    trials = [
        trial(**edited), trial(**edited, accepted=False), trial(**edited, flips=1), trial(condition="editable"),
        trial(**edited, right=False, accepted=False, flips=2, flipped_to_truth=True),
        trial(**edited, right=False, accepted=True, flips=1),
        trial(**edited, right=False, accepted=True), trial(**edited, right=False, accepted=False),
        trial(condition="editable", right=False, accepted=False),
        trial(edits=0),  # static: not counted
    ]  # fmt: skip
    found = {row.situation: (row.n, row.correct) for row in study.flips_against_correctness(trials)}
    assert found == {
        "model right, answer never changed": (2, 1),
        "model right, answer changed": (1, 1),
        "model right, no edit made": (1, 1),
        "model wrong, an edit gave the true class": (1, 1),
        "model wrong, answer changed, never to the truth": (1, 0),
        "model wrong, answer never changed": (2, 1),
        "model wrong, no edit made": (1, 1),
    }


def test_seeds_draw_conditions_evenly_and_always_the_same():
    drawn = Counter(study.condition_of(seed) for seed in range(400))
    assert 160 < drawn["static"] < 240
    assert [study.condition_of(seed) for seed in range(20)] == [study.condition_of(seed) for seed in range(20)]


def test_half_of_the_trials_are_right_answers():
    right = [True] * 9 + [False] * 5
    order = study.trial_order(right, 8, seed=3)
    assert len(set(order)) == len(order) == 8
    assert sum(right[i] for i in order) == 4
    assert order == study.trial_order(right, 8, seed=3)
    assert order != study.trial_order(right, 8, seed=4)
    assert len(study.trial_order(right, 100, seed=0)) == 10
    with pytest.raises(InputError, match="right on 3 of 3"):
        study.trial_order([True] * 3, 2, seed=0)


def test_results_survive_a_file_and_files_can_be_joined():
    trials = (
        trial(picture='say "x", please', seconds=1.25),
        trial("b", "editable", right=False, edits=3, flips=1, flipped_to_truth=True),
    )
    text = study.to_csv(trials)
    assert study.from_csv(text) == trials
    assert study.from_csv(text + text) == trials + trials


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("confidence", "sure"), "lack the columns confidence"),
        (lambda text: text.replace(",static,", ",both,"), "line 2 .*'both'"),
        (lambda text: text.replace(",True,3,", ",yes,3,"), "line 2"),
        (lambda text: text.replace(",True,3,", ",True,9,"), "confidence is 9"),
    ],
)
def test_damaged_results_are_named(change, message):
    with pytest.raises(InputError, match=message):
        study.from_csv(change(study.to_csv([trial()])))
