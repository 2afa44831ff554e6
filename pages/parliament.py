"""Features stand for election: seats, majorities, power, and how sure they are."""

from __future__ import annotations

import streamlit as st

from xai.dashboard import frame
from xai.dashboard.cards import card
from xai.dashboard.controls import electoral_law, row_chooser
from xai.dashboard.views import parliament as views

explained = frame.current()

st.title("Parliament of features", anchor=False)
controls, chamber = st.columns([1, 3])
with controls:
    row = row_chooser(explained)
    law, votes = electoral_law(explained)
election = views.Election(explained, law, votes, row)
with chamber, card("Who holds the seats?", election.subtitle):
    views.chamber(election)
# Only the open tab is computed.
QUESTIONS = {
    "Majority": ("Which features hold a majority?", views.majority),
    "How sure": ("How sure are the seats?", views.certainty),
    "Seats and votes": ("Do the seats mirror the votes?", views.proportionality),
    "House size": ("How many seats does it take?", views.house_size),
    "Faithful": ("Does the model obey these votes?", views.faithful),
}
tabs = st.tabs(list(QUESTIONS), key="look", on_change="rerun", bind="query-params")
for tab, (question, answer) in zip(tabs, QUESTIONS.values(), strict=True):
    if tab.open:
        with tab, card(question, election.subtitle):
            answer(election)
