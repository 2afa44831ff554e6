"""Reading a person's table: CSV or Parquet, told apart by content."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..core.errors import InputError, listing

if TYPE_CHECKING:
    import pandas as pd

# What an empty place is called. "None" is not among them: it is an answer in many questionnaires.
MISSING = ("", "NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL")

MAX_ROWS, MAX_COLUMNS, MAX_CELLS = 20_000_000, 20_000, 400_000_000
"""Largest table that is read: what is larger belongs to ``xai batch``, which reads a part at a time."""
_MAX_UNPACKED = 4 << 30
_SEPARATORS = (",", ";", "\t")
_FOREIGN = {
    b"PK\x03\x04": "an Excel or zip file: open it in the spreadsheet program and save it as CSV (UTF-8)",
    b"\xd0\xcf\x11\xe0": "an Excel file: open it in the spreadsheet program and save it as CSV (UTF-8)",
    b"\x1f\x8b": "a compressed file: unpack it first",
    b"\x28\xb5\x2f\xfd": "a compressed file: unpack it first",
    b"BZh": "a compressed file: unpack it first",
    b"\xfd7zX": "a compressed file: unpack it first",
    b"%PDF": "a PDF document: save the table as CSV (UTF-8)",
    b"\x89HDF": "an HDF5 file: save the table as CSV or Parquet",
    b"\x93NUM": "a numpy file: save the table as CSV or Parquet, with column names",
    b"\x80\x02": "a pickle, which can run code when it is opened: save the table as CSV or Parquet",
    b"\x80\x03": "a pickle, which can run code when it is opened: save the table as CSV or Parquet",
    b"\x80\x04": "a pickle, which can run code when it is opened: save the table as CSV or Parquet",
    b"\x80\x05": "a pickle, which can run code when it is opened: save the table as CSV or Parquet",
    b"ARRO": "an Arrow or Feather file: save the table as Parquet",
    b"SQLi": "a SQLite database: save the table as CSV (UTF-8)",
    b"\xff\xfe": "text in UTF-16: save it as CSV in UTF-8",
    b"\xfe\xff": "text in UTF-16: save it as CSV in UTF-8",
}
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_WHOLE = re.compile(r"\s*[+-]?\d+\s*")
_DECIMAL_POINT = re.compile(r"[+-]?\d+\.\d+")
_SAMPLE = 200  # lines that settle separator and decimal sign


@dataclass(frozen=True, eq=False)
class OpenedTable:
    """A table, and what was done to read it.

    Attributes
    ----------
    frame
        The table.
    format
        ``"CSV"`` or ``"Parquet"``.
    notes
        Sentences for people: a guessed encoding, a separator other than the comma, columns of text.
    """

    frame: pd.DataFrame
    format: Literal["CSV", "Parquet"]
    notes: tuple[str, ...]


def open_table(path: str | Path) -> OpenedTable:
    """A table as :func:`read_table` reads it, with notes; text that is not UTF-8 is read as Windows-1252.

    Raises
    ------
    InputError
        As :func:`read_table`.
    """
    path = Path(path)
    parquet = _head(path) == b"PAR1"
    notes: list[str] = []
    if parquet:
        frame = read_table(path)
    else:
        text, guessed = _decoded(path)
        if guessed:
            notes.append("The file is not UTF-8 and was read as Windows-1252 (Latin-1): check letters with accents.")
        separator = _separator(text)
        if separator != ",":
            name = "semicolons" if separator == ";" else "tabs"
            comma = " and decimal commas" if _decimal(text, separator) == "," else ""
            notes.append(f"The file was read with {name} between columns{comma}.")
        frame = _with_rows(path, _parsed(path, text))
    words = [str(name) for name, dtype in frame.dtypes.items() if dtype.kind not in "biufmM"]
    if words:
        notes.append(f"Columns that hold text: {listing(words, 6)}.")
    return OpenedTable(frame, "Parquet" if parquet else "CSV", tuple(notes))


def read_table(path: str | Path) -> pd.DataFrame:
    """A table of a CSV or Parquet file.

    CSV is UTF-8 with or without a mark at its start, separated by commas, semicolons or tabs; with the latter two,
    numbers may have decimal commas. Empty cells and :data:`MISSING` are missing values. A first column without
    a name holds row labels.

    Parameters
    ----------
    path
        The file; its suffix does not matter.

    Raises
    ------
    InputError
        Naming the file: it is missing, empty, unreadable, of another kind, without rows, with repeated or nameless
        columns, or with a line of another length than the first.
    """
    path = Path(path)
    frame = _read_parquet(path) if _head(path) == b"PAR1" else _parsed(path, _text(path))
    return _with_rows(path, frame)


def _with_rows(path: Path, frame: pd.DataFrame) -> pd.DataFrame:
    if not len(frame):
        raise InputError(f"{path.name} has column names but no rows.")
    return frame


def _head(path: Path) -> bytes:
    """The first four bytes of a file that may be a table."""
    if not path.is_file():
        raise InputError(f"there is no file {path}." if not path.exists() else f"{path} is a folder, not a table.")
    try:
        with path.open("rb") as stream:
            head = stream.read(4)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    if not head:
        raise InputError(f"{path.name} is empty: it needs a line of column names and one line a row.")
    for magic, what in _FOREIGN.items():
        if head.startswith(magic):
            raise InputError(f"{path.name} is {what}.")
    return head


def _read_parquet(path: Path) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            _check_parquet(path, file)
            frame: pd.DataFrame = file.read().to_pandas()
    except (OSError, pa.ArrowException, ValueError, UnicodeDecodeError, KeyError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path.name} cannot be read as Parquet: {' '.join(str(error).split())[:600]}") from error
    return frame


def _check_parquet(path: Path, file: Any) -> None:
    """Size, types and names, by the file's own directory, before any of its columns is unpacked."""
    import pyarrow as pa

    about = file.metadata
    _check_size(path, about.num_rows, len(file.schema_arrow))
    unpacked = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
    if not 0 <= unpacked <= _MAX_UNPACKED:
        raise InputError(f"{path.name} would unpack to {unpacked / 2**30:,.0f} GiB; at most 4 GiB are read.")
    nested = [field.name for field in file.schema_arrow if pa.types.is_nested(field.type)]
    if nested:
        raise InputError(f"{path.name} has columns that hold lists or records, not single values: {listing(nested)}.")
    names = [name for name in file.schema_arrow.names if not name.startswith("__index_level_")]
    _check_names(path, names)
    if any(not name.strip() for name in names):
        raise InputError(f"{path.name} has columns without a name. Name them.")


def _check_size(path: Path, rows: int, columns: int) -> None:
    if rows > MAX_ROWS or columns > MAX_COLUMNS or rows * columns > MAX_CELLS:
        raise InputError(
            f"{path.name} has {rows:,} rows and {columns:,} columns; at most {MAX_ROWS:,} rows, {MAX_COLUMNS:,} "
            f"columns and {MAX_CELLS:,} cells are read. `xai batch` reads larger tables part by part."
        )


def _parsed(path: Path, text: str) -> pd.DataFrame:
    import pandas as pd

    if text.lstrip()[:1] in {"{", "["} and _is_json(text):
        raise InputError(f"{path.name} is JSON, not a table: save it as CSV (UTF-8) or Parquet.")
    separator = _separator(text)
    names = _check_lines(path, text, separator)
    options: dict[str, Any] = {
        "sep": separator,
        "decimal": _decimal(text, separator),
        "index_col": False,
        "keep_default_na": False,
        "na_values": list(MISSING),
        "low_memory": False,  # one type a column, not one a chunk
    }
    try:
        frame = _with_all_digits(pd.read_csv(io.StringIO(text), **options), text, options)
    except (ValueError, pd.errors.ParserError) as error:
        raise InputError(f"{path.name} cannot be read as CSV: {' '.join(str(error).split())}") from error
    if names[0]:
        return frame
    labels = frame.columns[0]
    return frame.set_index(labels).rename_axis(index=None)


def _with_all_digits(frame: pd.DataFrame, text: str, options: dict[str, Any]) -> pd.DataFrame:
    """The table with long whole numbers as they stand: a gap makes floating-point numbers of a column, of 53 bits."""
    import pandas as pd

    long = [name for name, column in frame.items() if column.dtype.kind == "f" and (column.abs() >= 1 << 53).any()]
    if not long:
        return frame
    texts = pd.read_csv(io.StringIO(text), **options, usecols=long, dtype=str)
    for name in long:
        if texts[name].dropna().str.fullmatch(_WHOLE).all():
            numbers = [None if pd.isna(cell) else int(cell) for cell in texts[name]]
            with suppress(OverflowError):  # more than 64 bits hold: then it stays the nearest floating-point number
                frame[name] = pd.array(numbers, dtype="Int64")
    return frame


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _decoded(path: Path) -> tuple[str, bool]:
    """The file's text, and whether its encoding was guessed."""
    content = path.read_bytes()
    # Windows-1252 is a guess for text alone: no table of words and numbers holds such control signs.
    guess = not _is_utf8(content) and not any(byte < 9 for byte in content[:65_536]) and b"\0" not in content
    if guess:
        try:
            return content.decode("cp1252"), True
        except UnicodeDecodeError:
            guess = False
    return _text(path), guess


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return True


def _text(path: Path) -> str:
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path.name} is not UTF-8: byte 0x{content[error.start]:02x} at position {error.start:,} (line {line:,}). "
            "Save it as CSV in UTF-8."
        ) from error
    if "\0" in text:
        raise InputError(f"{path.name} is neither CSV nor Parquet: it holds bytes that are no text.")
    if not text.strip():
        raise InputError(f"{path.name} is empty: it needs a line of column names and one line a row.")
    return text


def _sample(text: str, separator: str) -> list[list[str]]:
    lines = io.StringIO(text)
    rows = (row for row in csv.reader(lines, delimiter=separator) if row)
    return [row for row, _ in zip(rows, range(_SAMPLE), strict=False)]


def _separator(text: str) -> str:
    """The separator by which the first lines fall into the most columns, all lines into equally many if possible."""

    def quality(separator: str) -> tuple[bool, int]:
        try:
            lengths = [len(row) for row in _sample(text, separator)]
        except csv.Error:
            return False, 0
        return len(set(lengths)) == 1 and lengths[0] > 1, lengths[0]

    return max(_SEPARATORS, key=quality)


def _decimal(text: str, separator: str) -> str:
    if separator == ",":
        return "."
    cells = [cell.strip() for row in _sample(text, separator)[1:] for cell in row]
    comma = any(_DECIMAL_COMMA.fullmatch(cell) for cell in cells)
    return "," if comma and not any(_DECIMAL_POINT.fullmatch(cell) for cell in cells) else "."


def _check_lines(path: Path, text: str, separator: str) -> list[str]:
    """Column names, once every line has as many cells as there are names: what is missing would be filled in."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    names: list[str] = []
    try:
        for row in reader:
            if not row:
                continue
            if not names:
                names = row
                _check_size(path, 0, len(names))
            elif len(row) != len(names):
                raise InputError(
                    f"{path.name}, line {reader.line_num:,}, has {len(row)} cells, but there are {len(names)} columns: "
                    "mend or remove that line."
                )
    except csv.Error as error:
        raise InputError(f"{path.name} cannot be read as CSV: line {reader.line_num:,}: {error}.") from error
    _check_names(path, names)
    nameless = [position + 1 for position, name in enumerate(names) if position and not name.strip()]
    if nameless:
        raise InputError(f"{path.name} has columns without a name: {', '.join(map(str, nameless))}. Name them.")
    return names


def _check_names(path: Path, names: list[str]) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1 and name.strip()]
    if repeated:
        raise InputError(f"{path.name} has repeated column names: {listing(repeated)}. Rename them.")
