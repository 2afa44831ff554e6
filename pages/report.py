"""What was found, as one file; and the view itself, to come back to."""

from __future__ import annotations

import streamlit as st

from xai.dashboard import frame
from xai.dashboard.cards import card
from xai.dashboard.views import report as views

st.title("Report", anchor=False)
explained = frame.current()
controls, cards = st.columns([1, 2])
chosen = None
with controls, card("What goes in?", "What was found on other pages of this visit can be added."):
    chosen = views.contents(explained)
with cards:
    if chosen is not None:
        with card("What leaves the screen?", explained.subtitle(f"{len(explained.source.X):,} rows")):
            views.download(explained, chosen)
    with card("Come back to this view?", "Controls, names and edits of all pages, as one small file"):
        views.take_along(explained)
