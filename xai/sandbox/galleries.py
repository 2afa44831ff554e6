"""Galleries of pictures in a worker: made from an uploaded archive, asked about a picture, checked by painting over."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError

if TYPE_CHECKING:
    from ..chmcorr import Explanation, Gallery

Progress = Callable[[float, str], None]

MAX_PICTURES = 500
"""Most pictures of an archive that a page encodes; `xai gallery` takes any number."""
_NEIGHBOURS = 100


def build_gallery(path: str, progress: Progress, *, backbone: str = "demo") -> dict[str, Any]:
    """A gallery of an archive of pictures in folders by class: everything that :class:`xai.chmcorr.Gallery` holds.

    Equal pictures are kept once; ``problems`` says which files could not be read, ``repeated`` how many were equal.

    Raises
    ------
    InputError
        If the archive has no folders, or a class is missing.
    """
    from ..chmcorr import Gallery
    from .uploaded import read_pictures

    found = read_pictures(path, MAX_PICTURES)
    if not found.labels:
        raise InputError(
            f"{Path(path).name} has no folders to tell classes by: put the pictures of a class in a folder."
        )
    gallery = Gallery.build(
        found.images, found.labels, backbone, names=found.names, duplicates="drop", progress=progress
    )
    return {
        "backbone": {"name": gallery.backbone.name, "digest": gallery.backbone.hash},
        "grid": gallery.grid,
        "class_names": gallery.class_names,
        "labels": gallery.labels,
        "embeddings": gallery.embeddings,
        "maps": gallery.maps,
        "thumbnails": gallery.thumbnails,
        "names": gallery.names,
        "digests": gallery.digests,
        "problems": found.problems,
        "repeated": len(found.images) - len(gallery),
    }


def describe_gallery(gallery: str, progress: Progress) -> dict[str, Any]:  # noqa: ARG001 - one shape for all tasks
    """Names, classes and backbone of a gallery's folder."""
    opened = _opened(gallery)
    labels = [opened.class_names[code] for code in opened.labels]
    return {"names": opened.names, "labels": labels, "backbone": opened.backbone.name, "hash": _stamp(gallery)}


def correspond(
    gallery: str, query: Any, progress: Progress, *, name: str = "my picture", options: dict[str, Any] | None = None
) -> np.ndarray:
    """The evidence about one picture: the bytes of a story of one, ``(n,)`` uint8.

    Parameters
    ----------
    gallery
        Folder of a gallery.
    query
        The bytes of a PNG or JPEG file, ``(n,)`` uint8, or the position of one of the gallery's own pictures.
    name
        What the picture is called.
    """
    from ..chmcorr.stories import alone, store

    progress(0.1, "finding the nearest pictures")
    opened = _opened(gallery)
    explanation = _explain(opened, query, options)
    known = isinstance(query, int | np.integer)
    truth = opened.class_names[opened.labels[int(query)]] if known else "not known"
    left = "It is one of the gallery, and left out of the vote." if known else "It is none of the gallery's pictures."
    head = {
        "query_names": [name],
        "truths": [truth],
        "about": [f"A picture of your own beside {len(opened):,} pictures of {len(opened.class_names)} classes.", left],
        "synthetic": False,
        "mm": None,
    }
    return np.frombuffer(store([alone(explanation)], head), dtype=np.uint8)


def occlude(
    gallery: str, query: Any, mask: Any, progress: Progress, *, options: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The ignored cells painted over and the picture encoded again: what :meth:`.Explanation.occlude` finds.

    ``query`` is the bytes of a file: what is stored of the gallery's own pictures is too small to be encoded again.
    """
    progress(0.1, "encoding again")
    check = _explain(_opened(gallery), query, options).edit(np.asarray(mask)).occlude()
    return {
        "summary": check.summary,
        "same_answer": check.same_answer,
        "mean_leak": check.mean_leak,
        "picture": check.picture,
    }


def _explain(gallery: Gallery, query: Any, options: dict[str, Any] | None) -> Explanation:
    from ..chmcorr import CorrespondenceClassifier, Options
    from ..models.vision import read_image

    # Itself may have to be left out, so that one fewer can vote.
    here = len(gallery) - 1
    wanted = {"n_candidates": min(_NEIGHBOURS, here), "k": min(20, max(1, here // len(gallery.class_names)))}
    classifier = CorrespondenceClassifier(gallery, Options(**(wanted | (options or {}))))
    if isinstance(query, int | np.integer):
        return classifier.explain_member(int(query))
    return classifier.explain(read_image(np.asarray(query, dtype=np.uint8).tobytes()))


def _opened(folder: str) -> Gallery:
    return _cached(folder, _stamp(folder))


def _stamp(folder: str) -> str:
    from ..core.provenance import hash_file

    head = Path(folder) / "gallery.json"
    if not head.is_file():
        raise InputError(
            f"{Path(folder).name} holds no gallery: make one with `xai gallery FOLDER -o {Path(folder).name}`."
        )
    return hash_file(head)


@lru_cache(maxsize=4)
def _cached(folder: str, _stamp: str) -> Gallery:
    from ..chmcorr import Gallery

    return Gallery.open(folder)
