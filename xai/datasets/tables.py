"""Reading the bundled CSV tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..core.errors import InputError, listing
from ..core.resources import resource

if TYPE_CHECKING:
    import pandas as pd

FALSE_TRUE = ("no", "yes")


def read_table(file: str) -> pd.DataFrame:
    """A table of ``sample_data/tables``; only an empty cell means missing."""
    import pandas as pd

    return pd.read_csv(resource("sample_data", "tables", file), keep_default_na=False, na_values=[""])


def as_categories(frame: pd.DataFrame, categories: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """The frame with the named text columns as ``category``, its categories in the order given.

    Raises
    ------
    InputError
        If a column holds a value that is not among its categories.
    """
    import pandas as pd

    columns = {}
    for name, known in categories.items():
        unknown = sorted(set(frame[name].dropna()) - set(known))
        if unknown:
            raise InputError(f"column '{name}' holds {listing(unknown)}; known are {listing(known)}.")
        columns[name] = pd.Series(pd.Categorical(frame[name], categories=list(known)), index=frame.index)
    return frame.assign(**columns)
