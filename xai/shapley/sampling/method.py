"""Methods "sampling" and "owen": any model, row by row, against background rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ...core.errors import InputError
from ...models.masking import players, sample_rows
from ..features import constant_units
from ..request import Explained, Prepared, Progress, Request
from .choice import estimate
from .config import OwenConfig, SamplingConfig, plan
from .reference import ReferenceGame
from .result import Estimate

if TYPE_CHECKING:
    import pandas as pd

ENGINES = {
    "exact": "enumeration of all coalitions",
    "permutation": "permutation sampling (antithetic pairs, a background row each)",
    "kernel": "KernelSHAP (paired, by size, for each background row)",
}
"""Estimator to its name in the provenance."""


def sampling(request: Request) -> Prepared:
    """Shapley values against background rows: exact up to 14 units, else by the better estimator.

    Raises
    ------
    InputError
        If there is no background, or the configuration cannot be met.
    """
    return _prepare(request, request.config or SamplingConfig(), None)


def owen(request: Request) -> Prepared:
    """Owen values: columns in groups that come as one, each column with a value of its own.

    Raises
    ------
    InputError
        If there are no groups or no background.
    """
    if not request.groups:
        raise InputError(
            "method 'owen' needs groups=, e.g. those of xai.shapley.aspects.correlated(X); without groups Owen values "
            "are Shapley values: use method 'sampling'."
        )
    columns = list(request.frame.columns)
    unions = np.empty(len(columns), dtype=int)
    for number, positions in enumerate(players(columns, request.groups)[0]):
        unions[positions] = number
    bare = replace(request, groups={})
    prepared = _prepare(bare, request.config or OwenConfig(), unions)
    groups = {name: list(members) for name, members in request.groups.items()}
    return replace(prepared, options={**prepared.options, "groups": groups})


def _prepare(request: Request, config: SamplingConfig | OwenConfig, unions: np.ndarray | None) -> Prepared:
    if request.background is None:
        raise InputError("this method needs background rows: give background=, e.g. 100 rows of the training data.")
    background = sample_rows(request.background, config.n_background, config.seed)
    index, units = players(request.frame.columns, request.groups)
    frame, model = request.frame, request.model

    def whole(progress: Progress | None) -> Explained:
        found, n = [], len(frame)
        for i, stream in enumerate(_streams(frame)):
            game = ReferenceGame.of_row(model, frame.iloc[i : i + 1], background, index, config.batch_rows)

            def tick(part: float, i: int = i) -> None:
                if progress is not None:
                    progress((i + part) / n, f"explaining row {i + 1:,} of {n:,}")

            rng = np.random.default_rng([config.seed, stream])
            found.append(estimate(game, config, unions=unions, rng=rng, tick=tick))
        if progress is not None:
            progress(1.0, f"explained {n:,} of {n:,} rows")
        return _collect(found, config, sampled=len(background) < n_given)

    n_given = len(request.background)
    budget, goal = plan(config)
    options = {
        "n_background": len(background),
        "budget": config.budget or budget,
        "precision": goal.precision,
        "constant_units": constant_units(frame, background, index, units),
    }
    return Prepared(explain=None, whole=whole, frame=frame, engine=ENGINES["exact"], options=options)


def _streams(frame: pd.DataFrame) -> list[int]:
    """A number from each row's content, so that its draws do not depend on its place."""
    from pandas.util import hash_pandas_object

    return [int(number) for number in hash_pandas_object(frame, index=False)]


def _collect(found: list[Estimate], config: SamplingConfig | OwenConfig, *, sampled: bool) -> Explained:
    counts = Counter(one.estimator for one in found)
    drawn = set(counts) != {"exact"}
    return Explained(
        values=np.stack([one.values for one in found]),
        base_values=np.stack([one.base for one in found]),
        standard_errors=np.stack([one.standard_errors for one in found]) if drawn else None,
        engine="; ".join(ENGINES[name] for name in sorted(counts)),
        seed=config.seed if drawn or sampled else None,
        options={
            "estimators": dict(sorted(counts.items())),
            "model_rows": sum(one.model_rows for one in found),
            "rows_not_converged": sum(not one.converged for one in found),
        },
    )
