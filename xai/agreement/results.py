"""What comparing importances answers with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..core import InputError
from ..core.errors import unknown_names

if TYPE_CHECKING:
    import pandas as pd

MEASURES = ("pearson", "spearman", "kendall", "rbo", "top_k", "sign")


@dataclass(frozen=True)
class Estimate:
    """A value with its bootstrap percentile interval; NaN where it does not exist."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Agreement:
    """Agreement of two importances. Made by :func:`compare`.

    Attributes
    ----------
    pearson, spearman, kendall
        Correlations in [-1, 1]; Kendall's is tau-b.
    rbo
        Rank-biased overlap in (0, 1], extrapolated.
    top_k
        Share of the ``k`` largest units that both have in common.
    sign
        Share of cells (row, unit) with equal sign; NaN where either side has no negative value.
    p_values
        Of the three correlations, two-sided, under independence of the units.
    n_rows
        Rows both were computed on; 0 when ``basis`` is ``"units"``.
    n_units
        Units compared.
    basis
        What was resampled: ``"rows"`` or ``"units"``.
    k, p, level, n_boot, seed
        As asked for.
    notes
        What could not be computed, and why.
    """

    pearson: Estimate
    spearman: Estimate
    kendall: Estimate
    rbo: Estimate
    top_k: Estimate
    sign: Estimate
    p_values: Mapping[str, float]
    n_rows: int
    n_units: int
    basis: Literal["rows", "units"]
    k: int
    p: float
    level: float
    n_boot: int
    seed: int
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """One row a measure: measure, value, low, high, p_value (NaN for the overlaps)."""
        import pandas as pd

        estimates = [getattr(self, name) for name in MEASURES]
        return pd.DataFrame(
            {
                "measure": MEASURES,
                "value": [e.value for e in estimates],
                "low": [e.low for e in estimates],
                "high": [e.high for e in estimates],
                "p_value": [self.p_values.get(name, np.nan) for name in MEASURES],
            }
        )


@dataclass(frozen=True)
class AgreementTable:
    """Agreement of every pair of several importances. Made by :func:`compare_many`.

    Attributes
    ----------
    names
        m names, in the order given.
    pairs
        (name, name) to its agreement, the earlier name first.
    """

    names: tuple[str, ...]
    pairs: Mapping[tuple[str, str], Agreement]

    def matrix(self, measure: str = "spearman") -> np.ndarray:
        """``(m, m)`` symmetric values of one of :data:`MEASURES`, 1 on the diagonal.

        Raises
        ------
        InputError
            On an unknown measure.
        """
        if measure not in MEASURES:
            raise InputError(unknown_names("measure", [measure], MEASURES))
        result = np.eye(len(self.names))
        for (a, b), found in self.pairs.items():
            i, j = self.names.index(a), self.names.index(b)
            result[i, j] = result[j, i] = getattr(found, measure).value
        return result

    def to_frame(self) -> pd.DataFrame:
        """One row a pair and measure: a, b, measure, value, low, high, p_value."""
        import pandas as pd

        parts = []
        for (a, b), found in self.pairs.items():
            part = found.to_frame()
            part.insert(0, "a", a)
            part.insert(1, "b", b)
            parts.append(part)
        return pd.concat(parts, ignore_index=True)
