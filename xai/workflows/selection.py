"""Forward selection: how few columns, added in the order of an importance, do as well as all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..models.performance import Metric, performance
from .registry import fit

if TYPE_CHECKING:
    import pandas as pd

    from .importances import Study

UnitsOf = Literal["columns", "aspects"]


@dataclass(frozen=True)
class Step:
    """A refit on the most important units.

    Attributes
    ----------
    added
        Units that came in with this step.
    n_units, n_columns
        Units and columns the model was refitted on.
    auc
        On the held-out rows.
    """

    added: tuple[str, ...]
    n_units: int
    n_columns: int
    auc: Metric


@dataclass(frozen=True)
class Curve:
    """Held-out AUC by number of units, added in the order of an importance of the training rows.

    Attributes
    ----------
    importance
        Whose order it is.
    units
        ``"columns"``, or ``"aspects"``: correlated columns enter together.
    steps
        By rising number of units.
    """

    importance: str
    units: UnitsOf
    steps: tuple[Step, ...]

    def enough(self) -> Step:
        """The smallest step whose AUC lies within the interval of the best one's."""
        best = max(self.steps, key=lambda step: step.auc.value)
        return next(step for step in self.steps if step.auc.value >= best.auc.low)

    def to_frame(self) -> pd.DataFrame:
        """One row a step."""
        import pandas as pd

        return pd.DataFrame(
            [
                (self.importance, self.units, s.n_units, s.n_columns, s.auc.value, s.auc.low, s.auc.high, s.added)
                for s in self.steps
            ],
            columns=["importance", "units", "n_units", "n_columns", "auc", "low", "high", "added"],
        )


def forward_selection(
    study: Study,
    order: pd.Series,
    groups: Mapping[str, Sequence[str]],
    sizes: Sequence[int],
    *,
    n_boot: int,
    known: dict[tuple[str, ...], Metric],
) -> tuple[Step, ...]:
    """Refit with the hyper-parameters of the full model on the first units, and measure on the held-out rows.

    Parameters
    ----------
    study
        Model and rows.
    order
        Importance of each unit, from training rows only.
    groups
        Units that are several columns.
    sizes
        Numbers of units; those beyond the number there is are left out.
    n_boot
        Resamples of the intervals.
    known
        AUCs of this model by columns; those found here are added, as another order may come to the same columns.
    """
    ranked = [str(name) for name in order.index[np.argsort(-order.to_numpy(), kind="stable")]]
    steps: list[Step] = []
    done = 0
    for size in sorted({size for size in sizes if size <= len(ranked)}):
        columns = [column for unit in ranked[:size] for column in groups.get(unit, (unit,))]
        columns = [name for name in study.X_train.columns if name in set(columns)]
        key = tuple(columns)
        if key not in known:
            known[key] = _auc_with(study, columns, n_boot)
        steps.append(Step(tuple(ranked[done:size]), size, len(columns), known[key]))
        done = size
    return tuple(steps)


def _auc_with(study: Study, columns: list[str], n_boot: int) -> Metric:
    refitted = fit(study.fitted.name, study.fitted.estimator, study.X_train[columns], study.y_train)
    return performance(refitted.model, study.X_test[columns], study.y_test, n_boot, study.seed).metrics[0]
