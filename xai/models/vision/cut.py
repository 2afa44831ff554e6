"""A model split in two behind a layer: pictures to activations, activations to logits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.errors import InputError, ModelError, listing
from ...core.provenance import hash_bytes
from .head import AffineHead, find_affine, probes, sees_only_the_mean, takes_one_position
from .layers import layers
from .layout import Layout, from_maps, layout_of, to_maps

if TYPE_CHECKING:
    from .model import ImageModel

_SEED = 1
_BLOCK_VALUES = 2**25
_LIKE = 3e-4


class Cut(ABC):
    """The two halves of an image model, made by :meth:`ImageModel.cut`.

    That the halves make the whole is checked when the cut is made: decoding what was encoded must give the model's own
    logits, and the maps must matter to them.

    Attributes
    ----------
    model
        The model that was cut.
    layer
        Name of the layer whose output is the activations.
    layout
        How the layer's numbers lie in space.
    grid, depth
        Positions ``(h, w)`` and channels ``p`` at the model's input size.
    n_prefix
        Tokens beside the patches (CLS, registers): 0 for maps. Where there are some, decoding needs them too, see
        :meth:`prefix`.
    """

    def __init__(self, model: ImageModel, layer: str) -> None:
        self.model = model
        self.layer = layer
        rng = np.random.default_rng(_SEED)
        pictures = rng.integers(0, 256, size=(2, *model.size, 3), dtype=np.uint8)
        inputs = model.preprocess.normalise(pictures)
        raw = self._up_to_layer(inputs)
        layout = layout_of(raw.shape, model.size)
        if layout is None:
            raise ModelError(f"layer '{layer}' gives shape {raw.shape[1:]}, no map. {self._better()}")
        self.layout: Layout = layout
        maps, prefix = to_maps(raw, layout, model.size)
        self.grid: tuple[int, int] = maps.shape[1:3]
        self.depth: int = maps.shape[3]
        self.n_prefix: int = 0 if prefix is None else prefix.shape[1]
        self._scale = float(np.abs(maps).mean()) or 1.0
        self._prepare(raw, model.run(inputs))
        moved = maps + self._scale * rng.normal(size=maps.shape).astype(np.float32)
        if np.array_equal(self._decode_batch(moved, prefix), self._decode_batch(maps, prefix)):
            raise ModelError(
                f"what layer '{layer}' knows of the positions does not reach the logits (behind the last block only "
                f"the CLS token is read): cut earlier. {self._better()}"
            )

    def __repr__(self) -> str:
        beside = f", {self.n_prefix} tokens beside" if self.n_prefix else ""
        return f"{type(self).__name__}('{self.layer}', {self.grid[0]} x {self.grid[1]} x {self.depth}{beside})"

    @property
    def hash(self) -> str:
        """SHA-256 of the model and the layer's name."""
        return hash_bytes(f"{self.model.hash}{self.layer}".encode())

    def grid_at(self, size: tuple[int, int]) -> tuple[int, int]:
        """Positions ``(h, w)`` for inputs of another ``(height, width)``."""
        if size == self.model.size:
            return self.grid
        shape = self.encode_inputs(np.zeros((1, self.model.channels, *size), dtype=np.float32))[0].shape
        return shape[1], shape[2]

    def encode(self, images: object) -> np.ndarray:
        """Activations ``(n, h, w, p)`` float32 of pictures; tokens beside the patches are left out.

        Raises
        ------
        InputError
            If a picture cannot be used.
        ModelError
            If activations are not finite; the message names the picture.
        """
        return self.encode_with_prefix(images)[0]

    def prefix(self, images: object) -> np.ndarray | None:
        """The tokens beside the patches ``(n, t, p)`` float32, which :meth:`decode` needs; ``None`` for maps."""
        return self.encode_with_prefix(images)[1]

    def encode_with_prefix(self, images: object) -> tuple[np.ndarray, np.ndarray | None]:
        """:meth:`encode` and :meth:`prefix` in one pass."""
        parts = [self.encode_inputs(batch) for batch in self.model.batches(self.model.view(images))]
        maps = np.concatenate([part for part, _ in parts])
        bad = np.flatnonzero(~np.isfinite(maps).all(axis=(1, 2, 3)))
        if bad.size:
            raise ModelError(f"image {bad[0]} has activations that are NaN or infinite ({bad.size} images in all).")
        if not self.n_prefix:
            return maps, None
        return maps, np.concatenate([part for _, part in parts if part is not None])

    def encode_inputs(self, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Maps and prefix of network inputs ``(n, c, H, W)``, in one forward pass, unchecked."""
        raw = self._up_to_layer(inputs)
        maps, prefix = to_maps(raw, self.layout, inputs.shape[2:])
        return np.ascontiguousarray(maps), prefix

    def decode(self, maps: np.ndarray, prefix: np.ndarray | None = None) -> np.ndarray:
        """Logits ``(n, k)`` float64 of activations ``(n, h, w, p)``.

        Parameters
        ----------
        maps
            Activations, as :meth:`encode` gives them or changed.
        prefix
            ``(n, t, p)`` tokens beside the patches, or ``(1, t, p)`` for all rows alike; only where the layer has any.

        Raises
        ------
        InputError
            If the shape does not fit the layer, values are not finite, or the prefix is missing.
        """
        prefix = self._checked(maps, prefix)
        if not len(maps):
            return np.empty((0, len(self.model.class_names)))
        rows = max(self.model.batch_size, _BLOCK_VALUES // max(1, maps[0].size))
        parts = []
        for start in range(0, len(maps), rows):
            block = np.asarray(maps[start : start + rows], dtype=np.float32)
            if not np.isfinite(block).all():
                row = start + np.flatnonzero(~np.isfinite(block).all(axis=(1, 2, 3)))[0]
                raise InputError(f"row {row} of the activations holds NaN or infinity.")
            parts.append(self._decode_batch(block, None if prefix is None else prefix[start : start + rows]))
        return np.concatenate(parts)

    def affine_head(self) -> AffineHead | None:
        """Weights of the head if the logits are affine in the maps, else ``None``; found once, by asking the head."""
        return self._affine

    def pools(self) -> bool:
        """Whether the logits depend on the maps through their spatial means only."""
        return self._only_mean

    def decode_pooled(self, means: np.ndarray) -> np.ndarray:
        """Logits ``(n, k)`` of spatial means ``(n, p)``, for a head that :meth:`pools`.

        Raises
        ------
        ModelError
            If the head looks at positions.
        """
        if not self.pools():
            raise ModelError(f"behind '{self.layer}' the model looks at positions: it has no logits for their mean.")
        maps = np.asarray(means, dtype=np.float32)[:, None, None, :]
        if self._takes_one_position:
            return self.decode(maps)
        return self.decode(np.broadcast_to(maps, (len(maps), *self.grid, maps.shape[3])))

    @cached_property
    def _probes(self) -> np.ndarray:
        return probes(self.grid, self.depth, self._scale)

    @cached_property
    def _only_mean(self) -> bool:
        return not self.n_prefix and sees_only_the_mean(self.decode, self._probes)

    @cached_property
    def _takes_one_position(self) -> bool:
        return takes_one_position(self.decode, self._probes)

    @cached_property
    def _affine(self) -> AffineHead | None:
        if self.n_prefix:
            return None
        return find_affine(self.decode, self._probes, only_mean=self._only_mean)

    def _checked(self, maps: np.ndarray, prefix: np.ndarray | None) -> np.ndarray | None:
        """The prefix, one a row of ``maps``; an InputError where either does not fit the layer."""
        if maps.ndim != 4 or maps.shape[3] != self.depth:
            raise InputError(f"activations of '{self.layer}' have shape (n, h, w, {self.depth}), not {maps.shape}.")
        if not self.n_prefix:
            if prefix is not None:
                raise InputError(f"layer '{self.layer}' has no tokens beside its map: leave prefix out.")
            return None
        if prefix is None:
            raise InputError(
                f"layer '{self.layer}' has {self.n_prefix} tokens beside the patches: give those of the pictures, "
                "prefix=cut.prefix(images)."
            )
        prefix = np.asarray(prefix, dtype=np.float32)
        if prefix.ndim != 3 or len(prefix) not in {1, len(maps)} or prefix.shape[1:] != (self.n_prefix, self.depth):
            raise InputError(f"prefix has shape {prefix.shape}, not {(len(maps), self.n_prefix, self.depth)}.")
        return np.broadcast_to(prefix, (len(maps), *prefix.shape[1:]))

    def _decode_batch(self, maps: np.ndarray, prefix: np.ndarray | None) -> np.ndarray:
        return np.asarray(self._from_layer(np.ascontiguousarray(from_maps(maps, prefix, self.layout))), dtype=float)

    def _agrees(self, raw: np.ndarray, logits: np.ndarray) -> bool:
        """Whether decoding these activations gives the logits of the whole model."""
        return bool(np.abs(self._from_layer(raw) - logits).max() <= self._tolerance * max(1.0, np.abs(logits).max()))

    @property
    def _tolerance(self) -> float:
        return _LIKE

    def _better(self) -> str:
        names = [layer.name for layer in layers(self.model)]
        return f"Layers that can be cut: {listing(names, 40)}."

    @abstractmethod
    def _up_to_layer(self, inputs: np.ndarray) -> np.ndarray:
        """The layer's output for network inputs, as the layer gives it."""

    @abstractmethod
    def _prepare(self, raw: np.ndarray, logits: np.ndarray) -> None:
        """Make the second half and check that it leads from ``raw`` to ``logits``; a ModelError if it does not."""

    @abstractmethod
    def _from_layer(self, raw: np.ndarray) -> np.ndarray:
        """Logits of the layer's output, in one forward pass."""

    def encode_torch(self, inputs: Any) -> tuple[Any, Any]:  # noqa: ARG002 - as the cuts that can
        """Maps ``(n, h, w, p)`` and prefix (or ``None``) of an input tensor ``(n, c, H, W)``, with gradients.

        Raises
        ------
        ModelError
            If the model is no torch module.
        """
        raise ModelError(f"{self.model.network.framework} models give no gradients: use a method that needs none.")

    def decode_torch(self, maps: Any, prefix: Any = None) -> Any:  # noqa: ARG002 - as the cuts that can
        """Logits ``(n, k)`` of a tensor of maps ``(n, h, w, p)``, with gradients.

        Raises
        ------
        ModelError
            If the model is no torch module.
        """
        raise ModelError(f"{self.model.network.framework} models give no gradients: use a method that needs none.")
