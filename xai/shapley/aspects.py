"""Aspects: groups of columns that vary together, to be explained as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from ..core.errors import InputError, unknown_names
from ..core.table import require_frame

if TYPE_CHECKING:
    import pandas as pd

Linkage = Literal["complete", "average", "single"]
_LINKAGES = ("complete", "average", "single")


def correlated(
    X: pd.DataFrame, threshold: float = 0.7, *, linkage: Linkage = "complete", include_single: bool = False
) -> dict[str, tuple[str, ...]]:
    """Groups of numeric columns by the size of their rank correlation.

    Hierarchical clustering of the distance ``1 - |Spearman's rho|``, cut at ``1 - threshold``. With complete linkage
    every two members of a group are correlated at least that much. Explain the groups as single players with
    ``xai.explain(model, X, "sampling", background=..., groups=groups)``, or with their members' shares with
    ``"owen"``.

    Parameters
    ----------
    X
        Rows, at least 3. Columns that are constant or hold no numbers stay alone; missing values are left out pair by
        pair.
    threshold
        Least absolute correlation inside a group, above 0 and at most 1.
    linkage
        ``"complete"``, ``"average"`` or ``"single"``.
    include_single
        Whether columns that stay alone are listed too, each as a group of one.

    Returns
    -------
    dict
        Name of a group, ``"first member + number of others"``, to its members in the table's order.

    Raises
    ------
    InputError
        If there are fewer than 3 rows, or the threshold or linkage cannot be.
    """
    if not 0 < threshold <= 1:
        raise InputError(f"threshold is a correlation above 0 and at most 1, not {threshold}.")
    if linkage not in _LINKAGES:
        raise InputError(unknown_names("linkage", [linkage], _LINKAGES))
    frame = require_frame(X)
    if len(frame) < 3:
        raise InputError(f"correlations need at least 3 rows, but there are {len(frame)}.")
    numbers = frame.select_dtypes(["number", "bool"]).astype(float)
    numeric = [name for name in numbers.columns if numbers[name].min() < numbers[name].max()]
    labels = {str(name): -1 - position for position, name in enumerate(frame.columns)}
    if len(numeric) > 1:
        labels.update(zip(numeric, _clusters(numbers[numeric], threshold, linkage), strict=True))
    members: dict[int, list[str]] = {}
    for name in frame.columns:
        members.setdefault(labels[name], []).append(name)
    return {
        group[0] if len(group) == 1 else _name(group, frame.columns): tuple(group)
        for group in members.values()
        if include_single or len(group) > 1
    }


def _clusters(frame: pd.DataFrame, threshold: float, linkage: Linkage) -> list[int]:
    from scipy.cluster import hierarchy
    from scipy.spatial.distance import squareform

    # Pairs that never meet in one row have no correlation: they are as far apart as can be.
    size = np.nan_to_num(np.abs(frame.corr(method="spearman").to_numpy()))
    distance = np.clip(1.0 - (size + size.T) / 2, 0.0, 1.0)
    np.fill_diagonal(distance, 0.0)
    tree = hierarchy.linkage(squareform(distance, checks=False), linkage)
    # Rounding must not part columns that are exactly as close as asked for.
    return [int(label) for label in hierarchy.fcluster(tree, 1.0 - threshold + 1e-12, "distance")]


def _name(group: list[str], columns: pd.Index) -> str:
    name = f"{group[0]} + {len(group) - 1}"
    while name in columns:
        name += "'"
    return name
