"""Insertion and deletion curves of one game, beside random orders.

Units enter (insertion) or leave (deletion) by falling score, and the output is followed (Petsiuk, Das and Saenko
2018). A high insertion area or a low deletion area says that the model obeys the scores; how high is high only random
orders of the same units can tell.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from ..core.errors import InputError, listing, unknown_names
from ..core.game import Game

Order = Literal["insertion", "deletion"]
MIN_RANDOM = 20
"""Fewest random orders whose 2.5 % and 97.5 % points mean anything."""


@dataclass(frozen=True, eq=False)
class Curve:
    """The output while units enter or leave.

    Attributes
    ----------
    x
        ``(d + 1,)`` share of the units that entered (insertion) or left (deletion), from 0 to 1.
    y
        ``(d + 1,)`` the game's output at each step, in the output's units.
    auc
        Area under ``y`` over ``x`` by the trapezoid rule: the mean output on the way.
    random_y
        ``(d + 1,)`` mean curve of the random orders.
    random_auc
        Mean area of the random orders.
    random_interval
        Area exceeded by 97.5 % and by 2.5 % of the random orders.
    random_standard_error
        Standard error of ``random_auc``.
    percentile
        Share of random orders that are worse than this one, ties counting half; 0.5 is chance, 1 is best.
    order
        ``"insertion"`` or ``"deletion"``.
    score_direction
        ``"higher is better"`` for insertion, ``"lower is better"`` for deletion.
    output_name
        The output that was followed.
    """

    x: np.ndarray
    y: np.ndarray
    auc: float
    random_y: np.ndarray
    random_auc: float
    random_interval: tuple[float, float]
    random_standard_error: float
    percentile: float
    order: Order
    output_name: str
    random_aucs: np.ndarray = field(repr=False)

    @property
    def score_direction(self) -> str:
        """Which way a good explanation moves the area."""
        return "higher is better" if self.order == "insertion" else "lower is better"

    @property
    def gain(self) -> float:
        """How much better than random orders the area is, positive for both orders, in the output's units."""
        return (self.auc - self.random_auc) * (1.0 if self.order == "insertion" else -1.0)


def curve(
    game: Game,
    scores: np.ndarray,
    order: Order = "insertion",
    *,
    output: str | int | None = None,
    n_random: int = 100,
    seed: int = 0,
) -> Curve:
    """Follow the output while units enter or leave by falling score.

    Parameters
    ----------
    game
        Any game; masks of 0 and 1 are played.
    scores
        ``(d,)`` importance of each unit, signed: the unit that is thought to raise the output most goes first. Equal
        scores go in the order of the units.
    order
        ``"insertion"``: units enter an empty row; ``"deletion"``: units leave a whole one.
    output
        Name or position of the output to follow; needed where there are several.
    n_random
        Random orders to compare with, at least 20.
    seed
        Seed of the random orders.

    Raises
    ------
    InputError
        If the scores do not fit the game or are no numbers, or an option is unknown.
    """
    position = choose_output(game.output_names, output)
    scores = check_scores(np.asarray(scores, dtype=float)[None], len(game.units), order, n_random)[0]
    rng = np.random.default_rng(seed)
    orders = np.vstack([by_score(scores), random_orders(rng, n_random, len(scores))])
    masks = step_masks(orders, order)
    answers = game(masks.reshape(-1, len(scores)).astype(float))[:, position].reshape(len(orders), -1)
    return summarise(answers, order, game.output_names[position])


def choose_output(names: tuple[str, ...], output: str | int | None) -> int:
    """Position of an output.

    Raises
    ------
    InputError
        If there are several and none was chosen, or there is no such output.
    """
    if output is None:
        if len(names) > 1:
            raise InputError(f"there are {len(names)} outputs: choose one with output=, of {listing(names)}.")
        return 0
    if isinstance(output, str):
        if output not in names:
            raise InputError(unknown_names("output", [output], names))
        return names.index(output)
    if not -len(names) <= output < len(names):
        raise InputError(f"there is no output {output}: there are {len(names)}, {listing(names)}.")
    return int(output) % len(names)


def check_scores(scores: np.ndarray, n_units: int, order: str, n_random: int) -> np.ndarray:
    """Scores ``(n, d)`` after checking them and the options.

    Raises
    ------
    InputError
        Saying what does not fit.
    """
    if order not in get_args(Order):
        raise InputError(unknown_names("order", [order], get_args(Order)))
    if n_random < MIN_RANDOM:
        raise InputError(f"n_random must be at least {MIN_RANDOM} for an interval, not {n_random}.")
    if scores.shape[1:] != (n_units,):
        raise InputError(f"scores must have one number a unit, {n_units}, not shape {scores.shape[1:]}.")
    if not np.isfinite(scores).all():
        raise InputError(f"the score of unit {int(np.argwhere(~np.isfinite(scores))[0, 1])} is no finite number.")
    return scores


def by_score(scores: np.ndarray) -> np.ndarray:
    """Positions of the units by falling score."""
    return np.argsort(-scores, kind="stable")


def random_orders(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    """``(n, d)`` random orders of d units."""
    return np.asarray(rng.random((n, d)).argsort(axis=1))


def step_masks(orders: np.ndarray, order: Order) -> np.ndarray:
    """``(n, d + 1, d)`` booleans: the units present at each step of orders ``(n, d)``."""
    place = orders.argsort(axis=1)
    entered = place[:, None, :] < np.arange(orders.shape[1] + 1)[None, :, None]
    return entered if order == "insertion" else ~entered


def areas(answers: np.ndarray) -> np.ndarray:
    """Areas under curves ``(..., d + 1)`` with evenly spaced steps on [0, 1]."""
    return np.asarray((answers[..., :-1] + answers[..., 1:]).mean(axis=-1) / 2)


def summarise(answers: np.ndarray, order: Order, output_name: str) -> Curve:
    """The first of the curves ``(1 + n_random, d + 1)`` beside the others, which are random."""
    auc, *_ = all_areas = areas(answers)
    random = np.asarray(all_areas[1:])
    low, high = np.percentile(random, [2.5, 97.5])
    sign = 1.0 if order == "insertion" else -1.0
    # Sums of the same outputs in another order differ in their last digits: such orders are equal, not better.
    tolerance = 1e-12 * max(1.0, float(np.abs(answers).max()))
    better = np.where(np.abs(auc - random) <= tolerance, 0.5, (sign * (auc - random) > 0).astype(float))
    return Curve(
        x=np.linspace(0.0, 1.0, answers.shape[1]),
        y=answers[0],
        auc=float(auc),
        random_y=answers[1:].mean(axis=0),
        random_auc=float(random.mean()),
        random_interval=(float(low), float(high)),
        random_standard_error=float(random.std(ddof=1) / np.sqrt(len(random))),
        percentile=float(better.mean()),
        order=order,
        output_name=output_name,
        random_aucs=random,
    )
