"""Labelled pictures with their features: what a query is compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..core.errors import InputError, ModelError, listing, unknown_names
from ..core.provenance import hash_array
from ..models.vision import as_images, read_image, resize
from .backbones import Backbone, encode, open_backbone
from .grids import Grid, finer, resample, unit

Progress = Callable[[float, str], None]
Duplicates = Literal["error", "drop", "keep"]
_BATCH = 32
_THUMBNAIL = 128
_SUFFIXES = {".png", ".jpg", ".jpeg"}


@dataclass(frozen=True, eq=False)
class Gallery:
    """Labelled pictures, encoded once.

    Attributes
    ----------
    backbone
        What encoded them.
    grid
        Rows and columns of the cells that are scored and edited.
    class_names
        Names of the classes.
    labels
        ``(N,)`` class of each picture, a position in ``class_names``.
    embeddings
        ``(N, q)`` float32 of length 1.
    maps
        ``(N, h, w, p)`` float16, once or twice as fine as the grid; on disk once the gallery is.
    thumbnails
        ``(N, side, side, 3)`` uint8, what was encoded, made small.
    names
        N file names, or positions.
    digests
        N hashes of what was encoded: the same picture has the same.
    """

    backbone: Backbone
    grid: Grid
    class_names: tuple[str, ...]
    labels: np.ndarray
    embeddings: np.ndarray = field(repr=False)
    maps: np.ndarray = field(repr=False)
    thumbnails: np.ndarray = field(repr=False)
    names: tuple[str, ...] = field(repr=False)
    digests: tuple[str, ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"Gallery({len(self)} pictures, {len(self.class_names)} classes, {self.backbone.name}, grid {self.grid})"

    @property
    def factor(self) -> int:
        """How many times finer than the grid the maps are."""
        return int(self.maps.shape[1] // self.grid[0])

    @classmethod
    def build(
        cls,
        images: Any,
        labels: Any,
        backbone: Any,
        grid: Grid = (7, 7),
        *,
        layer: str | None = None,
        names: Sequence[str] | None = None,
        duplicates: Duplicates = "error",
        path: str | Path | None = None,
        progress: Progress | None = None,
    ) -> Gallery:
        """Encode labelled pictures.

        Parameters
        ----------
        images
            ``(N, H, W, 3)`` uint8, or a sequence of pictures or of PNG and JPEG files, of any sizes.
        labels
            N class names.
        backbone
            ``"demo"``, ``"efficientnet_lite0"``, or an object, see :func:`xai.chmcorr.open_backbone`.
        grid
            Rows and columns that are scored and edited; features are resampled to it.
        layer
            Where to cut a model given as an object.
        names
            N names to tell pictures apart; by default file names, or positions.
        duplicates
            What to do with pictures that are equal once encoded: ``"error"``, ``"drop"`` all but the first, or
            ``"keep"`` them all, so that they vote several times. Equal pictures of different classes are an error.
        path
            Folder to keep the gallery in. Features then go straight to disk: needed for more than fits in memory.
        progress
            Called with a share from 0 to 1 and a text.

        Raises
        ------
        InputError
            If a picture cannot be used (the message names it), labels do not fit or are of one class only, or
            pictures are equal.
        """
        if duplicates not in {"error", "drop", "keep"}:
            raise InputError(unknown_names("choice for duplicates", [duplicates], ("error", "drop", "keep")))
        if len(grid) != 2 or min(grid) < 1:
            raise InputError(f"grid is {grid}: it must be (rows, columns), each at least 1.")
        pictures = _listed(images)
        classes, codes = _coded(labels, len(pictures))
        shown = tuple(map(str, names)) if names is not None else _names(pictures)
        if len(shown) != len(pictures):
            raise InputError(f"there are {len(pictures)} pictures, but {len(shown)} names.")
        opened = open_backbone(backbone, grid, layer)
        store: Any = None
        if path is not None:
            from .files import Store

            store = Store(Path(path), len(pictures))
        parts: list[dict[str, np.ndarray]] = []
        twins = _Twins([classes[code] for code in codes], shown, duplicates)
        for start, view, maps, embeddings in _encoded(opened, pictures, grid, shown):
            fresh = [i for i, picture in enumerate(view) if twins.keep(hash_array(picture), start + i)]
            with np.errstate(over="ignore"):  # checked below
                small = maps[fresh].astype(np.float16)
            part: dict[str, np.ndarray] = {
                "maps": small,
                "embeddings": unit(embeddings[fresh]).astype(np.float32),
                "thumbnails": _thumbnails(view[fresh]),
            }
            if not np.isfinite(part["maps"]).all():
                raise ModelError(f"{opened.name} gives values beyond 65,504, which 16-bit maps cannot hold.")
            if store is None:
                parts.append(part)
            else:
                store.add(part)
            if progress is not None:
                progress((start + len(view)) / len(pictures), f"{start + len(view)} of {len(pictures)} pictures")
        arrays = store.arrays() if store is not None else {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}
        gallery = cls(
            backbone=opened,
            grid=(int(grid[0]), int(grid[1])),
            class_names=classes,
            labels=codes[list(twins.kept)],
            names=tuple(shown[i] for i in twins.kept),
            digests=tuple(twins.kept.values()),
            **arrays,
        )
        if store is not None:
            store.finish(gallery)
        return gallery

    @classmethod
    def from_folder(cls, folder: str | Path, backbone: Any, grid: Grid = (7, 7), **options: Any) -> Gallery:
        """A gallery of PNG and JPEG files, one subfolder a class; ``options`` as in :meth:`build`.

        Raises
        ------
        InputError
            If there are fewer than two subfolders with pictures, or a file cannot be read.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise InputError(f"{folder} is no folder.")
        files = sorted(file for file in folder.glob("*/*") if file.suffix.lower() in _SUFFIXES)
        if not files:
            raise InputError(f"{folder} has no PNG or JPEG files in subfolders: make one subfolder a class.")
        return cls.build(
            files,
            [file.parent.name for file in files],
            backbone,
            grid,
            **{"names": [f"{file.parent.name}/{file.name}" for file in files]} | options,
        )

    @classmethod
    def open(cls, path: str | Path, backbone: Any = None) -> Gallery:
        """A gallery from the folder it was kept in; its features stay on disk.

        Parameters
        ----------
        path
            The folder.
        backbone
            The object that encoded it; not needed for a named backbone.

        Raises
        ------
        InputError
            If the folder holds no gallery, or the backbone is another one than encoded it.
        """
        from .files import open_gallery

        return open_gallery(Path(path), backbone)

    def save(self, path: str | Path) -> Path:
        """Write the gallery to a new or empty folder."""
        from .files import Store

        store = Store(Path(path), len(self))
        store.add({"maps": self.maps, "embeddings": self.embeddings, "thumbnails": self.thumbnails})
        store.finish(self)
        return Path(path)

    def class_index(self, name: str) -> int:
        """Position of a class.

        Raises
        ------
        InputError
            If there is no such class.
        """
        if name not in self.class_names:
            raise InputError(unknown_names("class", [name], self.class_names))
        return self.class_names.index(name)


def fit(maps: np.ndarray, grid: Grid) -> np.ndarray:
    """Maps ``(n, h, w, p)`` resampled to the grid, or to twice as fine where they allow it."""
    factor = finer(maps.shape[1:3], grid)
    return resample(maps, (grid[0] * factor, grid[1] * factor))


def _encoded(
    backbone: Backbone, pictures: Sequence[Any], grid: Grid, names: Sequence[str]
) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
    """Start, views, maps on the matching grid, and embeddings of a few pictures at a time."""
    shape: tuple[int, ...] | None = None
    for start in range(0, len(pictures), _BATCH):
        batch = [_read(one, name) for one, name in zip(pictures[start : start + _BATCH], names[start:], strict=False)]
        view, found = encode(backbone, batch)
        if shape not in {None, view.shape[1:]}:
            raise InputError(
                f"pictures {start} and following are {view.shape[1:3]} (height, width) for {backbone.name}, those "
                f"before {shape[:2] if shape else None}: give a backbone that resizes (a Preprocess with a size)."
            )
        shape = view.shape[1:]
        yield start, view, fit(found.maps, grid), found.embeddings


def _read(picture: Any, name: str) -> np.ndarray:
    try:
        is_file = isinstance(picture, (str, bytes)) or hasattr(picture, "__fspath__")
        return read_image(picture) if is_file else as_images([picture])[0]
    except InputError as error:
        raise InputError(f"picture '{name}' cannot be used: {error}") from error


def _thumbnails(view: np.ndarray) -> np.ndarray:
    height, width = view.shape[1:3]
    scale = min(1.0, _THUMBNAIL / max(height, width))
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    return np.stack([resize(one, size) for one in view]) if len(view) else np.empty((0, *size, 3), np.uint8)


def _listed(images: Any) -> Sequence[Any]:
    pictures = list(images)
    if not pictures:
        raise InputError("there are no pictures: a gallery needs at least two classes of them.")
    return pictures


def _names(pictures: Sequence[Any]) -> tuple[str, ...]:
    return tuple(Path(p).name if hasattr(p, "__fspath__") else str(i) for i, p in enumerate(pictures))


def _coded(labels: Any, n: int) -> tuple[tuple[str, ...], np.ndarray]:
    values = list(labels)
    if len(values) != n:
        raise InputError(f"there are {n} pictures, but {len(values)} labels.")
    missing = [i for i, v in enumerate(values) if v is None or (isinstance(v, float) and v != v) or not str(v).strip()]  # noqa: PLR0124  # NaN
    if missing:
        raise InputError(f"{len(missing)} pictures have no label, number {missing[0]} first.")
    texts = [str(value) for value in values]
    classes = tuple(sorted(set(texts)))
    if len(classes) < 2:
        raise InputError(f"all {n} pictures are of class {listing(classes)}: there is nothing to tell apart.")
    return classes, np.array([classes.index(text) for text in texts])


class _Twins:
    """Pictures met so far, by their hash; says which of several equal ones are kept."""

    def __init__(self, labels: Sequence[str], names: Sequence[str], duplicates: Duplicates) -> None:
        self.kept: dict[int, str] = {}
        self._labels, self._names, self._duplicates = labels, names, duplicates
        self._first: dict[str, int] = {}

    def keep(self, digest: str, position: int) -> bool:
        """Whether the picture at a position goes into the gallery."""
        twin = self._first.setdefault(digest, position)
        if twin != position:
            self._check(twin, position)
            if self._duplicates == "drop":
                return False
        self.kept[position] = digest
        return True

    def _check(self, twin: int, position: int) -> None:
        pair = f"pictures '{self._names[twin]}' and '{self._names[position]}' are equal"
        if self._labels[twin] != self._labels[position]:
            raise InputError(
                f"{pair}, but one is labelled '{self._labels[twin]}' and the other '{self._labels[position]}': "
                "mend the labels."
            )
        if self._duplicates == "error":
            raise InputError(
                f"{pair}. Equal pictures vote several times: choose "
                'duplicates="drop" to keep one of each, or duplicates="keep".'
            )
