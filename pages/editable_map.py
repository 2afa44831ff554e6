"""Say where the model should look, and see the answer change."""

from __future__ import annotations

import streamlit as st

from xai.dashboard.cards import card
from xai.dashboard.views import editable as views
from xai.dashboard.views import study

st.title("Editable map", anchor=False)
mode = st.segmented_control(
    "Mode", ["Explore", "Study"], default="Explore", key="mode", bind="query-params", required=True
)
if mode == "Study":
    study.page()
else:
    editing = views.chooser()
    if editing is not None:
        views.workbench(editing)
        with card("Does the model obey its patches?", editing.subtitle):
            views.obeyed(editing)
