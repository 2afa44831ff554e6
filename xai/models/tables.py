"""Reading a person's table: CSV or Parquet, told apart by content."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import InputError, listing

if TYPE_CHECKING:
    import pandas as pd

# What an empty place is called. "None" is not among them: it is an answer in many questionnaires.
MISSING = ("", "NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL")

_SEPARATORS = (",", ";", "\t")
_FOREIGN = {
    b"PK\x03\x04": "an Excel or zip file: open it in the spreadsheet program and save it as CSV (UTF-8)",
    b"\xd0\xcf\x11\xe0": "an Excel file: open it in the spreadsheet program and save it as CSV (UTF-8)",
    b"\x1f\x8b": "a compressed file: unpack it first",
    b"\xff\xfe": "text in UTF-16: save it as CSV in UTF-8",
    b"\xfe\xff": "text in UTF-16: save it as CSV in UTF-8",
}
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_DECIMAL_POINT = re.compile(r"[+-]?\d+\.\d+")
_SAMPLE = 200  # lines that settle separator and decimal sign


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
    frame = _read_parquet(path) if head == b"PAR1" else _read_csv(path)
    if not len(frame):
        raise InputError(f"{path.name} has column names but no rows.")
    return frame


def _read_parquet(path: Path) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            _check_names(path, [name for name in file.schema_arrow.names if not name.startswith("__index_level_")])
            frame: pd.DataFrame = file.read().to_pandas()
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path.name} cannot be read as Parquet: {error}") from error
    return frame


def _read_csv(path: Path) -> pd.DataFrame:
    import pandas as pd

    text = _text(path)
    separator = _separator(text)
    names = _check_lines(path, text, separator)
    try:
        frame = pd.read_csv(
            io.StringIO(text),
            sep=separator,
            decimal=_decimal(text, separator),
            index_col=False,
            keep_default_na=False,
            na_values=list(MISSING),
            low_memory=False,  # one type a column, not one a chunk
        )
    except (ValueError, pd.errors.ParserError) as error:
        raise InputError(f"{path.name} cannot be read as CSV: {' '.join(str(error).split())}") from error
    if names[0]:
        return frame
    labels = frame.columns[0]
    return frame.set_index(labels).rename_axis(index=None)


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
