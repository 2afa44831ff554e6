"""Curves of the rows of a table, and their mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.attribution import Attribution
from ..core.errors import InputError, listing
from ..core.units import Units
from ..models import Model, wrap_model
from ..models.masking import Mixer, check_background, mean_answers, membership, sample_rows
from .single import (
    Curve,
    Order,
    by_score,
    check_scores,
    choose_output,
    random_orders,
    step_masks,
    summarise,
)

Progress = Callable[[float, str], None]


@dataclass(frozen=True, eq=False)
class Curves:
    """Curves of several rows.

    Attributes
    ----------
    rows
        One curve a row.
    mean
        The curve of means over the rows. Its random orders are means too, one order a row in each, so that its
        interval is that of an explanation which knows nothing of any row.
    labels
        Labels of the rows.
    """

    rows: tuple[Curve, ...]
    mean: Curve
    labels: tuple[str | int, ...]

    @property
    def gain_interval(self) -> tuple[float, float]:
        """95 % interval over rows of the mean gain against random orders (normal; infinite for one row)."""
        gains = np.array([one.gain for one in self.rows])
        if len(gains) < 2:
            return (-np.inf, np.inf)
        half = 1.959963984540054 * float(gains.std(ddof=1)) / np.sqrt(len(gains))
        return (float(gains.mean() - half), float(gains.mean() + half))


def curves(
    model: Any,
    X: Any,
    attribution: Attribution,
    background: Any,
    order: Order = "insertion",
    *,
    output: str | int | None = None,
    n_random: int = 20,
    n_background: int = 50,
    seed: int = 0,
    batch_rows: int = 20_000,
    progress: Progress | None = None,
) -> Curves:
    """Insertion or deletion curves of each row of a table by its own attribution.

    A unit that is absent takes its columns' values from the background, and outputs are means over the background.

    Parameters
    ----------
    model
        A wrapped model, or an object that :func:`xai.wrap_model` takes.
    X
        The rows that were explained, in the attribution's order.
    attribution
        Signed values; units may be columns or groups of columns.
    background
        Rows that stand for "feature unknown".
    order
        ``"insertion"`` or ``"deletion"``.
    output
        The output to follow; needed where the model has several. An attribution of one output serves any.
    n_random
        Random orders a row, at least 20.
    n_background
        Most background rows; a larger background is sampled.
    seed
        Seed of orders and background sample.
    batch_rows
        Most rows handed to the model at once.
    progress
        Called with the fraction done and a short text after each row.

    Raises
    ------
    InputError
        If rows, units or outputs do not fit each other.
    ModelError
        If the model cannot predict.
    """
    wrapped = model if isinstance(model, Model) else wrap_model(model)
    frame = wrapped.check(X)
    if not len(frame):
        raise InputError("X has 0 rows: give at least one row.")
    if len(frame) != len(attribution.rows):
        raise InputError(f"X has {len(frame)} rows, but the attribution explains {len(attribution.rows)}.")
    reference = sample_rows(check_background(wrapped, background), n_background, seed)
    wrapped.predict_checked(frame.iloc[:1])  # a plain function shows here how many outputs it has
    position = choose_output(wrapped.output_names, output)
    name = wrapped.output_names[position]
    one = attribution if len(attribution.output_names) == 1 else attribution.for_output(name)
    scores = check_scores(one.values[:, :, 0], len(one.units), order, n_random)
    member = membership(_columns(one.units, list(frame.columns)), frame.shape[1])

    found, stacked = [], []
    for i in range(len(frame)):
        orders = random_orders(np.random.default_rng([seed, i]), n_random, len(one.units))
        masks = step_masks(np.vstack([by_score(scores[i]), orders]), order)
        mixer = Mixer(frame.iloc[i : i + 1], reference)
        answers = mean_answers(wrapped, mixer, masks.reshape(-1, len(one.units)) @ member, position, batch_rows)
        stacked.append(answers.reshape(1 + n_random, -1))
        found.append(summarise(stacked[-1], order, name))
        if progress is not None:
            progress((i + 1) / len(frame), f"followed {i + 1:,} of {len(frame):,} rows")
    return Curves(tuple(found), summarise(np.mean(stacked, axis=0), order, name), attribution.rows)


def _columns(units: Units, columns: list[str]) -> list[list[int]]:
    members = [units.members(name) for name in units.names]
    missing = [name for group in members for name in group if name not in columns]
    if missing:
        raise InputError(
            f"the attribution's units {listing(missing)} are no columns of the model: explain it on its own columns."
        )
    return [[columns.index(name) for name in group] for group in members]
