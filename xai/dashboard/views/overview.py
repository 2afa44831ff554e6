"""Cards of the Overview: what the model leans on, how good it is, what the data are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ... import plots
from ..cards import downloads, figure
from ..explained import Explained

if TYPE_CHECKING:
    import pandas as pd

    from ...core.attribution import Attribution


def votes_table(attribution: Attribution) -> pd.DataFrame:
    """Units and their mean |effect|, largest first."""
    import pandas as pd

    votes = attribution.global_votes()
    table = pd.DataFrame({"feature": attribution.units.names, "mean |effect|": votes, "share": votes / votes.sum()})
    return table.sort_values("mean |effect|", ascending=False, ignore_index=True)


def leans_on(explained: Explained, attribution: Attribution) -> None:
    """Mean size of the effects, largest first."""
    table = votes_table(attribution)
    first = table["feature"][:3].tolist()
    alt = f"Bar chart of mean effect sizes of {len(table)} features; the largest are {', '.join(first)}."
    figure(plots.bar(attribution, colours=plots.colours(explained.features)), "leans-on", alt)
    downloads("leans-on", table)


def performance(explained: Explained) -> None:
    """Scores with intervals, and the confusion matrix of a classifier."""
    measured = explained.performance()
    if measured is None:
        st.info("The table has no target column, so nothing can be measured. Start with --target COLUMN to name it.")
        return
    table = measured.to_frame()
    shown = list(measured.metrics[:4])
    with st.container(horizontal=True):
        for metric in shown:
            interval = f"{metric.low:.3f} – {metric.high:.3f}"
            st.metric(
                metric.name, f"{metric.value:.3f}", interval, delta_color="off", delta_arrow="off", width="content"
            )
    st.caption("Below each score: its 95 % interval over resampled rows.")
    if measured.confusion is not None:
        figure(
            plots.confusion(measured),
            "confusion",
            "Confusion matrix: true classes against predicted ones, counts of rows.",
        )
    downloads("performance", table)


def data_card(explained: Explained) -> None:
    """Where the data come from, what the target means, and what to beware of."""
    dataset = explained.source.dataset
    if dataset is None:
        st.dataframe(explained.source.X.head(100), height=260)
        return
    st.markdown(dataset.description)
    st.markdown(f"**Target.** {dataset.target_meaning}")
    if dataset.traps:
        st.markdown("**Beware.**")
        st.markdown("\n".join(f"- {trap}" for trap in dataset.traps))
    with st.expander("Rows"):
        st.dataframe(explained.source.X.head(100), height=260)
    with st.expander("Columns"):
        st.dataframe(
            [
                {"column": name, "meaning": dataset.labels[name], "unit": dataset.units_of.get(name, "")}
                for name in dataset.X.columns
            ],
            hide_index=True,
        )
    with st.expander("Source and licence"):
        st.markdown(f"{dataset.source}\n\n**Licence.** {dataset.licence}\n\n**Cite.** {dataset.citation}")
