"""An edit session shown as something to paint on.

What is painted reaches the session in a callback, before the page is drawn again: the page then shows the session, and
the component shows what the page says. Edits are numbered: one that comes twice is handled once.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import streamlit as st

from ...core.errors import XaiError
from ...editing import EditSession
from ..visit import waiting_edits

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, eq=False)
class Look:
    """How units are laid out.

    Attributes
    ----------
    layout
        ``"grid"`` over a picture, ``"list"`` of features, or ``"strip"`` of tokens or concepts.
    label
        What is painted, for people who do not see it.
    image
        ``(H, W, 3)`` uint8 under a grid.
    notes
        A few words beside each unit of a list or strip.
    """

    layout: Literal["grid", "list", "strip"]
    label: str
    image: np.ndarray | None = None
    notes: Sequence[str] = field(default=())


def edited(key: str, start: Callable[[], EditSession]) -> EditSession:
    """The session kept under a key; made by ``start`` when it is first asked for."""
    place = f"edits:{key}"
    if place not in st.session_state:
        session = start()
        saved = waiting_edits(key)
        # Of another game, it raises once and is gone: the page then starts anew.
        st.session_state[place] = session if saved is None else EditSession.from_json(saved, session.game)
    kept: EditSession = st.session_state[place]
    return kept


def mask_editor(session: EditSession, look: Look, key: str, *, later: str | None = None) -> str | None:
    """Draw the component; an error message if the last thing painted was refused.

    Parameters
    ----------
    session
        Gets every stroke, undo, redo and reset.
    key
        Unique on the page; another key is another component.
    later
        Key of a fragment to draw again once the hand rests, if the component is in a fragment of its own inside it: a
        stroke then draws the inner one alone.
    """
    # Streamlit draws nothing for a component whose key holds a colon.
    key = re.sub(r"[^\w-]", "-", key)
    units = session.game.units
    rows, columns = units.layout if look.layout == "grid" and units.layout else (len(units), 1)
    handled = st.session_state.get(f"handled:{key}", 0)
    _component()(
        key=key,
        data={
            "signature": key,
            "layout": look.layout,
            "label": look.label,
            "alt": look.label,
            "image": None if look.image is None else _data_uri(look.image.tobytes(), look.image.shape),
            "names": list(units.names),
            "notes": list(look.notes),
            "plural": "patches" if units.kind == "patch" else f"{units.kind}s",
            "rows": rows,
            "columns": columns,
            "binary": session.game.weights == "binary",
            "weights": session.mask.tolist(),
            "handled": handled,
            "canUndo": session.can_undo,
            "canRedo": session.can_redo,
            "settles": later is not None,
        },
        on_edits_change=lambda: _receive(session, key),
        on_settled_change=lambda: None if later is None else st.rerun(later),
    )
    refused: str | None = st.session_state.get(f"refused:{key}")
    return refused


def _receive(session: EditSession, key: str) -> None:
    state: Any = st.session_state.get(key)
    edits: Sequence[Mapping[str, Any]] = (state or {}).get("edits") or ()
    handled = st.session_state.get(f"handled:{key}", 0)
    for edit in edits:
        if edit["number"] <= handled:
            continue
        handled = st.session_state[f"handled:{key}"] = int(edit["number"])
        st.session_state[f"refused:{key}"] = None
        try:
            _apply(session, edit)
        except XaiError as error:  # also a model that does not answer: raised here it would be a traceback
            st.session_state[f"refused:{key}"] = str(error)


def _apply(session: EditSession, edit: Mapping[str, Any]) -> None:
    command = edit.get("command")
    if command == "undo":
        if session.can_undo:
            session.undo()
    elif command == "redo":
        if session.can_redo:
            session.redo()
    elif command == "reset":
        session.reset()
    else:
        session.edit(edit["weights"])


def _component() -> Any:
    # Registered on every run: a new server, or a test's, knows nothing of what an old one was told.
    html, css, js = _parts()
    return st.components.v2.component("hemicycle_mask_editor", html=html, css=css, js=js)


@cache
def _parts() -> tuple[str, str, str]:
    html, css, js = ((_FOLDER / f"mask_editor.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
    return html, css, js


@lru_cache(maxsize=64)
def _data_uri(content: bytes, shape: tuple[int, ...]) -> str:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(np.frombuffer(content, dtype=np.uint8).reshape(shape)).save(stream, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()
