"""Attributions as JSON and as Arrow tables, exactly: what is read back equals what was written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .attribution import Attribution
from .errors import InputError
from .provenance import Provenance
from .units import Units

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

FORMAT = "hemicycle/attribution/1"


def header(a: Attribution) -> dict[str, Any]:
    """What an attribution is besides its numbers, as JSON types."""
    return {
        "format": FORMAT,
        "method": a.method,
        "output_space": a.output_space,
        "output_names": list(a.output_names),
        "units": {
            "names": list(a.units.names),
            "kind": a.units.kind,
            "groups": {group: list(members) for group, members in a.units.groups},
            "layout": None if a.units.layout is None else list(a.units.layout),
        },
        "provenance": a.provenance.to_dict(),
    }


def read_header(header: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of an Attribution from its :func:`header`."""
    if header.get("format") != FORMAT:
        raise InputError(f"this file is no attribution of this version: its format is {header.get('format')!r}.")
    units = header["units"]
    layout = units["layout"]
    return {
        "method": header["method"],
        "output_space": header["output_space"],
        "output_names": tuple(header["output_names"]),
        "units": Units(
            tuple(units["names"]),
            units["kind"],
            tuple((group, tuple(members)) for group, members in units["groups"].items()),
            None if layout is None else tuple(layout),
        ),
        "provenance": Provenance(**header["provenance"]),
    }


def _encode(array: np.ndarray) -> Any:
    # JSON has no NaN or infinity: they travel as strings, which numpy's float() reads back.
    if np.isfinite(array).all():
        return array.tolist()
    return np.where(np.isfinite(array), array.astype(object), array.astype(str)).tolist()


def _encode_column(column: pd.Series) -> dict[str, Any]:
    import pandas as pd

    encoded: dict[str, Any] = {"name": column.name, "dtype": str(column.dtype)}
    if isinstance(column.dtype, pd.CategoricalDtype):
        encoded |= {
            "codes": column.cat.codes.tolist(),
            "categories": column.cat.categories.tolist(),
            "ordered": bool(column.cat.ordered),
        }
    elif column.dtype.kind == "f":
        encoded["values"] = _encode(column.to_numpy())
    else:
        encoded["values"] = [
            None if missing else value for value, missing in zip(column.tolist(), column.isna(), strict=True)
        ]
    return encoded


def _decode_column(encoded: dict[str, Any], index: pd.Index) -> pd.Series:
    import pandas as pd

    if "codes" not in encoded:
        plain: pd.Series = pd.Series(encoded["values"], index=index, dtype=encoded["dtype"])
        return plain
    values = pd.Categorical.from_codes(encoded["codes"], encoded["categories"], ordered=encoded["ordered"])
    column: pd.Series = pd.Series(values, index=index)
    return column


def to_json(a: Attribution) -> str:
    """An attribution as JSON text; floats keep every bit."""
    body = header(a) | {
        "rows": [row if isinstance(row, str) else int(row) for row in a.rows],
        "values": _encode(a.values),
        "base_values": _encode(a.base_values),
        "outputs": _encode(a.outputs),
        "standard_errors": None if a.standard_errors is None else _encode(a.standard_errors),
        "data": None if a.data is None else [_encode_column(a.data[name]) for name in a.data],
    }
    return json.dumps(body, ensure_ascii=False, allow_nan=False)


def from_json(path: Path) -> Attribution:
    """Read what :func:`to_json` wrote.

    Raises
    ------
    InputError
        If the file is missing, is no JSON, or is no attribution.
    """
    import pandas as pd

    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        fields = read_header(body)
        d, k, n = len(fields["units"]), len(fields["output_names"]), len(body["rows"])
        data = None
        if body["data"] is not None:
            index = pd.RangeIndex(n)
            data = pd.DataFrame({c["name"]: _decode_column(c, index) for c in body["data"]}, index=index)
        errors = body["standard_errors"]
        return Attribution(
            values=np.array(body["values"], dtype=float).reshape(n, d, k),
            base_values=np.array(body["base_values"], dtype=float).reshape(n, k),
            outputs=np.array(body["outputs"], dtype=float).reshape(n, k),
            standard_errors=None if errors is None else np.array(errors, dtype=float).reshape(n, d, k),
            rows=tuple(body["rows"]),
            data=data,
            **fields,
        )
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} holds no attribution ({type(error).__name__}: {error}).") from error


def to_table(a: Attribution) -> pa.Table:
    """An attribution as an Arrow table of n rows; names, method and provenance go into the schema's metadata."""
    import pandas as pd
    import pyarrow as pa

    columns: dict[str, Any] = {"row": [str(row) for row in a.rows]}
    for i, output in enumerate(a.output_names):
        columns[f"outputs/{output}"] = a.outputs[:, i]
        columns[f"base_values/{output}"] = a.base_values[:, i]
        for j, unit in enumerate(a.units.names):
            columns[f"values/{output}/{unit}"] = a.values[:, j, i]
            if a.standard_errors is not None:
                columns[f"standard_errors/{output}/{unit}"] = a.standard_errors[:, j, i]
    frame = pd.DataFrame(columns)
    data_names = None
    if a.data is not None:
        data_names = [str(name) for name in a.data]
        data = a.data.reset_index(drop=True).set_axis([f"data/{name}" for name in data_names], axis=1)
        frame = pd.concat([frame, data], axis=1)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    head = header(a) | {
        "integer_rows": all(not isinstance(row, str) for row in a.rows),
        "data": data_names,
        "standard_errors": a.standard_errors is not None,
    }
    return table.replace_schema_metadata({**(table.schema.metadata or {}), b"hemicycle": json.dumps(head).encode()})


def from_table(table: pa.Table) -> Attribution:
    """Read what :func:`to_table` made.

    Raises
    ------
    InputError
        If the table carries no attribution.
    """
    metadata = table.schema.metadata or {}
    if b"hemicycle" not in metadata:
        raise InputError("this table holds no attribution: it was not written by this package.")
    header = json.loads(metadata[b"hemicycle"])
    fields = read_header(header)
    frame = table.to_pandas()

    def block(prefix: str) -> np.ndarray:
        names = [[f"{prefix}/{out}/{unit}" for out in fields["output_names"]] for unit in fields["units"].names]
        return np.stack([frame[row].to_numpy(float) for row in names], axis=1)

    def columns(prefix: str) -> np.ndarray:
        return np.asarray(frame[[f"{prefix}/{out}" for out in fields["output_names"]]], dtype=float)

    data = None
    if header["data"] is not None:
        data = frame[[f"data/{name}" for name in header["data"]]].set_axis(header["data"], axis=1)
    rows = frame["row"].tolist()
    return Attribution(
        values=block("values"),
        base_values=columns("base_values"),
        outputs=columns("outputs"),
        standard_errors=block("standard_errors") if header["standard_errors"] else None,
        rows=tuple(int(row) for row in rows) if header["integer_rows"] else tuple(rows),
        data=data,
        **fields,
    )


def from_parquet(path: Path) -> Attribution:
    """Read an attribution from a Parquet file.

    Raises
    ------
    InputError
        If the file cannot be read or carries no attribution.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path} cannot be read as Parquet: {error}") from error
    return from_table(table)
