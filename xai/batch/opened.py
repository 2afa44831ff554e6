"""The results of a run, read back: lazily, row by row, as a parliament, and against another run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..core.errors import InputError, listing, unknown_names
from .conditions import expression
from .manifest import Manifest
from .methods import OF_THE_MODEL, SEATS, explaining
from .prompts import FORMAT as PROMPTS
from .reading import PLACE, attribution_of, failures, positions_of, reasons, to_pandas
from .standing import no_run, unfinished
from .store import MANIFEST, SUMMARY, read_json
from .sums import Sums
from .written import header_of_file

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.dataset as pads

    from ..core.attribution import Attribution
    from ..dhondt import Parliament
    from ..reagent import TokenAttribution

    Rows = int | slice | Sequence[int] | np.ndarray


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
            If it holds no finished run; the message says how far one came.
        """
        folder = Path(folder)
        if not (folder / MANIFEST).exists():
            raise InputError(no_run(folder))
        manifest = Manifest.read(folder)
        if not (folder / SUMMARY).exists():
            raise InputError(unfinished(folder, manifest))
        return cls(folder, manifest, read_json(folder / SUMMARY))

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
        source = self.dataset(method)
        selected = self._condition(where, source.schema)
        chosen = [columns] if isinstance(columns, str) else columns if columns is None else list(columns)
        unknown = [name for name in chosen or () if name not in source.schema.names]
        if unknown:
            raise InputError(unknown_names("column", unknown, source.schema.names))
        for batch in source.to_batches(columns=chosen, filter=selected):
            if batch.num_rows:
                yield to_pandas(batch)

    def tokens(self, row: int, method: str = "reagent") -> TokenAttribution:
        """What ReAGent said of one prompt, by its position in the whole run.

        Raises
        ------
        InputError
            If there is no such prompt, or it failed; the message says why.
        """
        from .prompts import read_back

        method = self._method(method)
        _, table = self._take(method, row)
        (record,) = table.to_pylist()
        if record["error"] is not None:
            raise InputError(f"prompt {row} failed: {record['error']}")
        return read_back(record, header_of_file(self._files(method)[0]))

    def attribution(
        self,
        rows: Rows | None = None,
        method: str | None = None,
        where: Any = None,
        *,
        failed: Literal["raise", "skip"] = "raise",
    ) -> Attribution:
        """Some rows as an Attribution.

        Without ``rows`` it holds all rows, or all that fit a condition, that have values: those that failed have none,
        and :meth:`failures` names them.

        Parameters
        ----------
        rows
            Positions in the whole run, from 0: one, several, or a slice; of prompts exactly one, as each has units of
            its own.
        method
            Name; by default the first that explains rows.
        where
            A mapping of carried columns to a value or several, or an Arrow expression. Values are brought to the type
            of the column: in a column of text, 1 finds "1". ``None`` and NaN find rows that have no value there.
        failed
            What becomes of rows that were asked for by their position and failed: ``"raise"`` is an error that says
            why they did, ``"skip"`` leaves them out.

        Raises
        ------
        InputError
            If a row does not exist or failed, a value cannot stand in the column, or no row is left.
        """
        from ..core.serialize import read_header

        method = self._method(method)
        if method == SEATS:
            raise InputError(
                f"'{SEATS}' holds seats of each row, no values: an attribution can be made of "
                f"{listing(explaining(self.manifest.methods))}; the seats are read with dataset('{SEATS}')."
            )
        if rows is not None and where is not None:
            raise InputError("choose rows either by position or by a condition.")
        if failed not in ("raise", "skip"):
            raise InputError(unknown_names("choice of failed=", [failed], ("raise", "skip")))
        header = header_of_file(self._files(method)[0])
        if header["format"] == PROMPTS:
            return self.tokens(self._one_prompt(method, rows), method).attribution
        if rows is None:
            source = self.dataset(method)
            table = source.to_table(filter=self._condition(where, source.schema))
        else:
            positions, table = self._take(method, rows)
            bad = failures(table, positions)
            if len(bad) and (failed == "raise" or len(bad) == len(positions)):
                remedy = " To leave them out: failed='skip'." if len(bad) < len(positions) else ""
                raise InputError(f"{len(bad):,} of {len(positions):,} rows failed: {reasons(bad)}.{remedy}")
        table = table.filter(table.column("error").is_null())
        if not table.num_rows:
            raise InputError("no row is left: nothing fits the condition, or all of them failed.")
        return attribution_of(table, read_header(header), self.manifest.key)

    def failures(
        self, method: str | None = None, rows: Rows | None = None, where: Any = None, limit: int | None = None
    ) -> pd.DataFrame:
        """Rows that failed: they have no values, and count in no votes.

        Parameters
        ----------
        method, rows, where
            As in :meth:`attribution`.
        limit
            Stop after so many.

        Returns
        -------
        DataFrame
            ``position`` in the whole run, ``source`` and ``row``, its place in the data, and ``error``, the reason.
        """
        import pandas as pd
        import pyarrow.dataset as pads

        method = self._method(method)
        if rows is not None:
            if where is not None:
                raise InputError("choose rows either by position or by a condition.")
            positions, table = self._take(method, rows, PLACE)
            return failures(table, positions)[:limit]
        source = self.dataset(method)
        columns = {name: pads.field(name) for name in PLACE}
        if where is not None:
            # No filter, which would take the rows' positions away.
            columns["fits"] = self._condition(where, source.schema)
        found, first = [failures(source.schema.empty_table(), np.arange(0))], 0
        for batch in source.to_batches(columns=columns):
            found.append(failures(batch, np.arange(first, first + batch.num_rows)))
            first += batch.num_rows
            if limit is not None and sum(map(len, found)) >= limit:
                break
        return pd.concat(found, ignore_index=True)[:limit]

    def parliament(
        self, method: str | None = None, output: str | None = None, where: Any = None, **law: Any
    ) -> Parliament:
        """The election by :meth:`votes`; ``law`` as in :func:`xai.elect`."""
        from ..dhondt import elect

        return elect(self.votes(method, output, where), **law)

    def votes(self, method: str | None = None, output: str | None = None, where: Any = None) -> dict[str, float]:
        """Unit to mean size of its values; of ``"native"`` and ``"permutation"`` the importances.

        Parameters
        ----------
        method, where
            As in :meth:`attribution`; the model's own importances are not known for some rows alone.
        output
            Name; it can be left out where there is one.
        """
        if method in OF_THE_MODEL:
            return self._importances(method, output, where)
        return dict(self.entry(method, output, where)["votes"])

    def entry(self, method: str | None = None, output: str | None = None, where: Any = None) -> Mapping[str, Any]:
        """What the summary says of a method, by unit.

        ``votes``, ``standard_error``, ``mean_value``, and ``seats`` with their interval; of the rows that fit a
        condition, seats without one. Parameters as in :meth:`votes`.
        """
        method = self._method(method)
        output = self._output(method, output)
        if where is not None:
            return self._segment(method, output, where)
        found: Mapping[str, Any] = self.summary["methods"][method]["outputs"][output]
        return found

    def compare(
        self,
        other: BatchResult | str | Path,
        method: str | None = None,
        output: str | None = None,
        where: Any = None,
    ) -> Drift:
        """How votes and seats moved from this run to another: another model, or other rows.

        Parameters
        ----------
        other
            The other run, or its folder.
        method, output
            As in :meth:`votes`.
        where
            Compare the rows of both runs that fit this condition, as in :meth:`attribution`; by default all.
        """
        import pandas as pd

        if isinstance(other, str | Path):
            other = BatchResult.read(other)
        if not isinstance(other, BatchResult):
            raise InputError(f"a run is compared with another run or its folder, not with {type(other).__name__}.")
        method = self._method(method)
        name = self._output(method, output)
        ours, theirs = self.entry(method, name, where), other.entry(method, name, where)
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

    def _take(self, method: str, rows: Rows, columns: Sequence[str] | None = None) -> tuple[np.ndarray, pa.Table]:
        """Rows by their positions, and the positions."""
        source = self.dataset(method)
        n = source.count_rows()
        positions = np.arange(n)[rows] if isinstance(rows, slice) else positions_of(rows)
        if len(positions) and (positions.min() < 0 or positions.max() >= n):
            raise InputError(f"there are {n:,} rows: positions go from 0 to {n - 1:,}.")
        return positions, source.take(positions, columns=columns)

    def _one_prompt(self, method: str, rows: Rows | None) -> int:
        positions = np.arange(0) if rows is None else self._take(method, rows, ["row"])[0]
        if len(positions) != 1:
            raise InputError("each prompt has units of its own: ask for one, e.g. attribution(0).")
        return int(positions[0])

    def _method(self, method: str | None) -> str:
        kept = [name for name in self.manifest.methods if name not in OF_THE_MODEL]
        if method is None:
            if not (found := explaining(kept)):
                raise InputError(
                    f"this run explained no rows: it has votes of {listing(self.manifest.methods)} alone, if you name "
                    "the method."
                )
            return found[0]
        if method in OF_THE_MODEL and method in self.manifest.methods:
            rows = f" Rows were explained by {listing(found)}." if (found := explaining(kept)) else ""
            raise InputError(f"'{method}' was asked of the model as a whole: it has votes, and no rows.{rows}")
        if method not in kept:
            raise InputError(unknown_names("method", [method], self.manifest.methods))
        return method

    def _output(self, method: str, output: str | None) -> str:
        names = list(self.summary["methods"].get(method, {}).get("outputs", ()))
        if not names and method == SEATS:
            voting = self.manifest.options[SEATS].get("source", "shap")
            raise InputError(f"'{SEATS}' gives seats to each row by the votes of '{voting}': ask for '{voting}'.")
        if not names and self._files(method):
            raise InputError(f"'{method}' has no votes over all rows: its rows have no units in common.")
        if output is None and len(names) == 1:
            return str(names[0])
        if output is None:
            raise InputError(f"there are several outputs, {listing(names)}: choose one with output= (--output).")
        if output not in names:
            raise InputError(unknown_names("output", [output], names))
        return str(output)

    def _importances(self, method: str | None, output: str | None, where: Any) -> dict[str, float]:
        """Votes of a method that is asked of the model as a whole."""
        if method not in self.manifest.methods:
            raise InputError(unknown_names("method", [method], self.manifest.methods))
        if output is not None or where is not None:
            raise InputError(
                f"'{method}' was asked of the model as a whole: it has no votes of one output or of some rows."
            )
        found = self.summary["methods"][method]
        if "votes" not in found:
            raise InputError(f"'{method}' has no votes: {found['missing']}")
        return dict(found["votes"])

    def _files(self, method: str) -> list[Path]:
        paths = [self.folder / method / part.name for part in self.manifest.parts]
        found = [path for path in paths if path.exists()]
        if not found:
            raise InputError(f"'{method}' wrote no rows in {self.folder}: {SUMMARY} says what was left out.")
        return found

    def _condition(self, where: Any, schema: pa.Schema) -> Any:
        return expression(where, schema, (*self.manifest.key, *self.manifest.keep), self.folder.name)

    def _segment(self, method: str, output: str, where: Any) -> dict[str, Any]:
        """What :meth:`entry` says, of the rows that fit a condition."""
        from ..dhondt import allocate

        units, sums = self._sums_of(method, output, where)
        votes, law = sums.votes(0), self.manifest.options.get(SEATS, {})
        seats = allocate(votes, law.get("seats", 100), law.get("rule", "dhondt")) if votes.any() else ()
        return {
            "votes": dict(zip(units, votes.tolist(), strict=True)),
            "standard_error": dict(zip(units, sums.standard_error(0).tolist(), strict=True)),
            "mean_value": dict(zip(units, (sums.value[0] / sums.rows).tolist(), strict=True)),
            "seats": {unit: [int(n)] for unit, n in zip(units, seats, strict=False)},
        }

    def _sums_of(self, method: str, output: str, where: Any) -> tuple[list[str], Sums]:
        """Units and sums of the rows that fit a condition, read batch by batch."""
        prefix = f"values/{output}/"
        source = self.dataset(method)
        columns = [name for name in source.schema.names if name.startswith(prefix)]
        size, square, value = np.zeros((3, 1, len(columns)))
        n = 0
        for batch in source.to_batches(columns=[*columns, "error"], filter=self._condition(where, source.schema)):
            good = np.asarray(batch.column("error").is_null())
            values = np.stack([np.asarray(batch.column(name)) for name in columns], axis=1)[good]
            size += np.abs(values).sum(axis=0)
            square += (values**2).sum(axis=0)
            value += values.sum(axis=0)
            n += len(values)
        if not n:
            raise InputError(f"no row is left: nothing in {self.folder.name} fits the condition, or all of it failed.")
        return [name.removeprefix(prefix) for name in columns], Sums(n, size, square, value)


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


def open(folder: str | Path) -> BatchResult:  # noqa: A001 - xai.batch.open reads well
    """The results of a finished run; nothing but the manifest and the summary is read.

    Raises
    ------
    InputError
        If the folder holds no finished run.
    """
    return BatchResult.read(folder)
