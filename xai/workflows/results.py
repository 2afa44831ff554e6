"""What comparing models answers with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..agreement import AgreementTable
from ..core.provenance import Provenance
from ..models.performance import Metric, Performance
from .importances import Importance
from .saved import NOT_SAVED, from_json, to_json
from .selection import Curve
from .transfer import SiteTransfer

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class ModelResult:
    """One model of a comparison.

    Attributes
    ----------
    name, hyperparameters
        Name, and what its search chose on the training rows.
    performance
        On the held-out rows, with 95 % intervals.
    importances
        Name of the importance to the importance of each column.
    aspect_importances
        The same with the columns of an aspect summed.
    curves
        Forward selection, by importance and by columns or aspects.
    fitted
        The fitted estimator; ``None`` in a result read from a file.
    notes
        What could not be computed, and why.
    """

    name: str
    hyperparameters: Mapping[str, Any]
    performance: Performance
    importances: Mapping[str, Importance]
    aspect_importances: Mapping[str, pd.Series]
    curves: tuple[Curve, ...]
    fitted: Any = field(default=None, repr=False, metadata=NOT_SAVED)
    notes: tuple[str, ...] = ()

    @property
    def auc(self) -> Metric:
        """Area under the ROC curve on the held-out rows."""
        return next(metric for metric in self.performance.metrics if metric.name == "ROC AUC")


@dataclass(frozen=True, eq=False)
class ModelComparison:
    """Models on one table. Made by :func:`xai.workflows.compare_models`.

    Attributes
    ----------
    data, classes, columns
        Name of the data, names of the two classes (the second is the positive one), the table's columns.
    held_out, n_train, n_test
        What was held out, in words, and the number of rows on both sides.
    models
        Name to result.
    agreement
        Of every pair of importances, named ``"model / importance"``; ``None`` if there is only one.
    aspects
        Correlated columns of the training rows: name to columns.
    transfer
        AUC within and across sites; ``None`` where the data name fewer than two.
    notes
        What was left out, and why.
    provenance
        What is needed to repeat it.
    """

    data: str
    classes: tuple[str, str]
    columns: tuple[str, ...]
    held_out: str
    n_train: int
    n_test: int
    models: Mapping[str, ModelResult]
    agreement: AgreementTable | None
    aspects: Mapping[str, tuple[str, ...]]
    transfer: SiteTransfer | None = None
    notes: tuple[str, ...] = ()
    provenance: Provenance = field(default_factory=Provenance, repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row a model: held-out AUC with interval, and mean AUC within and across sites (NaN without sites)."""
        import pandas as pd

        rows = []
        for name, result in self.models.items():
            within, across = (
                (np.nan, np.nan) if self.transfer is None else (self.transfer.within(name), self.transfer.across(name))
            )
            rows.append((name, result.auc.value, result.auc.low, result.auc.high, self.n_test, within, across))
        names = ["model", "auc", "low", "high", "n_test", "auc_within_sites", "auc_across_sites"]
        return pd.DataFrame(rows, columns=names).set_index("model")

    def importance_frame(self, *, aspects: bool = False) -> pd.DataFrame:
        """One row a column (or aspect), one column for each model and importance."""
        import pandas as pd

        parts = {}
        for name, result in self.models.items():
            for method, importance in result.importances.items():
                parts[name, method] = result.aspect_importances[method] if aspects else importance.values
        table = pd.DataFrame(parts)
        table.columns = pd.MultiIndex.from_tuples(list(parts), names=["model", "importance"])
        return table

    def agreement_frame(self, measure: str = "spearman") -> pd.DataFrame:
        """Agreement of every importance with every other, square; empty if there is only one."""
        import pandas as pd

        if self.agreement is None:
            return pd.DataFrame()
        names = list(self.agreement.names)
        return pd.DataFrame(self.agreement.matrix(measure), index=names, columns=names)

    def curve_frame(self) -> pd.DataFrame:
        """Forward selection of all models: one row a step."""
        import pandas as pd

        parts = [curve.to_frame().assign(model=name) for name, result in self.models.items() for curve in result.curves]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    def in_words(self) -> str:
        """What follows, in a few sentences."""
        best = max(self.models.values(), key=lambda result: result.auc.value)
        auc = best.auc
        interval = f"{auc.value:.2f} ({auc.low:.2f} to {auc.high:.2f})"
        text = [f"On {self.n_test} held-out rows {best.name} does best: AUC {interval}."]
        others = [r.name for r in self.models.values() if r is not best and r.auc.high >= auc.low]
        if others:
            text.append(f"The intervals of {', '.join(others)} overlap with it.")
        if self.agreement is not None:
            matrix = self.agreement.matrix("spearman")
            values = matrix[np.triu_indices(len(matrix), 1)]
            if np.isfinite(values).any():
                low, middle, high = (round(q(values), 2) + 0.0 for q in (np.nanmin, np.nanmedian, np.nanmax))
                text.append(
                    f"Rank correlations between importances run from {low:.2f} to {high:.2f}, median {middle:.2f}."
                )
        if self.transfer is not None and self.transfer.cells:
            within, across = self.transfer.within(best.name), self.transfer.across(best.name)
            if np.isfinite(within) and np.isfinite(across):
                text.append(
                    f"Trained at one site, its mean AUC is {within:.2f} there (cross-validated) and {across:.2f} at "
                    "the others."
                )
        return " ".join(text)

    def to_json(self, path: str | Path | None = None) -> str:
        """JSON text, written to ``path`` if given; fitted models and row by row values are left out."""
        return to_json(self, path)

    @classmethod
    def from_json(cls, path: str | Path) -> ModelComparison:
        """Read what :meth:`to_json` wrote."""
        return from_json(cls, path)
