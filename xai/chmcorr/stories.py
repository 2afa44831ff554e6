"""Bundled pictures to edit, with their evidence stored: candidates, matches and cosines, so that nothing is encoded."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ..core.errors import InputError, ModelError, unknown_names
from ..core.resources import resource
from .backbones import Features
from .explanation import Explanation
from .gallery import Gallery
from .matched import Matched
from .options import Options
from .scores import with_matches

STORIES = {
    "chest_films": "Chest films: is it the lung, or the printed A-P?",
    "stained_smears": "Blood smears: is it the cell, or the stain?",
    "brains": "Two brains: does each place find itself?",
}


class Elsewhere:
    """Stands for the backbone that encoded stored evidence; it encodes nothing itself."""

    def __init__(self, name: str, digest: str) -> None:
        self.name = name
        self.hash = digest

    def view(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Refuses."""
        raise ModelError(f"this evidence was stored: to encode {len(images)} more pictures, build a gallery of them.")

    def features(self, view: np.ndarray) -> Features:
        """Refuses."""
        raise ModelError(f"this evidence was stored: to encode {len(view)} more pictures, build a gallery of them.")


@dataclass(frozen=True, eq=False)
class Story:
    """Pictures to look at, each with its evidence.

    Attributes
    ----------
    key, title
        Its name, and a question for people.
    explanations
        One a query, not yet edited.
    names, truths
        Name and true class of each query.
    about
        What the pictures are and what to try, a sentence each.
    synthetic
        Whether the pictures were drawn by a program.
    mm
        Size of a pixel of the query, where cells of both pictures lie at the same place in truth; else ``None``.
    """

    key: str
    title: str
    explanations: tuple[Explanation, ...]
    names: tuple[str, ...]
    truths: tuple[str, ...]
    about: tuple[str, ...]
    synthetic: bool
    mm: float | None


@lru_cache(maxsize=len(STORIES))
def story(key: str) -> Story:
    """A bundled story.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if key not in STORIES:
        raise InputError(unknown_names("story", [key], STORIES))
    content = resource("sample_data", "results", f"editable_map-{key}.npz").read_bytes()
    return read(content, key, STORIES[key])


def read(content: bytes, key: str, title: str) -> Story:
    """A story from what :func:`store` wrote."""
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        head = json.loads(str(stored["head"]))
        arrays = {name: stored[name] for name in stored.files if name != "head"}
    gallery = Gallery(
        backbone=Elsewhere(**head["backbone"]),
        grid=(int(head["grid"][0]), int(head["grid"][1])),
        class_names=tuple(head["class_names"]),
        labels=arrays["labels"],
        embeddings=np.empty((len(arrays["labels"]), 0), dtype=np.float32),
        maps=np.empty((len(arrays["labels"]), *head["grid"], 0), dtype=np.float16),
        thumbnails=_unpacked(arrays["thumbnails"], head["thumbnail"]),
        names=tuple(head["names"]),
        digests=tuple(head["digests"]),
    )
    options = Options(**head["options"])
    queries = _unpacked(arrays["queries"], head["query"])
    explanations = []
    for i, query in enumerate(queries):
        matched = Matched(
            gallery=gallery,
            query=query,
            digest=head["query_digests"][i],
            candidates=arrays["candidates"][i].astype(int),
            similarities=arrays["similarities"][i],
            targets=arrays["targets"][i].astype(int),
            cosines=arrays["cosines"][i].astype(float),
            left_out=tuple(head["left_out"][i]),
        )
        n_pairs = min(options.n_pairs, int((arrays["patch_maps"][i] > 0).sum()))
        scores = with_matches(matched, arrays["terms"][i].astype(float), arrays["patch_maps"][i].astype(float), n_pairs)
        explanations.append(Explanation(matched, options, scores))
    return Story(
        key=key,
        title=title,
        explanations=tuple(explanations),
        names=tuple(head["query_names"]),
        truths=tuple(head["truths"]),
        about=tuple(head["about"]),
        synthetic=bool(head["synthetic"]),
        mm=head["mm"],
    )


def store(explanations: Sequence[Explanation], head: dict[str, Any]) -> bytes:
    """Evidence of several queries of one gallery as the bytes of an NPZ file; ``head`` holds the story's texts."""
    first = explanations[0]
    gallery = first.matched.gallery
    thumbnails, queries = gallery.thumbnails, np.stack([e.matched.query for e in explanations])
    head = head | {
        "backbone": {"name": gallery.backbone.name, "digest": gallery.backbone.hash},
        "grid": list(gallery.grid),
        "class_names": list(gallery.class_names),
        "names": list(gallery.names),
        "digests": list(gallery.digests),
        "options": first.options.to_dict(),
        "thumbnail": list(thumbnails.shape[1:3]),
        "query": list(queries.shape[1:3]),
        "query_digests": [e.matched.digest for e in explanations],
        "left_out": [list(e.matched.left_out) for e in explanations],
    }
    arrays: dict[str, Any] = {
        "labels": gallery.labels.astype(np.int16),
        "thumbnails": _packed(thumbnails),
        "queries": _packed(queries),
        "candidates": np.stack([e.matched.candidates for e in explanations]).astype(np.int16),
        "similarities": np.stack([e.matched.similarities for e in explanations]).astype(np.float32),
        "targets": np.stack([e.matched.targets for e in explanations]).astype(np.uint8),
        "cosines": np.stack([e.matched.cosines for e in explanations]).astype(np.float16),
        "terms": np.stack([e.scores.terms for e in explanations]).astype(np.float16),
        "patch_maps": np.stack([e.scores.patch_map for e in explanations]).astype(np.float32),
    }
    stream = io.BytesIO()
    np.savez_compressed(stream, head=np.array(json.dumps(head, ensure_ascii=False)), **arrays)
    return stream.getvalue()


def alone(explanation: Explanation) -> Explanation:
    """The same evidence with a gallery of nothing but its candidates, to be stored."""
    matched = explanation.matched
    gallery, chosen = matched.gallery, matched.candidates
    small = Gallery(
        backbone=gallery.backbone,
        grid=gallery.grid,
        class_names=gallery.class_names,
        labels=gallery.labels[chosen],
        embeddings=np.asarray(gallery.embeddings[chosen]),
        maps=np.empty((len(chosen), *gallery.grid, 0), dtype=np.float16),
        thumbnails=np.asarray(gallery.thumbnails[chosen]),
        names=tuple(gallery.names[i] for i in chosen),
        digests=tuple(gallery.digests[i] for i in chosen),
    )
    fewer = Matched(**{**vars(matched), "gallery": small, "candidates": np.arange(len(chosen))})
    return Explanation(fewer, explanation.options, explanation.scores, explanation.edited)


def _packed(pictures: np.ndarray) -> np.ndarray:
    """Pictures ``(n, H, W, 3)`` below each other in one JPEG, as bytes."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pictures.reshape(-1, *pictures.shape[2:])).save(stream, "JPEG", quality=85)
    return np.frombuffer(stream.getvalue(), dtype=np.uint8)


def _unpacked(content: np.ndarray, size: Sequence[int]) -> np.ndarray:
    from PIL import Image

    sheet = np.asarray(Image.open(io.BytesIO(content.tobytes())).convert("RGB"))
    return sheet.reshape(-1, *size, 3)
