"""What an image model sees in a class: concepts, their worth, their places, and what they consist of."""

from __future__ import annotations

import streamlit as st

from xai.dashboard import visit
from xai.dashboard.cards import card
from xai.dashboard.views import concept_editing, concept_names, concept_question, concept_tree, concept_trust
from xai.dashboard.views import concepts as views

st.title("Concepts", anchor=False)
asked = concept_question.question()
if asked is not None:
    sheet = concept_names.named(asked, asked.sheet())
    about = views.subtitle(asked, sheet)
    visit.remember("concepts", f"Concepts of {asked.class_name}", sheet)
    left, right = st.columns(2)
    with left, card("What does the network see?", about):
        views.cards(asked, sheet)
        concept_names.keep(asked, sheet)
    with right:
        with card("How much does each concept matter?", about):
            views.importance(sheet)
        with card("Which parliament do concepts elect?", about):
            views.parliament(sheet)
    with card("Where are they?", about):
        views.places(asked, sheet)
    with card("What if a concept were weaker, stronger, or gone?", about):
        concept_editing.editing(asked, sheet)
    with card("What does a concept consist of?", about):
        concept_tree.splits(asked, sheet)
    left, right = st.columns(2)
    with left, card("Do the concepts carry the decision?", about):
        concept_trust.fidelity(sheet)
    with right, card("How many concepts are there?", about):
        concept_trust.numbers(asked)
