"""Whether the model obeys an explanation: one view for every page whose explanation is a ranking of columns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from ... import plots
from ..cards import downloads, figure
from ..explained import Explained

if TYPE_CHECKING:
    import pandas as pd

    from ...faithfulness import Curve
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


def both(curves: Sequence[Curve], key: str, units: str, answer: str) -> None:
    """Insertion and deletion of one answer by its own explanation, beside random orders of the same units.

    Parameters
    ----------
    key
        Begins the figures' keys.
    units, answer
        What enters and leaves, and what is followed, in words.
    """
    inserted, deleted = curves
    for curve, what in ((inserted, "enter"), (deleted, "leave")):
        st.markdown(f"**{told(curve, f'{units} that {what}', answer)}**")
    for place, curve in zip(st.columns(2), curves, strict=True):
        with place:
            how = f"{curve.order[:-3]}ed by this explanation, and by random orders"
            figure(plots.curve(curve), f"{key}-{curve.order}", f"The {answer} while {units.lower()} are {how}.")
    record = [{name: getattr(c, name) for name in ("order", "auc", "random_auc", "random_interval")} for c in curves]
    st.download_button("JSON", json.dumps(record), "obeyed.json", "application/json", key=f"json:{key}-obeyed")


def told(curve: Curve, what: str, answer: str) -> str:
    """One curve's score in words."""
    low, high = curve.random_interval
    sign = 1 if curve.order == "insertion" else -1
    better, worse = (high, low) if sign > 0 else (low, high)
    verdict = "not told from chance"
    if sign * (curve.auc - better) > 0:
        verdict = "better than chance"
    elif sign * (curve.auc - worse) < 0:
        verdict = "worse than chance"
    return (
        f"{what} by falling effect: mean {answer} {curve.auc:.2f}; in random order {curve.random_auc:.2f} "
        f"(95 % of orders {low:.2f} to {high:.2f}): {verdict}."
    )
