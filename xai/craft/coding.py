"""Pictures into activations and coefficients; a bad picture is told and spoils no other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..core.errors import InputError, ModelError
from .head import Coded
from .nnls import nnls

if TYPE_CHECKING:
    from ..models.vision import Cut, ImageModel
    from ..models.vision.activations import Activations
    from ..models.vision.crops import CropGrid

Cache = str | Path | None
Progress = Callable[[float], None]
_SHOWN = 5


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures as the model sees them.

    Attributes
    ----------
    view
        ``(n, H, W, 3)`` uint8, black where a picture cannot be used.
    problems
        Position of each picture that cannot be used to one sentence.
    """

    view: np.ndarray
    problems: dict[int, str]

    @property
    def good(self) -> np.ndarray:
        """Positions of the usable pictures."""
        return np.array([i for i in range(len(self.view)) if i not in self.problems], dtype=int)

    @property
    def notes(self) -> tuple[str, ...]:
        """One line a bad picture, the first few."""
        lines = [f"image {i} was left out: {text}" for i, text in list(self.problems.items())[:_SHOWN]]
        more = len(self.problems) - _SHOWN
        return tuple([*lines, f"and {more} more were left out."] if more > 0 else lines)


def read(model: ImageModel, images: object) -> Pictures:
    """Pictures at the model's input size.

    Raises
    ------
    InputError
        If there is none that can be used, or sizes differ and the preprocessing sets none.
    """
    from ..models.vision import sort_out

    found = sort_out(images)
    problems = dict(found.problems)
    if not found.images:
        raise InputError(_none_left(problems))
    usable = model.view(found.images)
    view = np.zeros((len(usable) + len(problems), *usable.shape[1:]), dtype=np.uint8)
    view[found.positions] = usable
    return Pictures(view, problems)


def encode(
    cut: Cut,
    pictures: Pictures,
    *,
    crops: CropGrid | None = None,
    cache: Cache = None,
    progress: Progress | None = None,
) -> tuple[Activations, Pictures]:
    """Activations of the usable pictures, and the pictures with those that turned out to be unusable.

    Raises
    ------
    InputError
        If no picture has finite activations.
    """
    from ..models.vision.activations import activations

    try:
        found = activations(cut, pictures.view[pictures.good], cache=cache, crops=crops, progress=progress)
    except ModelError:
        finite = _finite(cut, pictures.view)
        broken = {int(i): "its activations are NaN or infinite." for i in pictures.good if not finite[i]}
        if not broken:  # another trouble, or a crop's
            raise
        pictures = Pictures(pictures.view, pictures.problems | broken)
        if not len(pictures.good):
            raise InputError(_none_left(pictures.problems)) from None
        found = activations(cut, pictures.view[pictures.good], cache=cache, crops=crops, progress=progress)
    return found, pictures


def code(cut: Cut, W: np.ndarray, pictures: Pictures, cache: Cache = None) -> tuple[Coded, Pictures]:
    """Pictures in concept space, one row a picture; rows of pictures that cannot be used are NaN."""
    found, pictures = encode(cut, pictures, cache=cache)
    coded = Coded(nnls(found.maps, W), found.maps, found.prefix, cut.decode(found.maps, found.prefix))
    if not pictures.problems:
        return coded, pictures
    good, n = pictures.good, len(pictures.view)
    prefix = None if coded.prefix is None else _spread(coded.prefix, good, n)
    return Coded(
        _spread(coded.U, good, n), _spread(coded.maps, good, n), prefix, _spread(coded.outputs, good, n)
    ), pictures


def _finite(cut: Cut, view: np.ndarray) -> np.ndarray:
    """``(n,)`` whether a picture's activations are finite."""
    parts = [np.isfinite(cut.encode_inputs(batch)[0]).all(axis=(1, 2, 3)) for batch in cut.model.batches(view)]
    return np.concatenate(parts)


def _spread(rows: np.ndarray, where: np.ndarray, n: int) -> np.ndarray:
    full = np.full((n, *rows.shape[1:]), np.nan, dtype=rows.dtype)
    full[where] = rows
    return full


def _none_left(problems: dict[int, str]) -> str:
    if not problems:
        return "there are no images: give at least one."
    first, text = next(iter(problems.items()))
    return f"none of the {len(problems)} images can be used. Image {first}: {text}"
