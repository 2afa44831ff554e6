"""The game over features: present ones as in the row, absent ones drawn from the background."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError
from ..core.game import Game
from ..core.units import Units, check_groups
from ..models import Model, wrap_model
from ..models.masking import Mixer, check_background, membership, players, row_game, sample_rows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_background", "constant_units", "game", "one_row", "players", "row_game", "sample_rows"]


def game(model: Any, row: Any, background: Any, *, groups: Mapping[str, Sequence[str]] | None = None) -> Game:
    """Game over the features of one row.

    The output of a mask is the mean of the model's answers over the background rows, where each row takes
    the present features from ``row``: the interventional game ``v(S) = E f(x_S, Z_-S)``.

    Parameters
    ----------
    model
        A wrapped model, or an object that :func:`xai.wrap_model` takes.
    row
        A table of one row, a row of one (a Series), or an array of d values.
    background
        Rows that stand for "feature unknown".
    groups
        Columns that are present or absent together, each group being one unit.

    Raises
    ------
    InputError
        If ``row`` is not one row, the background is empty, or columns or groups do not fit the model.
    """
    wrapped = model if isinstance(model, Model) else wrap_model(model)
    frame, table = one_row(wrapped, row), check_background(wrapped, background)
    wrapped.predict_checked(frame)  # a plain function shows here how many outputs it has
    index, units = players(frame.columns, check_groups(groups or {}, frame.columns))
    return row_game(wrapped, frame, table, index, units)


def one_row(model: Model, row: Any) -> pd.DataFrame:
    """A table of one row from a table, a Series or an array.

    Raises
    ------
    InputError
        If it is another number of rows, or does not fit the model.
    """
    import pandas as pd

    if isinstance(row, pd.Series):
        row = row.to_frame().T.infer_objects()
    elif not isinstance(row, pd.DataFrame) and np.ndim(row) == 1:
        row = np.asarray(row)[None, :]
    frame = model.check(row)
    if len(frame) != 1:
        raise InputError(f"a game explains one row, but {len(frame)} were given.")
    return frame


def constant_units(frame: pd.DataFrame, background: pd.DataFrame, index: list[list[int]], units: Units) -> list[str]:
    """Units that have one value in all rows, explained and background: their importance 0 says nothing of them."""
    member = membership(index, frame.shape[1])
    first = frame.iloc[:1]
    varies = Mixer(first, background).differs().any(axis=0) | Mixer(first, frame).differs().any(axis=0)
    return [units.names[unit] for unit in np.flatnonzero(~(member & varies).any(axis=1))]
