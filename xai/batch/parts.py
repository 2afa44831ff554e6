"""What a run reads: the files of a data set, cut into parts that fit in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import InputError, listing
from ..core.provenance import hash_file
from .store import MANIFEST

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

#: Bytes of values that one part may hold; what a worker needs is a few times that.
PART_BYTES = 16 << 20
MOST_ROWS = 262_144
_BATCH = 32_768
_NOTHING = "null"


@dataclass(frozen=True)
class DataFile:
    """One file of a data set, or one folder of pictures.

    Attributes
    ----------
    path
        Relative to the data set's folder, with ``/``; ``"."`` for that folder itself.
    rows
        Number of rows, pictures or lines.
    hash
        SHA-256 of the file, or of the names and contents of the pictures.
    error
        Why it cannot be read, empty if it can.
    """

    path: str
    rows: int
    hash: str
    error: str = ""


@dataclass(frozen=True)
class Part:
    """Consecutive rows of one file, and the name of what is written for them.

    Attributes
    ----------
    source, start, rows
        File, first row in it, number of rows.
    name
        Relative path of the result, the same below every method's folder.
    """

    source: str
    start: int
    rows: int
    name: str


def find_files(data: Path) -> tuple[Path, tuple[DataFile, ...]]:
    """The folder of a data set and its Parquet files, in the order of their names.

    Raises
    ------
    InputError
        If there is nothing at that path, or no Parquet file below it.
    """
    if data.is_file():
        return data.parent, (_look_at(data.parent, data),)
    if not data.is_dir():
        raise InputError(f"there is no file or folder {data}.")
    found = files_below(data, ".parquet")
    if not found:
        raise InputError(f"the folder {data} holds no .parquet file.")
    return data, tuple(_look_at(data, path) for path in found)


def files_below(folder: Path, suffix: str) -> list[Path]:
    """Files with that suffix, in the order of their names; folders may be called so, too.

    Hidden files are left out, and what an earlier run wrote.
    """
    results = [path.parent for path in folder.rglob(MANIFEST) if path.is_file() and _is_run(path)]
    found = (path for path in folder.rglob(f"*{suffix}") if not path.name.startswith((".", "_")))
    return sorted(path for path in found if not path.is_dir() and not any(map(path.is_relative_to, results)))


def _is_run(manifest: Path) -> bool:
    with manifest.open("rb") as file:
        return b"hemicycle/batch/" in file.read(100)


def _look_at(folder: Path, path: Path) -> DataFile:
    import pyarrow as pa
    import pyarrow.parquet as pq

    name = path.relative_to(folder).as_posix()
    try:
        with pq.ParquetFile(path) as file:
            return DataFile(name, file.metadata.num_rows, hash_file(path))
    except (OSError, pa.ArrowException) as error:
        return DataFile(name, 0, "", f"{name} cannot be read as Parquet: {' '.join(str(error).split())}")


def cut(files: Sequence[DataFile], values_a_row: int, rows_per_part: int | None = None) -> tuple[Part, ...]:
    """Parts of all readable files: whole files where they are small enough, otherwise equal slices.

    Parameters
    ----------
    files
        What :func:`find_files` found.
    values_a_row
        Numbers that are written for a row; they decide how many rows fit.
    rows_per_part
        Most rows of a part, instead of what memory suggests.

    Raises
    ------
    InputError
        If the names of two files are such that their results would have one name.
    """
    limit = rows_per_part or max(256, min(MOST_ROWS, PART_BYTES // (8 * max(values_a_row, 1))))
    parts = []
    for file in files:
        stem = "pictures" if file.path == "." else file.path.removesuffix(".parquet").removesuffix(".jsonl")
        n_parts = -(-file.rows // limit)
        size = -(-file.rows // max(n_parts, 1))
        for i in range(n_parts):
            start = i * size
            name = f"{stem}.parquet" if n_parts == 1 else f"{stem}-{i:05d}.parquet"
            parts.append(Part(file.path, start, min(size, file.rows - start), name))
    names: dict[str, str] = {}
    for part in parts:
        other = names.setdefault(part.name, part.source)
        if other != part.source:
            raise InputError(f"results of {other} and {part.source} would both be called {part.name}: rename one.")
    return tuple(parts)


def schema_of(path: Path) -> pa.Schema:
    """Columns of a Parquet file."""
    import pyarrow.parquet as pq

    return pq.read_schema(path)


def columns_of(folder: Path, files: Sequence[DataFile]) -> dict[str, dict[str, str]]:
    """Each readable file's columns in order, with what kind of values they hold.

    Integers and floating-point numbers of any width count as one kind: which one a file has depends on its gaps. A
    column without any value may have none.
    """
    return {
        file.path: {field.name: _kind(field.type) for field in schema_of(folder / file.path)}
        for file in files
        if not file.error
    }


def check_columns(
    files: Sequence[DataFile], columns: Mapping[str, Mapping[str, str]], needed: Sequence[str] | None
) -> tuple[DataFile, ...]:
    """The files, with an error on each that lacks a column or has another kind of values in it than those before it.

    Parameters
    ----------
    files, columns
        See :func:`columns_of`.
    needed
        Columns that are read; others do not matter. ``None``: all, by their places, which must be the same
        everywhere.
    """
    kinds: dict[str, tuple[str, str]] = {}
    first = next(iter(columns), "")
    checked = []
    for file in files:
        error = ""
        if not file.error:
            mine = columns[file.path]
            error = _lacking(mine, needed) if needed is not None else _misplaced(mine, columns[first], first)
            error = error or _other_kind(mine, kinds, mine if needed is None else needed)
        if error:
            checked.append(DataFile(file.path, 0, file.hash, f"{file.path} {error}"))
            continue
        checked.append(file)
        if not file.error:
            for name in mine if needed is None else needed:
                if mine[name] != _NOTHING:
                    kinds.setdefault(name, (mine[name], file.path))
    return tuple(checked)


def _lacking(mine: Mapping[str, str], needed: Sequence[str]) -> str:
    lacking = [name for name in needed if name not in mine]
    return f"lacks {'the column' if len(lacking) == 1 else 'columns'} {listing(lacking)}" if lacking else ""


def _misplaced(mine: Mapping[str, str], theirs: Mapping[str, str], first: str) -> str:
    """For a model that knows columns by their places."""
    if list(mine) == list(theirs):
        return ""
    differing = sorted(mine.keys() ^ theirs.keys())
    if differing:
        return f"has other columns than {first}: {listing(differing)}"
    return f"has its columns in another order than {first}, and the model knows them by their places"


def _other_kind(mine: Mapping[str, str], kinds: Mapping[str, tuple[str, str]], names: Iterable[str]) -> str:
    for name in names:
        kind, where = kinds.get(name, (_NOTHING, ""))
        if _NOTHING not in (kind, mine[name]) and kind != mine[name]:
            return f"has another type in column '{name}': {mine[name]}, where {where} has {kind}"
    return ""


def _kind(kind: pa.DataType) -> str:
    import pyarrow as pa

    if pa.types.is_null(kind):
        return _NOTHING
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return "number"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind):
        return "text"
    return str(kind)


def read(path: Path, start: int, rows: int, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """:func:`read_table` for pandas."""
    return to_pandas(read_table(path, start, rows, columns))


def read_table(path: Path, start: int, rows: int, columns: Sequence[str] | None = None) -> pa.Table:
    """Some rows of a Parquet file, holding little more than them in memory.

    Raises
    ------
    InputError
        If the file cannot be read, has become shorter, or has fewer rows than it says.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            if start + rows > file.metadata.num_rows:
                raise InputError(
                    f"{path.name} has changed since the run began: it holds {file.metadata.num_rows:,} rows, "
                    f"and rows {start:,} to {start + rows - 1:,} are to be read. Start another run."
                )
            groups, before = _row_groups(file.metadata, start, rows)
            wanted = None if columns is None else list(columns)
            if rows == file.metadata.num_rows:
                return file.read(columns=wanted)
            pieces, position = [], before
            for batch in file.iter_batches(_BATCH, row_groups=groups, columns=wanted):
                low, high = max(start - position, 0), min(start + rows - position, batch.num_rows)
                if low < high:
                    pieces.append(batch.slice(low, high - low))
                position += batch.num_rows
                if position >= start + rows:
                    break
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path.name} cannot be read as Parquet: {' '.join(str(error).split())}") from error
    if sum(piece.num_rows for piece in pieces) != rows:
        raise InputError(f"{path.name} has fewer rows than its own description says: it is damaged.")
    return pa.Table.from_batches(pieces)


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """Columns as they are called in the file: which of them once were row labels does not matter."""
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    return frame


def _row_groups(metadata: pa.parquet.FileMetaData, start: int, rows: int) -> tuple[list[int], int]:
    """Row groups that hold the rows, and the number of rows before them."""
    groups: list[int] = []
    first = position = 0
    for group in range(metadata.num_row_groups):
        end = position + metadata.row_group(group).num_rows
        if end > start and position < start + rows:
            if not groups:
                first = position
            groups.append(group)
        position = end
    return groups, first
