from __future__ import annotations

import numpy as np
import pytest

from xai.core.errors import InputError
from xai.core.game import Game
from xai.core.units import Units
from xai.editing import EditSession
from xai.editing.stability import random_masks

from .games import additive


def first_unit_decides(d=10):
    """'yes' as long as the first unit is kept."""
    outputs = lambda m: np.column_stack([m[:, 0] > 0, m[:, 0] <= 0]).astype(float)  # noqa: E731
    return Game(outputs, Units(tuple(f"u{i}" for i in range(d))), ("yes", "no"), "binary")


def test_random_masks_have_the_same_weights_and_are_never_the_mask():
    mask = np.array([2.0, 0.5, 0, 0, 0, 0, 1])
    masks = random_masks(mask, 20, seed=3)
    assert masks.shape == (20, 7)
    assert len({m.tobytes() for m in masks} | {mask.tobytes()}) == 21
    np.testing.assert_array_equal(np.sort(masks, axis=1), np.tile(np.sort(mask), (20, 1)))


def test_no_more_masks_than_there_are():
    assert len(random_masks(np.array([1.0, 0, 0]), 20, seed=0)) == 2
    assert len(random_masks(np.ones(5), 20, seed=0)) == 0


def test_flips_are_counted_exactly():
    session = EditSession(first_unit_decides())
    session.edit([0, 1, 1, 1, 1, 0, 0, 0, 0, 0])
    found = session.stability(n_random=200, seed=1)
    masks = random_masks(session.mask, 200, seed=1)
    assert found.random_flips == found.random_same == int((masks[:, 0] == 0).sum())
    assert found.random_flips / len(found.random_answers) == pytest.approx(0.6, abs=0.1)
    assert (found.answer, found.original) == ("no", "yes")
    assert found.own_answers == ("yes", "no")
    assert found.own_flips == 1
    assert any("too: the change says little" in text for text in found.warnings)


def test_masks_tried_twice_and_undone_count_once():
    session = EditSession(first_unit_decides())
    mask = [0, *[1] * 9]
    session.edit(mask)
    session.undo()
    session.edit(mask)
    assert session.stability().own_answers == ("yes", "no")


@pytest.mark.parametrize("kept", [1, 2, 3])
def test_a_warning_below_three_units(kept):
    session = EditSession(first_unit_decides())
    session.edit([1] * kept + [0] * (10 - kept))
    assert any(f"Only {kept} feature" in text for text in session.stability().warnings) == (kept < 3)


def test_an_answer_that_stays_is_never_called_confirmed():
    session = EditSession(first_unit_decides())
    session.edit([1] * 5 + [0] * 5)
    text = " ".join([session.summary, *session.stability().sentences]).lower()
    assert "does not tell whether it is right" in text
    assert not any(word in text for word in ("confirm", "robust", "reliable", "correct", "stable"))


def test_equal_weights_have_no_random_control():
    found = EditSession(additive()).stability()
    assert found.random_answers == ()
    assert "no other mask of this size" in found.sentences[0]


def test_the_seed_decides_and_zero_masks_are_refused():
    session = EditSession(first_unit_decides())
    session.edit([0, 1, 1, 1, 1, 0, 0, 0, 0, 0])
    assert session.stability(seed=5).random_answers == session.stability(seed=5).random_answers
    with pytest.raises(InputError, match="at least 1"):
        session.stability(n_random=0)
