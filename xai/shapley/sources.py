"""Which column of the table each column comes from that a pipeline's last step sees."""

from __future__ import annotations

import re
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..models.sk import PipelineModel

if TYPE_CHECKING:
    import pandas as pd

Origin = frozenset[int]
"""Positions of the columns a transformed column is made of; empty where that is not known."""

# These keep the columns' names, but a value they write depends on the whole row.
_MIXERS = ("Normalizer", "KNNImputer", "IterativeImputer")
_MARK = re.compile("\u27e6(\\d+)\u27e7")


@dataclass(frozen=True)
class Sources:
    """Columns of a table and what a pipeline makes of each.

    Attributes
    ----------
    names
        Names of the transformed columns.
    columns
        For each column of the table the positions of the transformed columns that are made of it alone.
    mixed
        Names of the transformed columns that are made of several columns, or of nobody knows which.
    """

    names: tuple[str, ...]
    columns: tuple[tuple[int, ...], ...]
    mixed: tuple[str, ...]


def pipeline_sources(model: PipelineModel, frame: pd.DataFrame) -> Sources:
    """Follow the columns of ``frame`` through the steps of a fitted pipeline, nested ones too.

    Lists of columns come from ``ColumnTransformer``, ``FeatureUnion`` and ``Pipeline``; what a single transformer does
    is read from the names it gives: it is asked for its output names with a mark in place of each input name.
    """
    d = frame.shape[1]
    origins = [frozenset({i}) for i in range(d)]
    one = frame.iloc[:1]
    step: Any = model
    while isinstance(step, PipelineModel):
        one = step.transform(one)
        found = _of(step.native[:-1], len(origins)) if len(step.native) > 1 else None
        if found is not None:
            origins = _through(found, origins)
        if len(origins) != one.shape[1]:
            origins = [frozenset()] * one.shape[1]
        step = step.last
    names = tuple(str(name) for name in one.columns)
    columns = tuple(
        tuple(position for position, origin in enumerate(origins) if origin == {source}) for source in range(d)
    )
    return Sources(names, columns, tuple(n for n, origin in zip(names, origins, strict=True) if len(origin) != 1))


def _through(outer: list[Origin], inner: list[Origin]) -> list[Origin]:
    """Origins of ``outer``'s columns in terms of what ``inner``'s columns are made of."""
    return [
        frozenset().union(*(inner[i] for i in origin)) if all(inner[i] for i in origin) else frozenset()
        for origin in outer
    ]


def _of(transformer: Any, n: int) -> list[Origin]:
    """Origins of each output column of a fitted transformer of n columns."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import FeatureUnion, Pipeline

    if transformer is None or transformer == "passthrough":
        return [frozenset({i}) for i in range(n)]
    if isinstance(transformer, str):  # "drop"
        return []
    if isinstance(transformer, Pipeline):
        origins = [frozenset({i}) for i in range(n)]
        for _, step in transformer.steps:
            origins = _through(_of(step, len(origins)), origins)
        return origins
    if isinstance(transformer, ColumnTransformer):
        return _of_columns(transformer, n)
    if isinstance(transformer, FeatureUnion):
        return [origin for _, part in transformer.transformer_list for origin in _of(part, n)]
    return _by_marks(transformer, n)


def _of_columns(transformer: Any, n: int) -> list[Origin]:
    names = [str(name) for name in getattr(transformer, "feature_names_in_", ())]
    origins: dict[int, Origin] = {}
    for name, part, columns in transformer.transformers_:
        place = transformer.output_indices_.get(name, slice(0, 0))
        positions = _positions(columns, names, n)
        width = place.stop - place.start
        if not width:
            continue
        found = _through(_of(part, len(positions)), [frozenset({i}) for i in positions])
        found = found if len(found) == width else [frozenset()] * width
        origins.update(zip(range(place.start, place.stop), found, strict=True))
    return [origins[i] for i in sorted(origins)]


def _positions(columns: Any, names: list[str], n: int) -> list[int]:
    """Positions meant by a column list of a ``ColumnTransformer``: names, numbers, a slice or a mask."""
    if isinstance(columns, str):
        return [names.index(columns)]
    if isinstance(columns, slice):
        if isinstance(columns.start, str) or isinstance(columns.stop, str):
            start = 0 if columns.start is None else names.index(columns.start)
            stop = n if columns.stop is None else names.index(columns.stop) + 1  # names include their end
            return list(range(start, stop))
        return list(range(n))[columns]
    if isinstance(columns, int | np.integer):
        return [int(columns) % n]
    entries = list(columns)
    if entries and isinstance(entries[0], bool | np.bool_):
        return [int(i) for i in np.flatnonzero(entries)]
    return [names.index(entry) if isinstance(entry, str) else int(entry) % n for entry in entries]


def _by_marks(transformer: Any, n: int) -> list[Origin]:
    marks = np.array([f"\u27e6{i}\u27e7" for i in range(n)], dtype=object)
    marked = copy(transformer)
    if hasattr(marked, "feature_names_in_"):
        marked.feature_names_in_ = marks
    try:
        names: Sequence[Any] = list(marked.get_feature_names_out(marks))
    except (AttributeError, ValueError, TypeError):
        # A transformer that names nothing tells nothing; how many columns it has is not known either.
        return []
    if any(kind.__name__ in _MIXERS for kind in type(transformer).__mro__):
        return [frozenset()] * len(names)
    return [frozenset(int(mark) for mark in _MARK.findall(str(name))) for name in names]
