"""Tables in which some columns come from a row and the others from background rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError
from ..core.game import Game
from ..core.units import Units
from .base import Model

if TYPE_CHECKING:
    import pandas as pd

BLOCK_ROWS = 20_000
"""Most rows that are handed to a model at once, one mask's background rows being the least."""


def row_game(model: Model, row: pd.DataFrame, background: pd.DataFrame, index: list[list[int]], units: Units) -> Game:
    """The interventional game of one checked row; ``index`` holds the column positions of each unit."""
    member = membership(index, row.shape[1])
    mixer = Mixer(row, background)
    n_background = len(background)
    per_block = max(1, BLOCK_ROWS // n_background)

    def function(masks: np.ndarray) -> np.ndarray:
        present = masks.astype(bool) @ member
        blocks = [
            model.predict_checked(mixer(present[start : start + per_block]))
            .reshape(-1, n_background, n_outputs)
            .mean(1)
            for start in range(0, len(present), per_block)
        ]
        return np.concatenate(blocks) if blocks else np.empty((0, n_outputs))

    n_outputs = len(model.output_names)
    return Game(function, units, model.output_names)


def membership(index: list[list[int]], n_columns: int) -> np.ndarray:
    """``(n_units, n_columns)`` booleans: which columns make a unit."""
    member = np.zeros((len(index), n_columns), dtype=bool)
    for unit, positions in enumerate(index):
        member[unit, positions] = True
    return member


class Mixer:
    """Builds tables that mix one row with background rows, keeping the columns' types."""

    def __init__(self, row: pd.DataFrame, background: pd.DataFrame) -> None:
        import pandas as pd

        self.columns = row.columns
        self.n_background = len(background)
        dtypes = {*row.dtypes, *background.dtypes}
        # One type throughout is the common case, and arrays are several times quicker than columns.
        self.plain = len(dtypes) == 1 and isinstance(next(iter(dtypes)), np.dtype)
        if self.plain:
            self.row, self.background = row.to_numpy()[0], background.to_numpy()
        else:
            row, background = _same_categories(row, background)
            self.stacked = pd.concat([row, background], ignore_index=True)

    def __call__(self, present: np.ndarray, references: np.ndarray | None = None) -> pd.DataFrame:
        """A mixed table.

        Parameters
        ----------
        present
            ``(m, d)`` booleans: which columns come from the row.
        references
            ``(m,)`` positions of the background row each mask is mixed with; ``None``: with every one in turn,
            which gives ``m * n_background`` rows, masks first.
        """
        import pandas as pd

        if references is None:
            references = np.tile(np.arange(self.n_background), len(present))
            present = np.repeat(present, self.n_background, axis=0)
        if self.plain:
            return pd.DataFrame(np.where(present, self.row, self.background[references]), columns=self.columns)
        positions = np.where(present, 0, references[:, None] + 1)
        return pd.DataFrame(
            {name: self.stacked[name].array.take(positions[:, j]) for j, name in enumerate(self.columns)}
        )

    def differs(self) -> np.ndarray:
        """``(n_background, d)`` booleans: where a background row has another value than the row; NaN equals NaN."""
        import pandas as pd

        if self.plain and self.row.dtype.kind in "iufb":
            unequal = np.asarray(self.background != self.row)
            if self.row.dtype.kind == "f":
                unequal &= ~(np.isnan(self.background) & np.isnan(self.row))
            return unequal
        table = pd.DataFrame(np.vstack([self.row, self.background])) if self.plain else self.stacked
        codes = [pd.factorize(table.iloc[:, j], use_na_sentinel=False)[0] for j in range(table.shape[1])]
        return np.column_stack([code[1:] != code[0] for code in codes])


def _same_categories(row: pd.DataFrame, background: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    import pandas as pd

    for name in row.columns:
        first, second = row[name].dtype, background[name].dtype
        if isinstance(first, pd.CategoricalDtype) and isinstance(second, pd.CategoricalDtype) and first != second:
            union = first.categories.union(second.categories, sort=False)
            row = row.assign(**{name: row[name].cat.set_categories(union)})
            background = background.assign(**{name: background[name].cat.set_categories(union)})
    return row, background


def players(columns: Iterable[str], groups: Mapping[str, tuple[str, ...]]) -> tuple[list[list[int]], Units]:
    """Column positions of each unit, and the units: groups stand where their first member stood."""
    columns = list(columns)
    owner = {member: group for group, members in groups.items() for member in members}
    index: dict[str, list[int]] = {}
    for position, name in enumerate(columns):
        index.setdefault(owner.get(name, name), []).append(position)
    members = {name: tuple(columns[i] for i in positions) for name, positions in index.items()}
    kept = tuple((name, names) for name, names in members.items() if names != (name,))
    return list(index.values()), Units(tuple(index), "feature", kept)


def check_background(model: Model, background: Any) -> pd.DataFrame:
    """The background as a table in the model's columns.

    Raises
    ------
    InputError
        If it has no rows or its columns do not fit the model.
    """
    table = model.check(background)
    if not len(table):
        raise InputError("the background has 0 rows: give rows that stand for 'feature unknown', e.g. training rows.")
    return table


def sample_rows(table: pd.DataFrame, limit: int, seed: int) -> pd.DataFrame:
    """At most ``limit`` rows, drawn without replacement, in the table's order."""
    if len(table) <= limit:
        return table
    return table.iloc[np.sort(np.random.default_rng(seed).choice(len(table), limit, replace=False))]


def mean_answers(
    model: Model, mixer: Mixer, present: np.ndarray, output: int, batch_rows: int = BLOCK_ROWS
) -> np.ndarray:
    """Means over the background ``(m,)`` of one output for masks of columns ``(m, d)``; each mask is asked once."""
    # Orders share their ends, and short orders share more: each mask is asked once.
    masks, back = np.unique(present, axis=0, return_inverse=True)
    per_block = max(1, batch_rows // mixer.n_background)
    blocks = [
        model.predict_checked(mixer(masks[start : start + per_block]))[:, output]
        .reshape(-1, mixer.n_background)
        .mean(axis=1)
        for start in range(0, len(masks), per_block)
    ]
    return np.asarray(np.concatenate(blocks)[back.ravel()])
