"""Cards of the Report: one file to leave the screen with, and the view itself to come back to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from ... import report as reports
from ...core.errors import InputError
from ...core.provenance import hash_array, hash_bytes
from .. import view_file, visit
from ..controls import Law, electoral_law
from ..explained import BACKGROUND, Explained
from ..jobs import bound, compute
from ..source import OWN

_OPENED = "view-opened"


@dataclass(frozen=True)
class Contents:
    """What goes into the report besides the model's own sections.

    Attributes
    ----------
    law
        Electoral law of its parliament.
    sheets
        Concepts.
    files
        Name, content and notes of result files.
    """

    law: Law
    sheets: tuple[Any, ...]
    files: tuple[tuple[str, str, tuple[str, ...]], ...]


def contents(explained: Explained) -> Contents:
    """Controls: the law, what was found on other pages of this visit, and files of earlier ones."""
    law, votes = electoral_law(explained)
    if votes != "shap":
        st.caption("The report's votes are mean |SHAP|, whose uncertainty is known.")
    if law.ties != "order":
        st.caption("The report settles ties by column order.")
    sheets: list[Any] = []
    files: list[tuple[str, str, tuple[str, ...]]] = []
    for kind, (title, result) in visit.remembered().items():
        if st.checkbox(title, value=True, key=f"with:{kind}"):
            if kind == "concepts":
                sheets.append(result)
            else:
                files.append((f"{title}.json", result.to_json(), ()))
    for key, session in visit.edit_sessions().items():
        n = len(session.history) - 1
        title = f"Edits of {_place(key)}: {n} step{'s' if n > 1 else ''}"
        if st.checkbox(title, value=True, key=f"with-edits:{key}"):
            stability = session.stability()
            files.append((f"{title}.json", session.to_json(), (*stability.sentences, *stability.warnings)))
    given = st.file_uploader(
        "Results of earlier visits",
        type="json",
        accept_multiple_files=True,
        key="report-files",
        help="The JSON files that the pages Tokens and Editable map let you download.",
    )
    for file in given:
        text = file.getvalue().decode("utf-8", errors="replace")
        reports.section_of_text(text, file.name)  # an error here names the file, and the card shows it
        files.append((file.name, text, ()))
    return Contents(law, tuple(sheets), tuple(files))


def _place(key: str) -> str:
    return key.replace("-", " ").replace("_", " ").replace(":", ", ")


def _report(explained: Explained, chosen: Contents) -> str:
    """The report, made by a worker once for the same content; without Plotly's script."""
    source, law = explained.source, chosen.law
    # The page's own rows, and of them as many that stand for what is unknown: its figures are then the page's.
    limit = len(source.X) if explained.limit is None else explained.limit
    config = {
        "rows": max(2, limit),
        "background_rows": BACKGROUND,
        "seats": law.seats,
        "rule": law.rule,
        "threshold": law.threshold,
        "alliances": {name: list(members) for name, members in law.alliances.items()},
        "exclude": list(law.exclude),
    }
    identity = source.identity
    if chosen.sheets or chosen.files:
        concepts = [(sheet.names, sheet.n_images, hash_array(sheet.importance.per_image)) for sheet in chosen.sheets]
        text = repr((chosen.files, concepts))
        identity = bound(f"{source.identity}:{hash_bytes(text.encode())}")
    thin: str = compute(
        "report",
        "Writing the report",
        identity,
        {
            "model": source.file,
            "output": explained.output,
            "dataset": None if source.dataset is None else source.dataset.name,
            "rows_are": source.rows_are,
            "title": f"Report: {source.title}",
            "names": dict(source.names),
            "facts": facts(explained),
            "config": config,
        },
        X=source.X,
        y=source.y,
        sheets=list(chosen.sheets),
        files=[(name, text, list(notes)) for name, text, notes in chosen.files],
    )
    return thin


def facts(explained: Explained) -> dict[str, str]:
    """Where the model came from."""
    from ...datasets import demo_models

    demos = demo_models()
    source = explained.source
    return demos[source.key].card() if source.key in demos else {"file": source.model.name}


def download(explained: Explained, chosen: Contents) -> None:
    """The file, and what identifies it."""
    html = reports.whole(_report(explained, chosen))
    content = html.encode("utf-8")
    st.download_button(
        "Download the report",
        content,
        f"report-{explained.source.key}.html",
        "text/html",
        key="report-html",
        type="primary",
        icon=":material/download:",
        on_click="ignore",
    )
    st.caption(
        f"One HTML file of {len(content) / 1e6:.1f} MB that opens without network and prints to PDF. Made again from "
        f"the same model, rows, options and versions it is the same file: SHA-256 {hash_bytes(content)[:16]}…"
    )
    parts = [
        "the data, with their hashes and what to beware of",
        "the model, with its hash and versions",
        "how good it is, with intervals",
        "seats, and how sure they are",
        "SHAP values, and whether other importances agree",
        "whether the model obeys the explanation, beside random orders",
        *(f"concepts of {sheet.importance.class_name}" for sheet in chosen.sheets),
        *(name.removesuffix(".json") for name, _, _ in chosen.files),
        "limits in plain words, options and seeds",
    ]
    st.markdown("\n".join(f"- {part}" for part in parts))
    st.caption("The figures hold values of single rows: treat the file with the care that the data need.")


def take_along(explained: Explained) -> None:
    """The view as a file, and back from one."""
    edits = {key: session.to_json() for key, session in visit.edit_sessions().items()}
    view = view_file.take(dict(st.session_state), explained.source, edits, st.session_state.get("concept-names", {}))
    st.download_button(
        "Save this view",
        view.to_json(),
        "view.json",
        "application/json",
        key="save-view",
        icon=":material/save:",
        on_click="ignore",
    )
    st.caption(
        f"{len(view.controls)} controls, {len(view.concept_names)} names of concepts and {len(view.edits)} edit "
        "sessions; no rows and no model. Opened elsewhere it needs the same files, and says so if they are others."
    )
    file = st.file_uploader("Open a saved view", type="json", key="view-file")
    if file is None:
        st.session_state.pop(_OPENED, None)
        return
    _offer(view_file.View.from_json(file.getvalue()))
    if _OPENED in st.session_state:
        st.success(st.session_state[_OPENED], icon=":material/check:")


def _offer(view: view_file.View) -> None:
    """Say what a file holds and what is not the same here, and open it when asked to."""
    key, differences = view_file.find(view)
    st.markdown(f"**{view.title}**, {len(view.controls)} controls, {len(view.edits)} edit sessions.")
    if key is None:
        own = view.data.startswith(OWN)
        raise InputError(
            f"this view is about {view.title}, which is not here: "
            + (
                "put the same files on the page Your model, then open it again."
                if own
                else "it is no demo of this version."
            )
        )
    for difference in differences:
        st.warning(f"Not the same as when this was saved: {difference}", icon=":material/difference:")
    st.button("Open it", key="open-view", type="primary", on_click=_open, args=(view, key))


def _open(view: view_file.View, key: str) -> None:
    """Set every control; edits wait until their page asks for them."""
    st.session_state["data"] = key
    for name, value in view.controls.items():
        st.session_state[name] = value
    st.session_state.setdefault("concept-names", {}).update(view.concept_names)
    for name, text in view.edits.items():
        visit.leave_edits(name, text)
    st.session_state[_OPENED] = (
        f"Opened: {len(view.controls)} controls are set, and {len(view.edits)} edit sessions wait on their pages."
    )
