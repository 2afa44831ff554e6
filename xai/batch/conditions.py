"""Conditions on carried columns: values brought to the columns' types, for Arrow to select rows by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError, unknown_names

if TYPE_CHECKING:
    import pyarrow as pa


def expression(where: Any, schema: pa.Schema, carried: Sequence[str], run: str) -> Any:
    """A condition for Arrow, ``None`` if there is none.

    Parameters
    ----------
    where
        Column to value, or to several of which one must hold; an Arrow expression is taken as it is.
    schema
        Of the result's table.
    carried
        Columns that a condition may name.
    run
        Name of the run, for messages.

    Raises
    ------
    InputError
        If it names other columns, or a value that a column never holds.
    """
    import pyarrow.dataset as pads

    if where is None or isinstance(where, pads.Expression):
        return where
    if not isinstance(where, Mapping):
        raise InputError(
            "where must be a mapping of carried columns to values, e.g. {'site': 'north'}, or an Arrow "
            f"expression, not {type(where).__name__}."
        )
    unknown = [name for name in where if name not in carried]
    if unknown or not where:
        raise InputError(
            f"{run}: {unknown_names('carried column', unknown, carried)} Name columns in keep= when the run is made."
        )
    tests = [_fits(name, schema.field(f"data/{name}").type, value) for name, value in where.items()]
    return np.bitwise_and.reduce(np.array(tests, dtype=object))


def _fits(name: str, kind: pa.DataType, wanted: Any) -> Any:
    """Whether a carried column holds a value, or one of several, of which missing ones are found as well."""
    import pyarrow as pa
    import pyarrow.dataset as pads

    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    several = isinstance(wanted, Iterable) and not isinstance(wanted, str | bytes | Mapping)
    values = [_as_type(name, kind, value) for value in (wanted if several else [wanted])]
    known = [value for value in values if value is not None]
    column = pads.field(f"data/{name}")
    test = column.isin(pa.array(known, kind)) if known or not values else None
    if len(known) == len(values):
        return test
    missing = column.is_null(nan_is_null=True)
    return missing if test is None else test | missing


def _as_type(name: str, kind: pa.DataType, value: Any) -> Any:
    """A value of a condition in the type of the column, which Arrow does not see to; ``None`` if it is missing."""
    import pandas as pd
    import pyarrow as pa

    if pd.api.types.is_scalar(value) and pd.isna(value):
        return None
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    try:
        if text and (isinstance(value, bool) or not isinstance(value, str | Integral)):
            raise TypeError("it is no text")  # noqa: TRY301 - told like what Arrow finds
        found = pa.scalar(str(value) if pa.types.is_boolean(kind) else value).cast(kind)
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        raise InputError(f"column '{name}' holds {'text' if text else kind} and never {value!r} ({error}).") from error
    return None if pa.types.is_floating(kind) and np.isnan(found.as_py()) else found
