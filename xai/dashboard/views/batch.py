"""Cards of the Batch page: order a run, see all of them, and what one of them gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ... import plots
from ...batch import runs
from ...batch.methods import explaining
from ...core.errors import XaiError
from ..batches import METHODS, history, methods_for, order, seats_table, why_played
from ..cards import downloads, figure
from ..explained import Explained
from ..jobs import show_failure

if TYPE_CHECKING:
    from ...batch import BatchResult

_MARKS = {
    "running": "going on",
    "finished": "finished",
    "failed": "failed",
    "cancelled": "cancelled",
    "interrupted": "interrupted",
}
_SHOWN_MEASURES = {"pearson": "Pearson", "spearman": "Spearman", "top_k": "overlap"}
#: Bytes up to which results are handed to the browser; larger ones are read from their folder.
_MOST_BYTES = 200 << 20


def submit(explained: Explained) -> None:
    """What to compute for every row, and the button that starts it."""
    n = len(explained.source.X)
    known = methods_for(explained)
    with st.form("batch", border=False):
        chosen = st.multiselect("Methods", known, default=known[:1], format_func=METHODS.get, key="batch-methods")
        if (why := why_played(explained)) is not None:
            st.caption(why)
        with st.container(horizontal=True):
            seated = st.checkbox(
                "Seats in every row", value=True, key="batch-seated", help="A parliament for each row, by SHAP values."
            )
            seats = st.number_input("Seats", 1, 10_000, 100, key="batch-seats", width=160)
        st.caption(
            f"All {n:,} {explained.source.rows_are} are explained by worker processes and written as Parquet files. "
            + (
                "A run of your own files is yours alone and ends with your session: download what it gives."
                if explained.source.owner
                else "A run goes on when this page is closed, and a stopped one resumes where it was."
            )
        )
        if st.form_submit_button(f"Explain {n:,} rows", type="primary"):
            try:
                run = order(explained, list(chosen), int(seats) if seated else None)
            except XaiError as error:
                st.error(str(error), icon=":material/error:")
            else:
                st.session_state["run"] = run.name
    with st.expander("The same from the command line, for tables of any length"):
        st.code(
            "xai batch MODEL rows.parquet -o results --key patient --workers 4\n"
            "xai batch MODEL rows/ -o results --engine dask --scheduler tcp://HOST:8786",
            language="sh",
        )


def chooser() -> runs.Run | None:
    """All runs, the newest first, and the one that is looked at."""
    found = {run.name: run for run in history()}
    if not found:
        st.info("No run yet.", icon=":material/inbox:")
        return None
    st.dataframe(
        [
            {
                "started (UTC)": run.started,
                "state": _MARKS[run.status],
                "rows": run.n_rows,
                "methods": ", ".join(run.methods),
                "model and data": run.title,
            }
            for run in found.values()
        ],
        hide_index=True,
        height=min(38 + 35 * len(found), 260),
    )
    if st.session_state.get("run") not in found:
        st.session_state.pop("run", None)
    name = st.selectbox("Look at", list(found), format_func=lambda key: label(found[key]), key="run")
    return found[name]


def label(run: runs.Run) -> str:
    """A run for people: when and what."""
    return f"{run.started}, {run.title}"


@st.fragment(run_every=1.0)
def watch(run: runs.Run) -> None:
    """Progress of a run that is going on; the page is drawn again when it ends."""
    if run.status != "running":
        st.rerun()
    fraction, text = run.progress
    st.progress(min(fraction, 1.0), text=text)
    if st.button("Cancel", key=f"cancel-run:{run.name}"):
        run.cancel()
        st.rerun()


def state(run: runs.Run) -> None:
    """What became of a run, and what can be done with it."""
    status = run.status
    if status == "running":
        watch(run)
        return
    if status == "failed":
        st.error(run.message, icon=":material/error:")
    elif status != "finished":
        st.info(
            f"This run was {_MARKS[status]}; finished parts are kept. Resume goes on where it was.",
            icon=":material/pause_circle:",
        )
    with st.container(horizontal=True):
        if status != "finished":
            st.button("Resume", key=f"resume:{run.name}", type="primary", on_click=run.resume)
        elif runs.size(run) <= _MOST_BYTES:
            st.download_button(
                "Results (ZIP of Parquet)",
                data=lambda: run.pack().read_bytes(),
                file_name=f"{run.name}.zip",
                mime="application/zip",
                key=f"zip:{run.name}",
                on_click="ignore",
            )
        else:
            st.caption(f"The results are too large for the browser; they lie in `{run.folder / 'out'}`.")
        st.button("Delete", key=f"delete:{run.name}", on_click=run.delete)


def _output(result: BatchResult, explained: Explained) -> str:
    """The output to look at: the sidebar's class where the run has it, else the run's first."""
    method = explaining(result.manifest.methods)[0]
    names = list(result.summary["methods"][method]["outputs"])
    return explained.output if explained.output in names else str(names[0])


def _named(run: runs.Run, output: str, explained: Explained) -> str:
    """The output for people: the class it stands for, where the sidebar's data are those of the run."""
    return explained.source.class_label(output) if run.title == explained.source.title else output


def explains(run: runs.Run) -> bool:
    """Whether rows were explained, and not only the model asked."""
    return bool(explaining(run.methods))


def subtitle(run: runs.Run) -> str:
    """Which rows a figure is about."""
    summary = run.result().summary
    failed = f", {summary['failed_rows']:,} of them failed" if summary["failed_rows"] else ""
    return f"{run.title} · all {summary['rows']:,} rows{failed}"


def votes(run: runs.Run, explained: Explained) -> None:
    """Mean size of the values over all rows."""
    result = run.result()
    output = _output(result, explained)
    table = seats_table(run, output)
    first = ", ".join(table["unit"][:3])
    figure(
        plots.batch_votes(result, output=output, subtitle=f"output {_named(run, output, explained)}"),
        "batch-votes",
        f"Mean sizes of the values of {len(table)} features with intervals; the largest are {first}.",
    )
    downloads("batch-votes", table, dict(result.summary))


def parliament(run: runs.Run, explained: Explained) -> None:
    """The election by the votes of all rows."""
    result = run.result()
    output = _output(result, explained)
    law = result.manifest.options.get("dhondt", {})
    elected = result.parliament(output=output, seats=law.get("seats", 100), rule=law.get("rule", "dhondt"))
    figure(plots.parliament(elected), "batch-parliament", plots.describe(elected))
    table = seats_table(run, output)
    st.dataframe(table[["unit", "seats", "low", "high"]], hide_index=True, height=min(38 + 35 * len(table), 260))
    st.caption("low, high: 95 % interval of the seats over samples of as many rows.")
    downloads("batch-seats", table)


def agreements(run: runs.Run) -> list[dict[str, object]]:
    """Every pair of importances of a run and how far they agree; empty where there is one importance only."""
    found = []
    for pair in run.result().summary["agreement"]:
        if "measures" not in pair:
            continue
        measured = {entry["measure"]: entry["value"] for entry in pair["measures"]}
        names = {side: METHODS.get(pair[side], pair[side]) for side in ("first", "second")}
        found.append({**names, "output": pair["output"], **{name: measured[name] for name in _SHOWN_MEASURES}})
    return found


def agreement(run: runs.Run) -> None:
    """How far several importances of the same rows say the same."""
    found = agreements(run)
    st.dataframe(
        found,
        hide_index=True,
        column_config={
            name: st.column_config.NumberColumn(shown, format="%.2f") for name, shown in _SHOWN_MEASURES.items()
        },
    )
    st.caption(
        "Over all rows, between the votes of two methods; 1 is the same. Pearson compares sizes, Spearman orders, "
        "overlap the largest five."
    )


def drift(run: runs.Run, explained: Explained) -> None:
    """What moved since another run."""
    others = {r.name: r for r in history() if r.name != run.name and r.status == "finished" and explains(r)}
    if not others:
        st.caption("A second finished run can be compared with this one: another model, or the rows of another month.")
        return
    name = st.selectbox("Earlier run", list(others), format_func=lambda key: label(others[key]), key="drift-from")
    result = run.result()
    try:
        moved = others[name].result().compare(result, output=_output(result, explained))
    except XaiError as error:
        show_failure(error, "drift")
        return
    figure(
        plots.drift(moved, subtitle=f"from {label(others[name])}"),
        "drift",
        f"Change of each feature's share of the votes; {moved.moved:.1%} moved in all.",
    )
    st.caption("Seats of both runs and z = change over its standard error stand in the table.")
    downloads("drift", moved.table)
