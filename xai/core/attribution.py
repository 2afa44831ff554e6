"""The result of every method: how much each unit gave to each output of each row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .errors import InputError, listing, unknown_names
from .provenance import Provenance
from .table import group_columns
from .units import Units, check_groups

if TYPE_CHECKING:
    import pandas as pd

VoteKind = Literal["abs", "positive", "negative"]

_VOTES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "abs": np.abs,
    "positive": lambda values: np.maximum(values, 0.0),
    "negative": lambda values: np.maximum(-values, 0.0),
}


@dataclass(frozen=True, eq=False)
class Attribution:
    """Importance of d units for k outputs over n rows.

    Attributes
    ----------
    values
        ``(n, d, k)`` signed effects, in the units of the output.
    base_values
        ``(n, k)`` what the explanation starts from.
    outputs
        ``(n, k)`` what the model answered.
    units
        What the d entries are.
    output_names
        k names.
    method
        Registered name of the method, e.g. ``"shap"``.
    output_space
        ``"margin"``, ``"probability"`` or ``"value"``: what one unit of effect means.
    provenance
        What is needed to repeat the result.
    rows
        n labels of the explained rows.
    data
        The explained rows as a table of n rows, or ``None`` where rows are no table.
    standard_errors
        ``(n, d, k)`` for sampled methods, ``None`` for exact ones.
    timing
        Seconds by part of the work. Never saved, never compared: files of equal results are equal.
    """

    values: np.ndarray
    base_values: np.ndarray
    outputs: np.ndarray
    units: Units
    output_names: tuple[str, ...]
    method: str
    output_space: str = "value"
    provenance: Provenance = field(default_factory=Provenance)
    rows: tuple[str | int, ...] = ()
    data: pd.DataFrame | None = None
    standard_errors: np.ndarray | None = None
    timing: Mapping[str, float] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        values = np.asarray(self.values, dtype=float)
        if values.ndim != 3:
            raise InputError(f"values must have shape (n, d, k), not {values.shape}.")
        n, d, k = values.shape
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "output_names", tuple(str(name) for name in self.output_names))
        object.__setattr__(self, "rows", tuple(self.rows) if len(self.rows) else tuple(range(n)))
        for name in ("base_values", "outputs"):
            array = np.asarray(getattr(self, name), dtype=float)
            if array.shape != (n, k):
                raise InputError(f"{name} must have shape {(n, k)}, not {array.shape}.")
            object.__setattr__(self, name, array)
        if self.standard_errors is not None:
            errors = np.asarray(self.standard_errors, dtype=float)
            if errors.shape != values.shape:
                raise InputError(f"standard_errors must have shape {values.shape}, not {errors.shape}.")
            object.__setattr__(self, "standard_errors", errors)
        if len(self.units) != d:
            raise InputError(f"values hold {d} units, but {len(self.units)} names were given.")
        if len(self.output_names) != k or len(set(self.output_names)) != k:
            raise InputError(f"values hold {k} outputs, but their names are {listing(self.output_names)}.")
        if len(self.rows) != n or (self.data is not None and len(self.data) != n):
            raise InputError(f"values hold {n} rows, but the labels or the data hold another number.")

    @property
    def additivity_gap(self) -> np.ndarray:
        """``(n, k)``: outputs - base values - sum of values. Zero for a complete explanation."""
        return np.asarray(self.outputs - self.base_values - self.values.sum(axis=1))

    def for_output(self, output: str | int) -> Attribution:
        """The same rows for one output, k = 1.

        Raises
        ------
        InputError
            If there is no such output; the message lists the right ones.
        """
        k = len(self.output_names)
        if isinstance(output, str):
            if output not in self.output_names:
                raise InputError(unknown_names("output", [output], self.output_names))
            position = self.output_names.index(output)
        elif -k <= output < k:
            position = int(output) % k
        else:
            raise InputError(f"there is no output {output}: there are {k}, {listing(self.output_names)}.")
        keep = slice(position, position + 1)
        errors = self.standard_errors
        return replace(
            self,
            values=self.values[:, :, keep],
            base_values=self.base_values[:, keep],
            outputs=self.outputs[:, keep],
            output_names=self.output_names[keep],
            standard_errors=None if errors is None else errors[:, :, keep],
        )

    def for_rows(self, positions: Sequence[int] | np.ndarray) -> Attribution:
        """The same outputs for some rows, by position (integers or a boolean mask of length n)."""
        index = np.asarray(positions)
        index = np.flatnonzero(index) if index.dtype == bool else index.astype(int)
        if len(index) and (index.min() < -len(self.rows) or index.max() >= len(self.rows)):
            raise InputError(f"rows {index.min()} to {index.max()} were asked for, but there are {len(self.rows)}.")
        errors = self.standard_errors
        return replace(
            self,
            values=self.values[index],
            base_values=self.base_values[index],
            outputs=self.outputs[index],
            rows=tuple(self.rows[i] for i in index),
            data=None if self.data is None else self.data.iloc[index],
            standard_errors=None if errors is None else errors[index],
        )

    def grouped(self, groups: Mapping[str, Sequence[str]]) -> Attribution:
        """Sum signed values over groups of units; units outside every group stay alone.

        Groups stand where their first member stood.

        Raises
        ------
        InputError
            On unknown, repeated or missing members.
        """
        checked = check_groups(groups, self.units.names)
        owner = {member: group for group, members in checked.items() for member in members}
        index: dict[str, list[int]] = {}
        for position, name in enumerate(self.units.names):
            index.setdefault(owner.get(name, name), []).append(position)
        # A group of groups keeps the original columns as its members.
        members = {
            name: tuple(column for i in positions for column in self.units.members(self.units.names[i]))
            for name, positions in index.items()
        }
        units = Units(
            tuple(index), self.units.kind, tuple((name, cols) for name, cols in members.items() if cols != (name,))
        )
        # Errors of sums would need covariances, which nobody has: they are left out, not guessed.
        return replace(self, values=group_columns(self.values, list(index.values())), units=units, standard_errors=None)

    def votes(self, kind: VoteKind = "abs") -> np.ndarray:
        """Non-negative votes ``(n, d)`` of the units, row by row.

        Parameters
        ----------
        kind
            ``"abs"``: size of the effect; ``"positive"``: ``max(value, 0)``; ``"negative"``: ``max(-value, 0)``.

        Raises
        ------
        InputError
            If there is more than one output (choose one with :meth:`for_output`), or on an unknown kind.
        """
        if len(self.output_names) != 1:
            raise InputError(
                "votes need one output, but this attribution has "
                f"{len(self.output_names)}: choose one with .for_output(name), of {listing(self.output_names)}."
            )
        if kind not in _VOTES:
            raise InputError(unknown_names("kind of votes", [kind], _VOTES))
        return _VOTES[kind](self.values[:, :, 0])

    def global_votes(self, kind: VoteKind = "abs") -> np.ndarray:
        """Mean votes over the rows, ``(d,)``; the same errors as :meth:`votes`."""
        votes = self.votes(kind)
        if not len(votes):
            raise InputError("an attribution of 0 rows has no votes: explain at least one row.")
        return np.asarray(votes.mean(axis=0))

    def to_frame(self) -> pd.DataFrame:
        """Values as a table, one row a row; columns are units, or (output, unit) pairs when k > 1."""
        import pandas as pd

        n, d, k = self.values.shape
        index = pd.Index(self.rows, name="row")
        if k == 1:
            return pd.DataFrame(self.values[:, :, 0], index=index, columns=list(self.units.names))
        columns = pd.MultiIndex.from_product([self.output_names, self.units.names], names=["output", "unit"])
        return pd.DataFrame(self.values.transpose(0, 2, 1).reshape(n, k * d), index=index, columns=columns)

    def to_json(self, path: str | Path | None = None) -> str:
        """Exact JSON text, written to ``path`` if given."""
        from .serialize import to_json

        text = to_json(self)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    @classmethod
    def from_json(cls, path: str | Path) -> Attribution:
        """Read what :meth:`to_json` wrote."""
        from .serialize import from_json

        return from_json(Path(path))

    def to_parquet(self, path: str | Path) -> None:
        """Write one Parquet file: a row a row, ``values/<output>/<unit>`` columns, the rest in its metadata."""
        import pyarrow.parquet as pq

        from .serialize import to_table

        pq.write_table(to_table(self), path)

    @classmethod
    def from_parquet(cls, path: str | Path) -> Attribution:
        """Read what :meth:`to_parquet` wrote."""
        from .serialize import from_parquet

        return from_parquet(Path(path))

    def __repr__(self) -> str:
        n, d, k = self.values.shape
        return (
            f"Attribution(method={self.method!r}, rows={n}, {self.units.kind}s={d}, outputs={k}, {self.output_space})"
        )


def as_votes(source: Any) -> tuple[tuple[str, ...], np.ndarray]:
    """Names and importance of the units of an Attribution (k = 1), mapping or Series, ``(d,)`` float64.

    Raises
    ------
    InputError
        If names repeat, there are none, or a value is no number.
    """
    if isinstance(source, Attribution):
        return source.units.names, source.global_votes("abs")
    if isinstance(source, Mapping) or (hasattr(source, "items") and hasattr(source, "index")):
        pairs = [(str(name), value) for name, value in source.items()]
        names = Units(tuple(name for name, _ in pairs)).names
        for name, value in pairs:
            try:
                float(value)
            except (TypeError, ValueError):
                raise InputError(f"'{name}' has {value!r}, which is no number.") from None
        return names, np.array([float(value) for _, value in pairs])
    raise InputError(
        f"{type(source).__name__} has no names: give a mapping or Series of name to votes, or an Attribution."
    )
