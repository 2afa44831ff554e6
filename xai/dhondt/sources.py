"""Where votes come from: four ways to say how much a model uses its features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.attribution import Attribution, VoteKind
from ..core.errors import InputError, XaiError, unknown_names
from ..models import Model, wrap_model
from ..shapley import RemovalConfig, explain, importance

if TYPE_CHECKING:
    import pandas as pd


Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class _Question:
    """What :func:`votes` was asked."""

    model: Any
    X: Any
    y: Any
    background: Any
    kind: VoteKind
    output: str | None
    n_repeats: int
    seed: int
    progress: Progress | None = None


def votes(
    model: Any,
    X: Any,
    y: Any = None,
    source: str = "shap",
    *,
    background: Any = None,
    kind: VoteKind = "abs",
    output: str | None = None,
    n_repeats: int = 10,
    seed: int = 0,
    progress: Progress | None = None,
) -> pd.Series:
    """Votes of a model's features.

    Parameters
    ----------
    model
        A wrapped model, or an object that :func:`xai.wrap_model` takes.
    X
        Rows to ask about; for ``"permutation"`` rows the model was not trained on.
    y
        Their answers, for ``"permutation"``.
    source
        ``"shap"``: mean size of the Shapley values over the rows. ``"permutation"``: loss of performance when a column
        is shuffled. ``"native"``: the importance the framework itself reports, which knows only the training data.
        ``"removal"``: mean size of the effect of replacing one feature by background values.
    background
        Rows that stand for "feature unknown", for ``"removal"`` (default: ``X`` itself) and for Shapley values;
        without them trees go by their own coverage, and models without an exact engine cannot be asked.
    kind
        ``"abs"``, or ``"positive"`` or ``"negative"`` effects only, for sources of signed effects (shap and removal).
    output
        The output asked about, for models with several and sources that tell them apart (shap and removal).
    n_repeats, seed
        Shuffles of each column, for ``"permutation"``; seed of everything drawn.
    progress
        Called with the fraction done and what is being done.

    Returns
    -------
    pandas.Series
        Feature to non-negative votes, named after the source. ``attrs["clipped"]`` counts features whose permutation
        importance was negative, which means noise, and was set to 0.

    Raises
    ------
    InputError
        On an unknown source or output, several outputs and none chosen, a missing ``y``, or a sign asked of an
        unsigned source.
    ModelError
        If the model cannot be explained this way.
    """
    if source not in SOURCES:
        raise InputError(unknown_names("source of votes", [source], SOURCES))
    wrapped = model if isinstance(model, Model) else wrap_model(model)
    result = SOURCES[source](_Question(wrapped, X, y, background, kind, output, n_repeats, seed, progress))
    return result.rename(source)


def vote_sources(
    model: Any,
    X: Any,
    y: Any = None,
    *,
    background: Any = None,
    output: str | None = None,
    n_repeats: int = 10,
    seed: int = 0,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Votes of all sources side by side.

    Parameters
    ----------
    model, X, y, background, output, n_repeats, seed
        As in :func:`votes`.
    progress
        Called with the fraction done and what is being asked.

    Returns
    -------
    pandas.DataFrame
        One row a feature, one column a source that can be had. ``attrs["missing"]`` says of every other source why
        it cannot.
    """
    import pandas as pd

    wrapped = model if isinstance(model, Model) else wrap_model(model)
    columns: dict[str, pd.Series] = {}
    missing: dict[str, str] = {}
    for i, source in enumerate(SOURCES):
        try:
            columns[source] = votes(
                wrapped,
                X,
                y,
                source,
                background=background,
                output=output,
                n_repeats=n_repeats,
                seed=seed,
                progress=_part_of(progress, i, source),
            )
        except XaiError as error:
            missing[source] = str(error)
    frame = pd.DataFrame(columns)
    if columns:
        # A DataFrame of Series with different indices comes out sorted; keep the model's order.
        order = dict.fromkeys(name for column in columns.values() for name in column.index)
        frame = frame.loc[list(order)]
    frame.attrs["missing"] = missing
    frame.attrs["clipped"] = columns["permutation"].attrs["clipped"] if "permutation" in columns else 0
    return frame


def _part_of(progress: Progress | None, i: int, source: str) -> Progress | None:
    """Progress of one source as a part of all."""
    if progress is None:
        return None
    progress(i / len(SOURCES), source)
    return lambda fraction, text: progress((i + fraction) / len(SOURCES), f"{source}: {text}")


def _shap(question: _Question) -> pd.Series:
    a = explain(question.model, question.X, method="shap", background=question.background, progress=question.progress)
    return _of_attribution(a, question)


def _removal(question: _Question) -> pd.Series:
    background = question.X if question.background is None else question.background
    config = RemovalConfig(seed=question.seed)
    return _of_attribution(
        explain(
            question.model,
            question.X,
            method="removal",
            background=background,
            config=config,
            progress=question.progress,
        ),
        question,
    )


def _of_attribution(a: Attribution, question: _Question) -> pd.Series:
    import pandas as pd

    one = a if question.output is None else a.for_output(question.output)
    return pd.Series(one.global_votes(question.kind), index=list(one.units.names))


def _permutation(question: _Question) -> pd.Series:
    _require_unsigned(question, "permutation")
    if question.y is None:
        raise InputError("permutation votes need y: give the answers of X, and use held-out rows.")
    table = importance.permutation(
        question.model,
        question.X,
        question.y,
        n_repeats=question.n_repeats,
        seed=question.seed,
        progress=question.progress,
    )
    mean = table["mean"]
    result = mean.clip(lower=0.0)
    result.attrs = {"clipped": int((mean < 0).sum())}
    return result


def _native(question: _Question) -> pd.Series:
    _require_unsigned(question, "native")
    return importance.native(question.model, question.X).astype(np.float64)


def _require_unsigned(question: _Question, source: str) -> None:
    if question.kind != "abs":
        raise InputError(f"{source} votes have no sign: ask for kind='abs', or for source 'shap' or 'removal'.")


SOURCES: dict[str, Callable[[_Question], pd.Series]] = {
    "shap": _shap,
    "permutation": _permutation,
    "native": _native,
    "removal": _removal,
}
"""Sources of votes by name."""
