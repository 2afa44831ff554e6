"""Cards of the page Your model: files dropped, and what they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import streamlit as st

from ...core.errors import InputError, XaiError
from .. import uploads
from ..jobs import StillRunningError, show_failure, watch
from ..limits import limits
from ..markdown import plain
from ..pictures import show_picture
from ..uploads import Upload

Found = dict[str, tuple[Upload, dict[str, Any]]]

_ROUND = "uploads taken"
_PROBLEMS = "uploads refused"


def limits_line() -> str:
    """The limits in words."""
    most = limits()
    return (
        f"Models of up to {most.max_model_mb} MB, data of up to {most.max_data_mb} MB, {most.max_files} files. Seen by "
        "this session only, and deleted when it ends."
    )


def drop() -> None:
    """Where files are dropped; what was taken is listed beside, so the field is empty again for the next ones."""
    turn = st.session_state.setdefault(_ROUND, 0)
    key = f"drop-{turn}"
    dropped = st.file_uploader(
        "A model, and a table of rows to look at it with",
        accept_multiple_files=True,
        key=key,
        max_upload_size=limits().largest_mb,
        help="XGBoost, LightGBM, CatBoost, scikit-learn (.skops) or ONNX models; CSV or Parquet tables.",
    )
    if dropped:
        problems = []
        for file in dropped:
            try:
                uploads.add(file.name, file.getbuffer())
            except InputError as error:
                problems.append(str(error))
        uploads.forget(dropped)
        st.session_state[_PROBLEMS] = problems
        st.session_state[_ROUND] = turn + 1
        st.rerun()
    for problem in st.session_state.get(_PROBLEMS, ()):
        st.error(problem, icon=":material/error:")


def examples() -> None:
    """A model and a table to try the page with."""
    model, table, n = _example()
    st.caption(
        f"A LightGBM model of the Pima diabetes data and {n} rows it never saw; one column and the answers go by other "
        "names there. Download both, then drop them above."
    )
    with st.container(horizontal=True):
        for name, content, mime in (
            ("example_model.txt", model, "text/plain"),
            ("example_rows.csv", table, "text/csv"),
        ):
            st.download_button(name, content, name, mime, icon=":material/download:", key=name, on_click="ignore")


@lru_cache(maxsize=1)
def _example() -> tuple[bytes, bytes, int]:
    """A demo model's file, and its held-out rows with a column and the answers called otherwise."""
    from ...datasets import demo_models

    demo = demo_models()["pima_diabetes-lightgbm"]
    X, y = demo.held_out_data()
    rows = X.rename(columns={"BMI": "Body mass (BMI)"}).assign(
        Outcome=y.map({0: "tested negative", 1: "tested positive"})
    )
    return demo.path.read_bytes(), rows.to_csv(index=False).encode(), len(rows)


def recognised() -> Found:
    """Every file of this session with what it is; returns those that could be told."""
    found: Found = {}
    kept = uploads.files()
    if not kept:
        st.info("Nothing yet. Drop a model and a table.", icon=":material/upload_file:")
    for key, upload in kept.items():
        with st.container(border=True, key=f"file-{key}"):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{plain(upload.name)}**", width="stretch")
                st.caption(_bytes(upload.size), width="content")
                st.button(
                    "Remove",
                    key=f"remove:{key}",
                    icon=":material/delete:",
                    type="tertiary",
                    on_click=uploads.remove,
                    args=(key,),
                )
            try:
                facts = upload.look()
            except StillRunningError as running:
                watch(running.job, f"{running.key}:{key}")
            except XaiError as error:
                show_failure(error, key)
            else:
                found[key] = (upload, facts)
                _FACTS[facts["what"]](upload, facts)
    return found


def _facts(lines: list[tuple[str, str]], upload: Upload, notes: Iterable[str] = ()) -> None:
    """Facts a line each, with the file's hash."""
    told = "  \n".join(f"{name}: {plain(text)}" for name, text in lines if text)
    st.markdown(f"{told}  \nSHA-256: `{upload.hash[:16]}…`")
    for note in notes:
        st.caption(plain(note))


def _opened_by(facts: Mapping[str, Any]) -> tuple[str, str]:
    return "Opened by", ", ".join(f"{name} {version}" for name, version in facts["versions"].items())


def _model_facts(upload: Upload, facts: Mapping[str, Any]) -> None:
    names = facts["feature_names"]
    count = facts["n_features"] if names is None else len(names)
    name = f"{facts['framework']} {facts['architecture']}".strip()
    lines = [
        ("Kind", f"{name} ({facts['kind']}), {facts['task']}"),
        ("Answers", "; ".join(f"{space}: {several(outputs)}" for space, outputs in facts["spaces"].items())),
        ("Classes", "none" if facts["classes"] is None else several([str(label) for label in facts["classes"]])),
        ("Columns", "unknown" if count is None else f"{count}" + (", without names" if names is None else "")),
        _opened_by(facts),
    ]
    _facts(lines, upload, facts["notes"])
    if names:
        with st.expander(f"The {len(names)} columns it reads"):
            st.dataframe({"column": list(names)}, height=200, hide_index=True)


def _network_facts(upload: Upload, facts: Mapping[str, Any]) -> None:
    size = facts["size"]
    classes = facts["classes"]
    lines = [
        ("Kind", f"{facts['what']}, {facts['framework']} {facts['architecture']} ({facts['kind']})"),
        ("Pictures", "" if size is None else f"{size[0]} × {size[1]} pixels"),
        (
            "Classes",
            several(classes) if classes else f"{facts['n_classes']} without names" if facts["n_classes"] else "",
        ),
        _opened_by(facts),
    ]
    _facts(lines, upload, facts["notes"])
    if facts["what"] == "language model":
        st.page_link("pages/tokens.py", label="Ask it on the page Tokens", icon=":material/notes:")


def _table_facts(upload: Upload, facts: Mapping[str, Any]) -> None:
    table = facts["table"]
    lines = [("Kind", f"{facts['format']} table"), ("Rows and columns", f"{len(table):,} × {table.shape[1]:,}")]
    _facts(lines, upload, facts["notes"])
    with st.expander("First rows"):
        st.dataframe(table.head(20), height=200)


def _picture_facts(upload: Upload, facts: Mapping[str, Any]) -> None:
    names, labels = facts["names"], facts["labels"]
    classes = sorted(set(labels))
    lines = [("Kind", f"{len(names):,} picture{'s' if len(names) > 1 else ''}"), ("Folders", several(classes))]
    _facts(lines, upload, [f"Left out: {reason}" for reason in list(facts["problems"].values())[:5]])
    with st.container(horizontal=True, gap="small"):
        for name, thumb in zip(names, facts["thumbs"], strict=False):
            show_picture(thumb, name, 72)


_FACTS = {
    "model": _model_facts,
    "image model": _network_facts,
    "language model": _network_facts,
    "table": _table_facts,
    "pictures": _picture_facts,
}


def several(names: Any) -> str:
    """The first few names, and how many more there are."""
    names = [str(name) for name in names]
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _bytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 100_000 else f"{size / 1e3:,.1f} kB"
