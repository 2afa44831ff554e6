"""Trained in one hospital, tested in another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError, unknown_names
from ..models import Model
from ..models.performance import Metric, answer, ordered_pairs, performance
from .cohort import MIN_TEST, MIN_TRAIN, Cohort
from .registry import fit

if TYPE_CHECKING:
    import pandas as pd

Fold = tuple[np.ndarray, np.ndarray]
"""Labels 0 and 1 and scores of the rows one model was measured on."""
_BLOCK_CELLS = 2_000_000


@dataclass(frozen=True)
class SiteAUC:
    """AUC of a model trained at one site and measured at another, or at its own by cross-validation.

    ``low`` and ``high`` bound the 95 % bootstrap interval.
    """

    model: str
    train: str
    test: str
    auc: float
    low: float
    high: float
    n_train: int
    n_test: int


@dataclass(frozen=True)
class SiteTransfer:
    """How far models carry over between sites.

    Attributes
    ----------
    sites
        Names of the sites.
    cells
        One for each model and ordered pair of sites that could be measured.
    skipped
        Site to why it was not trained on, or not measured on.
    """

    sites: tuple[str, ...]
    cells: tuple[SiteAUC, ...]
    skipped: Mapping[str, str]

    def matrix(self, model: str) -> pd.DataFrame:
        """AUC of a model; rows are the site it was trained at, columns where it was tested, NaN where skipped.

        Raises
        ------
        InputError
            If no cell is of that model.
        """
        import pandas as pd

        names = list(dict.fromkeys(cell.model for cell in self.cells))
        if model not in names:
            raise InputError(unknown_names("model", [model], names))
        table = pd.DataFrame(
            np.nan, index=pd.Index(self.sites, name="train"), columns=pd.Index(self.sites, name="test"), dtype=float
        )
        for cell in self.cells:
            if cell.model == model:
                table.loc[cell.train, cell.test] = cell.auc
        return table

    def within(self, model: str) -> float:
        """Mean AUC at the site of training, cross-validated; NaN if no site could be measured."""
        return self._mean(model, same=True)

    def across(self, model: str) -> float:
        """Mean AUC at other sites; NaN if no pair could be measured."""
        return self._mean(model, same=False)

    def _mean(self, model: str, *, same: bool) -> float:
        found = [c.auc for c in self.cells if c.model == model and (c.train == c.test) is same]
        return float(np.mean(found)) if found else float("nan")

    def to_frame(self) -> pd.DataFrame:
        """One row a cell."""
        import pandas as pd

        columns = ["model", "train", "test", "auc", "low", "high", "n_train", "n_test"]
        return pd.DataFrame([[getattr(cell, c) for c in columns] for cell in self.cells], columns=columns)


def site_transfer(
    cohort: Cohort,
    recipes: Mapping[str, Any],
    *,
    n_folds: int = 5,
    n_boot: int = 1000,
    seed: int = 0,
    tick: Callable[[str], None] | None = None,
) -> SiteTransfer:
    """AUC within and across sites; every model is tuned anew on the rows it is trained on.

    Parameters
    ----------
    cohort
        Rows with sites.
    recipes
        Name to unfitted estimator.
    n_folds
        Folds of the cross-validation within a site; fewer where a class has too few rows.
    n_boot, seed
        Resamples, and the seed of folds and resamples.
    tick
        Told a short text after each training site of each model.

    Raises
    ------
    InputError
        If the data have no sites or only one.
    """
    if cohort.site is None:
        raise InputError("these data do not say where their rows come from.")
    sites = tuple(sorted(set(cohort.site.tolist())))
    if len(sites) < 2:
        raise InputError(f"all rows come from '{sites[0]}': there is no other site to test on.")
    rows = {site: np.flatnonzero(cohort.site == site) for site in sites}
    counts = {site: np.bincount(cohort.y[rows[site]], minlength=2) for site in sites}
    # Every fold of a site must leave enough of both classes to train on and to measure.
    trained = [site for site in sites if counts[site].min() >= MIN_TRAIN + MIN_TEST]
    tested = [site for site in sites if counts[site].min() >= MIN_TEST]
    skipped = {site: _why(cohort, counts[site], measured=site in tested) for site in sites if site not in trained}
    cells = []
    for name, estimator in recipes.items():
        for home in trained:
            X, y = cohort.X.iloc[rows[home]], cohort.y[rows[home]]
            folds = _cross_validated(name, estimator, X, y, n_folds=n_folds, seed=seed)
            inside = pairs_in_order(folds, n_boot, seed)
            cells.append(SiteAUC(name, home, home, *inside, len(y) - len(y) // len(folds), len(y)))
            model = fit(name, estimator, X, y).model
            for away in tested:
                if away != home:
                    found = _measure(model, cohort, rows[away], n_boot, seed)
                    cells.append(SiteAUC(name, home, away, found.value, found.low, found.high, len(y), len(rows[away])))
            if tick is not None:
                tick(f"{name}: trained at {home}, tested elsewhere")
    return SiteTransfer(sites, tuple(cells), skipped)


def pairs_in_order(folds: list[Fold], n_boot: int, seed: int) -> tuple[float, float, float]:
    """AUC over folds with its 95 % interval: the share of (positive, negative) pairs of one fold that are in order.

    Scores of different folds come from different models and are not compared. Rows are resampled class by class.
    """
    rng = np.random.default_rng(seed)
    found, total = 0.0, 0
    drawn = np.zeros(n_boot)
    for y, scores in folds:
        positive = y == 1
        in_order = ordered_pairs(positive, scores)
        found += in_order(np.ones((1, len(y))))[0]
        total += int(positive.sum()) * int((~positive).sum())
        times = np.empty((n_boot, len(y)), dtype=np.int32)
        for rows in (np.flatnonzero(positive), np.flatnonzero(~positive)):
            times[:, rows] = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=n_boot)
        # Some resamples at a time: what is computed of each is as large as the rows.
        block = max(1, _BLOCK_CELLS // len(y))
        for first in range(0, n_boot, block):
            drawn[first : first + block] += in_order(times[first : first + block])
    low, high = np.percentile(drawn / total, [2.5, 97.5]) if n_boot else (np.nan, np.nan)
    return float(found / total), float(low), float(high)


def _cross_validated(
    name: str, estimator: Any, X: pd.DataFrame, y: np.ndarray, *, n_folds: int, seed: int
) -> list[Fold]:
    from sklearn.model_selection import StratifiedKFold

    rarest = int(np.bincount(y).min())
    # A fold holds at least one row of each class, and what is left must be enough to tune on.
    fitting = [k for k in range(2, n_folds + 1) if rarest >= k and rarest - -(-rarest // k) >= MIN_TRAIN]
    splits = StratifiedKFold(max(fitting, default=2), shuffle=True, random_state=seed).split(X, y)
    folds = []
    for kept, left in splits:
        model = fit(name, estimator, X.iloc[kept], y[kept]).model
        scores = answer(model, ("margin", "probability"), model.check(X.iloc[left]))[1][:, -1]
        folds.append((y[left], scores))
    return folds


def _measure(model: Model, cohort: Cohort, rows: np.ndarray, n_boot: int, seed: int) -> Metric:
    return performance(model, cohort.X.iloc[rows], cohort.y[rows], n_boot, seed).metrics[0]


def _why(cohort: Cohort, counts: np.ndarray, *, measured: bool) -> str:
    poor = int(counts.argmin())
    few = f"{counts[poor]} rows of class '{cohort.classes[poor]}'"
    if not counts[poor]:
        few = f"no row of class '{cohort.classes[poor]}'"
    what = "tested there, but not trained" if measured else "neither trained nor tested there"
    return f"{few}: {what}"
