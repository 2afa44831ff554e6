from __future__ import annotations

import json

import numpy as np
import pytest

from xai.core.errors import InputError
from xai.editing import EditSession

from .games import VALUES, additive, patches


@pytest.fixture
def session():
    rng = np.random.default_rng(4)
    session = EditSession(additive(), rng.random(4), original=[0.1, 1 / 3])
    session.edit(rng.random(4), note="erste Notiz – ü")
    session.snapshot("here")
    session.edit(rng.random(4))
    session.undo()
    session.edit(rng.random(4) * 2)
    session.edit(rng.random(4) * 2)
    session.undo()
    return session


def test_what_is_read_back_is_what_was_written(session, tmp_path):
    path = tmp_path / "edits.json"
    text = session.to_json(path)
    again = EditSession.from_json(path, additive())
    assert again.to_json() == text == EditSession.from_json(text, additive()).to_json()
    for ours, theirs in zip(again.history, session.history, strict=True):
        np.testing.assert_array_equal(ours.mask, theirs.mask)
        np.testing.assert_array_equal(ours.outputs, theirs.outputs)
        assert (ours.note, ours.description, ours.answer) == (theirs.note, theirs.description, theirs.answer)
    assert again.line == session.line
    assert again.snapshots == session.snapshots
    assert again.can_redo
    np.testing.assert_array_equal(again.redo().mask, session.redo().mask)
    np.testing.assert_array_equal(again.undo().mask, session.undo().mask)


def test_another_model_or_other_units_are_refused(session):
    with pytest.raises(InputError, match="another model or other data"):
        EditSession.from_json(session.to_json(), additive(VALUES * 1.01))
    with pytest.raises(InputError, match="another game"):
        EditSession.from_json(session.to_json(), patches())


def damaged(session, **changes):
    return json.dumps(json.loads(session.to_json()) | changes)


def test_damaged_files_are_refused_with_a_reason(session, tmp_path):
    for text, message in {
        "{": "no edit session",
        '{"a":' * 100_000: "no edit session",
        "{}": "format",
        damaged(session, line=[0, 77]): "points to steps",
        damaged(session, steps=[]): "damaged",
        damaged(session, snapshots={"x": -1}): "points to steps",
    }.items():
        with pytest.raises(InputError, match=message):
            EditSession.from_json(text, additive())
    with pytest.raises(InputError, match="cannot be read"):
        EditSession.from_json(tmp_path / "none.json", additive())
