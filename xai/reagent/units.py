"""Which tokens make up a unit: tokens alone, words, sentences, or spans that somebody marked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ..core.errors import InputError, unknown_names

_WORD = re.compile(r"\w+(?:[-/'’.]\w+)*|[^\w\s]+")
_SENTENCE = re.compile(r"\S.*?(?:[.!?]+(?=\s|$)|\n|$)", re.DOTALL)


def word_spans(text: str) -> list[tuple[int, int]]:
    """Words (with inner hyphens, slashes and points) and runs of punctuation."""
    return [match.span() for match in _WORD.finditer(text)]


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Pieces that end with a full stop, question mark, exclamation mark or line break."""
    return [match.span() for match in _SENTENCE.finditer(text)]


def owners(
    spans: np.ndarray, protected: np.ndarray, text: str, units: str | Sequence[tuple[int, int]]
) -> tuple[np.ndarray, list[str]]:
    """Unit of every token, and the units' texts.

    Parameters
    ----------
    spans, protected
        ``(T, 2)`` characters and ``(T,)`` protection of the tokens.
    text
        What the spans count in.
    units
        ``"tokens"``, ``"words"``, ``"sentences"`` or character spans.

    Returns
    -------
    (T,) integers, -1 for tokens that belong to no unit; and one text a unit.

    Raises
    ------
    InputError
        If spans overlap, lie outside the text, or cover no token.
    """
    if isinstance(units, str) and units == "tokens":
        owner = np.where(protected, -1, np.cumsum(~protected) - 1)
        return owner, [text[a:b].strip() or repr(text[a:b])[1:-1] for a, b in spans[~protected]]
    pieces = _pieces(text, units)
    owner = np.full(len(spans), -1)
    for i, (start, end) in enumerate(spans):
        if protected[i]:
            continue
        # A token belongs to the piece that holds its last character that is no space: byte-level tokens start with one.
        word = text[start:end].rstrip()
        last = start + len(word) - 1 if word.strip() else -1
        owner[i] = next((k for k, (a, b) in enumerate(pieces) if a <= last < b), -1)
    used = np.unique(owner[owner >= 0])
    if not isinstance(units, str) and len(used) < len(pieces):
        lost = next(k for k in range(len(pieces)) if k not in used)
        raise InputError(f"the span {pieces[lost]} covers no token of its own: make it longer or drop it.")
    renumbered = np.where(owner >= 0, np.searchsorted(used, owner), -1)
    return renumbered, [text[slice(*pieces[k])] for k in used]


def inside(spans: np.ndarray, text: str, pieces: Sequence[str]) -> np.ndarray:
    """Which tokens ``(T, 2)`` reach into one of the pieces, each at its last place in the text.

    Raises
    ------
    InputError
        If a piece is empty or does not stand in the text.
    """
    found = np.zeros(len(spans), dtype=bool)
    for piece in pieces:
        start = text.rfind(piece) if piece.strip() else -1
        if start < 0:
            raise InputError(f"{piece!r} is to stay as it is, but does not stand in the prompt: copy it from there.")
        found |= (spans[:, 0] < start + len(piece)) & (spans[:, 1] > start + len(piece) - len(piece.lstrip()))
    return found


def _pieces(text: str, units: str | Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    if units == "words":
        return word_spans(text)
    if units == "sentences":
        return sentence_spans(text)
    if isinstance(units, str):
        raise InputError(unknown_names("kind of unit", [units], ("tokens", "words", "sentences")))
    pieces = sorted((int(a), int(b)) for a, b in units)
    for a, b in pieces:
        if not 0 <= a < b <= len(text):
            raise InputError(f"the span ({a}, {b}) does not lie in the text of {len(text)} characters.")
    for (_, before), (after, _) in pairwise(pieces):
        if after < before:
            raise InputError(f"spans overlap at character {after}: each character may belong to one unit.")
    return pieces


def unique_names(texts: Sequence[str]) -> tuple[str, ...]:
    """Texts as names: what repeats gets its number, 'the', 'the (2)'."""
    seen: dict[str, int] = {}
    names: list[str] = []
    taken = set(texts)
    for text in texts:
        seen[text] = seen.get(text, 0) + 1
        name = text
        while seen[text] > 1 and (name == text or name in taken):
            name = f"{text} ({seen[text]})"
            seen[text] += name in taken
        taken.add(name)
        names.append(name)
    return tuple(names)
