"""A gallery as a folder: three plain arrays that are mapped into memory, and one JSON file. No pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError
from .backbones import open_backbone

if TYPE_CHECKING:
    from .gallery import Gallery

FORMAT = "hemicycle/gallery/1"
_ARRAYS = ("maps", "embeddings", "thumbnails")
_HEAD = "gallery.json"


class Store:
    """A folder that is being filled, a few pictures at a time.

    Parameters
    ----------
    folder
        New, or empty.
    n
        Most pictures that will come.

    Raises
    ------
    InputError
        If something is in the folder already.
    """

    def __init__(self, folder: Path, n: int) -> None:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(f"{folder} is not empty: give a new folder for the gallery.")
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._n = n
        self._filled = 0
        self._arrays: dict[str, Any] = {}

    def add(self, part: Mapping[str, np.ndarray]) -> None:
        """Append rows to the three arrays."""
        rows = slice(self._filled, self._filled + len(part["maps"]))
        for name in _ARRAYS:
            values = part[name]
            if name not in self._arrays:
                shape = (self._n, *values.shape[1:])
                file = self.folder / f"{name}.npy"
                self._arrays[name] = np.lib.format.open_memmap(file, mode="w+", dtype=values.dtype, shape=shape)
            self._arrays[name][rows] = values
        self._filled = rows.stop

    def arrays(self) -> dict[str, np.ndarray]:
        """The three arrays as far as they are filled, on disk."""
        for array in self._arrays.values():
            array.flush()
        return {name: array[: self._filled] for name, array in self._arrays.items()}

    def finish(self, gallery: Gallery) -> None:
        """Write the rest; without it the folder is no gallery, so a build that was cut off is none."""
        self.arrays()
        head = {
            "format": FORMAT,
            "backbone": {"name": gallery.backbone.name, "hash": gallery.backbone.hash},
            "grid": list(gallery.grid),
            "class_names": list(gallery.class_names),
            "labels": gallery.labels.tolist(),
            "names": list(gallery.names),
            "digests": list(gallery.digests),
        }
        (self.folder / _HEAD).write_text(json.dumps(head, ensure_ascii=False), encoding="utf-8")


def open_gallery(folder: Path, backbone: Any) -> Gallery:
    """Read what :class:`Store` wrote; see :meth:`Gallery.open`."""
    from .gallery import Gallery

    try:
        head = json.loads((folder / _HEAD).read_text(encoding="utf-8"))
        if head["format"] != FORMAT:
            raise InputError(f"{folder} is no gallery of this version: its format is {head['format']!r}.")
        grid = (int(head["grid"][0]), int(head["grid"][1]))
        labels = np.array(head["labels"], dtype=int)
        arrays = {
            name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)[: len(labels)] for name in _ARRAYS
        }
        made_with = head["backbone"]
        opened = open_backbone(made_with["name"] if backbone is None else backbone, grid)
        if opened.hash != made_with["hash"]:
            raise InputError(
                f"{folder} was encoded with the backbone '{made_with['name']}' ({made_with['hash'][:12]}...), but "
                f"'{opened.name}' is now {opened.hash[:12]}...: build the gallery again, or give the old backbone."
            )
        if {len(a) for a in arrays.values()} != {len(labels)} or not len(head["names"]) == len(head["digests"]) == len(
            labels
        ):
            raise InputError(f"{folder} is damaged: its files hold different numbers of pictures.")
        return Gallery(
            backbone=opened,
            grid=grid,
            class_names=tuple(head["class_names"]),
            labels=labels,
            names=tuple(head["names"]),
            digests=tuple(head["digests"]),
            **arrays,
        )
    except OSError as error:
        raise InputError(f"{folder} holds no gallery: {error}") from error
    except (ValueError, KeyError, TypeError, IndexError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"the gallery in {folder} is damaged ({type(error).__name__}: {error}).") from error
