"""Methods that play the game of each row: exact Shapley values and single-feature removal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..core.errors import InputError
from ..core.game import Game
from .features import constant_units, players, row_game, sample_rows
from .request import Prepared, Request
from .sampling.exact import MAX_UNITS, subsets, weights

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd


@dataclass(frozen=True)
class ExactConfig:
    """Options of exact Shapley values.

    Attributes
    ----------
    n_background
        Most background rows; a larger background is sampled.
    seed
        Seed of that sample.
    """

    n_background: int = 100
    seed: int = 0


@dataclass(frozen=True)
class RemovalConfig:
    """Options of removal effects.

    Attributes
    ----------
    n_background
        Most background rows; a larger background is sampled.
    seed
        Seed of that sample.
    """

    n_background: int = 100
    seed: int = 0


def exact(request: Request) -> Prepared:
    """Shapley values by playing all coalitions of the interventional game.

    Raises
    ------
    InputError
        If there is no background, or more than 14 units.
    """
    n_units = len(players(request.frame.columns, request.groups)[0])
    if n_units > MAX_UNITS:
        raise InputError(
            f"method 'exact' plays all 2^d coalitions and takes up to {MAX_UNITS} units, but there are {n_units}: "
            "join columns with groups=, or use method 'sampling'."
        )
    return _prepare(request, request.config or ExactConfig(), shapley_values, "enumeration of all coalitions")


def removal(request: Request) -> Prepared:
    """Effect of removing each unit alone: ``e_i = f(x) - E_z f(x with i from z)``.

    The effects do not add up unless the model is additive; what is left over is the attribution's
    additivity gap, ``- sum over |S| >= 2 of (|S| - 1) m_S`` in the Moebius terms of the game.

    Raises
    ------
    InputError
        If there is no background.
    """
    return _prepare(request, request.config or RemovalConfig(), removal_effects, "single-unit removal")


def _prepare(
    request: Request,
    config: ExactConfig | RemovalConfig,
    solve: Callable[[Game], tuple[np.ndarray, np.ndarray]],
    engine: str,
) -> Prepared:
    if config.n_background < 1:
        raise InputError(f"n_background must be at least 1, not {config.n_background}.")
    if request.background is None:
        raise InputError("this method needs background rows: give background=, e.g. 100 rows of the training data.")
    sampled = len(request.background) > config.n_background
    background = sample_rows(request.background, config.n_background, config.seed)
    index, units = players(request.frame.columns, request.groups)

    def explain(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        results = [
            solve(row_game(request.model, rows.iloc[i : i + 1], background, index, units)) for i in range(len(rows))
        ]
        return np.stack([values for values, _ in results]), np.stack([base for _, base in results])

    return Prepared(
        explain=explain,
        frame=request.frame,
        engine=engine,
        options={
            "n_background": len(background),
            "constant_units": constant_units(request.frame, background, index, units),
        },
        seed=config.seed if sampled else None,
        first_block=1,
    )


def shapley_values(game: Game) -> tuple[np.ndarray, np.ndarray]:
    """Shapley values ``(d, k)`` of a binary game, and its value without any unit ``(k,)``.

    ``phi_i = sum over S without i of |S|! (d - |S| - 1)! / d! * (v(S + i) - v(S))``.
    """
    d = len(game.units)
    masks = subsets(d)
    answers = game(masks)
    sizes, share = masks.sum(axis=1), weights(d)
    values = np.empty((d, answers.shape[1]))
    for unit in range(d):
        without = np.flatnonzero(~masks[:, unit])
        values[unit] = share[sizes[without]] @ (answers[without | (1 << unit)] - answers[without])
    return values, answers[0]


def removal_effects(game: Game) -> tuple[np.ndarray, np.ndarray]:
    """``v(all) - v(all but i)``, ``(d, k)``, and the game's value without any unit ``(k,)``."""
    d = len(game.units)
    answers = game(np.vstack([np.ones((1, d)), np.zeros((1, d)), 1.0 - np.eye(d)]))
    return answers[0] - answers[2:], answers[1]
