"""The game over concepts: what the model answers when concepts of an image are weakened, removed or strengthened."""

from __future__ import annotations

import numpy as np

from ..core import Game, Units
from .head import Coded, Head


def concept_game(
    head: Head, image: Coded, names: tuple[str, ...], output_names: tuple[str, ...], class_id: int | None = None
) -> Game:
    """A game with continuous weights over the concepts of one image.

    Parameters
    ----------
    head
        The head over the concepts.
    image
        One image in concept space.
    names, output_names
        Of the r concepts and of all outputs.
    class_id
        Position of the only output to follow; ``None``: all of them.

    Notes
    -----
    What the concepts leave out of the activations is absent from every answer, so weights of 1 give the answer to the
    rebuilt activations; how far that is from the model's own is part of :func:`xai.craft.fidelity`.
    """
    kept = list(range(len(output_names))) if class_id is None else [class_id]

    def answers(masks: np.ndarray) -> np.ndarray:
        return np.asarray(head.outputs(image, masks)[0][:, kept])

    return Game(answers, Units(names, "concept"), tuple(output_names[i] for i in kept), "continuous")
