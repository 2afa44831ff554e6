"""The work on one part: read its rows, explain them, and make the files that are written for it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError, ModelError, XaiError
from . import parts
from .carried import settled
from .methods import OF_THE_MODEL, SEATS, Kind, settle_options
from .parts import Part
from .written import Rows, all_failed, as_parquet, joined, one_by_one, seats_of, table_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from ..core.attribution import Attribution
    from ..models import Model
    from ..sandbox import ModelFile

PERMUTATION = "permutation"


@dataclass(frozen=True)
class Order:
    """What every part of a run has in common; see :class:`~.manifest.Manifest`.

    ``types`` is what carried columns are brought to, see :func:`~.carried.settle_types`.
    """

    folder: str
    methods: tuple[str, ...]
    options: Mapping[str, Mapping[str, Any]]
    key: tuple[str, ...]
    keep: tuple[str, ...]
    kind: Kind = "rows"
    types: Mapping[str, str] = field(default_factory=dict)


def work(subject: Any, order: Order, part: Part) -> dict[str, np.ndarray]:
    """Parquet files of one part, by method, as bytes.

    What cannot be answered is left empty and marked in the column ``error``.

    Parameters
    ----------
    subject
        What explains: a model for rows, else what :func:`subject_of` made.

    Raises
    ------
    XaiError
        If the part cannot be read, or all of it or more than :data:`~.written.MOST_FAILED` rows fail.
    """
    if order.kind == "pictures":
        from .pictures import work_on_pictures

        tables = work_on_pictures(subject, order, part)
    elif order.kind == "prompts":
        from .prompts import work_on_prompts

        tables = work_on_prompts(subject, order, part)
    else:
        tables = _work_on_rows(subject, order, part)
    return {name: as_parquet(table) for name, table in tables.items()}


def subject_of(model: Any, order: Order) -> Any:
    """What explains: the model itself for rows, else the methods' own tools, opened.

    Raises
    ------
    InputError, ModelError
        If something cannot be opened, or does not fit the model.
    """
    if order.kind == "pictures":
        from .pictures import open_tools

        return open_tools(model, order.methods, order.options)
    if order.kind == "prompts":
        from .prompts import open_tool

        return open_tool(model, order.options["reagent"])
    return model


def open_subject(model: ModelFile | None, order: Order) -> Any:
    """:func:`subject_of` a model file, opened once a process.

    Raises
    ------
    InputError, ModelError
        If it cannot be opened, or is no longer what it was when the run began.
    """
    _use_one_thread()
    if order.kind == "rows":
        from ..sandbox.tasks import open_cached

        if model is None:
            raise InputError("rows of a table are explained with a model: none is given.")
        return open_cached(model)
    subject = _opened(_Hashed(None if model is None else model.path, order))
    if model is not None and model.hash and subject.facts()["hash"] != model.hash:
        raise ModelError(f"{model.path} has changed since the run began: start another run.")
    return subject


@cache
def _use_one_thread() -> None:
    """There is a worker for each processor: with as many threads in each they would stand in each other's way.

    Last bits would depend on the number of threads, too. Whoever sets ``OMP_NUM_THREADS`` has chosen.
    """
    if "OMP_NUM_THREADS" in os.environ:
        return
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    os.environ["OMP_NUM_THREADS"] = "1"  # for libraries that are imported from now on
    threadpool_limits(1)  # and for those that are here


@dataclass(frozen=True)
class _Hashed:
    """A model and an order as a key of a cache."""

    path: str | None
    order: Order

    def __hash__(self) -> int:
        return hash((self.path, self.order.methods))


@lru_cache(maxsize=2)
def _opened(asked: _Hashed) -> Any:
    return subject_of(asked.path, asked.order)


def _work_on_rows(model: Model, order: Order, part: Part) -> dict[str, pa.Table]:
    X, lead = _read(model, order, part)
    tables: dict[str, pa.Table] = {}
    explained: dict[str, Rows] = {}
    for name in order.methods:
        if name in OF_THE_MODEL:
            continue
        options = order.options[name]
        if name == SEATS:
            tables[name] = seats_of(lead, explained[options["source"]], options)
            continue
        explained[name] = _explain(model, X, name, options)
        tables[name] = table_of(lead, explained[name])
    return tables


def _read(model: Model, order: Order, part: Part) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The rows as the model takes them, and the columns that every table of results begins with."""
    features = model.feature_names
    carried = tuple(dict.fromkeys((*order.key, *order.keep)))
    wanted = None if features is None else list(dict.fromkeys((*features, *carried)))
    table = parts.read_table(Path(order.folder) / part.source, part.start, part.rows, wanted)
    present = table.schema.names
    lacking = [name for name in carried if name not in present]
    if lacking:
        raise InputError(f"{part.source} has no column '{lacking[0]}'.")
    # The model's libraries take pandas, where a gap makes floating-point numbers of integers: what is carried does not
    # pass through it.
    kept = settled(table.select(carried), order.types, part.source)
    others = set(carried) if features is None else set(carried) - set(features)
    asked = [name for name in present if name not in others]
    lead = {"row": np.arange(part.start, part.start + part.rows), "source": part.source}
    return parts.to_pandas(table.select(asked)), lead | {f"data/{name}": kept.column(name) for name in carried}


def _explain(model: Model, X: pd.DataFrame, method: str, options: Mapping[str, Any]) -> Rows:
    from ..shapley import explain

    background = options.get("background")
    if isinstance(background, str):
        from ..models.tables import read_table

        background = read_table(background)

    def run(positions: np.ndarray) -> Attribution:
        rows = X if len(positions) == len(X) else X.iloc[positions]
        return explain(model, rows, method=method, background=background, config=options.get("config"))

    pieces, errors = one_by_one(np.arange(len(X)), run)
    if not pieces:
        raise all_failed(errors, len(X))
    good = np.concatenate([positions for positions, _ in pieces])
    return Rows(joined([a for _, a in pieces]), good, errors)


def settle(
    model: Model | None,
    methods: tuple[str, ...],
    options: Mapping[str, Mapping[str, Any]],
    rows: int,
    sample: pd.DataFrame | None = None,
) -> dict[str, Any]:
    """What has to be asked of the model before the first part: facts about it, and options it decides.

    Parameters
    ----------
    rows
        How many there are.
    sample
        Some of them, with the true answers, for permutation importance.
    """
    from ..core.provenance import versions

    settled = settle_options(methods, options, model, rows)
    importances: dict[str, Any] = {}
    for name in methods:
        if name in OF_THE_MODEL and model is not None:
            importances[name] = _importance(model, name, settled[name], sample)
    framework = [] if model is None else [model.framework.replace("sklearn", "scikit-learn")]
    return {
        "options": settled,
        "importances": importances,
        "versions": versions(("numpy", "pandas", "pyarrow", *framework)),
    }


def _importance(model: Model, name: str, options: Mapping[str, Any], sample: pd.DataFrame | None) -> dict[str, Any]:
    from ..shapley import importance

    if name == PERMUTATION:
        if sample is None:
            raise InputError("permutation importance needs rows with true answers.")
        target = options["target"]
        drops = importance.permutation(
            model, sample.drop(columns=target), sample[target], options["n_repeats"], options["seed"]
        )
        return {
            "votes": {str(unit): float(drop) for unit, drop in drops["mean"].clip(lower=0).items()},
            "standard_error": {str(unit): float(drop) for unit, drop in drops["std"].items()},
            "kind": f"drop of {drops.attrs['score']} on {len(sample):,} rows, {options['n_repeats']} shuffles",
        }
    try:
        series = importance.native(model)
    except XaiError as error:
        return {"missing": str(error)}
    return {"votes": {str(unit): float(value) for unit, value in series.items()}, "kind": series.attrs.get("kind", "")}
