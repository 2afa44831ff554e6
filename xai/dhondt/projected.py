"""The published method of 2026: removal effects, rounded by D'Hondt, with what they leave unexplained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.attribution import Attribution
from ..core.errors import InputError, unknown_names
from ..models import Model, wrap_model
from ..shapley import RemovalConfig, explain
from .apportionment import allocate, check_house
from .ballot import Alliances, Ballot, check_threshold, make_ballot, shares

if TYPE_CHECKING:
    import pandas as pd

RESIDUAL = "__projection_residual__"
EXCLUDED = "__excluded__"
BELOW = "__below_threshold__"
_EPS = 1e-12
_KEEP_RESIDUAL = 0.10


@dataclass(frozen=True, eq=False)
class Published2026:
    """Projected removal effects of n rows for p parties.

    Attributes
    ----------
    attribution
        ``(n, d, 1)`` over single features, an alliance's value split among its members. Its base value is the mean
        answer over the whole background; its additivity gap is everything unexplained: residual, excluded and barred.
    parties, members
        Names of the parties, alliances first, and of their features.
    values
        ``(n, p)`` projected attributions.
    effects
        ``(n, p)`` removal effects as they were before the projection.
    residual
        ``(n,)`` what the attributions leave of the target: f(x) - base, less what is excluded or barred.
    residual_ratio
        ``(n,)`` size of the residual before it was handed out, over the larger of target and sum of absolute values.
    excluded, below_threshold
        ``(n,)`` effect of the excluded features together, and sum of the effects of barred parties.
    barred
        ``(n, p)`` below the threshold in that row.
    positive_seats, negative_seats
        ``(n, p)`` display seats; the two together sum to ``house`` in every row that has effects.
    house
        Number of display seats.
    """

    attribution: Attribution
    parties: tuple[str, ...]
    members: dict[str, tuple[str, ...]]
    values: np.ndarray
    effects: np.ndarray
    residual: np.ndarray
    residual_ratio: np.ndarray
    excluded: np.ndarray
    below_threshold: np.ndarray
    barred: np.ndarray
    positive_seats: np.ndarray
    negative_seats: np.ndarray
    house: int

    @property
    def unexplained_share(self) -> float:
        """Mean absolute residual over mean absolute f(x) - base: how much the method leaves over."""
        change = np.abs(self.attribution.outputs - self.attribution.base_values).mean()
        return float(np.abs(self.residual).mean() / max(change, _EPS))

    def to_frame(self) -> pd.DataFrame:
        """Means over the rows, largest first: name, mean_abs, mean, mean_positive, mean_negative, survival.

        The residual, and where there is one the excluded and the barred part, stand among the parties.
        """
        import pandas as pd

        columns = dict(zip(self.parties, self.values.T, strict=True))
        survival = dict(zip(self.parties, (1 - self.barred.mean(axis=0)).tolist(), strict=True))
        rest = {RESIDUAL: self.residual, EXCLUDED: self.excluded, BELOW: self.below_threshold}
        columns |= {name: part for name, part in rest.items() if name == RESIDUAL or part.any()}
        frame = pd.DataFrame(
            [
                {
                    "name": name,
                    "mean_abs": np.abs(column).mean(),
                    "mean": column.mean(),
                    "mean_positive": np.maximum(column, 0).mean(),
                    "mean_negative": np.minimum(column, 0).mean(),
                    "survival": survival.get(name, np.nan),
                }
                for name, column in columns.items()
            ]
        )
        return frame.sort_values("mean_abs", ascending=False, kind="stable", ignore_index=True)


def published_2026(
    model: Any,
    X: Any,
    y: Any = None,
    *,
    seats: int = 100,
    threshold: float = 0.0,
    alliances: Alliances | None = None,
    exclude: Sequence[str] = (),
    background: Any = None,
    output: str | None = None,
    seed: int = 42,
) -> Published2026:
    """The method of 2026: single-feature removal effects, projected through D'Hondt.

    Kept, with the published defaults: probabilities where the model has them, the second class unless ``output`` says
    otherwise; 100 background rows for the effects, the mean over the whole background as the base; positive and
    negative effects as two channels that share max(5000, 100 p, seats) seats, rounded half up, each channel by D'Hondt;
    the residual stays a row of its own where it is 10 % or more and is handed out in proportion to the attributions
    where it is less; a strict threshold a row, under which barred effects are not handed on, and the largest
    party stays if all are below; alliances named by the user are removed jointly and their
    value is split by the effects of the members alone.

    Left out: pair interactions, affinities and automatic alliances (off by default, and without them
    redistribution is uniform); other perturbations, score adapters and cost policies; drawing another background for
    every row, which only adds noise; stopping after the first 500 rows; percent as a unit of the threshold.

    Two properties of the method, not of this code: as the number of seats grows the values tend to the plain
    removal effects, so the projection is a rounding; and the residual is minus the sum over coalitions of two
    and more of (size - 1) times their interaction, which is often larger than any feature: see ``unexplained_share``.

    Parameters
    ----------
    model
        A wrapped model, or an object that :func:`xai.wrap_model` takes.
    X
        Rows to explain.
    y
        Not used.
    seats
        Display seats of each row.
    threshold
        Share in [0, 1) of a row's votes.
    alliances, exclude
        As in :func:`xai.dhondt.elect`.
    background
        Rows that stand for "feature unknown"; the training data in the published examples. Default: ``X``.
    output
        Name of the output to explain.
    seed
        Of the background sample.

    Raises
    ------
    InputError
        On unknown names, or seats, threshold or tables that cannot be used.
    ModelError
        If the model cannot predict.
    """
    del y
    house = check_house(seats)
    check_threshold(threshold)
    wrapped = model if isinstance(model, Model) else wrap_model(model)
    if "probability" in wrapped.spaces:
        wrapped = wrapped.with_output("probability")
    frame = wrapped.check(X)
    table = wrapped.check(X if background is None else background)
    base_values = wrapped.predict_checked(table).mean(axis=0)  # a plain function shows here what outputs it has
    names = tuple(str(name) for name in frame.columns)
    ballot = make_ballot(names, alliances, exclude)
    if EXCLUDED in names or EXCLUDED in ballot.parties:
        raise InputError(f"the name '{EXCLUDED}' is taken by this method: rename that column or alliance.")
    column = output or wrapped.output_names[min(1, len(wrapped.output_names) - 1)]
    if column not in wrapped.output_names:
        raise InputError(unknown_names("output", [column], wrapped.output_names))

    def remove(groups: Mapping[str, Sequence[str]]) -> Attribution:
        return explain(
            wrapped, frame, "removal", background=table, groups=groups, config=RemovalConfig(seed=seed)
        ).for_output(column)

    out = [name for name in names if all(name not in members for members in ballot.members)]
    joint: dict[str, tuple[str, ...]] = {
        party: members for party, members in zip(ballot.parties, ballot.members, strict=True) if members != (party,)
    }
    together = remove(joint | ({EXCLUDED: tuple(out)} if out else {}))
    effects = _columns(together, ballot.parties)
    excluded = _columns(together, [EXCLUDED])[:, 0] if out else np.zeros(len(effects))
    base = base_values[wrapped.output_names.index(column)]
    change = together.outputs[:, 0] - base

    size = np.abs(effects)
    passed = shares(size) >= threshold
    nobody = ~passed.any(axis=1)
    passed[nobody, size[nobody].argmax(axis=1)] = True
    below = np.where(passed, 0.0, effects).sum(axis=1)
    running = np.where(passed, effects, 0.0)
    resolution = max(5000, 100 * len(ballot.parties), house)
    values = _projected(running, _channel_seats(running, resolution))
    values, residual, ratio = _hand_out(values, change - excluded - below)
    single = remove({}) if joint else together
    shown = _channel_seats(running, house)
    return Published2026(
        attribution=replace(
            single,
            values=_split(values, single, ballot, passed, len(names))[:, :, None],
            base_values=np.full((len(values), 1), base),
            units=replace(single.units, names=names, groups=()),
            method="published_2026",
            data=frame,
        ),
        parties=ballot.parties,
        members=dict(zip(ballot.parties, ballot.members, strict=True)),
        values=values,
        effects=effects,
        residual=residual,
        residual_ratio=ratio,
        excluded=excluded,
        below_threshold=below,
        barred=~passed,
        positive_seats=shown[0],
        negative_seats=shown[1],
        house=house,
    )


def _columns(a: Attribution, names: Sequence[str]) -> np.ndarray:
    columns: np.ndarray = a.values[:, [a.units.index(name) for name in names], 0]
    return columns


def _channel_seats(effects: np.ndarray, house: int) -> tuple[np.ndarray, np.ndarray]:
    """Seats ``(n, p)`` of the positive and of the negative channel."""
    channels = np.maximum(effects, 0.0), np.maximum(-effects, 0.0)
    plus, minus = (channel.sum(axis=1) for channel in channels)
    total = np.where(plus + minus > 0, plus + minus, 1.0)
    plus_seats = np.floor(house * plus / total + 0.5).astype(np.int64)
    seats = []
    for channel, mass, shared in ((channels[0], plus, plus_seats), (channels[1], minus, house - plus_seats)):
        held = np.zeros(effects.shape, dtype=np.int64)
        rows = np.flatnonzero((mass > 0) & (shared > 0))
        held[rows] = allocate(channel[rows], shared[rows])
        seats.append(held)
    return seats[0], seats[1]


def _projected(effects: np.ndarray, seats: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Each channel's effect, shared out in proportion to its seats."""
    projected = np.zeros(effects.shape)
    for sign, held in zip((1, -1), seats, strict=True):
        mass = np.maximum(sign * effects, 0.0).sum(axis=1)
        total = held.sum(axis=1)
        projected += sign * held * (mass / np.where(total > 0, total, 1))[:, None]
    return projected


def _hand_out(values: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values, residual and its ratio; a residual below 10 % is handed out among the values."""
    residual = target - values.sum(axis=1)
    size = np.abs(values)
    ratio = np.abs(residual) / np.maximum(np.maximum(np.abs(target), size.sum(axis=1)), _EPS)
    small = (ratio < _KEEP_RESIDUAL) & size.any(axis=1)
    given = np.where(small, residual, 0.0)
    return values + shares(size) * given[:, None], residual - given, ratio


def _split(values: np.ndarray, single: Attribution, ballot: Ballot, passed: np.ndarray, n_features: int) -> np.ndarray:
    """Values of single features ``(n, d)``: an alliance's value, split by its members' own effects."""
    result = np.zeros((len(values), n_features))
    for party, columns in enumerate(ballot.columns):
        raw = single.values[:, list(columns), 0] if len(columns) > 1 else values[:, [party]]
        weight = (np.abs(raw) + _EPS) / (np.abs(raw) + _EPS).sum(axis=1, keepdims=True)
        own = raw + weight * (values[:, party] - raw.sum(axis=1))[:, None]
        result[:, list(columns)] = own * passed[:, [party]]  # the members of a barred alliance represent nobody
    return result
