"""Bundled pictures and texts, each with its card."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..core.errors import InputError

if TYPE_CHECKING:
    from .vignettes import Span


@dataclass(frozen=True)
class Card:
    """What a person needs to know before trusting pictures or texts.

    Attributes
    ----------
    name, title
        Registry name, and the name for people.
    description, licence, citation, source
        The data card.
    traps
        One sentence each: what goes wrong when the data are used without reading on.
    target_meaning
        One sentence: what the labels or answers are.
    synthetic
        Whether a program made the data.
    """

    name: str
    title: str
    description: str
    licence: str
    citation: str
    source: str
    traps: tuple[str, ...]
    target_meaning: str
    synthetic: bool


class Carded:
    """The fields of a card, as attributes of the data set that carries it."""

    card: Card

    @property
    def name(self) -> str:
        """Registry name."""
        return self.card.name

    @property
    def title(self) -> str:
        """The name for people."""
        return self.card.title

    @property
    def description(self) -> str:
        """What the data are."""
        return self.card.description

    @property
    def licence(self) -> str:
        """Under which licence."""
        return self.card.licence

    @property
    def citation(self) -> str:
        """What to cite."""
        return self.card.citation

    @property
    def source(self) -> str:
        """Where the data come from."""
        return self.card.source

    @property
    def target_meaning(self) -> str:
        """What the labels or answers are."""
        return self.card.target_meaning

    @property
    def traps(self) -> tuple[str, ...]:
        """What to beware of."""
        return self.card.traps

    @property
    def synthetic(self) -> bool:
        """Whether a program made the data."""
        return self.card.synthetic


@dataclass(frozen=True, eq=False)
class ImageDataset(Carded):
    """Pictures of one size.

    Attributes
    ----------
    card
        Where they come from and what to beware of; its fields are attributes of this object, too.
    images
        ``(n, H, W, 3)`` uint8.
    labels
        ``(n,)`` positions in ``target_names``.
    target_names
        Names of the classes.
    names
        Name of each picture.
    masks
        ``(n, H, W)`` uint8, positions in ``parts``; ``None`` where nobody drew them.
    parts
        Names of the values of ``masks``.
    spacing_mm
        Size of a pixel in mm, rows and columns; ``None`` where it is not known.
    """

    card: Card
    images: np.ndarray
    labels: np.ndarray
    target_names: tuple[str, ...]
    names: tuple[str, ...]
    masks: np.ndarray | None = None
    parts: tuple[str, ...] = ()
    spacing_mm: tuple[float, float] | None = None
    kind: Literal["images"] = "images"
    task: Literal["multiclass", "binary"] = "multiclass"

    def __post_init__(self) -> None:
        n = len(self.images)
        if not len(self.labels) == len(self.names) == n or (self.masks is not None and len(self.masks) != n):
            raise InputError(f"data set '{self.card.name}': pictures, labels, names and masks must be equally many.")

    def __repr__(self) -> str:
        n, height, width = self.images.shape[:3]
        return f"ImageDataset('{self.card.name}', {n} pictures of {height} x {width} pixels)"

    def copy(self) -> ImageDataset:
        """A data set that shares nothing that can be changed."""
        masks = None if self.masks is None else self.masks.copy()
        return replace(self, images=self.images.copy(), labels=self.labels.copy(), masks=masks)


@dataclass(frozen=True, eq=False)
class TextDataset(Carded):
    """Prompts, each with its answer and the places that decide it.

    Attributes
    ----------
    card
        Where they come from and what to beware of; its fields are attributes of this object, too.
    prompts, answers
        Text to continue, and its right continuation with the space before it.
    evidence
        Character spans ``(first, one past the last)`` of each prompt that decide the answer.
    """

    card: Card
    prompts: tuple[str, ...]
    answers: tuple[str, ...]
    evidence: tuple[tuple[Span, ...], ...]
    kind: Literal["text"] = "text"
    task: Literal["continuation"] = "continuation"

    def __post_init__(self) -> None:
        if not len(self.prompts) == len(self.answers) == len(self.evidence):
            raise InputError(f"data set '{self.card.name}': prompts, answers and evidence must be equally many.")

    def __repr__(self) -> str:
        return f"TextDataset('{self.card.name}', {len(self.prompts)} prompts)"

    def copy(self) -> TextDataset:
        """The same: nothing in it can be changed."""
        return self
