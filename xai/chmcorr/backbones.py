"""Feature extractors: pictures to maps for matching, and to embeddings for the nearest neighbours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..core.errors import InputError, ModelError, unknown_names
from ..core.provenance import hash_bytes
from ..models.vision import Cut, ImageModel, as_images, layers
from .grids import Grid


@dataclass(frozen=True, eq=False)
class Features:
    """What a backbone says of n pictures.

    Attributes
    ----------
    maps
        ``(n, h, w, p)`` float32 for matching and scoring.
    embeddings
        ``(n, q)`` float32 for the nearest neighbours, of any length.
    """

    maps: np.ndarray
    embeddings: np.ndarray


class Backbone(Protocol):
    """What a gallery needs of a feature extractor."""

    name: str

    @property
    def hash(self) -> str:
        """SHA-256 of everything its features depend on."""
        ...

    def view(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """The pictures as they are encoded, drawn and occluded, ``(n, H, W, 3)`` uint8: one crop for all."""
        ...

    def features(self, view: np.ndarray) -> Features:
        """Features of pictures that went through :meth:`view`."""
        ...


class CutBackbone:
    """An image model cut in two places: an early one for maps that stay local, a late one for embeddings.

    Parameters
    ----------
    maps
        The cut whose maps are matched.
    embedding
        The cut whose spatial mean is the embedding; by default the same.
    """

    def __init__(self, maps: Cut, embedding: Cut | None = None, name: str = "") -> None:
        self.maps = maps
        self.embedding = maps if embedding is None else embedding
        self.name = name or f"{type(maps.model.network.native).__name__}:{maps.layer}"

    @property
    def hash(self) -> str:
        """SHA-256 of the model and both layers."""
        return hash_bytes(f"{self.maps.hash}{self.embedding.hash}".encode())

    def view(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """The pictures as the model sees them."""
        return self.maps.model.view(images)

    def features(self, view: np.ndarray) -> Features:
        """Maps of the one cut, means of the other's."""
        maps = self.maps.encode(view)
        late = maps if self.embedding is self.maps else self.embedding.encode(view)
        return Features(maps, late.mean(axis=(1, 2)))


class GivenBackbone:
    """Any object with ``encode(images uint8 (n, H, W, 3)) -> (n, h, w, p)`` and ``hash``."""

    def __init__(self, encoder: Any) -> None:
        self.encoder = encoder
        self.name = type(encoder).__name__

    @property
    def hash(self) -> str:
        """The object's own."""
        return str(self.encoder.hash)

    def view(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """The pictures as they are: they must have one size."""
        sizes = {image.shape[:2] for image in images}
        if len(sizes) > 1:
            raise InputError(
                f"{self.name} resizes nothing, but the pictures have {len(sizes)} sizes, {min(sizes)} and "
                f"{max(sizes)} (height, width) among them: bring them to one size first."
            )
        return np.stack(list(images))

    def features(self, view: np.ndarray) -> Features:
        """The object's maps and their means."""
        maps = np.asarray(self.encoder.encode(view), dtype=np.float32)
        if maps.ndim != 4 or len(maps) != len(view):
            raise ModelError(
                f"{self.name} encoded {len(view)} pictures as shape {maps.shape}, not ({len(view)}, h, w, channels)."
            )
        return Features(maps, maps.mean(axis=(1, 2)))


def _demo(_grid: Grid) -> Backbone:
    from ..models.vision import demo_cnn  # type: ignore[attr-defined,unused-ignore]

    return _of_model(demo_cnn(), None, _grid, "demo")


def _efficientnet(_grid: Grid) -> Backbone:
    from .efficientnet import EfficientNetLite0

    return EfficientNetLite0()


BACKBONES: dict[str, Callable[[Grid], Backbone]] = {"demo": _demo, "efficientnet_lite0": _efficientnet}
"""Named backbones; each is made for a grid."""


def open_backbone(backbone: Any, grid: Grid, layer: str | None = None) -> Backbone:
    """A backbone by name, or around an object.

    Parameters
    ----------
    backbone
        A name of :data:`BACKBONES`; an :class:`~xai.models.vision.ImageModel`, torch module or ONNX file; a ``Cut``;
        or any object with ``encode(images)`` and ``hash``.
    grid
        The grid the maps are for.
    layer
        Where to cut a model. By default the last layer with maps at least twice as fine as the grid: late maps have
        seen the whole picture, so their cells are not about their own place.

    Raises
    ------
    InputError
        If it is none of these.
    """
    if isinstance(backbone, str) and backbone in BACKBONES:
        if layer is not None:
            raise InputError(f"the backbone '{backbone}' has its own layers: leave layer out.")
        return BACKBONES[backbone](grid)
    if all(hasattr(backbone, name) for name in ("view", "features", "hash", "name")):
        known: Backbone = backbone
        return known
    if isinstance(backbone, Cut):
        return CutBackbone(backbone)
    if isinstance(backbone, ImageModel):
        return _of_model(backbone, layer, grid)
    if hasattr(backbone, "encode") and hasattr(backbone, "hash"):
        return GivenBackbone(backbone)
    if isinstance(backbone, str) and not backbone.endswith(".onnx"):
        raise InputError(unknown_names("backbone", [backbone], BACKBONES))
    return _of_model(ImageModel(backbone), layer, grid)


def encode(backbone: Backbone, images: object) -> tuple[np.ndarray, Features]:
    """The view of some pictures and its features, both checked.

    Raises
    ------
    InputError
        If a picture cannot be used.
    ModelError
        If a feature is not finite, or a picture has none at all.
    """
    view = backbone.view(as_images(images))
    found = backbone.features(view)
    for what, values in (("maps", found.maps), ("embedding", found.embeddings)):
        bad = np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))
        if bad.size:
            raise ModelError(f"{backbone.name} gives image {bad[0]} {what} with NaN or infinity.")
    flat = np.flatnonzero(~found.embeddings.any(axis=1))
    if flat.size:
        raise ModelError(f"{backbone.name} gives image {flat[0]} an embedding of zeros: nothing can resemble it.")
    return view, found


def _of_model(model: ImageModel, layer: str | None, grid: Grid, name: str = "") -> Backbone:
    if layer is not None:
        return CutBackbone(model.cut(layer), name=name)
    fine = [one for one in layers(model) if one.grid[0] >= 2 * grid[0] and one.grid[1] >= 2 * grid[1]]
    late = model.cut()
    return CutBackbone(model.cut(fine[-1].name) if fine else late, late, name)
