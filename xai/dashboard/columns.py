"""Columns of a table brought to those a model wants, where the names differ."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

import numpy as np

from ..core.errors import InputError, listing

if TYPE_CHECKING:
    import pandas as pd

#: Names closer than this are proposed for each other.
_CLOSE = 0.6
_NUMBERED = re.compile(r"(?:f|x|column|feature|var|col)?[_ ]?\d+", re.IGNORECASE)
_ANSWERS = ("target", "label", "answer", "outcome", "class", "y", "diagnosis", "truth", "response", "result")


def propose(wanted: Sequence[str], offered: Sequence[str]) -> dict[str, str | None]:
    """For each name the model wants the table's column that most likely is it, ``None`` where nothing is close.

    A name that is there stands for itself. What is the same but for case, blanks and signs comes next, then the
    assignment of the rest that makes the names most alike. Names that only count (``f0``, ``Column_3``) go by position
    if the table has as many columns.
    """
    found: dict[str, str | None] = dict.fromkeys(wanted)
    found |= {name: name for name in wanted if name in set(offered)}
    plain = {name: _plain(name) for name in (*wanted, *offered)}
    free = [name for name in offered if name not in set(found.values())]
    counts = Counter(plain[name] for name in free)
    by_plain = {plain[name]: name for name in free if counts[plain[name]] == 1}
    for name in [name for name in wanted if found[name] is None and plain[name] in by_plain]:
        found[name] = by_plain.pop(plain[name])
    open_names = [name for name in wanted if found[name] is None]
    free = [name for name in free if name not in set(found.values())]
    if not open_names or not free:
        return found
    if len(open_names) == len(wanted) and all(_NUMBERED.fullmatch(name) for name in wanted):
        return found | dict(zip(wanted, offered, strict=False)) if len(offered) >= len(wanted) else found
    from scipy.optimize import linear_sum_assignment

    alike = np.array([[_alike(a, b) for b in free] for a in open_names])
    rows, columns = linear_sum_assignment(-alike)
    close = {open_names[i]: free[j] for i, j in zip(rows, columns, strict=True) if alike[i, j] >= _CLOSE}
    return found | close


def propose_answers(offered: Sequence[str], used: Sequence[str]) -> str | None:
    """The column that most likely holds the true answers: the only one the model does not use, or one so called."""
    free = [name for name in offered if name not in set(used)]
    if len(free) == 1:
        return free[0]
    called = [name for word in _ANSWERS for name in free if _plain(name) == word]
    return called[0] if called else None


def propose_features(table: pd.DataFrame, wanted: int | None, n_classes: int | None) -> list[str]:
    """The columns that a model without names most likely reads: the first ``wanted`` beside the answers.

    The answers are a column so called, or of a classifier the one with no more values than classes: of several such
    columns the last of the table or, if that is none of them, its first.
    """
    offered = [str(name) for name in table.columns]
    if wanted is None or len(offered) <= wanted:
        return offered
    answers = propose_answers(offered, ())
    if answers is None and n_classes is not None:
        few = [name for name, count in zip(offered, table.nunique(), strict=True) if count <= n_classes]
        answers = few[0] if len(few) == 1 else next((name for name in (offered[-1], offered[0]) if name in few), None)
    return [name for name in offered if name != answers][:wanted]


def check_mapping(mapping: Mapping[str, str | None], target: str | None) -> None:
    """Whether every wanted column has one of its own.

    Raises
    ------
    InputError
        Naming the columns without one, those that share one, and a feature that is the answer as well.
    """
    missing = [name for name, column in mapping.items() if column is None]
    if missing:
        raise InputError(f"choose a column of the table for {listing(missing)}.")
    shared = [column for column, count in Counter(mapping.values()).items() if count > 1 and column is not None]
    if shared:
        raise InputError(f"{listing(shared)} stands for more than one column of the model: choose another for each.")
    if target is not None and target in set(mapping.values()):
        raise InputError(f"'{target}' is a column the model reads: it cannot be the answer as well.")


def _alike(a: str, b: str) -> float:
    """How alike two names are, from 0 to 1; nearly 1 where every word of one is in the other."""
    words, others = set(_words(a)), set(_words(b))
    if words and others and (words <= others or others <= words):
        return 0.9
    return SequenceMatcher(None, _plain(a), _plain(b)).ratio()


def _words(name: str) -> list[str]:
    return [word.casefold() for word in re.split(r"[\W_]+|(?<=[a-z])(?=[A-Z])", name) if word]


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())
