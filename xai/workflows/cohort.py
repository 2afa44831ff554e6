"""What the workflows start from: a table of two classes, and one split of its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError, listing, unknown_names
from ..core.provenance import hash_array, hash_frame
from ..core.table import require_frame
from ..datasets.base import Dataset

if TYPE_CHECKING:
    import pandas as pd

MIN_TRAIN, MIN_TEST = 6, 2
"""Fewest rows of each class to train on (two for each inner fold) and to measure on."""


@dataclass(frozen=True, eq=False)
class Cohort:
    """Rows of two classes.

    Attributes
    ----------
    name
        Of the data set; ``"data"`` for a plain pair.
    X
        ``(n, d)``: numbers as float64 with NaN for missing, all else as categories.
    y
        ``(n,)`` integers 0 and 1.
    classes
        Names of the two classes in that order.
    site
        ``(n,)`` names of the places the rows come from, or ``None``.
    """

    name: str
    X: pd.DataFrame
    y: np.ndarray
    classes: tuple[str, str]
    site: np.ndarray | None = None

    @property
    def hash(self) -> str:
        """SHA-256 of columns and target."""
        return hash_frame(self.X) + hash_array(self.y)


@dataclass(frozen=True, eq=False)
class Split:
    """Rows to train on and rows to measure on, by position; ``how`` says it in words."""

    train: np.ndarray
    test: np.ndarray
    how: str


def read_cohort(data: Any) -> Cohort:
    """Check a :class:`xai.datasets.Dataset`, a pair ``(X, y)``, or a triple ``(X, y, site)``.

    Raises
    ------
    InputError
        If it is neither, the target has other than two values, lengths differ, there are fewer than two columns, or a
        column holds dates.
    """
    if isinstance(data, Dataset):
        if data.task != "binary":
            raise InputError(f"data set '{data.name}' is a {data.task} task: this workflow compares two classes.")
        site = None if data.site is None else np.asarray(data.site.astype(str))
        y, names = _two_classes(data.y, len(data.X))
        classes = (data.target_names[0], data.target_names[1]) if len(data.target_names) == 2 else names
        return Cohort(data.name, _plain(data.X), y, classes, site)
    if not isinstance(data, tuple) or len(data) not in (2, 3):
        raise InputError(f"give a data set, a pair (X, y) or a triple (X, y, site), not {type(data).__name__}.")
    frame = require_frame(data[0])
    y, classes = _two_classes(data[1], len(frame))
    return Cohort("data", _plain(frame), y, classes, _sites(data[2], len(frame)) if len(data) == 3 else None)


def split_rows(cohort: Cohort, test: float | str, seed: int) -> Split:
    """Hold out a share of the rows, drawn class by class, or all rows of one site.

    Raises
    ------
    InputError
        If there is no such site, the share is not in (0, 1), or either side has too few rows of a class.
    """
    rows = np.arange(len(cohort.y))
    if isinstance(test, str):
        if cohort.site is None:
            raise InputError(f"test='{test}' names a site, but the data have none: give a share such as 0.3.")
        if test not in cohort.site:
            raise InputError(unknown_names("site", [test], sorted(set(cohort.site.tolist()))))
        held = cohort.site == test
        split = Split(rows[~held], rows[held], f"all rows of {test}")
    else:
        if isinstance(test, bool) or not 0 < test < 1:
            raise InputError(f"test is a share of the rows in (0, 1) or the name of a site, not {test!r}.")
        rng = np.random.default_rng(seed)
        mixed = [rng.permutation(rows[cohort.y == label]) for label in (0, 1)]
        held_out = np.sort(np.concatenate([part[: round(test * len(part))] for part in mixed]))
        split = Split(np.setdiff1d(rows, held_out), held_out, f"{test:.0%} of the rows, drawn class by class")
    for what, part, least in (("train on", split.train, MIN_TRAIN), ("measure on", split.test, MIN_TEST)):
        counts = np.bincount(cohort.y[part], minlength=2)
        if counts.min() < least:
            poor = int(counts.argmin())
            raise InputError(
                f"there are {counts[poor]} rows of class '{cohort.classes[poor]}' to {what} ({split.how} held out), "
                f"and it takes {least}: give more rows or another test=."
            )
    return split


def _two_classes(y: Any, n_rows: int) -> tuple[np.ndarray, tuple[str, str]]:
    import pandas as pd

    values = np.asarray(y)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.shape != (n_rows,):
        raise InputError(f"y must have one value a row, {n_rows} in all, but has shape {values.shape}.")
    column = pd.Series(values)
    missing = np.flatnonzero(column.isna())
    if len(missing):
        raise InputError(f"y is missing at position {missing[0]} ({len(missing)} in all): leave such rows out.")
    labels = sorted(column.unique().tolist(), key=lambda label: (str(type(label)), label))
    if len(labels) < 2:
        raise InputError(f"y has one class only, {listing(labels)}: there is nothing to tell apart.")
    if len(labels) > 2:
        kind = "numbers of a regression" if column.dtype.kind == "f" or len(labels) > 20 else "classes"
        raise InputError(f"y has {len(labels)} different values ({kind}): this workflow compares two classes.")
    return (column == labels[1]).to_numpy(dtype=int), (str(labels[0]), str(labels[1]))


def _sites(site: Any, n_rows: int) -> np.ndarray:
    import pandas as pd

    names = pd.Series(np.asarray(site, dtype=object).ravel())
    if len(names) != n_rows:
        raise InputError(f"site must have one name a row, {n_rows} in all, but has {len(names)}.")
    missing = np.flatnonzero(names.isna())
    if len(missing):
        raise InputError(
            f"site is missing at position {missing[0]} ({len(missing)} in all): name it or leave them out."
        )
    return names.astype(str).to_numpy()


def _plain(X: Any) -> pd.DataFrame:
    import pandas as pd

    frame = require_frame(X)
    if frame.shape[1] < 2:
        raise InputError(f"comparing importances takes at least two columns, but X has {frame.shape[1]}.")
    columns: dict[str, Any] = {}
    for name, column in frame.items():
        if column.dtype.kind in "mM":
            raise InputError(f"column '{name}' holds dates: turn it into numbers, such as days since a first visit.")
        if isinstance(column.dtype, pd.CategoricalDtype):
            columns[str(name)] = column
        elif pd.api.types.is_numeric_dtype(column.dtype):
            numbers = column.to_numpy(dtype=float, na_value=np.nan)
            if np.isinf(numbers).any():
                raise InputError(f"column '{name}' holds infinite values: make them missing or leave the rows out.")
            columns[str(name)] = numbers
        else:
            columns[str(name)] = column.astype("category")
    return pd.DataFrame(columns, index=frame.index)
