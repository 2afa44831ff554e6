"""Names a person gives to concepts: asked for on their cards, kept in a file, read from one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
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
_REFUSED, _TIMES, _OFFERED = "concept-names-refused", "concept-names-read", "concept-names-offered"


def named(asked: Question, sheet: Sheet, path: Path = ()) -> Sheet:
    """The concepts under the names a person gave them; names that stand twice get their number.

    What a tree's concepts consist of is found when it is asked for: names that a file brought for it wait until then.
    """
    given = st.session_state.get("concept-names", {})
    records = st.session_state.get(_OFFERED, {}).get(asked.key, ()) if path else ()
    offered = _among(records, sheet) or {}
    names = [given.get(key_of(asked, path, i)) or offered.get(i) or name for i, name in enumerate(sheet.names)]
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
    give_back(asked, {(): sheet}, "Names from such a file")
    for note in sheet.notes[:_NOTES]:
        st.caption(note)


def give_back(asked: Question, sheets: Mapping[Path, Sheet], label: str) -> None:
    """Where a person gives a file of names back."""
    widget = f"{label}:{asked.key}"
    st.file_uploader(
        label,
        ["json"],
        key=widget,
        on_change=_read,
        args=(asked, sheets, widget),
        help="Names return to the concepts they were given to, also where those stand in another order.",
    )
    if refused := st.session_state.pop(f"{_REFUSED}:{widget}", None):
        st.error(refused, icon=":material/error:")


def _read(asked: Question, sheets: Mapping[Path, Sheet], widget: str) -> None:
    from ...craft import names_from
    from ...craft.names import branches

    file = st.session_state[widget]
    if file is None:
        return
    try:
        records = branches(file.getvalue().decode(errors="replace"))
        found = {path: _among(records, sheet) for path, sheet in sheets.items()}
        if not any(names is not None for names in found.values()):
            names_from(records[0], sheets[()].bank, sheets[()].layer)  # says why
    except InputError as error:
        st.session_state[f"{_REFUSED}:{widget}"] = str(error)
        return
    st.session_state.setdefault(_OFFERED, {})[asked.key] = records
    for path, names in found.items():
        for concept, name in (names or {}).items():
            st.session_state.setdefault("concept-names", {})[key_of(asked, path, concept)] = name
    # A field remembers what stood in it; under another key it is a new one.
    st.session_state[_TIMES] = st.session_state.get(_TIMES, 0) + 1


def _among(records: Sequence[str], sheet: Sheet) -> dict[int, str] | None:
    """Names that any of the records has for these concepts; ``None`` if all are about others."""
    from ...craft import names_from

    found = None
    for record in records:
        with suppress(InputError):
            found = (found or {}) | names_from(record, sheet.bank, sheet.layer)
    return found
