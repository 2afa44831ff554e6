"""One sentence a page for a first visit, which a person can do without."""

from __future__ import annotations

import streamlit as st

#: Title of a page to what to try there.
HINTS = {
    "Overview": "Choose another model above. Every control is part of the page's address: a link shows what you see.",
    "Your model": "Drop a model file and the rows it was not trained on. Both are gone when you leave.",
    "Parliament": "Change the number of seats, or let features that measure the same thing stand together.",
    "SHAP comparison": "Choose a row to see why it got its answer; below, see which explanation the model obeys.",
    "Models compared": "Look at the intervals before the order: held-out rows are few.",
    "Editable map": "Paint where the model should look. An answer that stays proves little: see how other masks fare.",
    "Concepts": "Give a concept a name of your own; it stays in figures, reports and saved views.",
    "Tokens": "Pick a word of the answer to see which words of the prompt made it.",
    "Batch": "A run goes on when you close the page, and where it was when you start it again.",
    "Report": "One click takes everything along; what you found on other pages can be added.",
}


def hint(title: str) -> None:
    """The page's hint, and the switch that hides all of them."""
    if title not in HINTS:
        return
    if st.toggle("Hints", value=True, key="hints", bind="query-params"):
        st.caption(HINTS[title])
