"""What is being explained: a bundled demo, or the model and table the server was started with."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..core.errors import InputError, unknown_names
from ..core.provenance import hash_file, hash_frame
from .launch import DATA, TARGET
from .workers import MODEL

if TYPE_CHECKING:
    import pandas as pd

    from ..datasets import Dataset

#: Rows explained unless a person asks for all of them: enough for every figure, quick for every model.
SAMPLE = 1000
OWN = "mine"
DEFAULT = "breast_cancer_mean-catboost"


@dataclass(frozen=True, eq=False)
class Source:
    """A model file, the rows it is looked at with, and what is known about both.

    Attributes
    ----------
    key
        Name in the chooser and in links.
    X, y
        The rows to look at, and their true answers where they are known.
    rows_are
        What these rows are, in words: ``"held-out rows"``.
    dataset
        The bundled data set, ``None`` for a table of the operator's own.
    """

    key: str
    title: str
    model: Path
    X: pd.DataFrame
    y: pd.Series | None
    rows_are: str
    dataset: Dataset | None = None

    @property
    def identity(self) -> str:
        """Hash of model, rows and answers: what everything computed from them is cached by."""
        return _identity(self)

    def sample(self, limit: int | None = SAMPLE) -> tuple[pd.DataFrame, np.ndarray, str]:
        """At most ``limit`` rows, their positions, and a phrase that says which rows they are."""
        n = len(self.X)
        if limit is None or n <= limit:
            return self.X, np.arange(n), f"{n:,} {self.rows_are}"
        chosen = np.sort(np.random.default_rng(0).choice(n, limit, replace=False))
        return self.X.iloc[chosen], chosen, f"{limit:,} of {n:,} {self.rows_are}, drawn at random (seed 0)"

    def class_label(self, output: str) -> str:
        """Name for people of an output: the class it stands for where the data set names its classes."""
        names = () if self.dataset is None else self.dataset.target_names
        if output.isdigit() and int(output) < len(names) and len(names) > 1:
            return names[int(output)]
        return output


@lru_cache(maxsize=64)
def _identity(source: Source) -> str:
    rows = source.X if source.y is None else source.X.assign(**{f"answer:{source.y.name}": source.y})
    return f"{hash_file(source.model)}:{hash_frame(rows)}"


def choices() -> dict[str, str]:
    """Keys and titles of everything that can be chosen; the operator's own comes first."""
    from ..datasets import demo_models

    own = {}
    if MODEL in os.environ:
        own[OWN] = f"{Path(os.environ[MODEL]).name} on {Path(os.environ[DATA]).name}"
    return own | {name: demo.title for name, demo in demo_models().items()}


def default() -> str:
    """What is shown to somebody who chose nothing."""
    return OWN if MODEL in os.environ else DEFAULT


@lru_cache(maxsize=16)
def load(key: str) -> Source:
    """The source behind a key.

    Raises
    ------
    InputError
        If there is no such key, or the operator's table lacks the target column.
    """
    from ..datasets import demo_models, load_dataset

    if key == OWN and MODEL in os.environ:
        return _own(Path(os.environ[MODEL]), Path(os.environ[DATA]), os.environ.get(TARGET))
    demos = demo_models()
    if key not in demos:
        raise InputError(unknown_names("model", [key], choices()))
    demo = demos[key]
    X, y = demo.held_out_data()
    return Source(key, demo.title, demo.path, X, y, "held-out rows", load_dataset(demo.dataset))


def _own(model: Path, data: Path, target: str | None) -> Source:
    from ..models.tables import read_table

    table = read_table(data)
    y = None
    if target is not None:
        if target not in table:
            raise InputError(f"{data.name} has no target column: " + unknown_names("column", [target], table.columns))
        y = table.pop(target)
    return Source(OWN, f"{model.name} on {data.name}", model, table, y, f"rows of {data.name}")
