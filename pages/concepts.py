"""What an image model sees in a class: concepts, their worth, their places, and what they consist of."""

from __future__ import annotations

import streamlit as st

from xai.dashboard.cards import card
from xai.dashboard.views import concepts as views

st.title("Concepts", anchor=False)
asked = views.question()
if asked is not None:
    sheet = asked.sheet()
    sheet = views.with_names(sheet, views.named(asked, sheet))
    about = views.subtitle(asked, sheet)
    left, right = st.columns(2)
    with left, card("What does the network see?", about):
        views.cards(asked, sheet)
        views.keep(asked, sheet)
    with right:
        with card("How much does each concept matter?", about):
            views.importance(sheet)
        with card("Which parliament do concepts elect?", about):
            views.parliament(sheet)
    with card("Where are they?", about):
        views.places(asked, sheet)
    left, right = st.columns(2)
    with left, card("What does a concept consist of?", about):
        views.splits(asked, sheet)
    with right, card("Do the concepts carry the decision?", about):
        views.fidelity(sheet)
