"""What made a language model say what it said: words that matter, how surely, and what happens without them."""

from __future__ import annotations

import streamlit as st

from xai.dashboard import visit
from xai.dashboard.cards import card
from xai.dashboard.views import tokens as views

st.title("Tokens", anchor=False)
asked = views.question()
if asked is not None:
    picked = None
    with card("What does the model answer?", "Greedy generation. Demo answers are synthetic, not medical advice."):
        picked = views.answer(asked)
    if picked is not None:
        before, token = picked
        asked = views.at(asked, before)
        about = views.subtitle(asked, token)
        found = None
        with card("Which words made it?", about):
            found = asked.attribution(token)
            views.coloured(found)
            visit.remember("words", f"Words behind “{token.strip()}”", found)
        if found is not None:
            left, right = st.columns(2)
            with left:
                with card("How sure is that?", about):
                    views.bars(found)
                with card("Why this and not another answer?", about):
                    views.contrast(asked, token)
            with right:
                with card("Which words hold a majority?", about):
                    views.parliament(found)
                with card("What if these words were others?", about):
                    views.edits(asked, token, found)
            with card("Does the model obey it?", about):
                views.obeyed(asked, token, found)
            with card("Do other methods see the same?", about):
                views.methods(asked, token, found.units.names)
