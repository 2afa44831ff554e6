"""What is being explained: a bundled demo, the operator's model and table, or what a person uploaded."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..core.errors import InputError, unknown_names
from ..core.provenance import hash_file, hash_frame
from ..core.rows import drawn, phrase
from ..core.wording import class_label
from ..sandbox.codec import ModelFile
from . import sessions
from .launch import DATA, TARGET
from .workers import MODEL

if TYPE_CHECKING:
    import pandas as pd

    from ..datasets import Dataset

#: Rows explained unless a person asks for all of them: enough for every figure, quick for every model.
SAMPLE = 1000
#: Rows explained of models whose every row costs many predictions.
FEW = 100
OWN = "mine"
#: Keys of uploads start like this; what follows is known to their session only.
UPLOADED = "mine-"
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
        The bundled data set, ``None`` for a table of somebody's own.
    owner
        The session that uploaded it; empty for what everybody may see.
    content
        Hash of everything in it, where that is known already.
    space
        What the model answers in, ``None`` for the framework's first: see :class:`xai.models.Model`.
    shown
        The output that is shown first; empty for the usual one.
    names
        Names for people of the model's classes.
    """

    key: str
    title: str
    model: Path
    X: pd.DataFrame
    y: pd.Series | None
    rows_are: str
    dataset: Dataset | None = None
    owner: str = ""
    content: str = ""
    space: str | None = None
    shown: str = ""
    names: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def hashes(self) -> tuple[str, str]:
        """SHA-256 of the model file, and of the rows with their answers."""
        rows = self.X if self.y is None else self.X.assign(**{f"answer:{self.y.name}": self.y})
        return hash_file(self.model), hash_frame(rows)

    @cached_property
    def identity(self) -> str:
        """Hash of model, rows and answers: what everything computed from them is cached by.

        That of an upload begins with its session, so that nothing computed from it is shared.
        """
        content = self.content or ":".join(self.hashes)
        return f"{self.owner}:{content}" if self.owner else content

    @property
    def file(self) -> str | ModelFile:
        """The model as workers are given it."""
        return str(self.model) if self.space is None else ModelFile(str(self.model), self.space)

    def sample(self, limit: int | None = SAMPLE) -> tuple[pd.DataFrame, np.ndarray, str]:
        """At most ``limit`` rows, their positions, and a phrase that says which rows they are."""
        n = len(self.X)
        chosen = drawn(n, limit)
        return self.X if len(chosen) == n else self.X.iloc[chosen], chosen, phrase(n, limit, self.rows_are)

    def class_label(self, output: str) -> str:
        """Name for people of an output: the class it stands for where the data set names its classes."""
        return class_label(output, self.names, () if self.dataset is None else self.dataset.target_names)


def choices() -> dict[str, str]:
    """Keys and titles of everything that can be chosen: this session's uploads, the operator's own, the demos."""
    from ..datasets import demo_models

    own = {key: uploaded.title for key, uploaded in reversed(_uploaded().items())}
    if MODEL in os.environ:
        own[OWN] = f"{Path(os.environ[MODEL]).name} on {Path(os.environ[DATA]).name}"
    return own | {name: demo.title for name, demo in demo_models().items()}


def default() -> str:
    """What is shown to somebody who chose nothing."""
    return OWN if MODEL in os.environ else DEFAULT


def keep(source: Source) -> None:
    """Let this session choose a source; one of the same title makes room for it. Forgotten when the session ends."""
    session = sessions.current()
    with session.lock:
        others = {key: kept for key, kept in _uploaded().items() if kept.title != source.title}
        session.kept[_KEPT] = others | {source.key: source}


def drop(uses: Path) -> None:
    """Let this session choose no source whose model is the file ``uses``."""
    session = sessions.current()
    with session.lock:
        for key in [key for key, source in _uploaded().items() if source.model == uses]:
            session.kept.setdefault(_DROPPED, set()).add(session.kept[_KEPT].pop(key).title)


_KEPT, _DROPPED = "sources", "titles of sources that were dropped"


def _uploaded() -> dict[str, Source]:
    """What this session chose on the page *Your model*, the newest last."""
    found: dict[str, Source] = sessions.current().kept.get(_KEPT, {})
    return found


def is_foreign(named: str | None) -> bool:
    """Whether a link names what this session cannot have: an upload of another one, or of one that has ended.

    Parameters
    ----------
    named
        Key or title: Streamlit writes titles into addresses.
    """
    known = choices()
    dropped = sessions.current().kept.get(_DROPPED, ())
    return named is not None and named not in known and named not in known.values() and named not in dropped


def load(key: str) -> Source:
    """The source behind a key.

    Raises
    ------
    InputError
        If there is no such key, or the operator's table lacks the target column.
    """
    uploaded = _uploaded()
    return uploaded[key] if key in uploaded else shared(key)


@lru_cache(maxsize=16)
def shared(key: str) -> Source:
    """The source behind a key that is the same for everybody: a demo, or the operator's own.

    Raises
    ------
    InputError
        If there is no such key, or the operator's table lacks the target column.
    """
    from ..datasets import demo_models, load_table

    if key == OWN and MODEL in os.environ:
        return _own(Path(os.environ[MODEL]), Path(os.environ[DATA]), os.environ.get(TARGET))
    demos = demo_models()
    if key not in demos:
        raise InputError(unknown_names("model", [key], choices()))
    demo = demos[key]
    X, y = demo.held_out_data()
    return Source(key, demo.title, demo.path, X, y, "held-out rows", load_table(demo.dataset))


def _own(model: Path, data: Path, target: str | None) -> Source:
    from ..models.tables import read_table

    table = read_table(data)
    y = None
    if target is not None:
        if target not in table:
            raise InputError(f"{data.name} has no target column: " + unknown_names("column", [target], table.columns))
        y = table.pop(target)
    return Source(OWN, f"{model.name} on {data.name}", model, table, y, f"rows of {data.name}")
