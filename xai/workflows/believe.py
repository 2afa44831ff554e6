"""Which explanation a model obeys: every importance is put to the same test on the same rows.

Units are given to a row that knows none of them, or taken from it, by falling importance, and the distance of the
answer from the row's own answer is followed. Distance needs no sign, so that importances without one (permutation,
a library's own) and values with one stand the same test. The scale is chance: random orders of the same units in the
same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from ..agreement import AgreementTable, compare_many
from ..core.attribution import Attribution, as_votes
from ..core.errors import InputError, listing
from ..faithfulness.single import MIN_RANDOM, by_score, choose_output, random_orders, step_masks
from ..models import Model, wrap_model
from ..models.masking import Mixer, check_background, mean_answers, sample_rows
from .saved import from_json, to_json

Progress = Callable[[float, str], None]

OF_EACH_ROW = " of each row"
MOST_STEPS = 32
_LEVEL = 0.95
_SAME_STORY = 0.9


@dataclass(frozen=True)
class Gain:
    """How much sooner than by chance the answer moves.

    Attributes
    ----------
    value
        Mean of ``insertion`` and ``deletion``: 0 is chance; 1 would be an answer that is found with the first unit
        that enters, and lost as far as chance ever loses it with the first that leaves.
    low, high
        Its 95 % bootstrap interval over rows.
    insertion, deletion
        Share by which the mean distance falls below that of random orders while units enter, and exceeds it while
        they leave.
    insertion_interval, deletion_interval
        Their 95 % intervals.
    """

    value: float
    low: float
    high: float
    insertion: float
    deletion: float
    insertion_interval: tuple[float, float]
    deletion_interval: tuple[float, float]

    @property
    def verdict(self) -> str:
        """``"better"`` or ``"worse"`` than chance, or ``"chance"`` where the interval holds 0."""
        return "better" if self.low > 0 else "worse" if self.high < 0 else "chance"


@dataclass(frozen=True, eq=False)
class Obedience:
    """Importances put to the test. Made by :func:`believe`.

    Attributes
    ----------
    x
        ``(s,)`` share of the units that entered or left; at most :data:`MOST_STEPS` steps of equal size.
    insertion, deletion
        Name to ``(s,)`` mean distance of the answer from the row's own, in the output's units; the name
        ``"random"`` is the mean of the random orders.
    gains
        Name to gain, the best first.
    apart
        Pairs of names (better, worse) whose difference has a 95 % interval above 0.
    agreement
        Of the importances with each other, as global votes; ``None`` for a single one.
    output_name, n_rows, n_background, n_random
        What was followed, and on how much.
    """

    x: np.ndarray
    insertion: Mapping[str, np.ndarray]
    deletion: Mapping[str, np.ndarray]
    gains: Mapping[str, Gain]
    apart: tuple[tuple[str, str], ...]
    agreement: AgreementTable | None
    output_name: str
    n_rows: int
    n_background: int
    n_random: int

    def in_words(self) -> str:
        """What follows, in a few sentences."""
        names = list(self.gains)
        best, gain = names[0], self.gains[names[0]]
        rivals = [name for name in names[1:] if (best, name) not in self.apart]
        chance, worse = ([n for n in names if self.gains[n].verdict == verdict] for verdict in ("chance", "worse"))
        text = [f"On these {self.n_rows} rows"]
        if gain.verdict == "better":
            most = " most" if len(names) > 1 else ""
            text.append(f"the model obeys {best}{most}: its order moves the answer {gain.value:.0%} sooner than random")
            text.append("orders do.")
            if rivals:
                text.append(f"{_capital(_listed(rivals))} cannot be told from it.")
        else:
            text.append("the model obeys none of them more than a random order.")
        if chance:
            text.append(f"{_capital(_listed(chance))} cannot be told from chance.")
        if worse:
            text.append(f"{_capital(_listed(worse))} {'does' if len(worse) == 1 else 'do'} worse than chance.")
        if self.agreement is not None:
            text.append(self._agreement_in_words(best if gain.verdict == "better" and not rivals else None))
        return " ".join(text)

    def _agreement_in_words(self, best: str | None) -> str:
        """How far the importances agree, and which to follow if one of them was told apart from all others."""
        found = [pair.spearman.value for pair in self.agreement.pairs.values()] if self.agreement is not None else []
        known = [value for value in found if np.isfinite(value)]
        if not known:
            return "Their orders have no rank correlation, as one of them ranks nothing."
        span = f"is {known[0]:.2f}" if len(known) == 1 else f"runs from {min(known):.2f} to {max(known):.2f}"
        follows = f": where they differ, go by {best}." if best else "."
        return f"The rank correlation of their orders {span}" + (
            ": they tell the same story." if min(known) > _SAME_STORY else follows
        )

    def to_json(self, path: str | Path | None = None) -> str:
        """JSON text, written to ``path`` if given."""
        return to_json(self, path)

    @classmethod
    def from_json(cls, path: str | Path) -> Obedience:
        """Read what :meth:`to_json` wrote."""
        return from_json(cls, path)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def believe(
    model: Any,
    X: Any,
    importances: Mapping[str, Any],
    background: Any = None,
    *,
    output: str | int | None = None,
    n_rows: int = 60,
    n_random: int = 20,
    n_background: int = 25,
    n_boot: int = 1000,
    seed: int = 0,
    progress: Progress | None = None,
) -> Obedience:
    """Put importances of the same columns to one test.

    Parameters
    ----------
    model
        A wrapped model, or an object that :func:`xai.wrap_model` takes.
    X
        Rows. An attribution among ``importances`` explains these rows in this order.
    importances
        Name to an Attribution of the columns, or to a mapping or Series of column to importance. Attributions are
        tested twice: by their global votes, as all others, and by their own order in each row.
    background
        Rows that stand for "feature unknown"; by default ``X``.
    output
        The output to follow; needed where the model has several.
    n_rows, n_background
        Most rows that are followed, and most background rows; drawn if there are more.
    n_random
        Random orders a row, at least 20.
    n_boot
        Resamples of the rows for the intervals.
    seed
        Of everything drawn.
    progress
        Called with the fraction done and a short text after each row.

    Returns
    -------
    Obedience

    Raises
    ------
    InputError
        If importances and columns do not fit, or an option cannot be used.
    ModelError
        If the model cannot predict.
    """
    if n_random < MIN_RANDOM:
        raise InputError(f"n_random must be at least {MIN_RANDOM}, not {n_random}.")
    wrapped = model if isinstance(model, Model) else wrap_model(model)
    frame = wrapped.check(X)
    if len(frame) < 2:
        raise InputError(f"the test needs at least two rows, but X has {len(frame)}.")
    columns = tuple(str(name) for name in frame.columns)
    reference = sample_rows(check_background(wrapped, frame if background is None else background), n_background, seed)
    wrapped.predict_checked(frame.iloc[:1])  # a plain function shows here how many outputs it has
    position = choose_output(wrapped.output_names, output)
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(len(frame), min(n_rows, len(frame)), replace=False))
    scores = _scores(importances, columns, chosen, len(frame), wrapped.output_names[position])
    names = list(scores)
    steps = np.unique(np.linspace(0, len(columns), min(len(columns), MOST_STEPS) + 1).round().astype(int))

    distances = {kind: np.empty((len(chosen), len(names) + n_random, len(steps))) for kind in _SIGN}
    for i, row in enumerate(chosen):
        orders = np.vstack(
            [*(by_score(scores[name][i])[None] for name in names), random_orders(rng, n_random, len(columns))]
        )
        entering = step_masks(orders, "insertion")[:, steps]
        mixer = Mixer(frame.iloc[row : row + 1], reference)
        # What has left by falling importance is what enters by rising importance: both are steps of one kind.
        masks = np.concatenate([entering, ~entering]).reshape(-1, len(columns))
        answers = mean_answers(wrapped, mixer, masks, position).reshape(2, *entering.shape[:2])
        whole = answers[0, :1, -1:]
        distances["insertion"][i], distances["deletion"][i] = np.abs(answers - whole)
        if progress is not None:
            progress((i + 1) / len(chosen), f"tested {i + 1} of {len(chosen)} rows")
    x = steps / len(columns)
    gains, draws = _gains(x, distances, names, n_boot, rng)
    order = sorted(names, key=lambda name: -gains[name].value)
    return Obedience(
        x=x,
        insertion=_means(distances["insertion"], names),
        deletion=_means(distances["deletion"], names),
        gains={name: gains[name] for name in order},
        apart=tuple(
            (a, b) for a, b in combinations(order, 2) if np.quantile(draws[a] - draws[b], (1 - _LEVEL) / 2) > 0
        ),
        agreement=_agreement(importances, wrapped.output_names[position], seed),
        output_name=wrapped.output_names[position],
        n_rows=len(chosen),
        n_background=len(reference),
        n_random=n_random,
    )


_SIGN = {"insertion": -1.0, "deletion": 1.0}
"""Which way a good order moves the distance."""


def _scores(
    importances: Mapping[str, Any], columns: tuple[str, ...], chosen: np.ndarray, n: int, output: str
) -> dict[str, np.ndarray]:
    """Name to ``(n_rows, d)`` sizes, in the order of the model's columns."""
    if not importances:
        raise InputError("give at least one importance to test.")
    scores: dict[str, np.ndarray] = {}
    for name, source in importances.items():
        one = source
        if isinstance(source, Attribution) and len(source.output_names) > 1:
            one = source.for_output(output)
        units, votes = as_votes(one)
        if set(units) != set(columns):
            odd = sorted(set(units) ^ set(columns))
            raise InputError(f"'{name}' is about other units than the model's columns: {listing(odd)}.")
        if not np.isfinite(votes).all():
            raise InputError(f"'{name}' holds a value that is no finite number.")
        place = [units.index(column) for column in columns]
        scores[name] = np.tile(votes[place], (len(chosen), 1))
        if isinstance(one, Attribution):
            if len(one.rows) != n:
                raise InputError(f"'{name}' explains {len(one.rows)} rows, but X has {n}.")
            scores[name + OF_EACH_ROW] = np.abs(one.values[chosen][:, place, 0])
    return scores


def _agreement(importances: Mapping[str, Any], output: str, seed: int) -> AgreementTable | None:
    single = {
        name: source.for_output(output) if isinstance(source, Attribution) and len(source.output_names) > 1 else source
        for name, source in importances.items()
    }
    return compare_many(single, n_boot=200, seed=seed) if len(single) > 1 else None


def _gains(
    x: np.ndarray, distances: Mapping[str, np.ndarray], names: list[str], n_boot: int, rng: np.random.Generator
) -> tuple[dict[str, Gain], dict[str, np.ndarray]]:
    """Gains, and their values in resamples of the rows, the same resamples for all."""
    n = len(next(iter(distances.values())))
    weights = rng.multinomial(n, np.full(n, 1 / n), size=n_boot) / n
    found: dict[str, Gain] = {}
    draws: dict[str, np.ndarray] = {}
    area = {kind: np.trapezoid(values, x) for kind, values in distances.items()}  # (rows, orders)
    for j, name in enumerate(names):
        point, resampled = [], []
        for kind, sign in _SIGN.items():
            own, chance = area[kind][:, j], area[kind][:, len(names) :].mean(axis=1)
            point.append(_relative(own.mean(), chance.mean(), sign))
            resampled.append(_relative(weights @ own, weights @ chance, sign))
        draws[name] = np.mean(resampled, axis=0)
        low, high = _interval(draws[name])
        entering, leaving = (float(value) for value in point)
        found[name] = Gain((entering + leaving) / 2, low, high, entering, leaving, *map(_interval, resampled))
    return found, draws


def _interval(draws: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(draws, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return float(low), float(high)


def _relative(own: Any, chance: Any, sign: float) -> Any:
    """By how much a distance is better than chance's, as a share of that; 0 where nothing moves the answer."""
    return np.divide(sign * (own - chance), chance, out=np.zeros_like(np.asarray(own, dtype=float)), where=chance > 0)


def _means(distances: np.ndarray, names: list[str]) -> dict[str, np.ndarray]:
    mean = distances.mean(axis=0)
    return {name: mean[j] for j, name in enumerate(names)} | {"random": mean[len(names) :].mean(axis=0)}
