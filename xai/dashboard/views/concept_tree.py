"""A tree of concepts to click through."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import streamlit as st

from .concept_names import Path, give_back, key_of, named
from .concepts import SHOWN, cards

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...craft import Sheet
    from ..conceptual import Question


def splits(asked: Question, sheet: Sheet) -> None:
    """A tree to click through: what a concept consists of at an earlier layer, and what that consists of."""
    st.caption(
        "Late layers merge what earlier ones tell apart: the pieces of a concept are cut out, enlarged, and factorised "
        "anew at an earlier layer. Click a concept to split it; a star marks those whose pieces differ most."
    )
    state = st.session_state.setdefault("concept-trees", {}).setdefault(asked.key, {"open": [], "at": ()})
    left, right = st.columns([2, 3])
    seen: dict[Path, Sheet] = {(): sheet}
    with left:
        _branch(asked, sheet, (), state, seen)
    at = state["at"]
    with right:
        if at and at in seen:
            here = seen[at]
            st.markdown(f"**{_path_name(seen, at)}** · layer {here.layer} · from {here.n_images} pieces")
            cards(asked, here, at)
        else:
            st.info("Choose a concept to see what it consists of.", icon=":material/account_tree:")
    st.download_button(
        "Tree (JSON)",
        json.dumps([_branch_record(asked, seen, path) for path in seen], indent=1),
        "concept-tree.json",
        "application/json",
        key="json:concept-tree",
        on_click="ignore",
    )
    give_back(asked, seen, "Names from such a tree")


def _branch(asked: Question, sheet: Sheet, path: Path, state: dict[str, Any], seen: dict[Path, Sheet]) -> None:
    for i in sheet.importance.order[: SHOWN if path else None]:
        here = (*path, int(i))
        opened = here in state["open"]
        with st.container(horizontal=True, gap=None):
            if path:
                st.space("medium" if len(path) == 1 else "large")
            st.button(
                f"{sheet.names[i]} · {sheet.importance.sobol[i]:.2f}{' ★' if sheet.worth_splitting[i] else ''}",
                key=f"node:{key_of(asked, path, int(i))}",
                icon=":material/expand_more:" if opened else ":material/chevron_right:",
                type="primary" if state["at"] == here else "tertiary",
                on_click=_choose,
                args=(state, here),
            )
        if opened:
            child = named(asked, asked.sheet(split=here), here)
            seen[here] = child
            _branch(asked, child, here, state, seen)


def _choose(state: dict[str, Any], path: Path) -> None:
    """A closed concept opens; an open one is looked at, or closes if it is looked at already."""
    if path not in state["open"]:
        state["open"].append(path)
        state["at"] = path
    elif state["at"] == path:
        state["open"] = [other for other in state["open"] if other[: len(path)] != path]
        state["at"] = path[:-1]
    else:
        state["at"] = path


def _path_name(seen: Mapping[Path, Sheet], path: Path) -> str:
    return " › ".join(seen[path[:depth]].names[i] for depth, i in enumerate(path))


def _branch_record(asked: Question, seen: Mapping[Path, Sheet], path: Path) -> dict[str, Any]:
    from ...craft import names_record

    sheet = seen[path]
    return {
        "path": [seen[path[:depth]].names[i] for depth, i in enumerate(path)],
        "class": asked.class_name,
        "layer": sheet.layer,
        "pieces": sheet.n_images,
        "named": names_record(sheet.names, sheet.bank, sheet.layer),
        "coherence": [float(value) for value in sheet.coherence],
        "concepts": json.loads(sheet.importance.to_frame().reset_index().to_json(orient="records")),
    }
