"""What is written for a part: tables of explained rows and of seats, as Parquet files that say what they are."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ..core.errors import InputError, ModelError
from .sums import Sums

if TYPE_CHECKING:
    import pyarrow as pa

    from ..core.attribution import Attribution

METADATA = b"hemicycle"
MOST_FAILED = 1000
"""Rows of one part that may fail one by one before the part as a whole counts as failed."""

T = TypeVar("T")


@dataclass(frozen=True)
class Rows:
    """Explained rows of a part: an attribution of those that could be explained, and what befell the others.

    Attributes
    ----------
    attribution
        Of the good rows, in order.
    good
        Their positions in the part.
    errors
        Position of each other row to the reason.
    more
        Other columns by name, a value a good row.
    totals
        Further sums over the good rows, JSON types, for the summary.
    """

    attribution: Attribution
    good: np.ndarray
    errors: Mapping[int, str]
    more: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    totals: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Rows of the part."""
        return len(self.good) + len(self.errors)

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Values of the good rows in their places, NaN in the others."""
        if not self.errors:
            return values
        full = np.full(self.n, np.nan)
        full[self.good] = values
        return full

    def spread_any(self, values: Sequence[Any]) -> list[Any]:
        """Values of any kind of the good rows in their places, ``None`` in the others."""
        full: list[Any] = [None] * self.n
        for position, value in zip(self.good, values, strict=True):
            full[position] = value
        return full

    def marks(self) -> list[str | None]:
        """What befell each row."""
        return marks(self.errors, self.n)


def marks(errors: Mapping[int, str], n: int) -> list[str | None]:
    """The column ``error`` of n rows."""
    return [errors.get(i) for i in range(n)]


def one_by_one(
    positions: np.ndarray, run: Callable[[np.ndarray], T]
) -> tuple[list[tuple[np.ndarray, T]], dict[int, str]]:
    """Answers for rows, asked for together and, where that fails, in ever smaller pieces.

    Parameters
    ----------
    positions
        Of the rows.
    run
        What answers for some of them, or raises.

    Returns
    -------
    list, dict
        Positions and answer of each piece, in order; position of each row that fails alone to the reason.

    Raises
    ------
    ModelError
        If more than :data:`MOST_FAILED` rows fail.
    """
    pieces: list[tuple[np.ndarray, T]] = []
    errors: dict[int, str] = {}
    waiting = [positions] if len(positions) else []
    while waiting:
        piece = waiting.pop()
        try:
            pieces.append((piece, run(piece)))
        except (ModelError, InputError) as error:
            if len(piece) == 1:
                errors[int(piece[0])] = str(error)
                if len(errors) > MOST_FAILED:
                    raise all_failed(errors, len(positions)) from error
                continue
            half = len(piece) // 2
            waiting += [piece[half:], piece[:half]]
    return pieces, errors


def all_failed(errors: Mapping[int, str], n: int) -> ModelError:
    """The error of a part of which too little is left."""
    return ModelError(f"{len(errors):,} of {n:,} rows fail; the last one: {errors[max(errors)]}")


def joined(pieces: Sequence[Attribution]) -> Attribution:
    """Attributions of consecutive rows as one."""
    if len(pieces) == 1:
        return pieces[0]
    errors = [a.standard_errors for a in pieces]
    return replace(
        pieces[0],
        values=np.concatenate([a.values for a in pieces]),
        base_values=np.concatenate([a.base_values for a in pieces]),
        outputs=np.concatenate([a.outputs for a in pieces]),
        standard_errors=None if errors[0] is None else np.concatenate([e for e in errors if e is not None]),
        rows=tuple(range(sum(len(a.rows) for a in pieces))),
        data=None,
    )


def table_of(lead: Mapping[str, Any], rows: Rows) -> pa.Table:
    """Columns named as in :func:`xai.core.serialize.to_table`, with ``source``, ``error`` and carried columns."""
    from ..core.serialize import header as header_of

    a = rows.attribution
    columns: dict[str, Any] = {name: rows.spread_any(values) for name, values in rows.more.items()}
    for i, output in enumerate(a.output_names):
        columns[f"outputs/{output}"] = rows.spread(a.outputs[:, i])
        columns[f"base_values/{output}"] = rows.spread(a.base_values[:, i])
        for j, unit in enumerate(a.units.names):
            columns[f"values/{output}/{unit}"] = rows.spread(a.values[:, j, i])
            if a.standard_errors is not None:
                columns[f"standard_errors/{output}/{unit}"] = rows.spread(a.standard_errors[:, j, i])
    header = header_of(a) | {"failed": len(rows.errors), "sums": Sums.of(a).to_dict(), "totals": dict(rows.totals)}
    return arrow(lead, rows.marks(), columns, header)


def seats_of(lead: Mapping[str, Any], rows: Rows, options: Mapping[str, Any]) -> pa.Table:
    """Seats of every row by the sizes of its values, one column an output and unit."""
    from ..dhondt import allocate

    a = rows.attribution
    columns: dict[str, Any] = {}
    for i, output in enumerate(a.output_names):
        votes = np.abs(a.values[:, :, i])
        seats = np.zeros(votes.shape, dtype=np.int64)
        voting = votes.any(axis=1)  # a row without any effect elects nobody
        seats[voting] = allocate(votes[voting], options["seats"], options["rule"])
        for j, unit in enumerate(a.units.names):
            columns[f"seats/{output}/{unit}"] = _with_gaps(seats[:, j], rows)
    header = {
        "format": "hemicycle/seats/1",
        "output_names": list(a.output_names),
        "units": list(a.units.names),
        "failed": len(rows.errors),
        "options": dict(options),
    }
    return arrow(lead, rows.marks(), columns, header)


def _with_gaps(seats: np.ndarray, rows: Rows) -> Any:
    import pyarrow as pa

    if not rows.errors:
        return pa.array(seats, pa.int32())
    full = np.zeros(rows.n, dtype=np.int64)
    full[rows.good] = seats
    missing = np.isin(np.arange(rows.n), list(rows.errors))
    return pa.array(full, pa.int32(), mask=missing)


def arrow(
    lead: Mapping[str, Any], errors: Sequence[str | None], columns: Mapping[str, Any], header: Mapping[str, Any]
) -> pa.Table:
    """A table with what every file of a run begins with; ``header`` goes into the schema's metadata.

    Of ``lead``, ``row`` numbers the rows, ``source`` is where all of them came from, or where each did. Arrow's columns
    stay what they are.
    """
    import pyarrow as pa

    def column(values: Any) -> pa.Array | pa.ChunkedArray:
        return values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values)

    table = pa.table(
        {
            "row": pa.array(lead["row"], pa.int64()),
            "source": _sources(lead["source"], len(lead["row"])),
            "error": pa.array(errors, pa.string()) if any(errors) else pa.nulls(len(errors), pa.string()),
            **{name: column(values) for name, values in lead.items() if name.startswith("data/")},
            **{name: column(values) for name, values in columns.items()},
        }
    )
    return table.replace_schema_metadata({METADATA: json.dumps(header, ensure_ascii=False).encode()})


def _sources(source: str | Sequence[str], n: int) -> pa.DictionaryArray:
    """Where each of n rows came from: all from one place, or one place each."""
    import pyarrow as pa

    if isinstance(source, str):
        return pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array([source]))
    return pa.array(source).dictionary_encode()


def as_parquet(table: pa.Table) -> np.ndarray:
    """The bytes of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    # Values and row numbers hardly repeat, so a dictionary of them saves nothing; sorted by their bytes, first bytes of
    # all values first, they take three quarters of the space and are written sooner.
    floats, others = _leaves(table.schema)
    repeating = [name for name in others if name != "row"]
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="lz4", use_dictionary=repeating, use_byte_stream_split=floats)
    return np.frombuffer(sink.getvalue(), dtype=np.uint8)


def _leaves(schema: pa.Schema) -> tuple[list[str], list[str]]:
    """Columns of floating-point numbers and others as Parquet calls them: what is in lists has a path of its own."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    flat = [field for field in schema if not pa.types.is_nested(field.type)]
    floats = [field.name for field in flat if pa.types.is_floating(field.type)]
    others = [field.name for field in flat if not pa.types.is_floating(field.type)]
    nested = [field for field in schema if pa.types.is_nested(field.type)]
    if nested:
        sink = pa.BufferOutputStream()
        pq.write_table(pa.schema(nested).empty_table(), sink)
        for leaf in pq.ParquetFile(pa.BufferReader(sink.getvalue())).schema:
            (floats if leaf.physical_type in {"FLOAT", "DOUBLE"} else others).append(leaf.path)
    return floats, others


def header_of_file(path: Path) -> dict[str, Any]:
    """What a finished part says about itself.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_schema(path).metadata or {}
        header: dict[str, Any] = json.loads(metadata[METADATA])
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        raise InputError(f"{path} is damaged: delete it and run again; the other parts are kept.") from error
    return header
