"""All a reader sees of the concepts of a class, as plain arrays: for pages, reports and other processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .fidelity import Fidelity
from .importance import Importance
from .maps import MapConfig
from .recursion import least_coherent, quick_importance

if TYPE_CHECKING:
    from .craft import Craft


@dataclass(frozen=True, eq=False)
class Sheet:
    """Concepts of a class, ready to be shown.

    Attributes
    ----------
    layer, mode
        Where the model was cut, and what the concepts were learned from.
    bank
        ``(r, p)`` the concepts themselves.
    importance, fidelity
        Of the pictures the concepts were learned from, or of some of them where the head is slow to measure.
    coherence
        ``(r,)`` how alike the pieces of each concept are.
    worth_splitting
        ``(r,)`` concepts whose pieces are least alike.
    crops
        For each concept its best pieces ``(m, h, w, 3)`` uint8, at most two of one picture.
    pictures
        ``(n, H, W, 3)`` uint8, some of the pictures as the model sees them.
    answers
        ``(n, k)`` what the model answers for them.
    maps
        ``(n, r, H, W)`` where each concept is in them; see :meth:`Craft.concept_maps`.
    error
        Share of the activations' size that the concepts leave out.
    n_images
        Pictures the concepts were learned from.
    notes
        What a reader must know.
    """

    layer: str
    mode: str
    bank: np.ndarray
    importance: Importance
    fidelity: Fidelity
    coherence: np.ndarray
    worth_splitting: np.ndarray
    crops: tuple[np.ndarray, ...]
    pictures: np.ndarray
    answers: np.ndarray
    maps: np.ndarray
    error: float
    n_images: int
    notes: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the concepts."""
        return self.importance.names


def sheet(
    craft: Craft,
    class_id: int | str,
    *,
    n_crops: int = 6,
    n_pictures: int = 8,
    method: str = "coefficients",
    config: MapConfig | None = None,
) -> Sheet:
    """Put together what is known of fitted concepts.

    Parameters
    ----------
    class_id
        Position or name of the class.
    n_crops
        Best pieces of each concept.
    n_pictures
        Pictures with maps, the first of those the concepts were learned from.
    method, config
        How the maps are made, see :meth:`Craft.concept_maps`.
    """
    good = craft.read(None).good
    shown = craft.view[good[:n_pictures]]
    found, measured, notes = quick_importance(craft, class_id)
    sizes = np.array([len(craft.members.of(i)) for i in range(craft.n_concepts)])
    return Sheet(
        layer=craft.layer,
        mode=craft.mode,
        bank=craft.W,
        importance=found,
        fidelity=craft.fidelity(measured, class_id, found=found),
        coherence=craft.members.coherence,
        worth_splitting=least_coherent(craft.members.coherence, sizes),
        crops=tuple(_pieces(craft, i, n_crops) for i in range(craft.n_concepts)),
        pictures=shown,
        answers=craft.model.predict(shown),
        maps=craft.concept_maps(shown, method, config),
        error=craft.factors.error,
        n_images=len(good),
        notes=(*craft.notes, *notes),
    )


def _pieces(craft: Craft, concept: int, n: int) -> np.ndarray:
    crops = [crop.cut_out(craft.view) for crop in craft.best_crops(concept, n)]
    side = min(craft.patch_size, *craft.view.shape[1:3])
    return np.stack(crops) if crops else np.empty((0, side, side, 3), dtype=np.uint8)
