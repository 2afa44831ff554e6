"""What stands beside any editor: the answer before and after, the stability meter, the history. One for all units."""

from __future__ import annotations

import streamlit as st

from ...core.errors import InputError
from ...editing import EditSession
from ..cards import figure


def answer(session: EditSession, unit: str = "") -> None:
    """The answer without any edit, one step back, and now.

    Parameters
    ----------
    unit
        What several outputs are in, where they are no shares: those are written as percentages.
    """
    outputs = session.outputs
    decide = session.decision
    parts = [("Original", outputs.original), ("Before", outputs.before), ("Now", outputs.after)]
    for column, (title, values) in zip(st.columns(3), parts, strict=True):
        winner = decide.name(values)
        if len(values) == 1:
            # The answer is a side of a threshold, a sentence: too long for the large line.
            column.metric(title, f"{values[0]:.3g}", delta_color="off")
            column.caption(winner)
            continue
        size = f"{values.max():.3g} {unit}" if unit else f"{values.max():.0%}"
        column.metric(title, winner, size, delta_color="off", delta_arrow="off")
    if session.answer != session.original_answer:
        st.info(session.summary, icon=":material/swap_horiz:")
    else:
        st.caption(session.summary)


def stability(session: EditSession) -> None:
    """How much the present answer means: other masks of the same size, and the person's own."""
    found = session.stability()
    for warning in found.warnings:
        st.warning(warning, icon=":material/warning:")
    if found.random_answers:
        st.metric("Random masks of this size that agree", f"{found.random_same} of {len(found.random_answers)}")
    # The first sentence is the metric above; that an answer stayed is said beside the answer.
    stayed = found.answer == found.original
    for sentence in found.sentences[bool(found.random_answers) : -1 if stayed else None]:
        st.caption(sentence)


def history(session: EditSession, key: str) -> None:
    """Every step with its note; names for steps to come back to; the whole as a file, and back from it."""
    current = session.step
    rows = [
        {
            "": "●" if step.number == current.number else "",
            "Step": step.number,
            "What changed": step.description,
            "Answer": step.answer,
            "Note": step.note,
        }
        for step in reversed(session.history)
    ]
    place = f"history:{key}:{len(rows)}:{current.number}"
    changed = st.data_editor(
        rows,
        key=place,
        hide_index=True,
        disabled=["", "Step", "What changed", "Answer"],
        height=min(36 * len(rows) + 40, 260),
    )
    for row in changed:
        if (row["Note"] or "") != session.history[row["Step"]].note:
            session.annotate(row["Step"], row["Note"] or "")
    _snapshots(session, key)
    _files(session, key)


def _snapshots(session: EditSession, key: str) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name this state", key=f"snapshot:{key}", placeholder="without the marker")
        st.button("Save", key=f"save:{key}", on_click=_save, args=(session, key), disabled=not name)
        number = st.number_input(
            "Back to step", 0, len(session.history) - 1, session.step.number, key=f"back:{key}:{session.step.number}"
        )
        st.button("Go", key=f"go:{key}", on_click=session.go_to, args=(int(number),))
    if session.snapshots:
        with st.container(horizontal=True):
            for saved in session.snapshots:
                st.button(
                    saved,
                    key=f"restore:{key}:{saved}",
                    icon=":material/bookmark:",
                    on_click=session.restore,
                    args=(saved,),
                )


def _save(session: EditSession, key: str) -> None:
    session.snapshot(st.session_state[f"snapshot:{key}"])
    st.session_state[f"snapshot:{key}"] = ""


def _files(session: EditSession, key: str) -> None:
    with st.expander("Take it home, or bring it back", key=f"files:{key}", on_change="rerun"):
        st.download_button(
            "Download JSON", session.to_json(), "edits.json", "application/json", key=f"json:{key}", on_click="ignore"
        )
        file = st.file_uploader("Continue a session", type="json", key=f"upload:{key}")
        if file is not None and st.button("Load it", key=f"load:{key}"):
            try:
                loaded = EditSession.from_json(file.getvalue().decode("utf-8", errors="replace").strip(), session.game)
            except InputError as error:
                st.error(str(error), icon=":material/error:")
            else:
                st.session_state[f"edits:{key}"] = loaded
                st.rerun()


def unit_contributions(session: EditSession, unit: str, key: str) -> None:
    """What each changed unit did to the lead of the present answer, each put back on its own."""
    from ...plots.correspondence import cell_contributions

    found = session.contributions()
    if not found.values.any():
        st.caption(
            "Nothing that was changed matters for the answer by itself."
            if len(session.history) > 1
            else "Edit something first."
        )
        return
    figure(
        cell_contributions(found.values, found.units, unit),
        key,
        f"What each changed unit did to the lead of {found.winner} over {found.runner_up}.",
    )
    st.caption(
        f"Lead of {found.winner} over {found.runner_up}: {found.before:.3g} at the start, {found.after:.3g} now. "
        + ("" if found.additive else f"Units acting together account for {found.rest:.3g} more.")
    )
