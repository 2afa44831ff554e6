"""Cards of the page Your model: files dropped, what they are, how they fit, and what opens at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import streamlit as st

from ...core.errors import InputError, XaiError
from ...models.trust import is_trusted
from ...sandbox import Protections, protections
from .. import source, uploads
from ..cards import card
from ..columns import propose, propose_answers
from ..jobs import StillRunningError, show_failure, watch
from ..limits import limits
from ..markdown import plain
from ..pictures import show_picture
from ..uploads import Fit, Upload, as_label

if TYPE_CHECKING:
    import pandas as pd

Found = dict[str, tuple[Upload, dict[str, Any]]]

_ROUND = "uploads taken"
_PROBLEMS = "uploads refused"
#: Columns of a model that are listed one by one when a person has to choose.
_MOST_CHOSEN = 60
_SHOWN_ROWS = 5
_PAGES = {
    "pages/overview.py": ("Overview", ":material/home:"),
    "pages/parliament.py": ("Parliament", ":material/account_balance:"),
    "pages/shap_comparison.py": ("SHAP comparison", ":material/compare_arrows:"),
    "pages/batch.py": ("Batch", ":material/table_rows:"),
}
_SPACES = {"margin": "margin (log-odds of a boosted classifier)", "probability": "probability", "value": "value"}


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
        ("Answers", "; ".join(f"{space}: {_several(outputs)}" for space, outputs in facts["spaces"].items())),
        ("Classes", "none" if facts["classes"] is None else _several([str(label) for label in facts["classes"]])),
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
            _several(classes) if classes else f"{facts['n_classes']} without names" if facts["n_classes"] else "",
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
    lines = [("Kind", f"{len(names):,} picture{'s' if len(names) > 1 else ''}"), ("Folders", _several(classes))]
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


def fit(found: Found) -> None:
    """How model and table fit together, and the button that puts every page on them."""
    models, tables = _of(found, "model"), _of(found, "table")
    if not models and not tables:
        return
    with card("Do they fit together?"):
        if not models:
            st.info(
                "There is a table, but no model that could be opened: drop one beside it.",
                icon=":material/model_training:",
            )
        elif not tables:
            st.info(
                "There is a model, but no table: drop a CSV or Parquet file with the model's columns.",
                icon=":material/table:",
            )
        else:
            _fit(models, tables)


def _of(found: Found, what: str) -> Found:
    return {key: pair for key, pair in found.items() if pair[1]["what"] == what}


def _fit(models: Found, tables: Found) -> None:
    left, right = st.columns(2)
    with left:
        model, facts = _pick("Model", models, "fit-model")
        data, contents = _pick("Table", tables, "fit-data")
        table: pd.DataFrame = contents["table"]
        columns = _columns(f"{model.key}:{data.key}", facts, table)
    with right:
        chosen = _answers(model, data, facts, table, columns)
    if chosen is None:
        return
    try:
        made = _made(chosen, facts, table)
    except InputError as error:
        st.warning(str(error), icon=":material/rule:")
        return
    _preview(chosen, made, facts)


def _pick(label: str, found: Found, key: str) -> tuple[Upload, dict[str, Any]]:
    names = {key: upload.name for key, (upload, _) in found.items()}
    # The newest is what a person just dropped.
    choice = st.selectbox(label, list(names)[::-1], format_func=names.get, key=f"{key}:{len(names)}:{list(names)[-1]}")
    return found[choice]


def _columns(pair: str, facts: Mapping[str, Any], table: pd.DataFrame) -> dict[str, str | None]:
    """The model's columns and those of the table that stand for them."""
    offered = [str(name) for name in table.columns]
    wanted = facts["feature_names"]
    if wanted is None:
        return _by_position(pair, facts["n_features"], offered)
    proposed = propose(wanted, offered)
    differ = [name for name in wanted if proposed[name] != name]
    if not differ:
        st.success(f"All {len(wanted)} columns of the model are in the table.", icon=":material/check:")
        return proposed
    if len(offered) < len(wanted):
        raise InputError(
            f"the model reads {len(wanted)} columns, but the table has {len(offered)}: it cannot be the right one."
        )
    if len(differ) > _MOST_CHOSEN:
        raise InputError(
            f"{len(differ)} columns of the model are not in the table under their names, among them "
            f"{', '.join(differ[:5])}: rename them in the table."
        )
    st.warning(
        f"Of the model's {len(wanted)} columns the table has {len(wanted) - len(differ)} under their names. Check what "
        "is proposed for the others.",
        icon=":material/rule:",
    )
    for name in differ:
        guess = proposed[name]
        at = None if guess is None else offered.index(guess)
        proposed[name] = st.selectbox(
            f"{plain(name)} is", offered, index=at, key=f"column:{pair}:{name}", placeholder="choose a column"
        )
    return proposed


def _by_position(pair: str, wanted: int | None, offered: list[str]) -> dict[str, str | None]:
    """Columns for a model that knows no names."""
    chosen = st.multiselect(
        "Columns the model was trained on, in its order",
        offered,
        default=offered[:wanted] if wanted is not None else offered,
        key=f"columns:{pair}",
        help="The model does not say what its columns are called.",
    )
    if wanted is not None and len(chosen) != wanted:
        raise InputError(f"the model reads {wanted} columns: choose as many, not {len(chosen)}.")
    return {name: name for name in chosen}


def _answers(
    model: Upload, data: Upload, facts: Mapping[str, Any], table: pd.DataFrame, columns: Mapping[str, str | None]
) -> Fit | None:
    """Target, answers and output."""
    pair = f"{model.key}:{data.key}"
    used = {name for name in columns.values() if name is not None}
    free = [str(name) for name in table.columns if str(name) not in used]
    proposal = propose_answers([str(name) for name in table.columns], list(used))
    target = st.selectbox(
        "Column with the true answers",
        [None, *free],
        index=0 if proposal is None else 1 + free.index(proposal),
        format_func=lambda name: "none: nothing is measured" if name is None else name,
        key=f"target:{pair}:{len(free)}",
        help="Without it the pages explain the model but cannot say how good it is.",
    )
    named = {} if target is None or facts["classes"] is None else _named(pair, target, facts, table)
    spaces = list(facts["spaces"])
    space = st.selectbox(
        "The model answers in",
        spaces,
        index=spaces.index(facts["output"]),
        format_func=lambda name: _SPACES.get(name, name),
        key=f"space:{pair}",
    )
    names = facts["spaces"][space]
    shown = ""
    if len(names) > 1:
        shown = st.selectbox(
            "Class shown first", names, format_func=lambda name: named.get(name, name), key=f"shown:{pair}:{space}"
        )
    return Fit(model, data, columns, target, named, None if space == facts["output"] else space, shown)


def _named(pair: str, target: str, facts: Mapping[str, Any], table: pd.DataFrame) -> dict[str, str]:
    """What the table calls each class, where it calls them otherwise; proposed in the order of the alphabet."""
    labels = [str(label) for label in facts["classes"]]
    told = sorted({str(value) for value in table[target].map(as_label).dropna().unique()})
    if set(told) <= set(labels):
        return {}
    if len(told) > max(len(labels), 2):
        raise InputError(
            f"'{target}' holds {len(told):,} different values, but the model has {len(labels)} classes "
            f"({_several(labels)}): it is not the column of its answers."
        )
    st.caption(f"The table calls the classes otherwise. Which value of '{plain(target)}' is which?")
    return {
        label: st.selectbox(
            f"Class {label} is", told, index=min(i, len(told) - 1), key=f"class:{pair}:{target}:{label}"
        )
        for i, label in enumerate(labels)
    }


def _made(chosen: Fit, facts: Mapping[str, Any], table: pd.DataFrame) -> source.Source:
    """The source of a fit; the last one is kept, so that a page drawn again does not copy the table again."""
    from .. import sessions

    kept = sessions.current().kept
    last = kept.get(uploads.DRAFT)
    if last is None or last[0] != (chosen.key, chosen.shown):
        kept[uploads.DRAFT] = last = ((chosen.key, chosen.shown), chosen.as_source(facts, table))
    made: source.Source = last[1]
    return made


def _preview(chosen: Fit, made: source.Source, facts: Mapping[str, Any]) -> None:
    """The model's answers to the first rows: the proof that both fit; then the button."""
    rows, outputs = chosen.preview(made)
    names = facts["spaces"][chosen.space or facts["output"]]
    shown = rows.head(_SHOWN_ROWS)
    table = shown.copy()
    for i, name in enumerate(names):
        label = made.class_label(name)
        table.insert(i, f"model: {label}", outputs[: len(shown), i].round(4))
    st.caption(f"The model's answers to the first {len(shown)} rows.")
    st.dataframe(table)
    used = made.key in source.choices()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Use this model", type="primary", icon=":material/check:", key="use", on_click=_use, args=(made,))
        if used:
            st.markdown("Every page is about it now; the sidebar changes back to the demos.", width="stretch")
    if used:
        with st.container(horizontal=True):
            for page, (title, icon) in _PAGES.items():
                st.page_link(page, label=title, icon=icon)


def _use(made: source.Source) -> None:
    source.keep(made)
    st.session_state["data"] = made.key
    for stale in ("class", "row"):
        st.session_state.pop(stale, None)


_FORMATS = """
| what | opens | made by |
|---|---|---|
| boosted trees | XGBoost `.json`, `.ubj`; LightGBM `.txt`; CatBoost `.cbm`, `.json` | each library's `save_model` |
| scikit-learn | `.skops`, of types on a fixed list | `skops.io.dump(model, "model.skops")` |
| models of tables or pictures | `.onnx`, without external data | `skl2onnx`, `torch.onnx.export` |
| image networks | `.safetensors` or a `state_dict`: the demo network, EfficientNet-Lite0, plain layers | `save_file` |
| image and language models | a zipped Hugging Face folder with `.safetensors` | `save_pretrained` |
| tables | CSV (UTF-8), Parquet | `to_csv`, `to_parquet` |
| pictures | PNG, JPEG, DICOM, or a zip of them in folders by class | |
"""
_NEVER = (
    "**Never opened:** pickle, joblib, dill, TorchScript, whole torch modules (`.pt`), `torch.export` (`.pt2`), Keras "
    "and HDF5: opening them can run code. Nothing on this page changes that."
)


def safety() -> None:
    """Formats, what never opens, and what protects everybody."""
    with st.expander("Formats"):
        st.markdown(_FORMATS)
        st.markdown(_NEVER)
        if is_trusted():
            st.warning(
                "The operator of this server trusts pickle and joblib files: they are opened here, in the same "
                "processes, and what they import is shown.",
                icon=":material/warning:",
            )
    with st.expander("What keeps a file apart"):
        active = _protections()
        (st.success if active.complete else st.warning)(
            "Every way out that was tried is shut." if active.complete else "Some ways out are open on this machine.",
            icon=":material/shield:" if active.complete else ":material/gpp_maybe:",
        )
        for sentence in active.sentences:
            st.markdown(f"- {sentence}")
        forms = ["seccomp"] * active.seccomp + [f"Landlock {active.landlock}"] * bool(active.landlock)
        forms += ["a fork server with a clean environment"] * active.fork_server
        st.caption(
            f"Active on {active.platform}: {', '.join(forms) or 'none of the kernel'}. A worker tried all of this when "
            "the page was first opened."
        )


@lru_cache(maxsize=1)
def _protections() -> Protections:
    """Tried once a server: a kernel does not change while it runs."""
    return protections()


def _several(names: Any) -> str:
    names = [str(name) for name in names]
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _bytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 100_000 else f"{size / 1e3:,.1f} kB"
