"""Columns of the data that are carried into the results: one type in all parts, and every digit kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import InputError
from .parts import DataFile, schema_of

if TYPE_CHECKING:
    import pyarrow as pa

_AT_ONCE = 32_768
_WIDE = 64


def settle_types(
    folder: Path, files: Sequence[DataFile], names: Sequence[str]
) -> tuple[tuple[DataFile, ...], dict[str, str]]:
    """The files, with an error on each whose values would lose digits, and the types that columns are brought to.

    Integers stay integers if all files have integers; floating-point numbers, text and categories of text may be mixed
    with their like. Columns of other types have one and the same in all files, and no entry.

    Parameters
    ----------
    folder, files
        As checked by :func:`~.parts.check_columns`; files with an error are passed over.
    names
        The columns; those that a file lacks are passed over.
    """
    schemas = {file.path: schema_of(folder / file.path) for file in files if not file.error} if names else {}
    found = {name: [s.field(name).type for s in schemas.values() if name in s.names] for name in names}
    types = {name: common for name, kinds in found.items() if (common := _common([_plain(kind) for kind in kinds]))}
    checked = []
    for file in files:
        schema = schemas.get(file.path, ())
        risky = [field.name for field in schema if _may_lose(_plain(field.type), types.get(field.name))]
        error = _loss(folder, file, risky, types) if risky else ""
        checked.append(DataFile(file.path, 0, file.hash, error) if error else file)
    return tuple(checked), types


def settled(table: pa.Table, types: Mapping[str, str], source: str) -> pa.Table:
    """Carried columns in the types of all parts, and each in one piece, so that bytes depend on values alone.

    Raises
    ------
    InputError
        If a value would lose digits.
    """
    import pyarrow as pa

    columns = {}
    for name, column in zip(table.schema.names, table.columns, strict=True):
        plain = _decoded(column)
        try:
            columns[name] = plain.cast(pa.type_for_alias(types[name])) if name in types else plain
        except pa.ArrowInvalid as error:
            raise InputError(
                f"{source}: column '{name}' has another type in other files, and as {types[name]} it would not keep "
                f"every digit ({error}). Store it as integers, or as text, in all files"
            ) from error
    return pa.table(columns).combine_chunks()


def _loss(folder: Path, file: DataFile, names: Sequence[str], types: Mapping[str, str]) -> str:
    """Why columns of a file cannot be brought to their types, empty if they can; little of it is held in memory."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(folder / file.path) as opened:
            for batch in opened.iter_batches(_AT_ONCE, columns=list(names)):
                settled(pa.Table.from_batches([batch]), types, file.path)
    except InputError as error:
        return str(error)
    except (OSError, pa.ArrowException) as error:
        return f"{file.path} cannot be read as Parquet: {' '.join(str(error).split())}"
    return ""


def _decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Categories as the values they stand for."""
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        return column
    return pa.chunked_array([chunk.dictionary_decode() for chunk in column.chunks], column.type.value_type)


def _plain(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _common(kinds: Sequence[pa.DataType]) -> str:
    """Name of the type that holds all of these; empty if they are no numbers or texts."""
    import pyarrow as pa

    kinds = [kind for kind in kinds if not pa.types.is_null(kind)]  # no value at all: of any type
    if kinds and all(map(pa.types.is_integer, kinds)):
        unsigned = all(map(pa.types.is_unsigned_integer, kinds))
        return "uint64" if unsigned and pa.uint64() in kinds else "int64"
    if kinds and all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in kinds):
        return "double"
    return "string" if any(pa.types.is_string(kind) or pa.types.is_large_string(kind) for kind in kinds) else ""


def _may_lose(kind: pa.DataType, wanted: str | None) -> bool:
    """Whether values of a type may have more digits than the type they are brought to."""
    import pyarrow as pa

    return (
        pa.types.is_integer(kind)
        and kind.bit_width == _WIDE
        and (wanted == "double" or (wanted == "int64" and pa.types.is_unsigned_integer(kind)))
    )
