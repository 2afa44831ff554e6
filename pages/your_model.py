"""Bring a model and a table: what they are, how they fit together, and from then on every page is about them."""

from __future__ import annotations

import streamlit as st

from xai.dashboard.cards import card
from xai.dashboard.views.your_files import drop, examples, limits_line, recognised
from xai.dashboard.views.your_fit import fit
from xai.dashboard.views.your_network import networks
from xai.dashboard.views.your_safety import safety

st.title("Your model", anchor=False)
left, right = st.columns([2, 3])
with left:
    with card("Which files?", limits_line()):
        drop()
    with card("No file at hand?"):
        examples()
with right, card("What are they?", "Told by their content, each opened in a process of its own"):
    found = recognised()
fit(found)
networks(found)
with card("What opens, and what keeps it apart?"):
    safety()
