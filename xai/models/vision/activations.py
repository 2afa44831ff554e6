"""Activations of many pictures, computed once: of every position, or of crops; kept on disk if wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...core.errors import ModelError
from ...core.provenance import hash_array, hash_bytes
from .cache import ActivationCache, fill
from .crops import CropGrid
from .cut import Cut
from .preprocess import enlarge

_FORMAT = 1
_HALF_MAX = 65504.0
Progress = Callable[[float], None]


@dataclass(frozen=True, eq=False)
class Activations:
    """What a layer makes of pictures.

    Attributes
    ----------
    maps
        ``(n, h, w, p)`` float16, or float32 where values are too large for it, possibly mapped from disk. Of crops:
        the spatial means, ``(n, 1, 1, p)`` float32.
    prefix
        ``(n, t, p)`` tokens beside the patches, ``None`` for maps and for crops.
    sources
        ``(n,)`` which picture each row belongs to.
    boxes
        ``(n, 4)`` top, left, bottom, right in pixels of ``Cut.model.view(images)``: the crop, or the whole picture.
    negative_share
        Share of the values below zero; plain non-negative factorisation needs 0.
    """

    maps: np.ndarray
    prefix: np.ndarray | None
    sources: np.ndarray
    boxes: np.ndarray
    negative_share: float


def activations(
    cut: Cut,
    images: object,
    *,
    cache: ActivationCache | str | Path | None = None,
    crops: CropGrid | None = None,
    progress: Progress | None = None,
) -> Activations:
    """Activations of pictures at a cut, from the cache where they are there.

    Memory stays bounded by one batch where there is a cache; without one, the result itself is held in memory.

    Parameters
    ----------
    cut
        The model split behind a layer.
    images
        ``(n, H, W, 3)`` uint8, or whatever :func:`sort_out` takes.
    cache
        A cache or the folder of one.
    crops
        ``None`` for every position of whole pictures. A grid for the paper's way: every crop resized to the input
        (bilinear) and its activations averaged over space; needs as many forward passes as there are crops.
    progress
        Called with the share done, from 0 to 1.

    Raises
    ------
    InputError
        If a picture cannot be used or no crop fits.
    ModelError
        If a picture's activations are NaN or infinite; the message names it.
    """
    view = cut.model.view(images)
    size = (view.shape[1], view.shape[2])
    boxes = np.array([[0, 0, *size]]) if crops is None else crops.boxes(size)
    task = _Task(cut, view, crops, boxes, progress or _silent)
    n_prefix, grid = (cut.n_prefix, cut.grid_at(size)) if crops is None else (0, (1, 1))
    cache = cache if isinstance(cache, ActivationCache) or cache is None else ActivationCache(cache)
    rows = _rows(task, (task.n, n_prefix + grid[0] * grid[1], cut.depth), cache)
    # Views of one array: the tokens beside the patches come first, then the positions row by row.
    maps = rows[:, n_prefix:].reshape(len(rows), *grid, cut.depth)
    return Activations(
        maps=maps,
        prefix=rows[:, :n_prefix] if n_prefix else None,
        sources=np.repeat(np.arange(len(view)), len(boxes)),
        boxes=np.tile(boxes, (len(view), 1)),
        negative_share=_negative_share(maps),
    )


class _TooLargeError(Exception):
    """A value does not fit into float16."""


@dataclass(frozen=True, eq=False)
class _Task:
    """Whole pictures or crops to be encoded, numbered picture by picture."""

    cut: Cut
    view: np.ndarray
    crops: CropGrid | None
    boxes: np.ndarray
    progress: Progress

    @property
    def n(self) -> int:
        return len(self.view) * len(self.boxes)

    @property
    def key(self) -> str:
        return hash_bytes(f"{_FORMAT}{self.cut.hash}{hash_array(self.view)}{self.crops}".encode())

    def blocks(self, largest: float) -> Iterator[np.ndarray]:
        """Rows ``(b, prefix + positions, p)`` of a few pictures or crops at a time."""
        for start in range(0, self.n, self.cut.model.batch_size):
            which = np.arange(start, min(start + self.cut.model.batch_size, self.n))
            rows = self._encoded(which)
            bad = np.flatnonzero(~np.isfinite(rows).all(axis=(1, 2)))
            if bad.size:
                image = which[bad[0]] // len(self.boxes)
                raise ModelError(f"image {image} has activations that are NaN or infinite.")
            if np.abs(rows).max() > largest:
                raise _TooLargeError
            yield rows
            self.progress((which[-1] + 1) / self.n)

    def _encoded(self, which: np.ndarray) -> np.ndarray:
        normalise = self.cut.model.preprocess.normalise
        if self.crops is not None:
            maps, _ = self.cut.encode_inputs(normalise(self._cropped(which)))
            return np.asarray(maps.mean(axis=(1, 2))[:, None])
        maps, prefix = self.cut.encode_inputs(normalise(self.view[which]))
        rows = maps.reshape(len(maps), -1, self.cut.depth)
        return rows if prefix is None else np.concatenate([prefix, rows], axis=1)

    def _cropped(self, which: np.ndarray) -> np.ndarray:
        """Crops at the size of the whole picture, ``(b, H, W, 3)`` float32."""
        parts = []
        for row in which:
            top, left, bottom, right = self.boxes[row % len(self.boxes)]
            parts.append(self.view[row // len(self.boxes), top:bottom, left:right])
        return enlarge(np.stack(parts), (self.view.shape[1], self.view.shape[2]))


def _rows(task: _Task, shape: tuple[int, ...], cache: ActivationCache | None) -> np.ndarray:
    """All rows ``(n, prefix + positions, p)``, read from the cache or computed and put there."""
    key = "" if cache is None else task.key
    found = None if cache is None else cache.get(key)
    if found is not None and found.shape == shape:
        task.progress(1.0)
        return found

    def stored(dtype: str, largest: float) -> np.ndarray:
        if cache is not None:
            return cache.put(key, task.blocks(largest), shape, dtype)
        rows = np.empty(shape, dtype=dtype)
        fill(rows, task.blocks(largest))
        return rows

    try:
        return stored("float16", _HALF_MAX) if task.crops is None else stored("float32", np.inf)
    except _TooLargeError:
        return stored("float32", np.inf)


def _negative_share(maps: np.ndarray) -> float:
    step = max(1, 2**22 // max(1, maps[:1].size))
    negative = sum(int((maps[start : start + step] < 0).sum()) for start in range(0, len(maps), step))
    return negative / max(1, maps.size)


def _silent(_share: float) -> None:
    """Nobody is listening."""
