"""What a method is asked, what it prepares, and how methods are described."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..models import Model

if TYPE_CHECKING:
    import pandas as pd

RowExplainer = Callable[["pd.DataFrame"], tuple[np.ndarray, np.ndarray]]
"""Rows of a checked table to values ``(n, d, k)`` and base values ``(n, k)``."""

Progress = Callable[[float, str], None]
"""Told the fraction done and a short text."""


@dataclass(frozen=True)
class Request:
    """A checked call of ``explain``: tables in the model's columns, options of the right type."""

    model: Model
    frame: pd.DataFrame
    background: pd.DataFrame | None
    groups: Mapping[str, tuple[str, ...]]
    config: Any


@dataclass(frozen=True)
class Explained:
    """All rows explained, with what was learned on the way.

    Attributes
    ----------
    values, base_values, standard_errors
        As in :class:`xai.Attribution`.
    engine, seed, options
        Replace or add to those of :class:`Prepared`.
    """

    values: np.ndarray
    base_values: np.ndarray
    standard_errors: np.ndarray | None = None
    engine: str = ""
    seed: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Prepared:
    """A method made ready for a model.

    Attributes
    ----------
    explain
        Explains a block of rows of ``frame``; ``None`` for methods that have ``whole``.
    frame
        The rows to explain: those of the request, or what a pipeline made of them.
    engine
        The routine at work, for the provenance.
    packages
        Packages that take part, for the provenance.
    options
        What else the result depends on, JSON types only.
    seed
        Seed, if anything is drawn.
    first_block
        Rows of the first block; later blocks are sized by the time it took.
    whole
        Explains all rows of ``frame`` and reports progress itself; for methods whose rows take long.
    """

    explain: RowExplainer | None
    frame: pd.DataFrame
    engine: str
    packages: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    first_block: int = 256
    whole: Callable[[Progress | None], Explained] | None = None


@dataclass(frozen=True)
class Method:
    """A registered method.

    Attributes
    ----------
    name
        What ``explain(method=...)`` calls it.
    description
        One sentence for people.
    needs
        What must be given besides model and rows, e.g. ``("background",)``.
    config
        Type or types of its configuration, ``None`` if it has none.
    joint_groups
        Whether a group is removed jointly, as one unit; otherwise its members' signed values are summed.
    prepare
        Makes it ready for a request.
    inner_groups
        Whether groups only say which units come together, each unit keeping a value of its own.
    """

    name: str
    description: str
    needs: tuple[str, ...]
    config: type | tuple[type, ...] | None
    joint_groups: bool
    prepare: Callable[[Request], Prepared] = field(repr=False)
    inner_groups: bool = False
