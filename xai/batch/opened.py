"""The results of a run, read back: lazily, row by row, as a parliament, and against another run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError, unknown_names
from .manifest import Manifest
from .methods import OF_THE_MODEL, explaining
from .prompts import FORMAT as PROMPTS
from .store import SUMMARY, read_json
from .written import header_of_file

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.dataset as pads

    from ..core.attribution import Attribution
    from ..dhondt import Parliament
    from ..reagent import TokenAttribution


@dataclass(frozen=True, eq=False)
class BatchResult:
    """A finished run. Made by :func:`xai.batch.run` and :func:`xai.batch.open`.

    Attributes
    ----------
    folder
        Where it is.
    manifest
        What was run.
    summary
        What came out, as in ``summary.json``: rows, failed rows, skipped files, votes, seats, agreement.
    """

    folder: Path
    manifest: Manifest = field(repr=False)
    summary: Mapping[str, Any] = field(repr=False)

    @classmethod
    def read(cls, folder: str | Path) -> BatchResult:
        """Of a folder.

        Raises
        ------
        InputError
            If it holds no finished run.
        """
        folder = Path(folder)
        return cls(folder, Manifest.read(folder), read_json(folder / SUMMARY))

    def dataset(self, method: str | None = None) -> pads.Dataset:
        """The rows of a method as an Arrow data set: nothing is read before it is asked for.

        Columns: ``row`` and ``source``, the row's place in the data; ``error``; ``data/NAME`` for key and kept
        columns; ``values/OUTPUT/UNIT``, ``base_values/OUTPUT``, ``outputs/OUTPUT``; for seats ``seats/OUTPUT/UNIT``;
        ``label`` and, by method, ``shares/CLASS``, ``exemplars`` or ``total_index/CONCEPT`` for pictures; for prompts
        lists, see :class:`xai.reagent.TokenAttribution`.
        """
        import pyarrow.dataset as pads

        return pads.dataset([str(path) for path in self._files(self._method(method))], format="parquet")

    def frames(
        self, method: str | None = None, columns: Sequence[str] | None = None, where: Any = None
    ) -> Iterator[pd.DataFrame]:
        """Rows of a method as tables of a few thousand rows, one after the other, whatever the size of the run.

        Parameters
        ----------
        method, where
            As in :meth:`attribution`.
        columns
            Names as in :meth:`dataset`; all by default.
        """
        selected = None if where is None else self._expression(where)
        source = self.dataset(method)
        unknown = [name for name in columns or () if name not in source.schema.names]
        if unknown:
            raise InputError(unknown_names("column", unknown, source.schema.names))
        for batch in source.to_batches(columns=None if columns is None else list(columns), filter=selected):
            if batch.num_rows:
                yield batch.to_pandas()

    def tokens(self, row: int, method: str = "reagent") -> TokenAttribution:
        """What ReAGent said of one prompt, by its position in the whole run.

        Raises
        ------
        InputError
            If there is no such prompt, or it failed; the message says why.
        """
        from .prompts import read_back

        method = self._method(method)
        table = self._take(method, [row])
        (record,) = table.to_pylist()
        if record["error"] is not None:
            raise InputError(f"prompt {row} failed: {record['error']}")
        return read_back(record, header_of_file(self._files(method)[0]))

    def attribution(
        self, rows: slice | Sequence[int] | None = None, method: str | None = None, where: Any = None
    ) -> Attribution:
        """Some rows as an Attribution; rows that failed are left out.

        Parameters
        ----------
        rows
            Positions in the whole run, from 0; of prompts exactly one, as each has units of its own.
        method
            Name; by default the first that explains rows.
        where
            A mapping of carried columns to a value or a list of values, or an Arrow expression.
        """
        from ..core.serialize import read_header

        method = self._method(method)
        header = header_of_file(self._files(method)[0])
        if header["format"] == PROMPTS:
            if rows is None or isinstance(rows, slice) or len(rows) != 1 or where is not None:
                raise InputError("each prompt has units of its own: ask for one, e.g. attribution([0]).")
            return self.tokens(int(rows[0]), method).attribution
        source = self.dataset(method)
        selected = None if where is None else self._expression(where)
        if rows is None:
            table = source.to_table(filter=selected)
        else:
            if where is not None:
                raise InputError("choose rows either by position or by a condition.")
            table = self._take(method, rows)
        frame = table.replace_schema_metadata(None).to_pandas()
        frame = frame[frame["error"].isna()].reset_index(drop=True)
        if not len(frame):
            raise InputError("no row is left: nothing fits the condition, or all of them failed.")
        return _attribution(frame, read_header(header), self.manifest.key)

    def parliament(
        self, method: str | None = None, output: str | None = None, where: Any = None, **law: Any
    ) -> Parliament:
        """The election by the votes of all rows, or of those that fit a condition; ``law`` as in :func:`xai.elect`."""
        from ..dhondt import elect

        return elect(self.votes(method, output, where), **law)

    def votes(self, method: str | None = None, output: str | None = None, where: Any = None) -> dict[str, float]:
        """Unit to mean size of its values."""
        method = self._method(method)
        output = self._output(method, output)
        if where is None:
            return dict(self.entry(method, output)["votes"])
        return dict(self._sums_of(method, output, where)[0])

    def entry(self, method: str | None = None, output: str | None = None) -> Mapping[str, Any]:
        """What the summary says of a method: ``votes``, ``standard_error``, ``mean_value`` and ``seats`` by unit."""
        method = self._method(method)
        found: Mapping[str, Any] = self.summary["methods"][method]["outputs"][self._output(method, output)]
        return found

    def compare(self, other: BatchResult, method: str | None = None, output: str | None = None) -> Drift:
        """How votes and seats moved from this run to another: another model, or other rows."""
        import pandas as pd

        method = self._method(method)
        name = self._output(method, output)
        ours, theirs = self.entry(method, name), other.entry(method, name)
        if set(ours["votes"]) != set(theirs["votes"]):
            odd = sorted(set(ours["votes"]) ^ set(theirs["votes"]))
            raise InputError(f"the two runs have other units: {', '.join(odd[:8])}.")
        units = list(ours["votes"])
        a, b = (np.array([entry["votes"][u] for u in units]) for entry in (ours, theirs))
        error = np.hypot(*(np.array([entry["standard_error"][u] for u in units]) for entry in (ours, theirs)))
        table = pd.DataFrame(
            {
                "unit": units,
                "votes": a,
                "other_votes": b,
                "change": b - a,
                "z": np.divide(b - a, error, out=np.zeros_like(a), where=error > 0),
                "share_change": b / max(b.sum(), 1e-300) - a / max(a.sum(), 1e-300),
                "seats": [ours["seats"].get(u, [0])[0] for u in units],
                "other_seats": [theirs["seats"].get(u, [0])[0] for u in units],
            }
        )
        return Drift(table, float(np.abs(table["share_change"]).sum() / 2))

    def _take(self, method: str, rows: slice | Sequence[int]) -> pa.Table:
        source = self.dataset(method)
        n = source.count_rows()
        positions = np.arange(n)[rows] if isinstance(rows, slice) else np.asarray(rows, dtype=int)
        if len(positions) and (positions.min() < 0 or positions.max() >= n):
            raise InputError(f"there are {n:,} rows: positions go from 0 to {n - 1:,}.")
        return source.take(positions)

    def _method(self, method: str | None) -> str:
        kept = [name for name in self.manifest.methods if name not in OF_THE_MODEL]
        if method is None:
            found = explaining(kept)
            if not found:
                raise InputError("this run explained no rows.")
            return found[0]
        if method not in kept:
            raise InputError(unknown_names("method", [method], kept))
        return method

    def _output(self, method: str, output: str | None) -> str:
        names = list(self.summary["methods"].get(method, {}).get("outputs", ()))
        if not names:
            raise InputError(f"'{method}' has no votes over all rows: its rows have no units in common.")
        if output is None and len(names) == 1:
            return str(names[0])
        if output not in names:
            raise InputError(unknown_names("output", [output or "none given"], names))
        return str(output)

    def _files(self, method: str) -> list[Path]:
        paths = [self.folder / method / part.name for part in self.manifest.parts]
        return [path for path in paths if path.exists()]

    def _expression(self, where: Any) -> Any:
        import pyarrow.dataset as pads

        if not isinstance(where, Mapping):
            return where
        carried = (*self.manifest.key, *self.manifest.keep)
        unknown = [name for name in where if name not in carried]
        if unknown or not where:
            raise InputError(
                unknown_names("carried column", unknown, carried) + " Name columns in keep= when the run is made."
            )
        tests = [
            pads.field(f"data/{name}").isin(value)
            if isinstance(value, list | tuple)
            else pads.field(f"data/{name}") == value
            for name, value in where.items()
        ]
        return np.bitwise_and.reduce(np.array(tests, dtype=object))

    def _sums_of(self, method: str, output: str, where: Any) -> tuple[dict[str, float], int]:
        """Votes of the rows that fit a condition, read batch by batch."""
        prefix = f"values/{output}/"
        source = self.dataset(method)
        columns = [name for name in source.schema.names if name.startswith(prefix)]
        size, n = np.zeros(len(columns)), 0
        for batch in source.to_batches(columns=[*columns, "error"], filter=self._expression(where)):
            good = np.asarray(batch.column("error").is_null())
            values = np.stack([np.asarray(batch.column(name)) for name in columns], axis=1)[good]
            size += np.abs(values).sum(axis=0)
            n += len(values)
        if not n:
            raise InputError("no row is left: nothing fits the condition.")
        return {name.removeprefix(prefix): float(v) for name, v in zip(columns, size / n, strict=True)}, n


@dataclass(frozen=True, eq=False)
class Drift:
    """What moved between two runs. Made by :meth:`BatchResult.compare`.

    Attributes
    ----------
    table
        A row a unit: votes and seats in both, ``change`` of the votes, ``z`` = change over its standard error (rows
        taken as independent), ``share_change``.
    moved
        Share of the votes that moved from some units to others, in [0, 1].
    """

    table: pd.DataFrame
    moved: float


def _attribution(frame: pd.DataFrame, fields: dict[str, Any], key: Sequence[str]) -> Attribution:
    from ..core.attribution import Attribution

    names, units = fields["output_names"], fields["units"].names

    def cube(kind: str) -> np.ndarray:
        return np.stack([frame[[f"{kind}/{o}/{u}" for u in units]].to_numpy() for o in names], axis=2)

    carried = [name for name in map(str, frame.columns) if name.startswith("data/")]
    labels = frame[f"data/{key[0]}"].tolist() if len(key) == 1 else frame["row"].tolist()
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


def open(folder: str | Path) -> BatchResult:  # noqa: A001 - xai.batch.open reads well
    """The results of a finished run; nothing but the manifest and the summary is read.

    Raises
    ------
    InputError
        If the folder holds no finished run.
    """
    return BatchResult.read(folder)
