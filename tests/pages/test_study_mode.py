"""Study mode: consent first, then decisions in the condition that the seed draws, then the results."""

from __future__ import annotations

import numpy as np
import pytest

from xai.chmcorr.stories import story
from xai.editing import study

STATIC = next(seed for seed in range(50) if study.condition_of(seed) == "static")
EDITABLE = next(seed for seed in range(50) if study.condition_of(seed) == "editable")


def button(page, label):
    return next(b for b in page.at.button if b.label == label)


def press(page, label):
    button(page, label).click()
    return page.run()


def begin(app, seed, n=2):
    page = app(mode="Study").open("editable_map")
    assert button(page, "Start").disabled
    page.at.checkbox(key="study-consent").check()
    page.at.number_input(key="study-seed").set_value(seed)
    page.at.number_input(key="study-n").set_value(n)
    page.run()
    return press(page, "Start")


def running(page):
    return page.at.session_state["study"]


@pytest.mark.parametrize(("seed", "condition"), [(STATIC, "static"), (EDITABLE, "editable")])
def test_a_session_from_consent_to_results(app, seed, condition):
    page = begin(app, seed)
    found = story("stained_smears")
    order = study.trial_order([e.label == t for e, t in zip(found.explanations, found.truths, strict=True)], 2, seed)
    assert running(page).order == order
    assert running(page).condition == condition
    assert not any(name in page.text for name in found.names), "the name of a picture gives its class away"
    edited = [key for key, _ in page.at.session_state.items() if key.startswith("edits:study:")]
    assert button(page, "Accept").disabled  # confidence first
    if condition == "editable":
        mask = np.zeros((7, 7))
        mask[2:5, 2:5] = 1
        page.at.session_state[edited[0]].edit(mask)
    for number in range(2):
        page.at.radio(key=f"study-sure-{number}").set_value(4)
        page.run()
        page = press(page, "Accept" if number == 0 else "Reject")
    trials = running(page).trials
    assert [(t.number, t.accepted, t.confidence) for t in trials] == [(1, True, 4), (2, False, 4)]
    for trial, i in zip(trials, order, strict=True):
        assert (trial.truth, trial.answer) == (found.truths[i], found.explanations[i].label)
        assert trial.seconds >= 0
    if condition == "editable":
        answer = found.explanations[order[0]].edit(mask).label
        assert (trials[0].edits, trials[0].flips) == (1, int(answer != trials[0].answer))
        assert trials[0].flipped_to_truth == (answer != trials[0].answer and answer == trials[0].truth)
    assert trials[1].edits == 0
    correct = sum(t.correct for t in trials)
    assert next(m for m in page.at.metric if m.label == "Correct decisions").value == f"{correct} of 2"
    table = page.at.dataframe[0].value
    assert list(table["Published editable"]) == ["73.57", "86.79", "59.39"]
    assert table.loc[0, condition.capitalize()] == f"{50 * correct:.1f} (1 sessions)"
    assert not page.errors
