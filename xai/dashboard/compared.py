"""Models compared on a table: the stored result of a bundled one, or a run of one's own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError
from ..datasets import load_table
from ..workflows import ModelComparison, Rashomon
from ..workflows.cohort import read_cohort
from ..workflows.saved import from_text
from ..workflows.stored import RECIPES, stored_comparison, stored_rashomon
from .jobs import compute
from .source import Source

if TYPE_CHECKING:
    import pandas as pd

SEED = 0


@dataclass(frozen=True)
class Compared:
    """A table of two classes that models are compared on.

    Attributes
    ----------
    key, title
        Name in the chooser and in links, and the name for people.
    data
        What the workers are given: the name of a bundled data set, or rows and answers.
    identity
        Hash of the data: what results are cached by.
    options
        Options of the workflows that are not the default.
    """

    key: str
    title: str
    data: str | tuple[pd.DataFrame, pd.Series]
    identity: str
    options: dict[str, Any]

    @property
    def stored(self) -> bool:
        """Whether a result ships with the data."""
        return self.key in RECIPES

    def comparison(self, *, anew: bool) -> ModelComparison:
        """The stored result, or that of a run."""
        if self.stored and not anew:
            return _stored_comparison(self.key)
        return from_text(ModelComparison, self._run("compare_models", "Comparing five models"))

    def rashomon(self, *, anew: bool) -> Rashomon:
        """The stored result, or that of a run."""
        if self.stored and not anew:
            return _stored_rashomon(self.key)
        return from_text(Rashomon, self._run("rashomon", "Drawing 200 simple models"))

    def _run(self, task: str, label: str) -> str:
        text: str = compute(
            task, f"{label} on {self.title}", self.identity, {**self.options, "seed": SEED}, data=self.data
        )
        return text


_stored_comparison = lru_cache(maxsize=len(RECIPES))(stored_comparison)
_stored_rashomon = lru_cache(maxsize=len(RECIPES))(stored_rashomon)


def choices(source: Source) -> dict[str, str]:
    """Keys and titles: the data sets with a stored result, and the table the sidebar names if it has two classes."""
    found = {name: load_table(name).title for name in RECIPES}
    here = _here(source)
    return found if here is None else found | {here.key: here.title}


def chosen(key: str, source: Source) -> Compared:
    """The data behind a key of :func:`choices`."""
    here = _here(source)
    return here if here is not None and here.key == key else _bundled(key)


def _here(source: Source) -> Compared | None:
    """The whole table of what the sidebar names; of a bundled model also the rows it was trained on."""
    if source.dataset is not None:
        return _bundled(source.dataset.name) if source.dataset.task == "binary" else None
    if source.y is None:
        return None
    try:
        read_cohort((source.X, source.y))
    except InputError:
        return None  # a number, or several classes
    return Compared(source.key, source.title, (source.X, source.y), source.identity, {})


@lru_cache(maxsize=16)
def _identity(name: str) -> str:
    return read_cohort(load_table(name)).hash


def _bundled(name: str) -> Compared:
    return Compared(name, load_table(name).title, name, _identity(name), RECIPES.get(name, {}))
