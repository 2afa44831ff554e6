"""Names a person gives to concepts: asked for on their cards, kept in a file, read from one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from ...core import Units
from ...core.errors import InputError

if TYPE_CHECKING:
    from ...craft import Sheet
    from ..conceptual import Question

Path = tuple[int, ...]
"""Concepts clicked through, from the class down; empty for the class itself."""
_NOTES = 25
_REFUSED, _TIMES = "concept-names-refused", "concept-names-read"


def named(asked: Question, sheet: Sheet, path: Path = ()) -> Sheet:
    """The concepts under the names a person gave them; names that stand twice get their number."""
    given = st.session_state.get("concept-names", {})
    names = [given.get(key_of(asked, path, i)) or name for i, name in enumerate(sheet.names)]
    unique = [name if names.count(name) == 1 else f"{name} ({i + 1})" for i, name in enumerate(names)]
    found = sheet.importance
    attribution = replace(found.attribution, units=Units(tuple(unique), "concept"))
    return replace(sheet, importance=replace(found, attribution=attribution))


def key_of(asked: Question, path: Path, concept: int) -> str:
    """What a concept's name is remembered under."""
    return f"{asked.key}:{'.'.join(map(str, (*path, concept)))}"


def name_field(asked: Question, path: Path, concept: int, name: str) -> None:
    """Where a person names a concept."""
    key = key_of(asked, path, concept)
    widget = f"rename:{key}:{st.session_state.get(_TIMES, 0)}"
    st.text_input(
        f"Name of concept {concept + 1}",
        value=name,
        key=widget,
        on_change=_remember,
        args=(key, widget),
        label_visibility="collapsed",
    )


def _remember(key: str, widget: str) -> None:
    st.session_state.setdefault("concept-names", {})[key] = st.session_state[widget].strip()


def keep(asked: Question, sheet: Sheet) -> None:
    """The names a person gave, with the numbers and the concepts they stand for, as a file; and back from one."""
    from ...craft import names_record

    record = {
        "class": asked.class_name,
        "pictures": asked.subject.shown,
        "network": asked.subject.network,
        "layer": sheet.layer,
        "mode": sheet.mode,
        "error": sheet.error,
        "notes": list(sheet.notes),
        "named": names_record(sheet.names, sheet.bank, sheet.layer),
        "concepts": json.loads(sheet.importance.to_frame().reset_index().to_json(orient="records")),
    }
    st.download_button(
        "Names and numbers (JSON)",
        json.dumps(record, indent=1),
        "concepts.json",
        "application/json",
        key="json:concepts",
        on_click="ignore",
    )
    st.file_uploader(
        "Names from such a file",
        ["json"],
        key=_widget(asked),
        on_change=_read,
        args=(asked, sheet),
        help="They return to the concepts they were given to, also where those stand in another order.",
    )
    if st.session_state.get(_REFUSED):
        st.error(st.session_state.pop(_REFUSED), icon=":material/error:")
    for note in sheet.notes[:_NOTES]:
        st.caption(note)


def _widget(asked: Question) -> str:
    return f"concept-names-file:{asked.key}"


def _read(asked: Question, sheet: Sheet) -> None:
    from ...craft import names_from

    file = st.session_state[_widget(asked)]
    if file is None:
        return
    try:
        found = names_from(file.getvalue().decode(errors="replace"), sheet.bank, sheet.layer)
    except InputError as error:
        st.session_state[_REFUSED] = str(error)
        return
    for concept, name in found.items():
        st.session_state.setdefault("concept-names", {})[key_of(asked, (), concept)] = name
    # A field remembers what stood in it; under another key it is a new one.
    st.session_state[_TIMES] = st.session_state.get(_TIMES, 0) + 1
