"""Whether the model obeys an explanation: one view for every page whose explanation is a ranking of columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ... import plots
from ..cards import downloads, figure
from ..explained import Explained

if TYPE_CHECKING:
    import pandas as pd

    from ...workflows import Gain, Obedience

VERDICTS = {"better": "better than chance", "worse": "worse than chance", "chance": "not told from chance"}
#: Sources of votes as the test calls them.
NAMES = {"shap": "SHAP"}


def sentence(name: str, gain: Gain) -> str:
    """One importance's score in words."""
    return (
        f"By {name}, features move the answer {gain.value:.0%} sooner than random orders do (95 % interval "
        f"{gain.low:.0%} to {gain.high:.0%}): {VERDICTS[gain.verdict]}."
    )


def obeyed(explained: Explained, source: str) -> None:
    """Insertion and deletion by one source of votes, beside random orders and the other sources."""
    found = explained.obedience()
    name = NAMES.get(source, source)
    if name in found.gains:
        st.markdown(f"**{sentence(name, found.gains[name])}**")
    else:
        st.info(explained.vote_sources().attrs.get("missing", {}).get(source, f"{source} was not tested."))
    figure(plots.obedience(found), "obeyed", found.in_words())
    st.caption(
        "Features enter rows that know none of them, or leave, by falling votes; 0 % is chance. Seats follow votes, so "
        "this is the score of the seats, too."
    )
    downloads("obeyed", table(found), found.to_json())


def table(found: Obedience) -> pd.DataFrame:
    """Scores of all importances, with intervals."""
    import pandas as pd

    rows = [
        (name, gain.value, gain.low, gain.high, gain.insertion, gain.deletion, gain.verdict)
        for name, gain in found.gains.items()
    ]
    return pd.DataFrame(rows, columns=["importance", "gain", "low", "high", "insertion", "deletion", "verdict"])
