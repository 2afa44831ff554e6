"""A checked table as the numbers that trees split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def as_numbers(frame: pd.DataFrame, labels: Mapping[int, tuple[Any, ...] | None]) -> np.ndarray:
    """``(n, d)`` float64: numbers as they are, categories as their position among the labels of training.

    Parameters
    ----------
    frame
        A checked table.
    labels
        Column position to the labels of training; ``None`` where the library takes the column's own codes.
        Unknown labels become NaN.
    """
    import pandas as pd

    coded = {j: known for j, known in labels.items() if isinstance(frame.iloc[:, j].dtype, pd.CategoricalDtype)}
    if not coded:
        return frame.to_numpy(float)
    numbers = np.empty(frame.shape)
    for j in range(frame.shape[1]):
        column = frame.iloc[:, j]
        if j not in coded:
            numbers[:, j] = column.to_numpy(float)
            continue
        known = coded[j]
        codes = column.cat.codes if known is None else pd.Categorical(column, categories=list(known)).codes
        numbers[:, j] = np.where(np.asarray(codes) < 0, np.nan, codes)
    return numbers
