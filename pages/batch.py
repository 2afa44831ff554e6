"""Every row of a table explained: ordered, watched, stopped, resumed, and read back."""

from __future__ import annotations

import streamlit as st

from xai.dashboard import frame
from xai.dashboard.cards import card
from xai.dashboard.views import batch as views

explained = frame.current()

st.title("Batch", anchor=False)
left, right = st.columns([2, 3])
with left, card("Explain every row", f"{explained.source.title} · all {len(explained.source.X):,} rows"):
    views.submit(explained)
with right, card("Runs on this server"):
    run = views.chooser()
    if run is not None:
        views.state(run)
if run is not None and run.status == "finished" and views.explains(run):
    left, right = st.columns(2)
    with left, card("What counts over all rows?", views.subtitle(run)):
        views.votes(run, explained)
    with right, card("Which parliament do all rows elect?", views.subtitle(run)):
        views.parliament(run, explained)
    if views.agreements(run):
        with card("Do the importances agree?", views.subtitle(run)):
            views.agreement(run)
    with card("What moved since another run?", views.subtitle(run)):
        views.drift(run, explained)
