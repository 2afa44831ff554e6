"""What commands are given: models, rows, groups, votes."""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError, listing, unknown_names
from .text import Progress, names_text

if TYPE_CHECKING:
    import pandas as pd

    from ..core.attribution import Attribution
    from ..models import Model


MEMBERS = """repeat for more; a name that holds a comma in double quotes: 'drug=age,"dose, mg"'"""
"""What the help of options like ``--group`` says of their values."""
_SEPARATORS = ",;\t"
_HEAD = 1 << 20


def open_model(arguments: argparse.Namespace) -> Model:
    """The model in a child process; ``demo:NAME`` is one of ours."""
    from ..datasets import demo_models
    from ..sandbox import load_model

    prefix, _, name = str(arguments.model).partition("demo:")
    path = arguments.model
    if not prefix and name:
        demos = demo_models()
        if name not in demos:
            raise InputError(unknown_names("demo model", [name], demos))
        path = demos[name].path
    model = load_model(path, arguments.output)
    if arguments.target in (model.feature_names or ()):
        raise InputError(
            f"--target {arguments.target} takes that column away from the features, and the model needs it as one: "
            "name the column of the answers, or leave --target out."
        )
    return model


def read_data(source: str, target: str | None) -> tuple[pd.DataFrame, pd.Series | None]:
    """Columns and, where they are known, answers."""
    from ..datasets import demo_models, load_table, tables
    from ..models.tables import read_table

    name = source.removeprefix("demo:")
    if name != source or (name in tables() and not Path(source).exists()):
        if name in demo_models():
            X, y = demo_models()[name].held_out_data()
        else:
            data = load_table(name)
            X, y = data.X, data.y
        if target is not None and target != y.name:
            raise InputError(f"the target of {name} is '{y.name}', not '{target}'.")
        return X, y
    frame = read_table(source)
    if target is None:
        return frame, None
    if target not in frame:
        raise InputError(f"{Path(source).name} has no such column. " + unknown_names("target", [target], frame.columns))
    y = frame.pop(target)
    return frame, y


def read_rows(arguments: argparse.Namespace) -> tuple[pd.DataFrame, pd.Series | None]:
    """Columns and answers of the rows that ``--rows`` chooses."""
    X, y = read_data(arguments.data, arguments.target)
    if arguments.rows is None:
        return X, y
    rows = choose_rows(arguments.rows, len(X))
    return X.iloc[rows], None if y is None else y.iloc[rows]


def check_target(data: str, target: str) -> None:
    """Whether a table has a column for the answers; all of it is read only to say what is wrong with it."""
    if not _may_have(Path(data), target):
        read_data(data, target)


def _may_have(path: Path, name: str) -> bool:
    """Whether a CSV file's first line, or the last bytes of a Parquet file, hold a column's name."""
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
        if head.startswith(b"PAR1"):
            stream.seek(-8, io.SEEK_END)
            length = int.from_bytes(stream.read(4), "little")
            stream.seek(-min(length + 8, path.stat().st_size), io.SEEK_END)
            return name.encode() in stream.read()
    text = head.decode("utf-8-sig", errors="replace")
    try:
        return any(name in next(csv.reader(io.StringIO(text), delimiter=sign), ()) for sign in _SEPARATORS)
    except csv.Error:  # reading all of it says what is wrong
        return False


def choose_rows(text: str, n: int) -> slice:
    """What ``--rows`` chooses of n rows; where it names more of them than there are, that is told."""
    first, colon, last = text.partition(":")
    try:
        rows = slice(int(first) if first else None, int(last) if last else None) if colon else slice(*_one(int(first)))
    except ValueError:
        raise InputError(f"--rows {text}: write first:last, e.g. 0:100, or one number; rows count from 0.") from None
    taken = len(range(*rows.indices(n)))
    if not taken:
        raise InputError(f"--rows {text} selects nothing: there are {n:,} rows, counted from 0.")
    if (rows.stop or 0) > n or (rows.start or 0) < -n:
        print(f"--rows {text}: there are {n:,} rows, and {taken:,} of them are taken.", file=sys.stderr)
    return rows


def _one(row: int) -> tuple[int, int | None]:
    return row, row + 1 if row != -1 else None


def read_groups(given: Sequence[str], option: str, known: Iterable[str]) -> dict[str, tuple[str, ...]] | None:
    """``NAME=A,B`` as a mapping, ``None`` if there are none; names that hold a comma stand in double quotes.

    Parameters
    ----------
    given, option
        The texts, and the option they were given to.
    known
        Names that there are: others are not refused here, but quotes that were forgotten are.
    """
    groups: dict[str, tuple[str, ...]] = {}
    there = list(known)
    for text in given:
        name, equals, members = text.partition("=")
        columns = _split(members, f"{option} {text}")
        if not equals or not name.strip() or not columns:
            raise InputError(f"{option} {text}: write a name and its columns, e.g. {option} 'size=radius,area'.")
        if name.strip() in groups:
            raise InputError(f"{option} names '{name.strip()}' twice: give each its own name.")
        _check_quotes(columns, there, f"{option} {text}")
        groups[name.strip()] = columns
    return groups or None


def _split(text: str, given: str) -> tuple[str, ...]:
    """Names of a line of CSV."""
    try:
        (names,) = csv.reader([text], skipinitialspace=True, strict=True)
    except (csv.Error, ValueError) as error:
        raise InputError(
            f"{given}: a name that holds a comma stands in double quotes from its start to its end ({error})."
        ) from error
    return tuple(name.strip() for name in names if name.strip())


def _check_quotes(columns: Sequence[str], known: Sequence[str], given: str) -> None:
    torn = [name for name in columns if name not in known]
    whole = [name for name in known if "," in name and {part.strip() for part in name.split(",")} & set(torn)]
    if whole:
        raise InputError(
            f"{given}: there is no {listing(torn)}. A name that holds a comma stands in double quotes: "
            f"{names_text(whole)}."
        )


def run_explain(model: Model, X: Any, method: str, background: Any, groups: Any = None) -> Attribution:
    """An attribution, with progress on stderr."""
    from ..shapley import explain as run

    with Progress("explaining") as progress:
        return run(model, X, method=method, background=background, groups=groups, progress=progress)


def get_votes(arguments: argparse.Namespace) -> Any:
    """An attribution with one output, or names and votes."""
    from .. import dhondt

    if arguments.data is None:
        votes = _read_votes(Path(arguments.model))
    else:
        X, y = read_rows(arguments)
        model = open_model(arguments)
        if arguments.source in ("shap", "removal"):
            votes = run_explain(model, X, arguments.source, X if arguments.source == "removal" else None)
        else:
            if arguments.source == "permutation" and y is None:
                raise InputError("permutation votes need the answers: name their column with --target.")
            return dhondt.votes(model, X, y, source=arguments.source, seed=arguments.seed)
    if not hasattr(votes, "output_names"):
        return votes
    if arguments.class_name is not None:
        return votes.for_output(arguments.class_name)
    if len(votes.output_names) > 1:
        raise InputError(f"there are several outputs: choose one with --class, of {names_text(votes.output_names)}.")
    return votes


def names_of(votes: Any) -> list[str]:
    """Who stands, by what :func:`get_votes` gave."""
    return list(map(str, votes.units.names if hasattr(votes, "units") else votes.keys()))


def _read_votes(path: Path) -> Any:
    """Votes of a file: an attribution (Parquet, JSON), a JSON object, or a CSV of names and votes."""
    import pandas as pd

    from ..core.attribution import Attribution
    from ..models.tables import read_table

    if not path.is_file():
        raise InputError(f"there is no file {path}: give a file of votes, an attribution, or a model and data.")
    with path.open("rb") as stream:
        head = stream.read(64).lstrip()
    if head.startswith(b"PAR1"):
        return Attribution.from_parquet(path)
    if head.startswith((b"{", b"[")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(f"{path.name} starts like JSON but cannot be read: {error}") from error
        if not isinstance(content, dict):
            raise InputError(f'{path.name} holds a list: write votes as an object, e.g. {{"age": 12.5}}.')
        return Attribution.from_json(path) if "format" in content else content
    frame = read_table(path)
    if not isinstance(frame.index, pd.RangeIndex):
        frame = frame.reset_index()
    if frame.shape[1] != 2:
        raise InputError(f"{path.name} has {frame.shape[1]} columns: votes need two, names and votes.")
    repeated = frame.iloc[:, 0][frame.iloc[:, 0].duplicated()]
    if len(repeated):
        raise InputError(f"{path.name} names '{repeated.iloc[0]}' twice: each party has one line.")
    return frame.set_index(frame.columns[0]).iloc[:, 0]


def require_attribution(votes: Any, option: str) -> Attribution:
    """The votes if they are an attribution, else an error that names the option."""
    from ..core.attribution import Attribution

    if not isinstance(votes, Attribution):
        raise InputError(
            f"{option} needs the effects of single rows: give an attribution, or --source shap or removal."
        )
    return votes
