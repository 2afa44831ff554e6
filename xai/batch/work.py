"""The work on one part: read its rows, explain them, and make the files that are written for it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError, ModelError, XaiError
from . import parts
from .methods import OF_THE_MODEL, SEATS
from .parts import Part
from .sums import Sums

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from ..core.attribution import Attribution
    from ..models import Model

METADATA = b"hemicycle"
MOST_FAILED = 1000
"""Rows of one part that may fail one by one before the part as a whole counts as failed."""


@dataclass(frozen=True)
class Order:
    """What every part of a run has in common; see :class:`~.manifest.Manifest`."""

    folder: str
    methods: tuple[str, ...]
    options: Mapping[str, Mapping[str, Any]]
    key: tuple[str, ...]
    keep: tuple[str, ...]


def work(model: Model, order: Order, part: Part) -> dict[str, np.ndarray]:
    """Parquet files of one part, by method, as bytes.

    Rows that the model cannot answer are left empty and marked in the column ``error``.

    Raises
    ------
    XaiError
        If the part cannot be read, or more than :data:`MOST_FAILED` of its rows fail.
    """
    carried = tuple(dict.fromkeys((*order.key, *order.keep)))
    wanted = None if model.feature_names is None else list(dict.fromkeys((*model.feature_names, *carried)))
    frame = parts.read(Path(order.folder) / part.source, part.start, part.rows, wanted)
    lacking = [name for name in carried if name not in frame]
    if lacking:
        raise InputError(f"{part.source} has no column '{lacking[0]}'.")
    X = frame.drop(columns=[name for name in carried if name in frame]) if model.feature_names is None else frame
    lead: dict[str, Any] = {
        "row": np.arange(part.start, part.start + part.rows),
        "source": np.full(part.rows, part.source),
    }
    lead |= {f"data/{name}": frame[name] for name in carried}
    tables: dict[str, pa.Table] = {}
    attributions: dict[str, Rows] = {}
    for name in order.methods:
        if name in OF_THE_MODEL:
            continue
        options = order.options[name]
        if name == SEATS:
            tables[name] = _seats(lead, attributions[options["source"]], options)
            continue
        explained = _explain(model, X, name, options)
        attributions[name] = explained
        tables[name] = _table(lead, explained)
    return {name: _as_parquet(table) for name, table in tables.items()}


@dataclass(frozen=True)
class Rows:
    """Explained rows of a part: an attribution of those that could be explained, and what befell the others."""

    attribution: Attribution
    good: np.ndarray
    errors: Mapping[int, str]

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

    def marks(self) -> list[str | None]:
        """What befell each row."""
        return [self.errors.get(i) for i in range(self.n)]


def _explain(model: Model, X: pd.DataFrame, method: str, options: Mapping[str, Any]) -> Rows:
    from ..shapley import explain

    background = options.get("background")
    if isinstance(background, str):
        from ..models.tables import read_table

        background = read_table(background)

    def run(positions: np.ndarray) -> Attribution:
        return explain(model, X.iloc[positions], method=method, background=background, config=options.get("config"))

    pieces: list[tuple[np.ndarray, Attribution]] = []
    errors: dict[int, str] = {}
    waiting = [np.arange(len(X))]
    while waiting:
        positions = waiting.pop()
        try:
            pieces.append((positions, run(positions)))
        except (ModelError, InputError) as error:
            if len(positions) == 1:
                errors[int(positions[0])] = str(error)
                if len(errors) > MOST_FAILED or (len(errors) == len(X)):
                    raise ModelError(f"{len(errors):,} of {len(X):,} rows fail; the last one: {error}") from error
                continue
            half = len(positions) // 2
            waiting += [positions[half:], positions[:half]]
    good = np.concatenate([positions for positions, _ in pieces])
    return Rows(_joined([a for _, a in pieces]), good, errors)


def _joined(pieces: Sequence[Attribution]) -> Attribution:
    from dataclasses import replace

    if len(pieces) == 1:
        return pieces[0]
    first = pieces[0]
    errors = [a.standard_errors for a in pieces]
    return replace(
        first,
        values=np.concatenate([a.values for a in pieces]),
        base_values=np.concatenate([a.base_values for a in pieces]),
        outputs=np.concatenate([a.outputs for a in pieces]),
        standard_errors=None if errors[0] is None else np.concatenate([e for e in errors if e is not None]),
        rows=tuple(range(sum(len(a.rows) for a in pieces))),
        data=None,
    )


def _table(lead: Mapping[str, Any], rows: Rows) -> pa.Table:
    """Columns named as in :func:`xai.core.serialize.to_table`, with ``source``, ``error`` and carried columns."""
    from ..core.serialize import header as header_of

    a = rows.attribution
    columns: dict[str, Any] = {}
    for i, output in enumerate(a.output_names):
        columns[f"outputs/{output}"] = rows.spread(a.outputs[:, i])
        columns[f"base_values/{output}"] = rows.spread(a.base_values[:, i])
        for j, unit in enumerate(a.units.names):
            columns[f"values/{output}/{unit}"] = rows.spread(a.values[:, j, i])
            if a.standard_errors is not None:
                columns[f"standard_errors/{output}/{unit}"] = rows.spread(a.standard_errors[:, j, i])
    header = header_of(a) | {"failed": len(rows.errors), "sums": Sums.of(a).to_dict()}
    return _arrow(lead, rows, columns, header)


def _seats(lead: Mapping[str, Any], rows: Rows, options: Mapping[str, Any]) -> pa.Table:
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
    return _arrow(lead, rows, columns, header)


def _with_gaps(seats: np.ndarray, rows: Rows) -> Any:
    import pyarrow as pa

    if not rows.errors:
        return pa.array(seats, pa.int32())
    full = np.zeros(rows.n, dtype=np.int64)
    full[rows.good] = seats
    missing = np.isin(np.arange(rows.n), list(rows.errors))
    return pa.array(full, pa.int32(), mask=missing)


def _arrow(lead: Mapping[str, Any], rows: Rows, columns: Mapping[str, Any], header: Mapping[str, Any]) -> pa.Table:
    import pyarrow as pa

    table = pa.table(
        {
            "row": pa.array(lead["row"], pa.int64()),
            "source": pa.array(lead["source"]).dictionary_encode(),
            "error": pa.array(rows.marks(), pa.string()),
            **{name: pa.array(column) for name, column in lead.items() if name.startswith("data/")},
            **{name: pa.array(column) for name, column in columns.items()},
        }
    )
    return table.replace_schema_metadata({METADATA: json.dumps(header, ensure_ascii=False).encode()})


def _as_parquet(table: pa.Table) -> np.ndarray:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    texts = [field.name for field in table.schema if not pa.types.is_floating(field.type)]
    # Values hardly repeat: a dictionary of them costs time and saves nothing.
    pq.write_table(table, sink, compression="lz4", use_dictionary=texts)
    return np.frombuffer(sink.getvalue(), dtype=np.uint8)


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


def settle(
    model: Model, methods: tuple[str, ...], options: Mapping[str, Mapping[str, Any]], rows: int
) -> dict[str, Any]:
    """What has to be asked of the model before the first part: facts about it, and options it decides."""
    from ..core.provenance import versions
    from .methods import settle_options

    importances: dict[str, Any] = {}
    for name in methods:
        if name in OF_THE_MODEL:
            importances[name] = _importance(model)
    return {
        "options": settle_options(methods, options, model, rows),
        "importances": importances,
        "versions": versions(("numpy", "pandas", "pyarrow", model.framework.replace("sklearn", "scikit-learn"))),
    }


def _importance(model: Model) -> dict[str, Any]:
    from ..shapley import importance

    try:
        series = importance.native(model)
    except XaiError as error:
        return {"missing": str(error)}
    return {"votes": {str(name): float(value) for name, value in series.items()}, "kind": series.attrs.get("kind", "")}
