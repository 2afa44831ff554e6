"""What is being looked at, how good it is, and what it leans on."""

from __future__ import annotations

import streamlit as st

from xai.dashboard import frame
from xai.dashboard.cards import card
from xai.dashboard.views import overview

explained = frame.current()
attribution = explained.attribution()
measured = f"{len(explained.source.X):,} {explained.source.rows_are}"

st.title("Overview", anchor=False)
left, right = st.columns(2)
with left:
    with card("What does the model lean on?", explained.subtitle()):
        overview.leans_on(explained, attribution)
    with card("How good are its answers?", explained.subtitle(measured)):
        overview.performance(explained)
with right:
    with card("What are the data?", measured):
        overview.data_card(explained)
