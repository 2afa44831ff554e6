"""Bring a model and a table: what they are, how they fit together, and from then on every page is about them."""

from __future__ import annotations

import streamlit as st

from xai.dashboard.cards import card
from xai.dashboard.views import your_model as views
from xai.dashboard.views.your_network import networks

st.title("Your model", anchor=False)
left, right = st.columns([2, 3])
with left:
    with card("Which files?", views.limits_line()):
        views.drop()
    with card("No file at hand?"):
        views.examples()
with right, card("What are they?", "Told by their content, each opened in a process of its own"):
    found = views.recognised()
views.fit(found)
networks(found)
with card("What opens, and what keeps it apart?"):
    views.safety()
