"""The classifier: the nearest pictures, compared patch by patch; the best of them vote."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.provenance import hash_array
from .backbones import encode
from .explanation import Explanation
from .gallery import Gallery
from .grids import unit
from .matched import Matched, Vectors, cosines_at, match, query_maps
from .neighbours import nearest
from .options import Options
from .scores import RULES


class CorrespondenceClassifier:
    """Classify pictures by patches they share with those of a gallery.

    Parameters
    ----------
    gallery
        Labelled pictures.
    options
        Shortlist, voters, rule; :data:`PUBLISHED` has the constants of the paper.

    Raises
    ------
    InputError
        If the gallery has too few pictures for the vote, or one picture a class, so that every vote would be a tie.
    """

    def __init__(self, gallery: Gallery, options: Options | None = None) -> None:
        self.gallery = gallery
        self.options = Options() if options is None else options
        self._check_voters(len(gallery))
        if self.options.k > 1 and len(gallery) == len(gallery.class_names):
            raise InputError(
                f"each of the {len(gallery)} classes has one picture, so a vote of {self.options.k} is always a tie: "
                "give Options(k=1), which answers with the class of the best picture, or more pictures."
            )

    def explain(self, image: Any, *, keep_itself: bool = False) -> Explanation:
        """Classify one picture.

        Parameters
        ----------
        image
            An array or a Pillow image, of any size.
        keep_itself
            Whether pictures of the gallery that equal this one may vote. By default they are left out, and
            ``explanation.matched.left_out`` names them.

        Raises
        ------
        InputError
            If the picture cannot be used, is more than one, or too few others are left to vote.
        ModelError
            If its features cannot be used.
        """
        matched, vectors = self.look(image, keep_itself=keep_itself)
        return Explanation(matched, self.options, RULES[self.options.rule](matched, vectors, self.options))

    def explain_member(self, position: int) -> Explanation:
        """Classify a picture of the gallery by the others, from its stored features; its thumbnail is what is drawn.

        Raises
        ------
        InputError
            If there is no such picture, or too few others are left to vote.
        """
        gallery = self.gallery
        if not 0 <= position < len(gallery):
            raise InputError(f"there is no picture {position}: the gallery has {len(gallery)}, from 0.")
        maps = np.asarray(gallery.maps[position : position + 1], dtype=np.float32)
        picture, digest = np.asarray(gallery.thumbnails[position]), gallery.digests[position]
        matched, vectors = self._match(picture, digest, maps, gallery.embeddings[position], self._twins(digest))
        return Explanation(matched, self.options, RULES[self.options.rule](matched, vectors, self.options))

    def look(self, image: Any, *, keep_itself: bool = False) -> tuple[Matched, Vectors]:
        """Candidates of a picture and the matches in them, before any rule scores them; as :meth:`explain`."""
        gallery = self.gallery
        view, found = encode(gallery.backbone, image)
        if len(view) != 1:
            raise InputError(f"explain takes one picture, not {len(view)}.")
        digest = hash_array(view[0])
        twins = np.array([], dtype=int) if keep_itself else self._twins(digest)
        maps = query_maps(found.maps, gallery)
        if maps.shape[1:] != gallery.maps.shape[1:]:
            raise InputError(
                f"this picture has maps of shape {maps.shape[1:]} for {gallery.backbone.name}, those of the gallery "
                f"have {gallery.maps.shape[1:]}: bring it to the size of the gallery's pictures."
            )
        return self._match(view[0], digest, maps, unit(found.embeddings[0]), twins)

    def _match(
        self, picture: np.ndarray, digest: str, maps: np.ndarray, embedding: np.ndarray, twins: np.ndarray
    ) -> tuple[Matched, Vectors]:
        gallery, options = self.gallery, self.options
        self._check_voters(len(gallery) - len(twins))
        candidates, similarities = nearest(gallery.embeddings, embedding, options.n_candidates, twins)
        targets, vectors = match(maps, gallery, candidates, options.matcher)
        matched = Matched(
            gallery=gallery,
            query=picture,
            digest=digest,
            candidates=candidates,
            similarities=similarities,
            targets=targets,
            cosines=cosines_at(vectors, targets),
            left_out=tuple(gallery.names[i] for i in twins),
        )
        return matched, vectors

    def _twins(self, digest: str) -> np.ndarray:
        """Pictures of the gallery that are equal to this one."""
        return np.array([i for i, one in enumerate(self.gallery.digests) if one == digest], dtype=int)

    def nearest_label(self, image: Any) -> str:
        """What the K nearest embeddings answer, without any patches: the baseline (ties go to the first class)."""
        view, found = encode(self.gallery.backbone, image)
        twins = self._twins(hash_array(view[0]))
        self._check_voters(len(self.gallery) - len(twins))
        candidates, _ = nearest(self.gallery.embeddings, unit(found.embeddings[0]), self.options.k, twins)
        counts = np.bincount(self.gallery.labels[candidates], minlength=len(self.gallery.class_names))
        return self.gallery.class_names[int(counts.argmax())]

    def _check_voters(self, available: int) -> None:
        if available < self.options.k:
            raise InputError(
                f"k is {self.options.k}, but only {available} pictures of the gallery can vote: give Options(k=...) "
                "with a smaller k, or more pictures."
            )
