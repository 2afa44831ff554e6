"""Several models on one table: how well they do, what they go by, and how far they agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..agreement import AgreementTable, compare_many
from ..core.errors import InputError, ModelError
from ..core.provenance import Provenance, versions
from ..dhondt.alliances import propose
from ..models.performance import Metric, performance
from .cohort import Cohort, Split, read_cohort, split_rows
from .importances import IMPORTANCES, Importance, Study, check_importances, draw
from .registry import MODELS, fit, recipes
from .results import ModelComparison, ModelResult
from .selection import Curve, forward_selection
from .transfer import SiteTransfer, site_transfer

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class CompareConfig:
    """Finer options of :func:`compare_models`.

    Attributes
    ----------
    correlation
        Mean absolute rank correlation above which columns form an aspect.
    sizes
        Numbers of columns or aspects at which forward selection refits. Those beyond the number there is are left out;
        units with none left have no curve.
    n_background
        Training rows that stand for "unknown" in Shapley values.
    n_repeats
        Shuffles a column for permutation importance.
    n_folds
        Folds of the cross-validation within a site.
    n_boot, n_boot_agreement
        Resamples of AUCs, and of agreements.
    """

    correlation: float = 0.7
    sizes: tuple[int, ...] = (1, 2, 3, 4, 5, 7, 10, 15)
    n_background: int = 50
    n_repeats: int = 5
    n_folds: int = 5
    n_boot: int = 1000
    n_boot_agreement: int = 200

    def __post_init__(self) -> None:
        for name in ("n_background", "n_repeats", "n_boot", "n_boot_agreement"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, not {getattr(self, name)}.")
        if self.n_folds < 2:
            raise InputError(f"n_folds must be at least 2, not {self.n_folds}.")
        if any(size < 1 for size in self.sizes):
            raise InputError(f"sizes are numbers of columns, 1 or more, not {self.sizes}.")


class _Ticker:
    """Counts steps done of a known number."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0

    def __call__(self, text: str) -> None:
        self.done += 1
        if self.progress is not None:
            self.progress(min(self.done / self.total, 1.0), text)


def compare_models(
    data: Any,
    models: Sequence[str] | Mapping[str, Any] = tuple(MODELS),
    importances: Sequence[str] = tuple(IMPORTANCES),
    test: float | str = 0.3,
    *,
    seed: int = 0,
    n_rows: int = 200,
    config: CompareConfig | None = None,
    progress: Progress | None = None,
) -> ModelComparison:
    """Compare models of two classes and their importances.

    Every model is tuned by cross-validation on the training rows and measured on the held-out ones. Importances are
    those of the columns of the table. The order of forward selection and the aspects come from training rows alone.

    Parameters
    ----------
    data
        A binary data set of :func:`xai.load_dataset`, a pair ``(X, y)``, or a triple ``(X, y, site)`` with the name of
        the place each row comes from.
    models
        Names of :data:`xai.workflows.MODELS`, or a mapping of names to estimators in scikit-learn's manner; these are
        cloned and fitted on the training rows.
    importances
        Names of :data:`xai.workflows.IMPORTANCES`.
    test
        Share of the rows to hold out, drawn class by class, or the name of a site to hold out.
    seed
        Seed of everything that is drawn.
    n_rows
        Most held-out rows for Shapley values, the same for every model.
    config
        Finer options.
    progress
        Called with the fraction done and a short text.

    Returns
    -------
    ModelComparison
        With ``transfer`` where the data say which site their rows come from.

    Raises
    ------
    InputError
        On another task than two classes, too few rows of a class on either side, sizes of which none is possible, or
        unknown names.
    ModelError
        If a model cannot be fitted or explained.
    """
    config = config or CompareConfig()
    if n_rows < 2:
        raise InputError(f"n_rows must be at least 2, not {n_rows}.")
    cohort, names = read_cohort(data), check_importances(importances)
    _check_sizes(config.sizes, cohort.X.shape[1])
    unfitted = recipes(models, seed)
    split = split_rows(cohort, test, seed)
    aspects = _aspects(cohort.X.iloc[split.train], config.correlation)
    sites = set() if cohort.site is None else set(cohort.site.tolist())
    n_sites = len(sites) if len(sites) > 1 else 0
    tick = _Ticker(progress, len(unfitted) * (1 + 2 * len(names) + n_sites) + 1)

    results = {}
    for name, estimator in unfitted.items():
        study = _study(name, estimator, cohort, split, n_rows=n_rows, seed=seed, config=config)
        tick(f"{name}: tuned and fitted")
        results[name] = _result(study, names, aspects, config, tick)
    table = _agreement(results, config, seed)
    tick("compared the importances")
    transfer: SiteTransfer | None = None
    notes = []
    if n_sites:
        transfer = site_transfer(cohort, unfitted, n_folds=config.n_folds, n_boot=config.n_boot, seed=seed, tick=tick)
        notes += [f"{site}: {why}." for site, why in transfer.skipped.items()]
    if progress is not None:
        progress(1.0, "done")
    return ModelComparison(
        data=cohort.name,
        classes=cohort.classes,
        columns=tuple(str(name) for name in cohort.X.columns),
        held_out=split.how,
        n_train=len(split.train),
        n_test=len(split.test),
        models=results,
        agreement=table,
        aspects=aspects,
        transfer=transfer,
        notes=tuple(notes),
        provenance=Provenance(
            engine="compare_models",
            versions=versions(("numpy", "pandas", "scikit-learn", "xgboost", "shap")),
            data_hash=cohort.hash,
            seed=seed,
            options={
                "models": list(unfitted),
                "importances": list(names),
                "test": test,
                "n_rows": n_rows,
                **{key: list(v) if isinstance(v, tuple) else v for key, v in vars(config).items()},
            },
        ),
    )


def _check_sizes(sizes: tuple[int, ...], n_columns: int) -> None:
    """Sizes beyond the number of columns are left out; who asked for nothing else would wait for no answer."""
    if sizes and min(sizes) > n_columns:
        raise InputError(
            f"sizes are {', '.join(map(str, sizes))}, but these data have {n_columns} columns: give at least one size "
            f"of {n_columns} or less, or none at all (sizes=()) for no forward selection."
        )


def _aspects(X: pd.DataFrame, threshold: float) -> dict[str, tuple[str, ...]]:
    """Correlated columns; those with a value in less than half of the rows stay alone.

    Correlations are over the rows that both columns have, and few rows make large correlations.
    """
    present = [name for name in X.columns if X[name].notna().mean() >= 0.5]
    return propose(X[present], threshold=threshold) if len(present) > 1 else {}


def _study(
    name: str, estimator: Any, cohort: Cohort, split: Split, *, n_rows: int, seed: int, config: CompareConfig
) -> Study:
    X_train, y_train = cohort.X.iloc[split.train], cohort.y[split.train]
    return Study(
        fitted=fit(name, estimator, X_train, y_train),
        X_train=X_train,
        y_train=y_train,
        X_test=cohort.X.iloc[split.test],
        y_test=cohort.y[split.test],
        background=draw(X_train, config.n_background, seed),
        n_rows=n_rows,
        n_repeats=config.n_repeats,
        seed=seed,
    )


def _result(
    study: Study,
    names: Sequence[str],
    aspects: Mapping[str, tuple[str, ...]],
    config: CompareConfig,
    tick: Callable[[str], None],
) -> ModelResult:
    fitted = study.fitted
    measured = performance(fitted.model, study.X_test, study.y_test, config.n_boot, study.seed)
    found: dict[str, Importance] = {}
    known: dict[tuple[str, ...], Metric] = {}
    notes, curves = [], []
    for name in names:
        way = IMPORTANCES[name]
        try:
            found[name] = way.held_out(study)
        except ModelError as error:
            if name != "native":
                raise
            # Not every model has one: an SVM with a kernel does not.
            notes.append(f"no native importance: {error}")
            tick(f"{fitted.name}: no native importance")
            tick(f"{fitted.name}: no forward selection by it")
            continue
        tick(f"{fitted.name}: {name} importance")
        order = way.training(study)
        try:
            curves += _curves(study, order, aspects, config, known)
        except ModelError as error:
            # An estimator of the caller's may ask for columns by name.
            notes.append(f"no forward selection by {name}: {error}")
        tick(f"{fitted.name}: forward selection by {name}")
    return ModelResult(
        name=fitted.name,
        hyperparameters=fitted.hyperparameters,
        performance=measured,
        importances=found,
        aspect_importances={name: one.summed(aspects) for name, one in found.items()},
        curves=tuple(curves),
        fitted=fitted.estimator,
        notes=tuple(notes),
    )


def _curves(
    study: Study,
    order: Importance,
    aspects: Mapping[str, tuple[str, ...]],
    config: CompareConfig,
    known: dict[tuple[str, ...], Metric],
) -> list[Curve]:
    ways: list[tuple[Any, pd.Series, Mapping[str, tuple[str, ...]]]] = [("columns", order.values, {})]
    if aspects:
        ways.append(("aspects", order.summed(aspects), aspects))
    curves = []
    for units, ranking, groups in ways:
        steps = forward_selection(study, ranking, groups, config.sizes, n_boot=config.n_boot, known=known)
        if steps:
            curves.append(Curve(order.method, units, steps))
    return curves


def _agreement(results: Mapping[str, ModelResult], config: CompareConfig, seed: int) -> AgreementTable | None:
    """Of all importances of all models; Shapley values of the same rows are compared row by row."""
    sources: dict[str, Any] = {}
    for name, result in results.items():
        for method, importance in result.importances.items():
            attribution = importance.attribution
            if attribution is not None:
                # One model answers in margins, another in probabilities: the units of the two are told by their names.
                attribution = replace(attribution, output_names=("positive class",))
            sources[f"{name} / {method}"] = importance.values if attribution is None else attribution
    if len(sources) < 2:
        return None
    return compare_many(sources, config.n_boot_agreement, seed)
