"""A page of two editors over games whose answers are plain: a strip of words and a list of features."""

from __future__ import annotations

import numpy as np
import streamlit as st

from xai.core.game import Game
from xai.core.units import Units
from xai.dashboard.component import Look, edited, mask_editor
from xai.dashboard.views.editable_session import answer, history, stability
from xai.editing import EditSession

SENTENCE = "the patient has had a dry cough for three long weeks"
WORDS = tuple(f"{word}-{i}" for i, word in enumerate(SENTENCE.split() * 3))
FEATURES = ("age", "dose", "marker", "weight", "height")


def binary():
    """Words kept decide: more than half of them."""
    units = Units(WORDS, "token")
    return EditSession(Game(lambda m: m.mean(axis=1, keepdims=True) - 0.5, units, ("share kept",)))


def continuous():
    """Two classes weigh the features from both ends."""
    towards = np.linspace(1, 0, len(FEATURES))
    game = Game(lambda m: np.stack([m @ towards, m @ towards[::-1]], axis=1), Units(FEATURES), ("a", "b"), "continuous")
    return EditSession(game)


st.title("Layouts")
for kind, start in (("strip", binary), ("list", continuous)):

    @st.fragment
    def bench(kind=kind, start=start):
        session = edited(kind, start)
        notes = [f"{i}.5 mg" for i in range(len(FEATURES))] if kind == "list" else ()
        refused = mask_editor(session, Look(kind, f"A {kind}", notes=notes), f"{kind}:editor")
        if refused:
            st.error(refused)
        answer(session, "points" if kind == "list" else "")
        st.caption(f"{kind} at step {session.step.number}: {session.step.description}; weights {session.mask.tolist()}")
        stability(session)
        history(session, kind)

    with st.container(key=f"{kind}-bench"):
        bench()
