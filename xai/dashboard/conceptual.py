"""Concepts as the page asks for them: which pictures, which class, how many concepts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from .jobs import compute

if TYPE_CHECKING:
    from ..craft import Sheet

METHODS = {
    "coefficients": "coefficients",
    "gradcam": "Grad-CAM (implicit gradient)",
    "occlusion": "occlusion",
    "smoothgrad": "SmoothGrad",
    "integrated_gradients": "integrated gradients",
}
MODES = {"positions": "positions of whole pictures", "crops": "crops, as published"}


@dataclass(frozen=True)
class Question:
    """What concepts are looked for.

    Attributes
    ----------
    class_name, n_concepts, mode
        See :func:`xai.sandbox.concepts.concepts`.
    images
        Name to the bytes of a picture file; empty for the synthetic smears.
    """

    class_name: str
    n_concepts: int
    mode: str = "positions"
    images: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """Hash of the pictures."""
        if not self.images:
            return "smears"
        digest = hashlib.sha256()
        for name, content in self.images.items():
            digest.update(name.encode() + hashlib.sha256(content).digest())
        return digest.hexdigest()

    @property
    def pictures(self) -> str:
        """What the pictures are, in words."""
        return f"{len(self.images)} pictures of yours" if self.images else "synthetic blood smears"

    def sheet(self, method: str = "coefficients", split: tuple[int, ...] = ()) -> Sheet:
        """The concepts, found by a worker once for the same question."""
        images = {name: np.frombuffer(content, dtype=np.uint8) for name, content in self.images.items()}
        label = "Splitting a concept" if split else f"Finding concepts of {self.class_name}"
        found: Sheet = compute(
            "concepts",
            label,
            self.identity,
            {
                "class_name": self.class_name,
                "n_concepts": self.n_concepts,
                "mode": self.mode,
                "method": method,
                "split": list(split),
            },
            images=images or None,
        )
        return found
