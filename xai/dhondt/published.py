"""The two published DhondtXAI methods, for comparison, without the defects of their code.

2024 is the method of arXiv 2411.05196v1/v2, 2026 that of v3 of the same entry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from ..core.errors import InputError, unknown_names
from ..models import Model, wrap_model
from ..shapley import importance
from .ballot import Alliances, make_ballot
from .election import elect
from .parliament import Parliament
from .projected import Published2026, published_2026

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Published2024:
    """Seats from native importances.

    Attributes
    ----------
    parliament
        The election; its votes sum to the number of votes asked for.
    importances
        Feature to native importance, exclusions included.
    correlations
        Party to the Pearson correlation of its first member with y, NaN where there is none. Its sign coloured the
        bars of the published figure.
    """

    parliament: Parliament
    importances: dict[str, float]
    correlations: dict[str, float]

    def to_frame(self) -> pd.DataFrame:
        """One row a party: party, votes, seats, barred, correlation."""
        frame = self.parliament.to_frame()[["party", "votes", "seats", "barred"]]
        return frame.assign(correlation=list(self.correlations.values()))


def published_2024(
    model: Any,
    X: Any,
    y: Any,
    *,
    seats: int = 600,
    votes: float = 100_000_000,
    threshold: float = 0.0,
    alliances: Alliances | None = None,
    exclude: Sequence[str] = (),
) -> Published2024:
    """The method of 2024: D'Hondt seats from the model's own importances.

    Kept: votes proportional to the importance the framework reports; alliances first, then features in column
    order; a party is barred if its share, barred ones counted, is strictly below the threshold; ties go to the first;
    the sign of a party is that of its first member's correlation with y.

    Left out, as defects: training the model again; importances paired with the wrong names after an exclusion;
    all seats to the first party when nobody passes the threshold or nobody has votes (errors here); unknown and
    overlapping names passing silently. The threshold is a share here, not percent.

    Parameters
    ----------
    model
        A fitted model with native importances.
    X, y
        Rows it was trained on, for the correlations.
    seats, threshold, alliances, exclude
        As in :func:`xai.dhondt.elect`.
    votes
        Number of votes to hand out; scales them, and changes no seat.

    Raises
    ------
    InputError
        As :func:`xai.dhondt.elect`, or if ``y`` does not fit ``X``.
    ModelError
        If the model has no native importances.
    """
    wrapped = model if isinstance(model, Model) else wrap_model(model)
    if not (np.isfinite(votes) and votes > 0):
        raise InputError(f"votes must be a positive number, not {votes!r}.")
    native = importance.native(wrapped, X).astype(float)
    names = tuple(str(name) for name in native.index)
    ballot = make_ballot(names, alliances, exclude)
    total = float(sum(native.iloc[position] for columns in ballot.columns for position in columns))
    scaled = dict(zip(names, (native * (votes / total) if total > 0 else native).tolist(), strict=True))
    parliament = elect(scaled, seats, "dhondt", threshold, alliances, exclude)
    signs = _correlations(wrapped, X, y)
    return Published2024(
        parliament=parliament,
        importances=dict(zip(names, native.tolist(), strict=True)),
        correlations={party: signs.get(members[0], np.nan) for party, members in parliament.members.items()},
    )


def _correlations(model: Model, X: Any, y: Any) -> dict[str, float]:
    """Pearson correlation of each numeric column with y; class labels count by their position among the classes."""
    import pandas as pd

    frame = model.check(X)
    if y is None or len(y) != len(frame):
        raise InputError(f"y must hold one answer a row: X has {len(frame)}, y {'nothing' if y is None else len(y)}.")
    target = pd.Series(np.asarray(y), index=frame.index)
    if not pd.api.types.is_numeric_dtype(target.dtype):
        position = {str(label): i for i, label in enumerate(model.classes or ())}
        unknown = [label for label in target.astype(str).unique() if label not in position]
        if unknown:
            raise InputError(unknown_names("class in y", unknown, position))
        target = target.astype(str).map(position)
    numeric = frame.select_dtypes(["number", "bool"]).astype(float)
    varied = numeric.loc[:, numeric.std() > 0]
    return {str(name): float(r) for name, r in varied.corrwith(target.astype(float)).items()}


VERSIONS: dict[str, Callable[..., Published2024 | Published2026]] = {"2024": published_2024, "2026": published_2026}
"""The published methods by year."""


@overload
def published(model: Any, X: Any, y: Any = ..., version: Literal["2024"] = ..., **options: Any) -> Published2024: ...
@overload
def published(model: Any, X: Any, y: Any = ..., *, version: Literal["2026"], **options: Any) -> Published2026: ...
@overload
def published(model: Any, X: Any, y: Any, version: Literal["2026"], **options: Any) -> Published2026: ...
def published(
    model: Any, X: Any, y: Any = None, version: str = "2024", **options: Any
) -> Published2024 | Published2026:
    """A published method by year, defects aside.

    Parameters
    ----------
    model, X, y
        As the method wants them; 2026 does not look at ``y``.
    version
        ``"2024"``: :func:`published_2024`, seats from native importances. ``"2026"``: :func:`published_2026`, projected
        removal effects with their residual.
    options
        Of that method.

    Raises
    ------
    InputError
        On an unknown version, and as the method does.
    """
    if version not in VERSIONS:
        raise InputError(unknown_names("version", [version], VERSIONS))
    return VERSIONS[version](model, X, y, **options)
