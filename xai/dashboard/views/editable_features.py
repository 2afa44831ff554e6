"""The editor of one row's features: what the model would answer without some of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from ...core.units import Units
from ...editing import EditSession
from ..component import Look, edited, mask_editor
from ..played import played
from .editable_session import answer, history, stability, unit_contributions

if TYPE_CHECKING:
    from ...core.attribution import Attribution
    from ...core.game import Game
    from ..explained import Explained

#: Features with a line of their own; the rest of a wide table is one more.
LINES = 24
#: Rows that stand for "feature unknown".
BACKGROUND = 100


@dataclass(frozen=True, eq=False)
class Row:
    """One row with its features in the order of their effects.

    Attributes
    ----------
    label
        Name of the row.
    members
        For each line of the editor the positions of its features among the model's.
    units, notes
        Names of the lines, and the value and effect beside each.
    """

    label: str
    members: tuple[tuple[int, ...], ...]
    units: Units
    notes: tuple[str, ...]


def editor(explained: Explained, attribution: Attribution) -> None:
    """A switch, and behind it the row chosen above as a list to paint on."""
    if not st.toggle("Edit this row", key="edit", bind="query-params"):
        st.caption(
            "Take features away from the row chosen above, and see what the model answers without them. A feature that "
            "is taken away is drawn from other rows."
        )
        return
    _workbench(explained, attribution, str(st.session_state.get("one") or attribution.rows[0]))


@st.fragment
def _workbench(explained: Explained, attribution: Attribution, label: str) -> None:
    row = lines(attribution, label)
    place = f"features:{explained.source.identity}:{explained.output}:{label}"
    with st.spinner("Asking the model"):
        session = edited(place, lambda: start(explained, row))
    left, right = st.columns(2)
    with left:
        refused = mask_editor(session, Look("list", f"Features of row {label}", notes=row.notes), f"list-{place}")
        if refused:
            st.error(refused, icon=":material/error:")
        st.caption("Struck out: taken away. Drag over several with the mouse. Keys: arrows, Space, Ctrl-Z.")
    with right:
        answer(session, explained.units if len(session.game.output_names) > 1 else "")
        unit_contributions(session, explained.units, "editable-features")
        stability(session)
        with st.expander("What was tried?"):
            history(session, place)


def lines(attribution: Attribution, label: str) -> Row:
    """A row's features by falling effect; those beyond :data:`LINES` together in one."""
    position = [str(row) for row in attribution.rows].index(label)
    effects = attribution.values[position, :, 0]
    names = attribution.units.names
    order = np.argsort(-np.abs(effects), kind="stable")
    own = order if len(order) <= LINES + 1 else order[:LINES]
    members: list[tuple[int, ...]] = [(int(i),) for i in own]
    shown = [names[i] for i in own]
    notes = [f"{_value(attribution, position, names[i])} · {effects[i]:+.3g}" for i in own]
    if len(own) < len(order):
        rest = order[LINES:]
        members.append(tuple(int(i) for i in rest))
        shown.append(f"the other {len(rest)} features")
        notes.append(f"{effects[rest].sum():+.3g}")
    return Row(label, tuple(members), Units(tuple(shown)), tuple(notes))


def start(explained: Explained, row: Row) -> EditSession:
    """A session in which every feature is as it is."""
    game, threshold = feature_game(explained, row)
    return EditSession(game, threshold=threshold)


def feature_game(explained: Explained, row: Row) -> tuple[Game, float]:
    """The game over the lines of a row, and where the answer of a single output turns."""
    X = explained.source.X
    position = [str(label) for label in X.index].index(row.label)
    payload = {
        "model": explained.source.file,
        "row": X.iloc[[position]],
        "background": explained.source.sample(BACKGROUND)[0],
    }
    names = [str(name) for name in explained.model["output_names"]]
    if len(names) > 1:
        shown = [explained.source.class_label(name) for name in names]
        return played("play_features", payload, row.units, shown, members=row.members), 0.0
    label = explained.source.class_label(explained.output)
    if explained.model["task"] == "regression":
        game = played("play_features", payload, row.units, [explained.about], members=row.members)
        # No side of a number is an answer by itself: the mean answer over the background is where it turns.
        return game, float(f"{game(np.zeros((1, len(row.units))))[0, 0]:.3g}")
    name = f"{explained.units} of {label}"
    game = played("play_features", payload, row.units, [name], members=row.members)
    return game, 0.5 if explained.model["output"] == "probability" else 0.0


def _value(attribution: Attribution, position: int, name: str) -> str:
    if attribution.data is None:
        return ""
    value = attribution.data[name].iloc[position]
    return f"{value:.4g}" if isinstance(value, int | float | np.number) else str(value)
