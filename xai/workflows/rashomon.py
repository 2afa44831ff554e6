"""Whether a simple model does as well, and whether it says the same.

After the sets of nearly equal models of Breiman (2001, Statistical Science 16(3)) and Semenova, Rudin and Parr (2022,
FAccT): where many simple models reach the loss of a complex one, the complex one is not needed, and its explanation is
one of many.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..agreement import Agreement, compare
from ..core.errors import InputError, ModelError
from ..core.provenance import Provenance, versions
from ..models import Model
from ..models.performance import answer, class_positions
from ..shapley.importance import permutation
from .cohort import Cohort, Split, read_cohort, split_rows
from .registry import MODELS, Fitted, fit, recipes
from .saved import from_json, to_json
from .simple import FAMILIES

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[float, str], None]

DEFAULT_MODEL = "xgboost"
_REPEATS = 5


@dataclass(frozen=True)
class SimpleModel:
    """One of the models that were drawn.

    Attributes
    ----------
    family, hyperparameters
        What it is.
    loss
        Log loss on the held-out rows.
    left_out_loss
        Log loss on the training rows that its resample left out, adjusted for how hard those rows are for all the
        models; the best model is chosen by it.
    within
        Whether ``loss`` is at most that of the reference plus epsilon.
    """

    family: str
    hyperparameters: Mapping[str, Any]
    loss: float
    left_out_loss: float
    within: bool


@dataclass(frozen=True)
class Share:
    """A share of models with its 95 % binomial interval (Clopper and Pearson)."""

    within: int
    of: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Rashomon:
    """Simple models beside a reference. Made by :func:`xai.workflows.rashomon`.

    Attributes
    ----------
    reference
        Name of the model they are held against.
    reference_loss, standard_error
        Its mean log loss on the held-out rows, and the standard error of that mean.
    epsilon
        What counts as nearly as good.
    share
        Of all models drawn.
    by_family
        The same by family.
    models
        The models in the order drawn.
    best
        The one with the smallest loss on rows its resample left out: the held-out rows chose nothing.
    description
        The best one in words: its formula or rules.
    agreement
        Of permutation importances, on the held-out rows, of the best one and the reference.
    importances
        Those importances: one row a column, ``reference`` and ``best``.
    n_train, n_test, held_out
        Rows on both sides, and what was held out.
    notes
        What to keep in mind.
    provenance
        What is needed to repeat it.
    """

    reference: str
    reference_loss: float
    standard_error: float
    epsilon: float
    share: Share
    by_family: Mapping[str, Share]
    models: tuple[SimpleModel, ...]
    best: SimpleModel
    description: str
    agreement: Agreement
    importances: pd.DataFrame
    n_train: int
    n_test: int
    held_out: str
    notes: tuple[str, ...] = ()
    provenance: Provenance = field(default_factory=Provenance, repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row a model drawn."""
        import pandas as pd

        rows = [(m.family, dict(m.hyperparameters), m.loss, m.left_out_loss, m.within) for m in self.models]
        return pd.DataFrame(rows, columns=["family", "hyperparameters", "loss", "left_out_loss", "within"])

    def in_words(self) -> str:
        """What follows, in a few sentences."""
        share, rho = self.share, self.agreement.spearman.value
        verdict = "within" if self.best.within else "not within"
        text = (
            f"{share.within} of {share.of} simple models ({share.value:.0%}, 95 % interval {share.low:.0%} to "
            f"{share.high:.0%}) come within {self.epsilon:.3f} of the log loss of {self.reference}, "
            f"{self.reference_loss:.3f}, on {self.n_test} held-out rows. The one that did best on training rows it "
            f"had not seen ({self.best.family}) has {self.best.loss:.3f} there, {verdict} that"
        )
        if np.isfinite(rho):
            text += f"; rank correlation of its importances with those of {self.reference}: {rho:.2f}"
        return text + "."

    def to_json(self, path: str | Path | None = None) -> str:
        """JSON text, written to ``path`` if given."""
        return to_json(self, path)

    @classmethod
    def from_json(cls, path: str | Path) -> Rashomon:
        """Read what :meth:`to_json` wrote."""
        return from_json(cls, path)


def rashomon(
    data: Any,
    model: Any = None,
    *,
    n_models: int = 200,
    epsilon: float | None = None,
    seed: int = 0,
    test: float | str = 0.3,
    progress: Progress | None = None,
) -> Rashomon:
    """Draw simple models and count those that do nearly as well as a reference.

    Models come in turn from :data:`xai.workflows.FAMILIES`, each with random hyper-parameters and fitted on a bootstrap
    resample of the training rows.

    Parameters
    ----------
    data
        A binary data set of :func:`xai.load_dataset`, a pair ``(X, y)``, or a triple ``(X, y, site)`` with the name of
        the place each row comes from.
    model
        The reference: a name of :data:`xai.workflows.MODELS`, an estimator in scikit-learn's manner, which is cloned
        and fitted on the training rows, or a model of :func:`xai.wrap_model`, which is used as it is. ``None``:
        XGBoost.
    n_models
        How many simple models to draw.
    epsilon
        How much more log loss counts as nearly as good; ``None``: one standard error of the reference's held-out loss.
    seed
        Seed of everything that is drawn.
    test
        Share of the rows to hold out, drawn class by class, or the name of a site to hold out.
    progress
        Called with the fraction done and a short text.

    Raises
    ------
    InputError
        On another task than two classes, too few rows, an unknown name, or an option out of range.
    ModelError
        If the reference gives no probabilities, or cannot be fitted.
    """
    import pandas as pd

    if n_models < len(FAMILIES):
        raise InputError(f"n_models must be at least {len(FAMILIES)}, one of each family, not {n_models}.")
    if epsilon is not None and not (np.isfinite(epsilon) and epsilon >= 0):
        raise InputError(f"epsilon is a difference in log loss, 0 or more, not {epsilon}.")
    cohort = read_cohort(data)
    split = split_rows(cohort, test, seed)
    name, reference, notes = _reference(model, cohort, split, seed)
    X_test, y_test = cohort.X.iloc[split.test], cohort.y[split.test]
    losses = _log_losses(reference, name, X_test, _labels(reference, cohort, split.test))
    loss, error = float(losses.mean()), float(losses.std(ddof=1) / np.sqrt(len(losses)))
    limit = error if epsilon is None else float(epsilon)

    drawn = []
    for number in range(n_models):
        family = list(FAMILIES)[number % len(FAMILIES)]
        drawn.append(_draw(family, cohort, split, np.random.default_rng([seed, number])))
        if progress is not None:
            progress((number + 1) / (n_models + 1), f"drew {number + 1} of {n_models} simple models")
    models = _measured(drawn, loss + limit)
    position = min(range(n_models), key=lambda number: models[number].left_out_loss)
    best, kept = models[position], drawn[position].fitted
    own = permutation(kept.model, X_test, y_test, _REPEATS, seed)["mean"]
    whole = permutation(reference, X_test, _labels(reference, cohort, split.test), _REPEATS, seed)["mean"]
    # A reference that is given as it is may use fewer columns than the table has.
    importances = pd.DataFrame({"reference": whole.reindex(own.index, fill_value=0.0), "best": own})
    agreement = compare(importances["reference"], importances["best"], seed=seed)
    if progress is not None:
        progress(1.0, "done")
    return Rashomon(
        reference=name,
        reference_loss=loss,
        standard_error=error,
        epsilon=limit,
        share=_share(models),
        by_family={family: _share([one for one in models if one.family == family]) for family in FAMILIES},
        models=models,
        best=best,
        description=FAMILIES[best.family].tell(kept.estimator, cohort.X.iloc[split.train]),
        agreement=agreement,
        importances=importances,
        n_train=len(split.train),
        n_test=len(split.test),
        held_out=split.how,
        notes=notes,
        provenance=Provenance(
            engine="rashomon",
            versions=versions(("numpy", "pandas", "scikit-learn", "xgboost")),
            model_hash=reference.hash,
            data_hash=cohort.hash,
            seed=seed,
            options={"reference": name, "n_models": n_models, "epsilon": epsilon, "test": test},
        ),
    )


def _reference(model: Any, cohort: Cohort, split: Split, seed: int) -> tuple[str, Model, tuple[str, ...]]:
    if isinstance(model, Model):
        if model.task != "binary":
            raise ModelError(f"the reference does {model.task}: this workflow is about two classes.")
        note = "the reference was used as it is: if it was trained on the held-out rows, its loss flatters it."
        return f"the given {model.framework} model", _with_probabilities(model, "the reference"), (note,)
    chosen: Any = DEFAULT_MODEL if model is None else model
    if isinstance(chosen, str):
        (name, estimator), *_ = recipes((chosen,), seed).items()
    else:
        name = type(chosen).__name__
        estimator = recipes({name: chosen}, seed)[name]
    fitted = fit(name, estimator, cohort.X.iloc[split.train], cohort.y[split.train])
    return name, _with_probabilities(fitted.model, name), ()


def _with_probabilities(model: Model, name: str) -> Model:
    if "probability" not in model.spaces:
        able = ", ".join(known for known in MODELS if known != "svm")
        raise ModelError(
            f"{name} gives no probabilities, and losses are compared by log loss: calibrate it (scikit-learn's "
            f"CalibratedClassifierCV), or take one of {able}."
        )
    return model


def _labels(model: Model, cohort: Cohort, rows: np.ndarray) -> Any:
    """Targets in the labels the model knows: its own model may have been fitted on names instead of 0 and 1."""
    y = cohort.y[rows]
    known = model.classes or (0, 1)
    if set(known) == {0, 1}:
        return y
    names = list(cohort.classes)
    if {str(label) for label in known} != set(names):
        raise InputError(f"the reference tells {known[0]} from {known[1]}, but the data {names[0]} from {names[1]}.")
    by_name = {str(label): label for label in known}
    return np.array([by_name[names[label]] for label in y], dtype=object)


def _log_losses(model: Model, name: str, X: pd.DataFrame, y: Any) -> np.ndarray:
    """Log loss of each row."""
    frame = model.check(X)
    probabilities = answer(_with_probabilities(model, name), ("probability",), frame)[1]
    position = class_positions(model, y, len(frame))
    tiny = np.finfo(float).eps
    return np.asarray(-np.log(np.clip(probabilities[np.arange(len(position)), position], tiny, 1.0)))


@dataclass(frozen=True, eq=False)
class _Drawn:
    """A model on its resample: its loss on the held-out rows, and on each training row (NaN where resampled)."""

    family: str
    hyperparameters: Mapping[str, Any]
    fitted: Fitted
    loss: float
    left_out: np.ndarray


def _draw(family: str, cohort: Cohort, split: Split, rng: np.random.Generator) -> _Drawn:
    """A model on a resample of the training rows, drawn class by class so that both are there."""
    options = FAMILIES[family].draw(rng)
    y = cohort.y[split.train]
    rows = np.concatenate([rng.choice(np.flatnonzero(y == label), int((y == label).sum())) for label in (0, 1)])
    chosen = split.train[rows]
    fitted = fit(family, FAMILIES[family].make(options), cohort.X.iloc[chosen], cohort.y[chosen])
    left = np.setdiff1d(np.arange(len(y)), rows)
    measured = np.concatenate([split.train[left], split.test])
    losses = _log_losses(fitted.model, family, cohort.X.iloc[measured], cohort.y[measured])
    left_out = np.full(len(y), np.nan)
    left_out[left] = losses[: len(left)]
    options.pop("random_state", None)
    return _Drawn(family, options, fitted, float(losses[len(left) :].mean()), left_out)


def _measured(drawn: list[_Drawn], limit: float) -> tuple[SimpleModel, ...]:
    """Losses on the left-out rows, each row against what all models lost there: some rows are harder than others."""
    table = np.stack([one.left_out for one in drawn])
    known = np.isfinite(table)
    row_means = np.where(known, table, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    level = row_means[known.any(axis=0)].mean()
    excess = np.where(known, table - row_means, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return tuple(
        SimpleModel(one.family, one.hyperparameters, one.loss, float(level + more), one.loss <= limit)
        for one, more in zip(drawn, excess, strict=True)
    )


def _share(models: Sequence[SimpleModel]) -> Share:
    from scipy.stats import binomtest

    within = sum(one.within for one in models)
    interval = binomtest(within, len(models)).proportion_ci(0.95, "exact")
    return Share(within, len(models), within / len(models), float(interval.low), float(interval.high))
