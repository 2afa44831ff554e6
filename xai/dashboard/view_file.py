"""A whole view as one small file: controls, names, edits, and hashes of what they are about.

What is in a file came from somewhere: only controls that are listed here are set, and only to values they can have.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .. import __version__
from ..core.errors import InputError, XaiError
from . import source as sources
from .source import Source

FORMAT = "hemicycle/view/1"
LARGEST = 2**20
"""Bytes of a file that is opened; a view of a few edits is some kilobytes."""

#: Numbers and their ends. Other ends than a control's own would stop its page.
NUMBERS: dict[str, tuple[float, float]] = {
    "seats": (1, 1000),
    "threshold": (0, 99),
    "rho": (0.3, 0.95),
    "allied": (1, 6),
    "house": (1, 1000),
    "n-concepts": (2, 25),
    "budget": (32, 512),
}
SWITCHES = ("more", "all", "sides", "aspects", "methods", "edit", "hints")
#: Choices among names; a page falls back to its default where a name is none of its own.
CHOICES = (
    *("look", "alliances", "row", "rule", "votes", "ties", "format", "class", "feature", "by", "one", "way"),
    *("mode", "image-class", "story", "compare", "order", "counting", "carried", "foil", "vignette", "units", "lm"),
)
LISTS = ("exclude",)
#: Keys that are numbered or named by what they are about.
PATTERNS = (re.compile(r"a[1-6]"), re.compile(r"picture-.{1,80}"), re.compile(r"prompt:.{1,120}", re.DOTALL))
_WHOLE = ("seats", "allied", "house", "n-concepts", "budget")
_LONGEST = 4000


@dataclass(frozen=True)
class View:
    """What a file holds.

    Attributes
    ----------
    data
        Key of model and data; ``title`` is what people call them.
    model_hash, rows_hash
        SHA-256 of the model's file, and of rows with their answers.
    controls
        Key of a control to its value.
    concept_names
        Names a person gave to concepts.
    edits
        Key to an edit session as JSON text.
    """

    data: str
    title: str
    model_hash: str
    rows_hash: str
    controls: Mapping[str, Any] = field(default_factory=dict)
    concept_names: Mapping[str, str] = field(default_factory=dict)
    edits: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """The file's content."""
        body = {
            "format": FORMAT,
            "version": __version__,
            "source": {
                "data": self.data,
                "title": self.title,
                "model_sha256": self.model_hash,
                "rows_sha256": self.rows_hash,
            },
            "controls": dict(self.controls),
            "concept_names": dict(self.concept_names),
            "edits": {key: json.loads(text) for key, text in self.edits.items()},
        }
        return json.dumps(body, indent=1, ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str | bytes) -> View:
        """Read what :meth:`to_json` wrote.

        Raises
        ------
        InputError
            If it is no view of this version, too large, or damaged.
        """
        if len(text) > LARGEST:
            raise InputError(f"this file has {len(text) / 2**20:.1f} MB, and a saved view at most {LARGEST >> 20} MB.")
        try:
            body = json.loads(text)
        except (ValueError, RecursionError) as error:  # the latter: brackets in brackets without an end
            raise InputError(f"this is no saved view: {error}") from error
        if not isinstance(body, dict) or body.get("format") != FORMAT:
            raise InputError(f"this is no saved view of this version: its 'format' is not {FORMAT}.")
        try:
            source = body["source"]
            return cls(
                data=_text(source["data"]),
                title=_text(source["title"]),
                model_hash=_text(source["model_sha256"]),
                rows_hash=_text(source["rows_sha256"]),
                controls={key: checked(key, value) for key, value in _mapping(body["controls"]).items()},
                concept_names={_text(k): _text(v) for k, v in _mapping(body["concept_names"]).items()},
                edits={_text(k): json.dumps(_mapping(v)) for k, v in _mapping(body["edits"]).items()},
            )
        except (KeyError, TypeError) as error:
            raise InputError(f"this saved view is damaged ({type(error).__name__}: {error}).") from error


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{type(value).__name__} where names and values were expected")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise TypeError(f"{type(value).__name__} where a text of at most {_LONGEST} letters was expected")
    return value


def _number(key: str, value: Any) -> float:
    low, high = NUMBERS[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"'{key}' in this view is {value!r}, no number.")
    if not low <= value <= high:
        raise InputError(f"'{key}' in this view is {value}, outside {low:g} to {high:g}.")
    return int(value) if key in _WHOLE else float(value)


def _switch(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InputError(f"'{key}' in this view is {value!r}, neither on nor off.")
    return value


def _texts(key: str, value: Any) -> list[str]:
    if not isinstance(value, list | tuple):
        raise InputError(f"'{key}' in this view is no list of names.")
    return [_text(item) for item in value]


def _choice(key: str, value: Any) -> str | list[str]:
    return _texts(key, value) if re.fullmatch(r"a[1-6]", key) else _text(value)


def _kind(key: str) -> Callable[[str, Any], Any] | None:
    if key in NUMBERS:
        return _number
    if key in SWITCHES:
        return _switch
    if key in LISTS:
        return _texts
    return _choice if key in CHOICES or any(pattern.fullmatch(key) for pattern in PATTERNS) else None


def is_control(key: object) -> bool:
    """Whether a key of the session's state belongs into a file."""
    return isinstance(key, str) and _kind(key) is not None


def checked(key: str, value: Any) -> Any:
    """The value of a control, or an error that names it.

    Raises
    ------
    InputError
        If there is no such control, or it cannot have this value.
    """
    kind = _kind(key)
    if kind is None:
        raise InputError(f"this view sets '{key}', and there is no such control.")
    return kind(key, value)


def take(state: Mapping[Any, Any], source: Source, edits: Mapping[str, str], concept_names: Mapping[str, str]) -> View:
    """The view that a session's state describes."""
    model_hash, rows_hash = source.hashes
    return View(
        data=source.key,
        title=source.title,
        model_hash=model_hash,
        rows_hash=rows_hash,
        # A control that shows nothing (None) has nothing to be set to.
        controls={key: checked(key, value) for key, value in state.items() if is_control(key) and value is not None},
        concept_names=dict(concept_names),
        edits=dict(edits),
    )


def find(view: View) -> tuple[str | None, tuple[str, ...]]:
    """Key of the model and data here that a view is about, and what of them is not the same as when it was saved.

    Somebody's own files have another key in each session: they are known by their content.
    """
    keys = list(sources.choices())
    own = view.data.startswith(sources.OWN)
    candidates = [view.data] if view.data in keys else []
    candidates += [key for key in keys if own and key.startswith(sources.OWN) and key not in candidates]
    near: tuple[str | None, tuple[str, ...]] = (None, ())
    for key in candidates:
        try:
            model_hash, rows_hash = sources.load(key).hashes
        except (XaiError, OSError):
            continue  # what cannot be opened here is not what was saved
        wrong = _differences(view, model_hash, rows_hash)
        if not wrong:
            return key, ()
        if near[0] is None:
            near = (key, wrong)
    return near


def _differences(view: View, model_hash: str, rows_hash: str) -> tuple[str, ...]:
    wrong = []
    if model_hash != view.model_hash:
        wrong.append(f"the model's SHA-256 is {model_hash[:12]}… here and was {view.model_hash[:12]}…")
    if rows_hash != view.rows_hash:
        wrong.append(f"the rows' SHA-256 is {rows_hash[:12]}… here and was {view.rows_hash[:12]}…")
    return tuple(wrong)
