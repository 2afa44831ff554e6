"""Interaction values of tree ensembles: how much of each pair's effect is due to both together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ...core.errors import InputError
from ...core.provenance import Provenance, hash_frame, versions
from ...core.units import Units
from ...models import Model, wrap_model
from ..features import check_background
from .engine import NAME, TreeConfig, raw_space, read_trees


@dataclass(frozen=True, eq=False)
class Interactions:
    """Interaction values of n rows.

    Attributes
    ----------
    values
        ``(n, d, d, k)``, symmetric. Off the diagonal half of the pair's interaction index each; on it, what is left of
        the feature's own value: rows add up to ``attribution``.
    attribution
        ``(n, d, k)`` the Shapley (or Banzhaf) values of the features.
    base_values
        ``(n, k)`` the answer when nothing is known.
    units, output_names
        What the axes of length d and k are.
    output_space
        ``"margin"``, ``"probability"`` or ``"value"``.
    provenance
        What is needed to repeat the result.
    """

    values: np.ndarray
    attribution: np.ndarray
    base_values: np.ndarray
    units: Units
    output_names: tuple[str, ...]
    output_space: str
    provenance: Provenance = field(default_factory=Provenance)


def interactions(
    model: Any,
    X: Any,
    background: Any = None,
    *,
    index: Literal["shapley", "banzhaf"] = "shapley",
    config: TreeConfig | None = None,
) -> Interactions:
    """Interaction values of a tree ensemble, exact.

    The Shapley interaction index of Grabisch and Roubens (1999), shared between both features of a pair as in Lundberg
    et al. (2020); with ``index="banzhaf"`` the Banzhaf interaction index.

    Parameters
    ----------
    model
        A wrapped tree ensemble, or an object that :func:`xai.wrap_model` takes.
    X
        Rows, ``(n, d)``.
    background
        Rows that stand for "feature unknown"; ``None``: the trees' own coverage.
    index
        ``"shapley"`` or ``"banzhaf"``.
    config
        Threads and memory.

    Raises
    ------
    InputError
        If there are no rows, columns do not fit, or a path is too long for tables.
    ModelError
        If the model is no sum of trees, or answers in a space in which its trees do not add up.
    """
    from .tables import prepare

    wrapped = model if isinstance(model, Model) else wrap_model(model)
    frame = wrapped.check(X)
    if not len(frame):
        raise InputError("X has 0 rows: give at least one row to explain.")
    if index not in {"shapley", "banzhaf"}:
        raise InputError(f"index must be 'shapley' or 'banzhaf', not {index!r}.")
    config = config or TreeConfig()
    source = read_trees(wrapped)
    if wrapped.output != raw_space(wrapped):
        raise InputError(
            f"interactions explain the {raw_space(wrapped)}, but this model answers in {wrapped.output}: wrap it with "
            f"output='{raw_space(wrapped)}'."
        )
    table = None if background is None else check_background(wrapped, background)
    known = None if table is None else source.numbers(table)
    numbers = source.numbers(frame)

    def run(pairs: bool) -> tuple[np.ndarray, np.ndarray]:
        tables = prepare(
            source.forest,
            index,
            pairs=pairs,
            background=known,
            threads=config.threads,
            table_bytes=config.table_mib << 20,
        )
        return tables.keep()(numbers)

    n, d, k = len(frame), source.forest.n_features, source.forest.n_outputs
    features, base = run(pairs=False)
    attribution = features.reshape(n, d, k)
    values = np.zeros((n, d, d, k))
    if d > 1:
        high, low = np.tril_indices(d, -1)
        halves = run(pairs=True)[0].reshape(n, -1, k)
        values[:, high, low] = values[:, low, high] = halves
    own = np.arange(d)
    values[:, own, own] = attribution - values.sum(axis=2)
    options = {"index": index} | ({} if table is None else {"background_hash": hash_frame(table)})
    return Interactions(
        values=values,
        attribution=attribution,
        base_values=np.tile(base, (n, 1)),
        units=Units(tuple(str(name) for name in frame.columns)),
        output_names=wrapped.output_names,
        output_space=wrapped.output,
        provenance=Provenance(
            engine=NAME,
            versions=versions(
                ("numpy", "numba", {"sklearn": "scikit-learn"}.get(wrapped.framework, wrapped.framework))
            ),
            model_hash=wrapped.hash,
            data_hash=hash_frame(frame),
            options=options,
        ),
    )
