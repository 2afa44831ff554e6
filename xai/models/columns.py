"""Whether a table fits a model: which column is which, and what is wrong with it, as data for a page to show."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..core.errors import InputError, listing, unknown_names

if TYPE_CHECKING:
    import pandas as pd

    from .base import Model

How = Literal["exact", "alike", "position", "given", "none"]
_COUNTED = re.compile(r"(?:f|x|column|feature|var|col)?[_ ]?\d+", re.IGNORECASE)
_SHOWN = 5


@dataclass(frozen=True)
class ColumnFit:
    """One column of a model and the table's column that stands for it.

    Attributes
    ----------
    wanted
        The model's name for it; of models without names ``"column 1"``, ``"column 2"``, ...
    column
        The table's column, ``None`` if none was found.
    how
        ``"exact"`` name, ``"alike"`` but for case, blanks and signs, by ``"position"``, ``"given"`` by a person,
        ``"none"``.
    expects
        ``"number"``, ``"category"`` or ``""`` where the model does not say.
    holds
        ``"number"``, ``"text"``, ``"category"``, ``"date"`` or ``""``.
    missing
        Cells without a value.
    unseen
        Some labels that the model's training did not know.
    n_unseen
        How many such labels there are.
    problem
        One sentence, empty if all is well.
    """

    wanted: str
    column: str | None
    how: How
    expects: str = ""
    holds: str = ""
    missing: int = 0
    unseen: tuple[str, ...] = ()
    n_unseen: int = 0
    problem: str = ""


@dataclass(frozen=True)
class TableFit:
    """How a table fits a model.

    Attributes
    ----------
    columns
        One entry a column of the model, in its order; empty where a model does not say how many it has.
    unused
        Columns of the table that stand for none.
    problems
        Sentences about the table as a whole.
    notes
        What is no problem but good to know.
    """

    columns: tuple[ColumnFit, ...]
    unused: tuple[str, ...]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether nothing stands against using the table as it is mapped."""
        return not self.problems and not any(fit.problem for fit in self.columns)

    @property
    def mapping(self) -> dict[str, str | None]:
        """The model's name of each column to the table's."""
        return {fit.wanted: fit.column for fit in self.columns}


def check_columns(
    model: Model, table: pd.DataFrame, mapping: Mapping[str, str | None] | None = None, target: str | None = None
) -> TableFit:
    """Find each column of a model in a table, and say what does not fit.

    Parameters
    ----------
    model
        A model of tables.
    table
        The rows.
    mapping
        The model's names to the table's, where a person chose them; the rest is proposed.
    target
        The column that holds the answers; it stands for no column of the model, and its labels are compared with the
        model's classes.

    Raises
    ------
    InputError
        If ``mapping`` or ``target`` name columns that do not exist.
    """
    offered = [str(name) for name in table.columns]
    if target is not None and target not in offered:
        raise InputError(unknown_names("column", [target], offered))
    free = [name for name in offered if name != target]
    wanted = _wanted(model, len(free))
    chosen = dict(mapping or {})
    strange = [name for name in chosen.values() if name is not None and name not in offered]
    if strange or set(chosen) - set(wanted):
        raise InputError(unknown_names("column", [*strange, *sorted(set(chosen) - set(wanted))], [*offered, *wanted]))
    found = _assign(wanted, free, chosen, named=model.feature_names is not None)
    fits = tuple(_fit(model, table, position, name, found[name]) for position, name in enumerate(wanted))
    used = {fit.column for fit in fits}
    problems, notes = _classes(model, table, target)
    problems += _count(model, len(free))
    shared = [name for name, n in Counter(fit.column for fit in fits if fit.column).items() if n > 1]
    if shared:
        problems.append(f"{listing(shared)} stands for more than one column of the model: choose another for each.")
    unused = tuple(name for name in free if name not in used)
    return TableFit(fits, unused if wanted else (), tuple(problems), tuple(notes))


def _wanted(model: Model, n_offered: int) -> list[str]:
    if model.feature_names is not None:
        return list(model.feature_names)
    return [f"column {i + 1}" for i in range(model.n_features or n_offered)]


def _assign(
    wanted: Sequence[str], offered: Sequence[str], chosen: Mapping[str, str | None], *, named: bool
) -> dict[str, tuple[str | None, How]]:
    found: dict[str, tuple[str | None, How]] = {
        name: (column, "none" if column is None else "given") for name, column in chosen.items()
    }
    found |= {name: (name, "exact") for name in wanted if name in set(offered) and name not in found}
    taken = {column for column, _ in found.values()}
    rest = [name for name in offered if name not in taken]
    plain = Counter(_plain(name) for name in rest)
    alike = {_plain(name): name for name in rest if plain[_plain(name)] == 1 and _plain(name)}
    for name in wanted:
        if name not in found and _plain(name) in alike:
            found[name] = (alike.pop(_plain(name)), "alike")
    # Names that only count say nothing: then the order is all there is, if the numbers agree.
    by_order = not named or all(_COUNTED.fullmatch(name) for name in wanted)
    missing = [name for name in wanted if name not in found]
    if by_order and len(missing) == len(wanted) <= len(offered):
        return {name: (column, "position") for name, column in zip(wanted, offered, strict=False)}
    return found | dict.fromkeys(missing, (None, "none"))


def _fit(model: Model, table: pd.DataFrame, position: int, wanted: str, found: tuple[str | None, How]) -> ColumnFit:
    column, how = found
    expects = "" if model.categorical is None else "category" if position in model.categorical else "number"
    if column is None:
        return ColumnFit(wanted, None, how, expects, problem=f"no column of the table is called '{wanted}'.")
    values = table[column]
    holds = _holds(values)
    missing = int(values.isna().sum())
    unseen = _unseen(model, position, values)
    problem = ""
    if missing == len(values) and len(values):
        problem = f"'{column}' holds no value at all."
    elif expects == "number" and holds in {"text", "category"} and not _all_numbers(values):
        shown = next(str(value) for value in values.dropna() if not _is_number(value))
        problem = f"'{column}' holds text (e.g. '{shown}'), but the model wants numbers there."
    elif holds == "date":
        problem = f"'{column}' holds dates, which no model takes: turn them into numbers as in training."
    elif unseen and len(unseen) == values.nunique():
        problem = f"no label of '{column}' is known to the model: is it the right column?"
    return ColumnFit(
        wanted, column, how, expects, holds, missing, tuple(map(str, unseen[:_SHOWN])), len(unseen), problem
    )


def _holds(values: pd.Series) -> str:
    import pandas as pd

    if isinstance(values.dtype, pd.CategoricalDtype):
        return "category"
    kind = values.dtype.kind
    return "number" if kind in "biuf" else "date" if kind in "mM" else "text"


def _unseen(model: Model, position: int, values: pd.Series) -> list[Any]:
    """Labels of a column that the model, as far as it stores them, has not seen."""
    categories = getattr(model, "categories", None)
    known = categories.get(position) if isinstance(categories, Mapping) else None
    if known is None:
        return []
    known_texts = {str(label) for label in known}
    return [label for label in values.dropna().unique() if str(label) not in known_texts]


def _classes(model: Model, table: pd.DataFrame, target: str | None) -> tuple[list[str], list[str]]:
    if target is None or model.classes is None:
        return [], []
    known = {str(label) for label in model.classes}
    present = table[target].dropna()
    labels = [str(int(v)) if isinstance(v, float) and v.is_integer() else str(v) for v in present.unique().tolist()]
    strange = [label for label in labels if label not in known]
    problems, notes = [], []
    if strange:
        problems.append(
            f"'{target}' holds {listing(strange, _SHOWN)}, but the model knows the classes {listing(sorted(known), 8)}."
        )
    lacking = sorted(known - set(labels))
    if lacking:
        notes.append(f"No row of '{target}' is {listing(lacking, 8)}: the model has more classes than the data.")
    if int(table[target].isna().sum()):
        notes.append(f"{int(table[target].isna().sum()):,} rows have no answer in '{target}'.")
    return problems, notes


def _count(model: Model, n_offered: int) -> list[str]:
    n = model.n_features
    if model.feature_names is not None or n is None or n == n_offered:
        return []
    side = "fewer" if n_offered < n else "more"
    problem = (
        f"the model was trained on {n} columns and stores no names for them, but the table has {side}: {n_offered}. "
        "Say which column holds the answers, or leave out what the model does not read."
    )
    return [problem]


def _all_numbers(values: pd.Series) -> bool:
    return all(_is_number(value) for value in values.dropna())


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) or hasattr(value, "dtype")


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())
