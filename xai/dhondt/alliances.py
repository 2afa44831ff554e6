"""Alliances proposed from the data: correlated columns, and the columns of one-hot coding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..core.errors import InputError, unknown_names
from ..core.table import require_frame
from ..core.units import check_groups

if TYPE_CHECKING:
    import pandas as pd

Proposal = dict[str, tuple[str, ...]]

_LEAST_SHARED = 10  # rows; of three rows one in three orders is perfect by chance


def propose(X: pd.DataFrame, method: Literal["correlation"] = "correlation", threshold: float = 0.7) -> Proposal:
    """Alliances of columns that rise and fall together.

    Average linkage on the distance 1 - abs(Spearman's rho), cut where the mean correlation of what would be
    joined falls below ``threshold``.

    Parameters
    ----------
    X
        Table of n >= 3 rows. Ordered categories and booleans count by their codes; other categories, text and columns
        that do not vary have no rank correlation and are never allied. Missing values are left out pair by pair; a
        pair known together in fewer than 10 rows (all, in smaller tables) counts as uncorrelated.
    method
        ``"correlation"``.
    threshold
        Of abs(rho), in (0, 1].

    Returns
    -------
    dict
        Name to members, two or more each, in the order of the columns.

    Raises
    ------
    InputError
        On an unknown method, a threshold outside (0, 1] or too few rows.
    """
    if method != "correlation":
        raise InputError(unknown_names("method", [method], ["correlation"]))
    if not 0 < threshold <= 1:
        raise InputError(f"the threshold of correlation is in (0, 1], not {threshold:g}.")
    frame = require_frame(X)
    if len(frame) < 3:
        raise InputError(f"correlations need at least three rows, but there are {len(frame)}.")
    clusters = _clusters(_rankable(frame), threshold)
    return _name(clusters)


def proposal_stability(
    X: pd.DataFrame,
    alliances: Mapping[str, Sequence[str]],
    threshold: float = 0.7,
    n_boot: int = 100,
    seed: int = 0,
) -> dict[str, dict[tuple[str, str], float]]:
    """How often pairs of allies stay together when rows are resampled.

    Parameters
    ----------
    X
        The table that :func:`propose` saw.
    alliances
        The proposal, or any alliances of its columns.
    threshold
        As in :func:`propose`.
    n_boot, seed
        Number of bootstrap resamples, and their seed.

    Returns
    -------
    dict
        Alliance to {pair of members: share of resamples in which the proposal has both in one alliance}.

    Raises
    ------
    InputError
        On unknown or overlapping members, and as :func:`propose`.
    """
    frame = require_frame(X)
    checked = check_groups(alliances, [str(name) for name in frame.columns])
    if n_boot < 1:
        raise InputError(f"n_boot must be at least 1, not {n_boot}.")
    counts = {name: dict.fromkeys(combinations(members, 2), 0) for name, members in checked.items()}
    rng = np.random.default_rng(seed)
    for _ in range(n_boot):
        proposal = propose(frame.iloc[rng.integers(len(frame), size=len(frame))], threshold=threshold)
        owner = {member: name for name, members in proposal.items() for member in members}
        for pairs in counts.values():
            for first, second in pairs:
                pairs[first, second] += first in owner and owner[first] == owner.get(second)
    return {name: {pair: count / n_boot for pair, count in pairs.items()} for name, pairs in counts.items()}


def from_one_hot(
    names: Iterable[str], separators: Sequence[str] = ("_", "="), data: pd.DataFrame | None = None
) -> Proposal:
    """Alliances of the columns that one-hot coding made of one column, found by their common prefix.

    Parameters
    ----------
    names
        Column names.
    separators
        Between the column and the category; a name is cut at the last occurrence of the one that comes last in it.
    data
        If given, a group counts only if its columns hold nothing but 0 and 1 and at most one 1 a row, as
        one-hot columns do. Without it, names alone decide, and ``"age_years", "age_months"`` are a group too.

    Returns
    -------
    dict
        Prefix to its columns, two or more each.

    Raises
    ------
    InputError
        If ``data`` lacks a column.
    """
    names = [str(name) for name in names]
    frame = None if data is None else require_frame(data, "data")
    if frame is not None:
        missing = [name for name in names if name not in frame.columns]
        if missing:
            raise InputError(unknown_names("column", missing, frame.columns))
    groups: dict[str, list[str]] = {}
    for name in names:
        cut = max(name.rfind(separator) for separator in separators)
        if 0 < cut < len(name) - 1:
            groups.setdefault(name[:cut], []).append(name)
    found = {
        prefix: tuple(columns)
        for prefix, columns in groups.items()
        if len(columns) > 1 and (frame is None or _is_one_hot(frame[columns]))
    }
    # A column may be named like the prefix; an alliance may not.
    return {f"{prefix} (one-hot)" if prefix in names else prefix: columns for prefix, columns in found.items()}


def _is_one_hot(block: pd.DataFrame) -> bool:
    if not all(dtype.kind in "iufb" for dtype in block.dtypes):
        return False
    values = block.to_numpy(dtype=float)
    return bool(np.isin(values, (0.0, 1.0)).all() and (values.sum(axis=1) <= 1).all())


def _rankable(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns that have an order and vary, as floats with NaN for missing."""
    import pandas as pd

    columns = {}
    for name, column in frame.items():
        if isinstance(column.dtype, pd.CategoricalDtype):
            if not column.cat.ordered:
                continue
            values = column.cat.codes.to_numpy(dtype=float)
            values[values < 0] = np.nan
        elif pd.api.types.is_numeric_dtype(column.dtype):
            values = column.to_numpy(dtype=float, na_value=np.nan)
        else:
            continue
        present = values[np.isfinite(values)]
        if len(present) and present.min() < present.max():
            columns[str(name)] = values
    return pd.DataFrame(columns)


def _clusters(columns: pd.DataFrame, threshold: float) -> list[tuple[str, ...]]:
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    names = [str(name) for name in columns]
    if len(names) < 2:
        return []
    rho = columns.corr(method="spearman", min_periods=min(_LEAST_SHARED, len(columns))).abs().fillna(0.0).to_numpy()
    distance = np.clip(1.0 - (rho + rho.T) / 2, 0.0, None)
    np.fill_diagonal(distance, 0.0)
    # The slack lets columns with exactly the threshold's correlation join, whatever the last digit of the sum.
    labels = fcluster(linkage(squareform(distance), "average"), 1.0 - threshold + 1e-12, criterion="distance")
    groups: dict[int, list[str]] = {}
    for name, label in zip(names, labels.tolist(), strict=True):
        groups.setdefault(label, []).append(name)
    return [tuple(members) for members in groups.values() if len(members) > 1]


def _name(clusters: list[tuple[str, ...]]) -> Proposal:
    """Readable, unique names: the first three members, and how many more there are."""
    result: Proposal = {}
    for members in clusters:
        name = " + ".join(members[:3]) + (f" + {len(members) - 3} more" if len(members) > 3 else "")
        result[name] = members
    return result
