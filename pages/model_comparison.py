"""Several models on one table: how good, what they go by, how few columns they need, and whether simple ones do."""

from __future__ import annotations

import streamlit as st

from xai.dashboard import frame
from xai.dashboard.cards import card
from xai.dashboard.views import models as views

explained = frame.current()

st.title("Models compared", anchor=False)
data, anew = views.chooser(explained)
if data.stored or anew:
    found = data.comparison(anew=anew)
    views.origin(data, found.provenance, anew=anew)
    subtitle = views.subtitle(data, found)
    left, right = st.columns(2)
    with left:
        with card("Which model does best on rows it has not seen?", subtitle):
            views.scores(found)
        with card("How few columns are enough?", subtitle):
            views.selection(found)
    with right:
        with card("What does each model go by?", subtitle):
            views.importances(found)
        with card("Which columns go together?", subtitle):
            views.aspects(found)
    if found.transfer is not None:
        with card("Does it hold at other hospitals?", subtitle):
            views.hospitals(found)
    with card("Do models and methods agree?", subtitle):
        views.agreement(found)
    left, right = st.columns(2)
    with left, card("Would a simple model do as well?", subtitle):
        views.simple(data.rashomon(anew=anew))
    with right, card("What does the best simple model say?", subtitle):
        views.best_simple(data.rashomon(anew=anew))
else:
    views.start(data)
