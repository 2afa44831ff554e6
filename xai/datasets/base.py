"""What a data set is: rows and target, with the card a person needs before trusting either."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from ..core.errors import InputError, listing, unknown_names
from ..core.provenance import hash_frame

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Dataset:
    """A table of patients, its target, and its data card.

    Attributes
    ----------
    name, title
        Registry name, and the name for people.
    kind
        ``"table"``.
    task
        What is predicted: one of two classes, one of several, or a number.
    X
        ``(n, d)`` columns under the source's own names. Categorical columns are of dtype ``category`` with a fixed
        list of categories; missing values are NaN.
    y
        ``(n,)`` target: class labels 0..K-1, or a number.
    target_names
        Names of the classes in the order of their labels; empty for regression.
    target_meaning
        One sentence: what the target is and which label means what.
    description, licence, citation, source
        The data card.
    traps
        One sentence each: what goes wrong when the table is used without reading on.
    labels
        Column to plain-language description, for every column.
    units_of
        Column to unit of measurement, only where the source leaves no doubt.
    groups
        Suggested disjoint groups of columns that measure the same thing: name to columns.
    site
        ``(n,)`` where each row was recorded, for tables from several places; never a column of ``X``.
    synthetic
        Whether the rows were generated rather than measured.
    """

    name: str
    title: str
    task: Literal["binary", "multiclass", "regression"]
    X: pd.DataFrame
    y: pd.Series
    target_meaning: str
    description: str
    licence: str
    citation: str
    source: str
    traps: tuple[str, ...]
    labels: Mapping[str, str]
    target_names: tuple[str, ...] = ()
    units_of: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    site: pd.Series | None = None
    synthetic: bool = False
    kind: Literal["table"] = "table"

    def __post_init__(self) -> None:
        columns = list(self.X.columns)
        if len(self.X) != len(self.y) or (self.site is not None and len(self.site) != len(self.X)):
            raise InputError(f"data set '{self.name}': X, y and site must have the same number of rows.")
        if self.y.name in columns:
            raise InputError(f"data set '{self.name}': the target '{self.y.name}' is also a column of X.")
        missing = [name for name in columns if name not in self.labels]
        if missing:
            raise InputError(f"data set '{self.name}': no label for {listing(missing)}.")
        members = [name for group in self.groups.values() for name in group]
        strangers = {*self.labels, *self.units_of, *members} - set(columns)
        if strangers:
            raise InputError(f"data set '{self.name}': {unknown_names('column', sorted(strangers), columns)}")
        if len(members) != len(set(members)):
            raise InputError(f"data set '{self.name}': a column stands in two groups.")

    def __repr__(self) -> str:
        n, d = self.X.shape
        return f"Dataset('{self.name}', {self.kind}, {self.task}, {n} rows x {d} columns)"

    @property
    def hash(self) -> str:
        """SHA-256 of the columns and the target."""
        return hash_frame(self.to_frame())

    @property
    def categorical(self) -> tuple[str, ...]:
        """Names of the categorical columns."""
        return tuple(str(name) for name, dtype in self.X.dtypes.items() if str(dtype) == "category")

    def to_frame(self) -> pd.DataFrame:
        """``X`` with the target as its last column."""
        return self.X.assign(**{str(self.y.name): self.y})

    def copy(self) -> Dataset:
        """A data set that shares nothing that can be changed."""
        return replace(
            self,
            X=self.X.copy(),
            y=self.y.copy(),
            site=None if self.site is None else self.site.copy(),
            labels=dict(self.labels),
            units_of=dict(self.units_of),
            groups=dict(self.groups),
        )
