"""Concepts as the page asks for them: which network, which pictures, which class, how many concepts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.units import Units
from .jobs import compute
from .played import played

if TYPE_CHECKING:
    from ..core.game import Game
    from ..craft import RankSweep, Sheet
    from .uploads import File, ImageModel

METHODS = {
    "coefficients": "coefficients",
    "gradcam": "Grad-CAM (implicit gradient)",
    "occlusion": "occlusion",
    "smoothgrad": "SmoothGrad",
    "integrated_gradients": "integrated gradients",
}
MODES = {"positions": "positions of whole pictures", "crops": "crops, as published"}
SMEARS = "smears"


@dataclass(frozen=True)
class Subject:
    """Which network looks at which pictures.

    Attributes
    ----------
    network
        ``"demo"``, ``"imagenet"`` or ``"file"``.
    model
        The uploaded network.
    images
        Name to the bytes of a picture file.
    pictures
        An uploaded file of pictures. Without either: the synthetic smears.
    """

    network: str = "demo"
    model: ImageModel | None = None
    images: Mapping[str, bytes] = field(default_factory=dict)
    pictures: File | None = None

    @property
    def key(self) -> str:
        """Hash of network and pictures, the same in every session."""
        if not self.images and self.pictures is None and self.network == "demo":
            return SMEARS
        digest = hashlib.sha256(self.network.encode())
        for name, content in self.images.items():
            digest.update(name.encode() + hashlib.sha256(content).digest())
        for upload in (self.model, self.pictures):
            # What a session's identity is bound to stands before the colon.
            digest.update(b"" if upload is None else upload.identity.rpartition(":")[2].encode())
        return digest.hexdigest()

    @property
    def identity(self) -> str:
        """For :func:`.jobs.compute`: of uploads, bound to their session."""
        owners = [upload.identity for upload in (self.model, self.pictures) if upload is not None]
        return ":".join([*owners, self.key])

    @property
    def shown(self) -> str:
        """What the pictures are, in words."""
        if self.pictures is not None:
            return f"pictures of {self.pictures.title}"
        return f"of {len(self.images)} pictures of yours" if self.images else "synthetic blood smears"

    @property
    def options(self) -> dict[str, Any]:
        """What tasks take besides the bytes of pictures, as JSON types."""
        options: dict[str, Any] = {"network": self.network}
        if self.model is not None:
            preprocess, names = self.model.preprocess, self.model.class_names
            options["model"] = str(self.model.path)
            options["given"] = {
                "preprocess": None if preprocess is None else dict(preprocess),
                "class_names": None if names is None else list(names),
            }
        if self.pictures is not None:
            options["pictures"] = str(self.pictures.path)
        return options

    def ask(self, task: str, label: str, **options: Any) -> Any:
        """Ask a worker about these pictures, once for the same question."""
        images = {name: np.frombuffer(content, dtype=np.uint8) for name, content in self.images.items()}
        return compute(task, label, self.identity, self.options | options, images=images or None)

    def classes(self) -> dict[str, int]:
        """Classes the network takes the pictures for, the most frequent first, and how many of each."""
        found = self.ask("image_classes", "Asking for classes")
        return dict(zip(found["names"], found["counts"], strict=True))


@dataclass(frozen=True)
class Question:
    """What concepts are looked for.

    Attributes
    ----------
    subject
        Network and pictures.
    class_name, n_concepts, mode
        See :func:`xai.sandbox.concepts.concepts`.
    """

    subject: Subject
    class_name: str
    n_concepts: int
    mode: str = "positions"

    @property
    def key(self) -> str:
        """Short name of the question, the same in every session: names of concepts are kept under it."""
        return f"{self.subject.key[:12]}:{self.class_name}:{self.n_concepts}:{self.mode}"

    @property
    def options(self) -> dict[str, Any]:
        """Fields as tasks take them."""
        return {"class_name": self.class_name, "n_concepts": self.n_concepts, "mode": self.mode}

    def sheet(self, method: str = "coefficients", split: tuple[int, ...] = ()) -> Sheet:
        """The concepts, or what one of them consists of."""
        label = "Splitting a concept" if split else f"Finding concepts of {self.class_name}"
        found: Sheet = self.subject.ask("concepts", label, **self.options, method=method, split=list(split))
        return found

    def sweep(self) -> RankSweep:
        """Several numbers of concepts beside each other."""
        from ..craft import RankSweep

        found = self.subject.ask("concept_sweep", "Trying numbers of concepts", **self.options)
        return RankSweep(**found)

    def game(self, sheet: Sheet, picture: int) -> Game:
        """The game over the concepts of one of the sheet's pictures, played by a worker."""
        payload = {**self.subject.options, "picture": sheet.pictures[picture], "bank": sheet.bank, "layer": sheet.layer}
        names = sheet.importance.attribution.output_names
        return played("play_concepts", payload, Units(sheet.names, "concept"), names, weights="continuous")
