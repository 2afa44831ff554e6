"""SHAP values in four views, and seats beside them."""

from __future__ import annotations

import streamlit as st

from xai.dashboard import frame
from xai.dashboard.cards import card
from xai.dashboard.views import comparison as views
from xai.dashboard.views import editable_features

explained = frame.current()
attribution = explained.attribution()
subtitle = explained.subtitle()

st.title("SHAP comparison", anchor=False)
left, right = st.columns(2)
with left:
    with card("How does each feature push the answers?", subtitle):
        views.beeswarm(explained, attribution)
    with card("How does one feature act?", subtitle):
        views.dependence(explained, attribution)
with right:
    with card("How large is each effect on average?", subtitle):
        views.bar(explained, attribution)
    with card("Why this answer for one row?", explained.subtitle("one row")):
        views.waterfall(explained, attribution)
with card("Which features could this answer do without?", explained.subtitle("one row")):
    editable_features.editor(explained, attribution)
with card("Do seats say the same as SHAP?", subtitle):
    views.seats_against_shap(explained, attribution)
with card("Which explanation does the model obey?", subtitle):
    views.obedience(explained)
with card("Do the four sources of votes agree?", subtitle):
    views.sources(explained)
