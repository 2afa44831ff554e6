"""Small tools on tables that several floors need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .errors import InputError, listing

if TYPE_CHECKING:
    import pandas as pd


def group_columns(values: np.ndarray, index: list[list[int]]) -> np.ndarray:
    """Sum signed values over groups of units.

    Parameters
    ----------
    values
        ``(n, d, k)``.
    index
        For each new unit the positions of its members.

    Returns
    -------
    np.ndarray
        ``(n, len(index), k)``. Signed values are summed before anyone takes an absolute value, so
        members that cancel do not inflate their group.
    """
    return np.stack([values[:, members, :].sum(axis=1) for members in index], axis=1)


def require_frame(X: object, what: str = "X") -> pd.DataFrame:
    """``X`` as a DataFrame with unique string column names; arrays get names ``x0, x1, ...``.

    Raises
    ------
    InputError
        If ``X`` is neither a table nor a two-dimensional array, or column names repeat.
    """
    import pandas as pd

    if not isinstance(X, pd.DataFrame):
        array = np.asarray(X)
        if array.ndim != 2:
            raise InputError(f"{what} must be a table or an array of shape (n, d), not of shape {array.shape}.")
        X = pd.DataFrame(array, columns=[f"x{j}" for j in range(array.shape[1])])
    if not all(isinstance(name, str) for name in X.columns):
        X = X.set_axis([str(name) for name in X.columns], axis=1)
    repeated = X.columns[X.columns.duplicated()].unique()
    if len(repeated):
        raise InputError(f"{what} has repeated column names: {listing(repeated)}. Rename them.")
    return X
