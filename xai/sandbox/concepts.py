"""Concepts of an image class, found in a worker: the task behind the Concepts page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError, unknown_names

if TYPE_CHECKING:
    from ..craft import Craft, Sheet
    from ..models.vision import ImageModel

Progress = Callable[[float, str], None]

SMEARS_SEED = 5
"""Other smears than the network was trained on (seed 0) and measured with (seed 1)."""
_LEAST = 5


@lru_cache(maxsize=1)
def demo_model() -> ImageModel:
    """The network that comes with the package."""
    from ..models.vision import demo_cnn

    return demo_cnn()


@lru_cache(maxsize=2)
def bundled(n: int) -> np.ndarray:
    """Synthetic smears the network has not seen."""
    from ..datasets.smears import generate

    return generate(n, seed=SMEARS_SEED).images


def concepts(
    *,
    progress: Progress,
    class_name: str,
    images: Mapping[str, np.ndarray] | None = None,
    n_images: int = 240,
    n_concepts: int = 8,
    mode: str = "positions",
    method: str = "coefficients",
    split: Sequence[int] = (),
    seed: int = 0,
) -> Sheet:
    """Concepts of a class of the demo network.

    Parameters
    ----------
    class_name
        The class; concepts are learned from the pictures that the model takes for it.
    images
        Name to the bytes of a PNG or JPEG file as uint8; ``None``: synthetic smears.
    n_images
        Synthetic smears of all classes.
    n_concepts, mode, method, seed
        See :class:`xai.craft.Craft` and :meth:`xai.craft.Craft.concept_maps`.
    split
        Positions of concepts from the root down: what the last one consists of is found instead.

    Raises
    ------
    InputError
        If too few pictures are of the class.
    """
    from ..craft import sheet

    progress(0.05, "reading pictures")
    model = demo_model()
    if class_name not in model.class_names:
        raise InputError(unknown_names("class", [class_name], model.class_names))
    pictures, notes = (bundled(n_images), ()) if images is None else _read(images)
    progress(0.2, "asking the model for its answers")
    of_class = model.predict(pictures).argmax(axis=1) == model.class_names.index(class_name)
    if of_class.sum() < _LEAST:
        counts = zip(model.class_names, _counts(model, pictures), strict=True)
        others = ", ".join(f"{name} {n}" for name, n in counts if n)
        raise InputError(
            f"the model takes {of_class.sum()} of these {len(pictures)} pictures for '{class_name}', and concepts need "
            f"at least {_LEAST}. It takes them for: {others}."
        )
    progress(0.4, "finding concepts")
    craft = _fitted(model, pictures[of_class], n_concepts, mode, seed)
    for position in split:
        progress(0.6, "splitting a concept")
        craft = craft.recurse(position)
    progress(0.8, "measuring concepts")
    found = sheet(craft, class_name, method=method)
    return replace(found, notes=(*notes, *found.notes))


def _fitted(model: ImageModel, pictures: np.ndarray, n_concepts: int, mode: Any, seed: int) -> Craft:
    from ..craft import Craft

    patch = max(16, min(pictures.shape[1:3]) * 2 // 5)
    return Craft(model, n_concepts, mode=mode, patch_size=patch, seed=seed).fit(pictures)


def _read(images: Mapping[str, np.ndarray]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Pictures as the demo network sees them, and a note for each that cannot be read."""
    from ..models.vision import read_image

    good, notes = [], []
    for name, content in images.items():
        try:
            good.append(read_image(np.asarray(content, dtype=np.uint8).tobytes()))
        except InputError as error:
            notes.append(f"{name} was left out: {error}")
    if not good:
        raise InputError("none of the pictures can be read. " + " ".join(notes[:3]))
    return demo_model().view(good), tuple(notes)


def _counts(model: ImageModel, pictures: np.ndarray) -> list[int]:
    counts: list[int] = np.bincount(model.predict(pictures).argmax(axis=1), minlength=len(model.class_names)).tolist()
    return counts
