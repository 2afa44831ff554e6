"""One picture's concepts to weaken, remove and strengthen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from ...core.provenance import hash_bytes
from ..component import Look, edited, mask_editor
from ..pictures import show_picture
from .editable_session import answer, history, stability, unit_contributions

if TYPE_CHECKING:
    from ...craft import Sheet
    from ...editing import EditSession
    from ..conceptual import Question


def editing(asked: Question, sheet: Sheet) -> None:
    """A switch, and behind it one picture's concepts to weaken, remove and strengthen."""
    if not st.toggle("Edit the concepts of a picture", key="edit", bind="query-params"):
        st.caption("Take concepts out of one picture, or double them, and see what the network answers then.")
        return
    picture = st.segmented_control(
        "Picture",
        range(len(sheet.pictures)),
        format_func=lambda i: f"{i + 1}",
        default=0,
        key=f"edited-picture:{asked.key}",
    )
    _workbench(asked, sheet, 0 if picture is None else int(picture))


@st.fragment
def _workbench(asked: Question, sheet: Sheet, picture: int) -> None:
    place = f"concepts:{asked.key}:{picture}:{hash_bytes(repr(sheet.names).encode())[:8]}"
    with st.spinner("Asking the network"):
        session = edited(place, lambda: _start(asked, sheet, picture))
    found = sheet.importance
    left, right = st.columns(2)
    with left:
        with st.container(horizontal=True):
            show_picture(sheet.pictures[picture], f"Picture {picture + 1}", 112)
            for i in (i for i in found.order[:3] if len(sheet.crops[i])):
                st.image(sheet.crops[i][0], caption=sheet.names[i], width=72)
        notes = [f"{value:+.2f} for {found.class_name}" for value in _contributions(session, found.class_name)]
        refused = mask_editor(session, Look("list", f"Concepts of picture {picture + 1}", notes=notes), f"list-{place}")
        if refused:
            st.error(refused, icon=":material/error:")
        st.caption("Struck out: removed. What the concepts leave out of the network's map is absent from every answer.")
    with right:
        answer(session, "logits")
        unit_contributions(session, "logits", "editable-concepts")
        stability(session)
        with st.expander("What was tried?"):
            history(session, place)


def _start(asked: Question, sheet: Sheet, picture: int) -> EditSession:
    from ...editing import EditSession

    return EditSession(asked.game(sheet, picture))


def _contributions(session: EditSession, class_name: str) -> list[float]:
    """What the class score loses when one concept is taken out of the whole picture."""
    n = len(session.game.units)
    position = session.game.output_names.index(class_name)
    answers = session.game(np.vstack([np.ones(n), 1 - np.eye(n)]))[:, position]
    return [float(value) for value in answers[0] - answers[1:]]
