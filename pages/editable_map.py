"""Say where the model should look, and see the answer change."""

from __future__ import annotations

import streamlit as st

from xai.dashboard.views import editable as views

st.title("Editable map", anchor=False)
editing = views.chooser()
if editing is not None:
    views.workbench(editing)
