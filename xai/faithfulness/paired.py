"""Both curves of one explanation, beside random orders, in few questions.

Units that leave in some order leave behind what enters in the reversed order, and a random order reversed is a random
order: one set of random answers serves both curves. Of many units several enter at once.
"""

from __future__ import annotations

import numpy as np

from ..core.game import Game
from .single import Curve, by_score, check_scores, choose_output, random_orders, step_masks, summarise


def insertion_deletion(
    game: Game,
    values: np.ndarray,
    *,
    output: str | int | None = None,
    n_random: int = 20,
    steps: int = 20,
    seed: int = 0,
) -> tuple[Curve, Curve]:
    """Insertion and deletion curves of an attribution.

    Parameters
    ----------
    game
        Units kept (1) or replaced (0), e.g. of :func:`xai.reagent.game`.
    values
        ``(d,)`` signed effects of the units; the largest goes first.
    output
        Which output is followed; may be left out when there is one.
    n_random
        Random orders, at least 20.
    steps
        Most steps of a curve; between them it is drawn straight.
    seed
        Of the random orders.

    Raises
    ------
    InputError
        If the values do not fit the game, or there are several outputs and none was chosen.
    """
    position = choose_output(game.output_names, output)
    scores = check_scores(np.asarray(values, dtype=float)[None], len(game.units), "insertion", n_random)[0]
    d = len(scores)
    own = by_score(scores)
    orders = np.vstack([own, own[::-1], random_orders(np.random.default_rng(seed), n_random, d)])
    at = np.unique(np.linspace(0, d, min(d, steps) + 1).round().astype(int))
    masks = step_masks(orders, "insertion")[:, at]
    answers = game(masks.reshape(-1, d).astype(float))[:, position].reshape(len(orders), -1)
    whole = np.stack([np.interp(np.arange(d + 1), at, row) for row in answers])
    name = game.output_names[position]
    inserted = summarise(whole[[0, *range(2, len(whole))]], "insertion", name)
    return inserted, summarise(whole[1:, ::-1], "deletion", name)
