"""Rows of a result as pandas tables and attributions, and those that failed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from ..core.attribution import Attribution

_NAMED = 3
"""Rows that a message names one by one."""
_WORDS = 200
"""Letters that a message gives to the reason of each."""
PLACE = ["source", "row", "error"]
"""Columns that say where a row came from and what befell it."""


def failures(table: pa.Table | pa.RecordBatch, positions: np.ndarray) -> pd.DataFrame:
    """Rows with an error; a column ``fits`` says which count."""
    import pyarrow.compute as pc

    bad = table.column("error").is_valid()
    if "fits" in table.schema.names:
        bad = pc.and_(bad, pc.fill_null(table.column("fits"), fill_value=False))
    found: pd.DataFrame = table.select(PLACE).filter(bad).to_pandas().astype({"source": str, "error": str})
    found.insert(0, "position", positions[np.asarray(bad)])
    return found


def reasons(bad: pd.DataFrame) -> str:
    """The first rows that failed, and why."""
    named = [f"row {row.position}: {str(row.error)[:_WORDS].rstrip('.')}" for row in bad[:_NAMED].itertuples()]
    return "; ".join(named) + (f"; and {len(bad) - _NAMED:,} more" if len(bad) > _NAMED else "")


def positions_of(rows: Any) -> np.ndarray:
    """One position or several."""
    found = np.atleast_1d(np.asarray(rows))
    if found.ndim != 1 or (len(found) and found.dtype.kind not in "iu"):
        raise InputError(
            "rows must be positions, whole numbers from 0 such as 3, [0, 5] or slice(0, 100), not "
            f"{'a mask: use numpy.flatnonzero(mask)' if found.dtype == bool else repr(rows)[:60]}."
        )
    return found.astype(np.int64)


def to_pandas(table: pa.Table | pa.RecordBatch) -> pd.DataFrame:
    """A table for pandas, with the digits of carried integers that have gaps: they are no floating-point numbers."""
    import pandas as pd
    import pyarrow as pa

    frame: pd.DataFrame = table.to_pandas()
    columns = zip(table.schema.names, table.columns, strict=True)
    gaps = [name for name, c in columns if name.startswith("data/") and pa.types.is_integer(c.type) and c.null_count]
    exact = {pa.int64(): pd.Int64Dtype(), pa.uint64(): pd.UInt64Dtype()}
    return frame.assign(**table.select(gaps).to_pandas(types_mapper=exact.get)) if gaps else frame


def attribution_of(table: pa.Table, fields: dict[str, Any], key: Sequence[str]) -> Attribution:
    """Rows with values as an attribution; ``fields`` are what all rows share, one ``key`` column names them."""
    from ..core.attribution import Attribution

    frame = to_pandas(table)
    names, units = fields["output_names"], fields["units"].names

    def cube(kind: str) -> np.ndarray:
        return np.stack([frame[[f"{kind}/{o}/{u}" for u in units]].to_numpy() for o in names], axis=2)

    carried = [name for name in map(str, frame.columns) if name.startswith("data/")]
    labels = table.column(f"data/{key[0]}" if len(key) == 1 else "row").to_pylist()
    data = frame[carried].rename(columns=lambda name: name.removeprefix("data/")) if carried else None
    sampled = f"standard_errors/{names[0]}/{units[0]}" in frame
    return Attribution(
        values=cube("values"),
        base_values=frame[[f"base_values/{o}" for o in names]].to_numpy(),
        outputs=frame[[f"outputs/{o}" for o in names]].to_numpy(),
        standard_errors=cube("standard_errors") if sampled else None,
        rows=tuple(label if isinstance(label, int) else str(label) for label in labels),
        data=data,
        **fields,
    )
