"""Concepts of an image class, found in a worker: the tasks behind the Concepts page."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ..core.errors import InputError, unknown_names

if TYPE_CHECKING:
    from ..craft import Craft, Sheet
    from ..models.vision import Cut, ImageModel

Progress = Callable[[float, str], None]
T = TypeVar("T")

SMEARS_SEED = 5
"""Other smears than the network was trained on (seed 0) and measured with (seed 1)."""
_LEAST = 5
_KEPT = 3
_NAMED = 12


@dataclass(frozen=True)
class Subject:
    """Which network looks at which pictures.

    Attributes
    ----------
    network
        ``"demo"``, ``"imagenet"`` or ``"file"``.
    model
        Path of a file.
    pictures
        A file of pictures as :func:`xai.sandbox.uploaded.read_pictures` takes it.
    images
        Name to the bytes of a PNG or JPEG file as uint8. Without either, synthetic smears.
    preprocess, class_names
        Of a file: fields of :class:`xai.models.vision.Preprocess` and names of the classes; ``None`` for what it says.
    n_images
        How many smears, of all classes.
    """

    network: str = "demo"
    model: str | None = None
    pictures: str | None = None
    images: Mapping[str, np.ndarray] | None = None
    preprocess: Mapping[str, Any] | None = None
    class_names: Sequence[str] | None = None
    n_images: int = 160

    @property
    def key(self) -> str:
        """Hash of all of it; of files their content."""
        from ..core.provenance import hash_array, hash_bytes

        images = sorted((name, hash_array(np.asarray(content))) for name, content in (self.images or {}).items())
        pictures = self.pictures and hash_bytes(Path(self.pictures).read_bytes())
        return hash_bytes(repr((self.model_key, pictures, images, self.n_images)).encode())

    @property
    def model_key(self) -> str:
        """Hash of the network and what is done with pictures first."""
        from ..core.provenance import hash_bytes

        file = self.model and hash_bytes(Path(self.model).read_bytes())
        settings = (sorted((self.preprocess or {}).items()), list(self.class_names or ()))
        return f"{self.network}:{hash_bytes(repr((file, settings)).encode())}"


@lru_cache(maxsize=1)
def demo_model() -> ImageModel:
    """The network that comes with the package."""
    from ..models.vision import demo_cnn

    return demo_cnn()


@lru_cache(maxsize=1)
def imagenet_model() -> ImageModel:
    """EfficientNet-Lite0."""
    from ..models.vision import efficientnet_lite0

    return efficientnet_lite0()


@lru_cache(maxsize=2)
def bundled(n: int) -> np.ndarray:
    """Synthetic smears the network has not seen."""
    from ..datasets.smears import generate

    return generate(n, seed=SMEARS_SEED).images


@dataclass(frozen=True, eq=False)
class _Seen:
    """Pictures as a model sees them, with its answers."""

    view: np.ndarray
    answers: np.ndarray
    notes: tuple[str, ...]


_models: OrderedDict[str, ImageModel] = OrderedDict()
_seen: OrderedDict[str, _Seen] = OrderedDict()
_fits: OrderedDict[str, Craft] = OrderedDict()
_cuts: OrderedDict[str, Cut] = OrderedDict()


def image_classes(
    *,
    progress: Progress,
    network: str = "demo",
    model: str | None = None,
    pictures: str | None = None,
    images: Mapping[str, np.ndarray] | None = None,
    given: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What a network takes pictures for.

    Returns
    -------
    dict
        ``names`` of the classes it answers at least once, the most frequent first, ``counts``, and ``notes``.
    """
    seen, opened = _looked_at(Subject(network, model, pictures, images, **(given or {})), progress)
    counts = np.bincount(seen.answers.argmax(axis=1), minlength=len(opened.class_names))
    order = [int(i) for i in np.argsort(-counts, kind="stable") if counts[i]]
    return {
        "names": [opened.class_names[i] for i in order],
        "counts": [int(counts[i]) for i in order],
        "notes": list(seen.notes),
    }


def concepts(
    *,
    progress: Progress,
    class_name: str,
    n_concepts: int = 8,
    mode: str = "positions",
    method: str = "coefficients",
    split: Sequence[int] = (),
    seed: int = 0,
    network: str = "demo",
    model: str | None = None,
    pictures: str | None = None,
    images: Mapping[str, np.ndarray] | None = None,
    given: Mapping[str, Any] | None = None,
) -> Sheet:
    """Concepts of a class of a network.

    Parameters
    ----------
    class_name
        The class; concepts are learned from the pictures that the model takes for it.
    n_concepts, mode, method, seed
        See :class:`xai.craft.Craft` and :meth:`xai.craft.Craft.concept_maps`.
    split
        Positions of concepts from the root down: what the last one consists of is found instead.
    network, model, pictures, images, given
        See :class:`Subject`; ``given`` holds its other fields.

    Raises
    ------
    InputError
        If too few pictures are of the class.
    """
    from ..craft import sheet

    subject = Subject(network, model, pictures, images, **(given or {}))
    craft, notes = _fitted(subject, class_name, progress, n_concepts=n_concepts, mode=mode, seed=seed)
    for position in split:
        progress(0.7, "splitting a concept")
        known = next((child for (parent, _), child in craft.children.items() if parent == position), None)
        craft = known or craft.recurse(position)
    progress(0.8, "measuring concepts")
    found = sheet(craft, class_name, method=method)
    return replace(found, notes=(*notes, *found.notes))


def concept_sweep(
    *,
    progress: Progress,
    class_name: str,
    ranks: Sequence[int] = (2, 4, 6, 8, 10, 15, 20),
    n_concepts: int = 8,
    mode: str = "positions",
    seed: int = 0,
    network: str = "demo",
    model: str | None = None,
    pictures: str | None = None,
    images: Mapping[str, np.ndarray] | None = None,
    given: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Several numbers of concepts: fields of :class:`xai.craft.RankSweep`."""
    subject = Subject(network, model, pictures, images, **(given or {}))
    craft, _ = _fitted(subject, class_name, progress, n_concepts=n_concepts, mode=mode, seed=seed)
    progress(0.6, "trying several numbers of concepts")
    found = craft.sweep(ranks=ranks, n_seeds=2)
    return {
        "ranks": found.ranks, "error": found.error, "agreement": found.agreement, "stability": found.stability,
        "suggested": found.suggested,
    }  # fmt: skip


def play_concepts(
    *,
    progress: Progress,  # noqa: ARG001 - one shape for all tasks
    masks: Any,
    picture: np.ndarray,
    bank: np.ndarray,
    layer: str,
    network: str = "demo",
    model: str | None = None,
    pictures: str | None = None,
    images: Mapping[str, np.ndarray] | None = None,
    given: Mapping[str, Any] | None = None,
) -> np.ndarray:
    """Outputs ``(n_masks, k)`` for one picture whose concepts have the weights ``masks`` ``(n_masks, r)``.

    Parameters
    ----------
    picture
        ``(H, W, 3)`` uint8 as the model sees it.
    bank, layer
        ``(r, p)`` concepts, and where they were found.
    """
    from ..craft.coding import Pictures, code
    from ..craft.head import Head

    asked = Subject(network, model, pictures, images, **(given or {}))
    key = f"{asked.model_key}:{layer}"
    cut = _kept(_cuts, key, lambda: _model(asked).cut(layer))
    coded, _ = code(cut, np.asarray(bank), Pictures(np.asarray(picture)[None], {}))
    return np.asarray(Head(cut, np.asarray(bank)).outputs(coded, np.asarray(masks, dtype=float))[0])


def _fitted(
    subject: Subject, class_name: str, progress: Progress, *, n_concepts: int, mode: Any, seed: int
) -> tuple[Craft, tuple[str, ...]]:
    """Concepts of a class, found once for the same question, and notes on the pictures."""
    from ..craft import Craft

    seen, model = _looked_at(subject, progress)
    if class_name not in model.class_names:
        raise InputError(unknown_names("class", [class_name], model.class_names))
    of_class = seen.answers.argmax(axis=1) == model.class_names.index(class_name)
    if of_class.sum() < _LEAST:
        raise InputError(
            f"the model takes {of_class.sum()} of these {len(seen.view)} pictures for '{class_name}', and concepts "
            f"need at least {_LEAST}. It takes them for: {_taken_for(seen, model)}."
        )
    pictures = seen.view[of_class]
    patch = max(2, min(pictures.shape[1:3]) * 2 // 5)

    def fit() -> Craft:
        progress(0.4, "finding concepts")
        craft = Craft(model, n_concepts, mode=mode, patch_size=patch, seed=seed)
        return craft.fit(pictures, lambda share: progress(0.4 + 0.3 * share, "finding concepts"))

    key = repr((subject.key, class_name, n_concepts, mode, seed))
    return _kept(_fits, key, fit), seen.notes


def _looked_at(subject: Subject, progress: Progress) -> tuple[_Seen, ImageModel]:
    progress(0.02, "opening the network")
    model = _model(subject)

    def look() -> _Seen:
        progress(0.05, "reading pictures")
        images, notes = _pictures(subject)
        view = model.view(images)
        progress(0.1, "asking the model for its answers")
        return _Seen(view, model.predict(view), notes)

    return _kept(_seen, subject.key, look), model


def _model(subject: Subject) -> ImageModel:
    if subject.network == "demo":
        return demo_model()
    if subject.network == "imagenet":
        return imagenet_model()
    if subject.network != "file" or subject.model is None:
        raise InputError(unknown_names("network", [subject.network], ("demo", "imagenet", "file")))

    def opened() -> ImageModel:
        from ..models import open_image_model
        from ..models.vision import Preprocess

        given: dict[str, Any] = {
            name: tuple(v) if isinstance(v, list) else v for name, v in (subject.preprocess or {}).items()
        }
        preprocess = None if subject.preprocess is None else Preprocess(**given)
        return open_image_model(str(subject.model), preprocess, subject.class_names)

    return _kept(_models, subject.model_key, opened)


def _pictures(subject: Subject) -> tuple[Any, tuple[str, ...]]:
    """Pictures of any sizes, and a note for each that cannot be read."""
    from ..models.vision import read_image

    if subject.pictures is not None:
        from .uploaded import read_pictures

        found = read_pictures(subject.pictures)
        return list(found.images), tuple(f"{name} was left out: {text}" for name, text in found.problems.items())
    if subject.images is None:
        return bundled(subject.n_images), ()
    good, notes = [], []
    for name, content in subject.images.items():
        try:
            good.append(read_image(np.asarray(content, dtype=np.uint8).tobytes()))
        except InputError as error:
            notes.append(f"{name} was left out: {error}")
    if not good:
        raise InputError("none of the pictures can be read. " + " ".join(notes[:3]))
    return good, tuple(notes)


def _taken_for(seen: _Seen, model: ImageModel) -> str:
    counts = np.bincount(seen.answers.argmax(axis=1), minlength=len(model.class_names))
    order = [i for i in np.argsort(-counts, kind="stable") if counts[i]]
    more = f" and {len(order) - _NAMED} more classes" if len(order) > _NAMED else ""
    return ", ".join(f"{model.class_names[i]} {counts[i]}" for i in order[:_NAMED]) + more


def _kept(place: OrderedDict[str, T], key: str, make: Callable[[], T]) -> T:
    """What is kept under a key, made if it is not there; the oldest goes when there are too many."""
    if key not in place:
        place[key] = make()
        while len(place) > _KEPT:
            place.popitem(last=False)
    place.move_to_end(key)
    return place[key]
