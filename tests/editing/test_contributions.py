from __future__ import annotations

import numpy as np
import pytest

from xai.editing import EditSession

from .games import VALUES, additive, product


def test_an_additive_game_in_closed_form():
    session = EditSession(additive())
    session.edit([0, 1, 2, 1])
    found = session.contributions()
    # Lead of class 1 over class 0: the changes of the weights times the difference of the columns.
    change = np.array([-1.0, 0, 1, 0])
    np.testing.assert_allclose(found.values, change * (VALUES[:, 1] - VALUES[:, 0]), atol=1e-12)
    assert (found.winner, found.runner_up) == ("class 1", "class 0")
    assert found.rest == pytest.approx(0, abs=1e-12)
    assert found.additive
    assert found.after - found.before == pytest.approx(found.values.sum())


def test_without_a_flip_the_rival_is_the_second_best():
    session = EditSession(additive())
    session.edit([2, 1, 1, 1])
    found = session.contributions()
    assert (found.winner, found.runner_up) == ("class 0", "class 1")
    np.testing.assert_allclose(found.values, [3, 0, 0, 0])


def test_what_units_do_together_is_left_over_and_said():
    session = EditSession(product())
    session.edit([0, 1])
    single = session.contributions()
    assert single.additive
    np.testing.assert_allclose(single.values, [1, 0])
    grown = EditSession(product(), [0, 1])
    grown.edit([1, 0])
    both = grown.contributions()
    # Neither mask has both units, but putting either one back has: the change is 0, the parts are not.
    assert both.before == both.after
    assert both.rest == pytest.approx(-both.values.sum())


def test_compared_with_any_step():
    session = EditSession(additive())
    session.edit([0, 1, 1, 1])
    session.edit([0, 0, 1, 1])
    np.testing.assert_allclose(np.flatnonzero(session.contributions(since=1).values), [1])
