"""Cards of the page Your model: how a model and a table fit together, and the button that uses them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

from ...core.errors import InputError
from .. import source, uploads
from ..cards import card
from ..columns import propose, propose_answers, propose_features
from ..markdown import plain
from ..uploads import Fit, Upload, as_label
from .your_files import Found, several

if TYPE_CHECKING:
    import pandas as pd

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
        return _by_position(pair, facts, table)
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


def _by_position(pair: str, facts: Mapping[str, Any], table: pd.DataFrame) -> dict[str, str | None]:
    """Columns for a model that knows no names."""
    wanted, classes = facts["n_features"], facts["classes"]
    chosen = st.multiselect(
        "Columns the model was trained on, in its order",
        [str(name) for name in table.columns],
        default=propose_features(table, wanted, None if classes is None else len(classes)),
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
            f"({several(labels)}): it is not the column of its answers."
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
