from __future__ import annotations

import numpy as np
import pytest

from xai.core import Game, InputError, ModelError, Units


def _sum(masks):
    return masks.sum(axis=1, keepdims=True)


def test_outputs_come_back_as_floats():
    game = Game(_sum, Units(("a", "b")), ("y",))
    assert game(np.array([[0, 1], [1, 1]])).tolist() == [[1.0], [2.0]]


def test_a_binary_game_refuses_weights_and_names_the_unit():
    game = Game(_sum, Units(("a", "b")), ("y",))
    with pytest.raises(InputError, match=r"mask 0 has 0.5 for 'b'"):
        game([[1, 0.5]])
    assert Game(_sum, Units(("a", "b")), ("y",), "continuous")([[1, 0.5]]).tolist() == [[1.5]]


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_a_continuous_game_takes_finite_weights_from_zero(weight):
    with pytest.raises(InputError):
        Game(_sum, Units(("a",)), ("y",), "continuous")([[weight]])


def test_masks_must_have_one_column_a_unit():
    with pytest.raises(InputError, match=r"\(n_masks, 2\)"):
        Game(_sum, Units(("a", "b")), ("y",))([[1, 1, 1]])


def test_a_model_that_changes_shape_or_answers_nan_is_caught():
    units = Units(("a",))
    with pytest.raises(ModelError, match="shape"):
        Game(lambda masks: masks[:1], units, ("y",))(np.ones((3, 1)))
    with pytest.raises(ModelError, match="nan for output 'y' of mask 1"):
        Game(lambda masks: np.array([[1.0], [np.nan]]), units, ("y",))(np.ones((2, 1)))
