"""Demo models: trained by ``sample_data/recipes/demo_models.py``, shipped in each framework's native format."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import InputError, unknown_names
from ..core.resources import resource
from .base import Dataset
from .registry import load_table

if TYPE_CHECKING:
    import pandas as pd

    from ..models import Model


@dataclass(frozen=True)
class DemoModel:
    """A shipped model and how it came about.

    Attributes
    ----------
    name, title
        Name in :func:`demo_models`, and the name for people.
    dataset
        Name of the data set it was trained on.
    framework, version
        Library that trained it, and the library's version.
    file, sha256
        Name of the file in ``sample_data/models``, and the SHA-256 of its content.
    target, positive
        Name of the target, and for two classes the name of the class that a higher margin argues for ("" otherwise).
    seed, test_size
        Of the random split of the rows, which is not stratified.
    held_out
        Positions of the rows it has not seen in training.
    score_name, score
        Its score on the held-out rows: ``"accuracy"`` or ``"r2"``.
    data_hash
        Hash of the training rows with their target.
    """

    name: str
    title: str
    dataset: str
    framework: str
    version: str
    file: str
    sha256: str
    target: str
    positive: str
    seed: int
    test_size: float
    held_out: tuple[int, ...]
    score_name: str
    score: float
    data_hash: str

    def __repr__(self) -> str:
        return f"DemoModel('{self.name}', {self.score_name} {self.score:.3f} on {len(self.held_out)} held-out rows)"

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return resource("sample_data", "models", self.file)

    def card(self) -> dict[str, str]:
        """What a model card says of it, name to text."""
        return {
            "file": self.file,
            "trained by": f"{self.framework} {self.version}",
            "trained on": f"{self.dataset} without the held-out rows (seed {self.seed}, {self.test_size:.0%} held out)",
            "SHA-256 of the training rows": self.data_hash,
        }

    def open(self) -> Model:
        """The model, opened in this process."""
        from ..models import open_model

        return open_model(self.path)

    def data(self) -> Dataset:
        """The whole data set, training rows and held-out rows."""
        return load_table(self.dataset)

    def held_out_data(self) -> tuple[pd.DataFrame, pd.Series]:
        """Columns and target of the rows the model has not seen in training."""
        data = self.data()
        rows = list(self.held_out)
        return data.X.iloc[rows], data.y.iloc[rows]


@cache
def _read() -> Mapping[str, DemoModel]:
    entries = json.loads(resource("sample_data", "models", "models.json").read_text(encoding="utf-8"))
    return {
        name: DemoModel(name=name, **{**entry, "held_out": tuple(entry["held_out"])}) for name, entry in entries.items()
    }


def demo_models() -> dict[str, DemoModel]:
    """The shipped models by name, e.g. ``"breast_cancer_mean-catboost"``."""
    return dict(_read())


def load_demo(name: str) -> tuple[Model, Dataset]:
    """A demo model, opened in this process, and the data set it was trained on.

    Raises
    ------
    InputError
        If there is no demo model of that name.
    """
    known = _read()
    if name not in known:
        raise InputError(unknown_names("demo model", [name], known))
    return known[name].open(), known[name].data()
