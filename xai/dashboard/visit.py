"""What a person found on other pages of this visit, for the report to hold."""

from __future__ import annotations

from typing import Any, Literal

import streamlit as st

from ..editing import EditSession

Kind = Literal["concepts", "words"]

_PLACE = "found"
_EDITS = "edits:"
_WAITING = "edits-to-open"


def remember(kind: Kind, title: str, result: Any) -> None:
    """Keep the last result of a kind, as the page shows it now.

    Parameters
    ----------
    title
        What it is, for the person who chooses what the report holds.
    result
        A :class:`~xai.craft.Sheet` or a :class:`~xai.reagent.TokenAttribution`.
    """
    st.session_state.setdefault(_PLACE, {})[kind] = (title, result)


def remembered() -> dict[Kind, tuple[str, Any]]:
    """Kind to title and result."""
    found: dict[Kind, tuple[str, Any]] = st.session_state.get(_PLACE, {})
    return dict(found)


def edit_sessions() -> dict[str, EditSession]:
    """Edit sessions of this visit in which something was edited, by their key."""
    return {
        key.removeprefix(_EDITS): value
        for key, value in st.session_state.items()
        if isinstance(key, str) and key.startswith(_EDITS) and isinstance(value, EditSession) and len(value.history) > 1
    }


def leave_edits(key: str, text: str) -> None:
    """Leave the JSON of an edit session where its page finds it, in place of the session that is there."""
    st.session_state.pop(_EDITS + key, None)
    st.session_state.setdefault(_WAITING, {})[key] = text


def waiting_edits(key: str) -> str | None:
    """What was left for a key, once."""
    text: str | None = st.session_state.get(_WAITING, {}).pop(key, None)
    return text
