"""Three importances of the columns of the table, whatever a pipeline makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ..core.attribution import Attribution
from ..core.errors import InputError, unknown_names
from ..models.sk import PipelineModel
from ..shapley import explain
from ..shapley.engines import find_engine
from ..shapley.fallback import inside_pipeline
from ..shapley.importance import native as native_of_model
from ..shapley.importance import permutation as permuted
from ..shapley.request import Request
from ..shapley.sampling import SamplingConfig
from ..shapley.sources import pipeline_sources
from .registry import INNER_FOLDS, Fitted, fit
from .saved import NOT_SAVED

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Study:
    """A fitted model with the rows it was and was not trained on.

    Attributes
    ----------
    fitted
        The model.
    X_train, y_train, X_test, y_test
        Rows and targets.
    background
        Rows of the training part that stand for "unknown", the same for every model.
    n_rows, n_repeats, seed
        Most rows to explain, shuffles a column, seed.
    """

    fitted: Fitted
    X_train: pd.DataFrame
    y_train: np.ndarray
    X_test: pd.DataFrame
    y_test: np.ndarray
    background: pd.DataFrame
    n_rows: int
    n_repeats: int
    seed: int


@dataclass(frozen=True, eq=False)
class Importance:
    """Importance of every column of the table.

    Attributes
    ----------
    method
        Name in :data:`IMPORTANCES`.
    kind
        What one unit of it measures.
    values
        One number a column.
    attribution
        The row by row values that Shapley importance is the mean size of; ``None`` for the others, and in a result read
        from a file.
    """

    method: str
    kind: str
    values: pd.Series
    attribution: Attribution | None = field(default=None, metadata=NOT_SAVED)

    def summed(self, groups: Mapping[str, Sequence[str]]) -> pd.Series:
        """The same with groups as one unit each; signed Shapley values are summed row by row before their size is."""
        import pandas as pd

        if self.attribution is not None:
            return _mean_size(self.attribution.grouped(groups))
        owner = {member: group for group, members in groups.items() for member in members}
        units = pd.Index([owner.get(str(name), str(name)) for name in self.values.index])
        return self.values.groupby(units, sort=False).sum()


def draw(frame: pd.DataFrame, n: int, seed: int) -> pd.DataFrame:
    """At most ``n`` rows, in their order."""
    if len(frame) <= n:
        return frame
    chosen = np.random.default_rng(seed).choice(len(frame), n, replace=False)
    return frame.iloc[np.sort(chosen)]


def _mean_size(attribution: Attribution) -> pd.Series:
    import pandas as pd

    return pd.Series(attribution.global_votes(), index=list(attribution.units.names), name="importance")


def _shapley(study: Study, rows: pd.DataFrame) -> Importance:
    model, background = study.fitted.model, study.background
    request = Request(model, model.check(rows), model.check(background), {}, None)
    inner = inside_pipeline(request)
    mixed = isinstance(model, PipelineModel) and pipeline_sources(model, request.frame).mixed
    if mixed or find_engine(inner.model, inner.background) is None:
        # A walk over all columns and back costs 2 d rows of the model: some dozens of walks a row.
        budget = max(1000, 16 * rows.shape[1])
        config = SamplingConfig(budget=budget, n_background=len(background), seed=study.seed)
        found = explain(model, rows, "sampling", background=background, config=config)
    else:
        found = explain(model, rows, "shap", background=background)
    found = found.for_output(-1)
    return Importance("shapley", f"mean |SHAP| of the {found.output_space}", _mean_size(found), found)


def _shapley_held_out(study: Study) -> Importance:
    return _shapley(study, draw(study.X_test, study.n_rows, study.seed))


def _shapley_training(study: Study) -> Importance:
    return _shapley(study, draw(study.X_train, min(study.n_rows, 50), study.seed))


def _native(study: Study) -> Importance:
    series = native_of_model(study.fitted.model, study.X_train)
    return Importance("native", str(series.attrs["kind"]), series)


def _permutation_held_out(study: Study) -> Importance:
    table = permuted(study.fitted.model, study.X_test, study.y_test, study.n_repeats, study.seed)
    return Importance("permutation", f"loss of {table.attrs['score']}", table["mean"].rename("importance"))


def _permutation_training(study: Study) -> Importance:
    """Shuffled in the left-out folds of the training rows, so that the held-out rows choose nothing."""
    import pandas as pd
    from sklearn.model_selection import StratifiedKFold

    X, y = study.X_train, study.y_train
    folds = StratifiedKFold(INNER_FOLDS, shuffle=True, random_state=study.seed)
    parts = []
    for kept, left in folds.split(X, y):
        refitted = fit(study.fitted.name, study.fitted.estimator, X.iloc[kept], y[kept])
        repeats = max(1, study.n_repeats // INNER_FOLDS)
        parts.append(permuted(refitted.model, X.iloc[left], y[left], repeats, study.seed))
    mean = pd.concat([part["mean"] for part in parts], axis=1).mean(axis=1)
    return Importance("permutation", f"loss of {parts[0].attrs['score']}", mean.rename("importance"))


@dataclass(frozen=True)
class Way:
    """How to get one kind of importance: the one reported, and the one forward selection goes by.

    Attributes
    ----------
    held_out
        Of the model on rows it has not seen.
    training
        From the training rows alone.
    """

    held_out: Callable[[Study], Importance]
    training: Callable[[Study], Importance]


IMPORTANCES = {
    "shapley": Way(_shapley_held_out, _shapley_training),
    "native": Way(_native, _native),
    "permutation": Way(_permutation_held_out, _permutation_training),
}
"""Registered importances by name."""


def check_importances(names: Sequence[str]) -> tuple[str, ...]:
    """The names, once each.

    Raises
    ------
    InputError
        If there are none, or one is unknown.
    """
    chosen = (names,) if isinstance(names, str) else tuple(dict.fromkeys(names))
    unknown = [name for name in chosen if name not in IMPORTANCES]
    if unknown or not chosen:
        raise InputError(unknown_names("importance", unknown, IMPORTANCES))
    return chosen
