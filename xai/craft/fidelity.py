"""Whether the model obeys the concepts: curves in concept space, and how much of the decision the concepts carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..faithfulness.single import Order, areas, by_score, random_orders, step_masks
from .factorize import relative_error
from .head import Coded, Head
from .importance import Importance

if TYPE_CHECKING:
    import pandas as pd

ORDERS = ("signed", "sobol", "tcav", "random")
_ENOUGH_AGREEMENT, _ENOUGH_SHARE = 0.9, 0.8
_STEP = 1e-2  # of the activations' size: the step of a directional derivative in single precision


@dataclass(frozen=True, eq=False)
class Carried:
    """How much of the model's decision is in the concepts.

    Attributes
    ----------
    r2
        Share of the variance of the activations that the concepts rebuild.
    error
        ``||A - U W|| / ||A||``.
    agreement
        Share of images whose first class stays the same when the head sees only the concepts.
    gap
        Mean ``|f(A) - f(U W)|`` of the class score, in its units.
    share
        1 minus that gap as a share of how far the class score is from its value without any concept; at most 1, and
        negative if the concepts say less than nothing would.
    """

    r2: float
    error: float
    agreement: float
    gap: float
    share: float

    @property
    def warning(self) -> str | None:
        """One sentence if importances of these concepts say little about the model."""
        if self.agreement >= _ENOUGH_AGREEMENT and self.share >= _ENOUGH_SHARE:
            return None
        return (
            f"these concepts do not carry the decision: rebuilt from them, {self.agreement:.0%} of the images keep "
            f"their class and {max(self.share, 0.0):.0%} of the class score is explained. Use more concepts, "
            "more images of the class, or a later layer."
        )


@dataclass(frozen=True, eq=False)
class Fidelity:
    """Class score while concepts enter (insertion) or leave (deletion), mean over the images.

    Attributes
    ----------
    x
        ``(r + 1,)`` share of the concepts that entered or left.
    insertion, deletion
        Order to ``(r + 1,)`` class scores: ``"signed"`` contribution of each image (optimal for affine heads),
        ``"sobol"`` index of each image, ``"tcav"`` (share of images whose score rises along the concept, then how
        steeply), and ``"random"``.
    insertion_auc, deletion_auc
        Order to the area: the mean score on the way. High is good for insertion, low for deletion.
    carried
        What the concepts hold of the decision.
    class_name
        The class followed.
    n_images, n_random
        Images averaged over; random orders an image.
    """

    x: np.ndarray
    insertion: Mapping[str, np.ndarray]
    deletion: Mapping[str, np.ndarray]
    insertion_auc: Mapping[str, float]
    deletion_auc: Mapping[str, float]
    carried: Carried
    class_name: str
    n_images: int
    n_random: int

    def to_frame(self) -> pd.DataFrame:
        """One row an order: areas of insertion and deletion."""
        import pandas as pd

        return pd.DataFrame({"insertion": self.insertion_auc, "deletion": self.deletion_auc}).loc[list(ORDERS)]


def fidelity(
    head: Head, images: Coded, found: Importance, class_id: int, *, n_random: int = 20, seed: int = 0
) -> Fidelity:
    """Insertion and deletion curves in concept space by several orders.

    Parameters
    ----------
    head
        The head over the concepts.
    images
        Images in concept space; those whose activations are not finite are left out.
    found
        Importances of the same images.
    class_id
        Position of the class.
    n_random
        Random orders an image.
    """
    indices = found.per_image[images.known]
    images = images[images.known]
    n, r = len(images), len(head.W)
    rng = np.random.default_rng(seed)
    scores = {
        "signed": found.attribution.values[:, :, class_id],
        "sobol": np.nan_to_num(indices),
        "tcav": np.repeat(tcav(head, images, class_id)[None], n, axis=0),
    }
    played = np.stack([np.stack([by_score(row) for row in rows]) for rows in scores.values()], axis=1)
    curves: dict[Order, dict[str, np.ndarray]] = {"insertion": {}, "deletion": {}}
    shuffled = [random_orders(rng, n_random, r) for _ in range(n)]
    for order, by_name in curves.items():
        answers = np.stack(
            [
                _followed(head, images[slice(i, i + 1)], np.vstack([played[i], shuffled[i]]), order, class_id)
                for i in range(n)
            ]
        )  # (n, orders, r + 1)
        by_name |= {name: answers[:, j].mean(axis=0) for j, name in enumerate(scores)}
        by_name["random"] = answers[:, len(scores) :].mean(axis=(0, 1))
    return Fidelity(
        x=np.linspace(0.0, 1.0, r + 1),
        insertion=curves["insertion"],
        deletion=curves["deletion"],
        insertion_auc={name: float(areas(y)) for name, y in curves["insertion"].items()},
        deletion_auc={name: float(areas(y)) for name, y in curves["deletion"].items()},
        carried=carried(head, images, class_id),
        class_name=found.class_name,
        n_images=n,
        n_random=n_random,
    )


def carried(head: Head, images: Coded, class_id: int) -> Carried:
    """Compare the model with its head on rebuilt activations, see :class:`Carried`."""
    rebuilt = head.played(images, np.ones((1, len(head.W))))[:, 0]
    gap = float(np.abs(images.outputs - rebuilt)[:, class_id].mean())
    reach = float(np.abs(images.outputs - head.base(images))[:, class_id].mean())
    rows = images.maps.reshape(-1, images.maps.shape[-1]).astype(float)
    rest = np.square(rows - images.U.reshape(-1, len(head.W)) @ head.W).sum()
    spread = np.square(rows - rows.mean(axis=0)).sum()
    return Carried(
        r2=float(1 - rest / spread) if spread > 0 else float("nan"),
        error=relative_error(images.maps, images.U, head.W),
        agreement=float((images.outputs.argmax(axis=1) == rebuilt.argmax(axis=1)).mean()),
        gap=gap,
        share=1 - gap / reach if reach > 0 else float("nan"),
    )


def tcav(head: Head, images: Coded, class_id: int) -> np.ndarray:
    """``(r,)`` scores in the manner of TCAV (Kim et al. 2018): share of images whose class score rises along a concept.

    Concepts whose share is the same are told apart by the mean derivative, which moves no score by more than the
    difference between two shares.
    """
    size = float(np.sqrt(np.square(images.maps, dtype=float).sum(axis=-1).mean()))
    step = _STEP * (size or 1.0)
    moved = [head.cut.decode(images.maps + step * w, images.prefix)[:, class_id] for w in head.W]
    slopes = (np.stack(moved) - images.outputs[:, class_id]) / step
    steep = slopes.mean(axis=1)
    largest = np.abs(steep).max() or 1.0
    return np.asarray((slopes > 0).mean(axis=1) + steep / largest / (2 * len(images) + 1))


def _followed(head: Head, image: Coded, orders: np.ndarray, order: Order, class_id: int) -> np.ndarray:
    """Class scores ``(orders, r + 1)`` of one image along orders of its concepts."""
    masks = step_masks(orders, order).reshape(-1, orders.shape[1]).astype(float)
    return np.asarray(head.outputs(image, masks)[0, :, class_id].reshape(len(orders), -1))
