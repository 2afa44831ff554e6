"""What a report is made of: sections of plain blocks, each of which knows nothing of HTML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import plotly.graph_objects as go


@dataclass(frozen=True)
class Text:
    """One paragraph of plain text; ``strong`` paragraphs are the answer, ``quiet`` ones the small print."""

    text: str
    strong: bool = False
    quiet: bool = False


@dataclass(frozen=True)
class Points:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """Names and what is known of each."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """Cells as text.

    Attributes
    ----------
    columns
        c headings.
    rows
        Rows of c cells.
    caption
        What the table holds.
    numbers
        Positions of columns that are aligned to the right.
    folded
        Long tables start folded; they are always printed.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str
    numbers: tuple[int, ...] = ()
    folded: bool = False

    def __post_init__(self) -> None:
        wrong = [i for i, row in enumerate(self.rows) if len(row) != len(self.columns)]
        if wrong:
            raise InputError(
                f"row {wrong[0]} of the table '{self.caption}' has {len(self.rows[wrong[0]])} cells, "
                f"not {len(self.columns)}."
            )


@dataclass(frozen=True, eq=False)
class Figure:
    """A Plotly figure and, for people who do not see it, what it shows."""

    figure: go.Figure
    alt: str


@dataclass(frozen=True, eq=False)
class Pictures:
    """Small pictures beside each other.

    Attributes
    ----------
    images
        ``(h, w, 3)`` uint8 each.
    captions
        One a picture, also what is read out.
    """

    images: tuple[np.ndarray, ...]
    captions: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.images) != len(self.captions):
            raise InputError(f"{len(self.images)} pictures need as many captions, not {len(self.captions)}.")


@dataclass(frozen=True)
class Markup:
    """HTML that this package made, such as coloured words; never text from elsewhere."""

    html: str


Block = Text | Points | Facts | Table | Figure | Pictures | Markup


@dataclass(frozen=True, eq=False)
class Section:
    """One question and its answer.

    Attributes
    ----------
    title
        The question.
    blocks
        The answer, in order.
    subtitle
        Which data, rows, class and units it is about.
    """

    title: str
    blocks: tuple[Block, ...]
    subtitle: str = ""
