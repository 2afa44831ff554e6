from __future__ import annotations

import numpy as np
import pytest

from xai.core.errors import InputError
from xai.editing import EditSession

from .games import VALUES, additive, patches, product


def test_an_edit_is_played_and_can_be_undone_and_redone():
    session = EditSession(additive())
    start = session.step
    assert session.answer == session.original_answer == "class 0"
    step = session.edit([0, 1, 1, 1])
    np.testing.assert_array_equal(step.outputs, VALUES[1:].sum(axis=0))
    assert session.answer == "class 1"
    assert session.summary == "The answer changed from 'class 0' to 'class 1'."
    assert session.undo() is start
    assert session.redo() is step


def test_undo_after_edit_gives_back_every_bit():
    rng = np.random.default_rng(0)
    session = EditSession(additive(), rng.random(4))
    masks = [session.mask.copy()]
    masks += [session.edit(rng.random(4) * 2).mask.copy() for _ in range(30)]
    for mask in masks[-2::-1]:
        np.testing.assert_array_equal(session.undo().mask, mask)
    for mask in masks[1:]:
        np.testing.assert_array_equal(session.redo().mask, mask)


def test_outputs_stand_side_by_side():
    session = EditSession(additive(), original=[9.0, 8.0])
    session.edit([0, 1, 1, 1])
    session.edit([0, 0, 1, 1])
    outputs = session.outputs
    np.testing.assert_array_equal(outputs.original, [9.0, 8.0])
    np.testing.assert_array_equal(outputs.before, VALUES[1:].sum(axis=0))
    np.testing.assert_array_equal(outputs.after, VALUES[2:].sum(axis=0))


def test_a_new_edit_ends_the_redo_line_but_loses_no_step():
    session = EditSession(additive())
    session.edit([0, 1, 1, 1])
    session.undo()
    session.edit([1, 0, 1, 1])
    assert not session.can_redo
    assert [step.number for step in session.history] == [0, 1, 2]
    assert session.line == (0, 2)
    with pytest.raises(InputError, match="nothing to redo"):
        session.redo()


def test_an_equal_mask_makes_no_step():
    session = EditSession(additive())
    session.edit(np.ones(4))
    assert len(session.history) == 1
    with pytest.raises(InputError, match="nothing to undo"):
        session.undo()


def test_snapshots_notes_reset_and_any_step():
    session = EditSession(additive())
    session.edit([0, 1, 1, 1], note="without the marker")
    session.snapshot("no marker")
    session.edit([2, 1, 1, 1])
    session.annotate(2, "twice")
    assert [step.note for step in session.history] == ["", "without the marker", "twice"]
    np.testing.assert_array_equal(session.restore("no marker").mask, [0, 1, 1, 1])
    assert session.step.description == "back to snapshot 'no marker'"
    np.testing.assert_array_equal(session.reset().mask, np.ones(4))
    np.testing.assert_array_equal(session.go_to(2).mask, [2, 1, 1, 1])
    np.testing.assert_array_equal(session.undo().mask, np.ones(4))
    with pytest.raises(InputError, match="no marker"):
        session.restore("no markr")
    with pytest.raises(InputError, match="steps 0 to"):
        session.go_to(17)
    with pytest.raises(InputError, match="needs a name"):
        session.snapshot(" ")


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ([1, 1, np.nan, 1], "nan for 'u2'"),
        ([1, 1, -0.5, 1], "-0.5 for 'u2'"),
        ([1, np.inf, 1, 1], "inf for 'u1'"),
        ([1, 1, 1], r"shape \(3,\)"),
        (np.ones((2, 2)), r"shape \(2, 2\)"),
        ([0, 0, 0, 0], "ignores all 4 features"),
        (["a", 1, 1, 1], "no number"),
    ],
)
def test_bad_masks_are_refused_and_leave_no_trace(mask, message):
    session = EditSession(additive())
    with pytest.raises(InputError, match=message):
        session.edit(mask)
    assert len(session.history) == 1


def test_a_binary_game_takes_no_halves():
    with pytest.raises(InputError, match="0 or 1"):
        EditSession(additive(weights="binary")).edit([1, 0.5, 1, 1])


def test_a_mask_may_come_in_the_units_layout():
    session = EditSession(patches())
    session.edit([[0, 1, 1], [1, 1, 1]])
    np.testing.assert_array_equal(session.mask, [0, 1, 1, 1, 1, 1])


def test_one_output_is_decided_by_its_threshold():
    session = EditSession(product())
    assert session.answer == "margin above 0"
    assert session.edit([1, 0]).answer == "margin not above 0"
    assert EditSession(product(), threshold=0.75).answer == "margin not above 0.75"


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ([1, 1, 1, 1, 1, 1], [0, 1, 1, 1, 1, 1], "ignored 'row 1 column 1'"),
        ([1, 1, 1, 1, 1, 1], [2, 0, 1, 1, 1, 1], "ignored 'row 1 column 2'; weight 2 for 'row 1 column 1'"),
        ([1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 1, 1], "inverted: 4 patches kept"),
        ([1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 1, 0], "only 'row 2 column 2' kept"),
        ([0.5, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1], "all 6 patches kept"),
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0, 0, 0, 0, 0.5, 0.6], "ignored 4 patches"),
    ],
)
def test_descriptions(before, after, text):
    session = EditSession(patches(), before)
    assert session.edit(after).description == text


def test_the_history_cannot_be_written_to():
    session = EditSession(additive())
    with pytest.raises(ValueError, match="read-only"):
        session.mask[0] = 5
