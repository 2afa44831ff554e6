"""Cards of the SHAP comparison: four views of the values, and the seats beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ... import agreement, dhondt, plots
from ..cards import downloads, figure
from ..explained import Explained, voters
from .overview import votes_table

if TYPE_CHECKING:
    import pandas as pd

    from ...core.attribution import Attribution
    from ...workflows import Obedience


def beeswarm(explained: Explained, attribution: Attribution) -> None:
    """Every row's effect of every large feature."""
    del explained
    figure(
        plots.beeswarm(attribution),
        "beeswarm",
        "Beeswarm: one dot a row and feature, placed by its effect and coloured by the feature's value.",
    )
    downloads("beeswarm", attribution.to_frame().reset_index())


def bar(explained: Explained, attribution: Attribution) -> None:
    """Mean size of the effects."""
    figure(
        plots.bar(attribution, colours=plots.colours(explained.features)),
        "mean-effect",
        "Bar chart of mean effect sizes, largest first.",
    )
    downloads("mean-effect", votes_table(attribution))


def dependence(explained: Explained, attribution: Attribution) -> None:
    """Effect of one feature against its value."""
    order = votes_table(attribution)["feature"].tolist()
    unit = st.selectbox("Feature", order, key="feature", bind="query-params")
    others = ["none", *(name for name in explained.features if name != unit)]
    colour_by = st.selectbox("Coloured by", others, key="by", bind="query-params")
    figure(
        plots.dependence(attribution, unit, colour_by=None if colour_by == "none" else colour_by),
        "dependence",
        f"Scatter of the effect of {unit} against its value, one dot a row.",
    )
    table = attribution.to_frame()[[unit]].rename(columns={unit: "effect"})
    if attribution.data is not None:
        table.insert(0, unit, attribution.data[unit].to_numpy())
    downloads("dependence", table.reset_index())


def waterfall(explained: Explained, attribution: Attribution) -> None:
    """From the base value to one row's answer."""
    labels = [str(row) for row in attribution.rows]
    chosen = st.selectbox("Row", labels, key="one", bind="query-params")
    position = labels.index(chosen)
    one = attribution.for_rows([position])
    figure(
        plots.waterfall(one, 0, colours=plots.colours(explained.features)),
        "waterfall",
        f"Waterfall for row {chosen}: from {one.base_values[0, 0]:.3g} to {one.outputs[0, 0]:.3g} {explained.units}.",
    )
    truth = explained.truth(chosen)
    if truth is not None:
        st.caption(f"The true answer of row {chosen}: {truth}.")
    st.caption(f"What the values leave unexplained in this row: {one.additivity_gap[0, 0]:.2g} {explained.units}.")
    downloads("waterfall", one.to_frame().T.set_axis(["effect"], axis=1).reset_index(names="feature"))


def seats_against_shap(explained: Explained, attribution: Attribution) -> None:
    """Seats by the library's own importance, as published, against mean |SHAP|."""
    seats = int(st.number_input("Seats", 1, 1000, 600, step=10, key="house", bind="query-params"))
    native = explained.votes("native")
    p = dhondt.elect(native, seats=seats)
    result = agreement.compare(p.seats, attribution)
    figure(
        plots.seats_vs_shap(p, attribution, agreement=result, colours=plots.colours(explained.features)),
        "seats-against-shap",
        f"Scatter of seats against mean absolute SHAP value; Spearman correlation {result.spearman.value:.2f}.",
    )
    st.caption(
        "Seats come from the library's own importance, as in the 2024 paper. Both sides describe one model, so "
        "agreement says that two summaries are alike, not that either is right."
    )
    figure(plots.agreement(result), "agreement", "Agreement measures with 95 % intervals.")
    downloads("seats-against-shap", result.to_frame())


def obedience(explained: Explained) -> None:
    """Which of the importances the model itself goes by."""
    found = explained.obedience()
    st.markdown(found.in_words())
    figure(plots.obedience(found), "obedience", found.in_words())
    _gains_shown(found)
    way = st.selectbox("Curves", ["insertion", "deletion"], key="way", bind="query-params")
    figure(
        plots.obedience_curves(found, way),
        "obedience-curves",
        f"Distance of the answer from the row's own by {way}, for each importance and for random orders.",
    )
    st.caption(
        "Features are replaced by values of other rows, by falling importance, and the distance of the answer from the "
        "row's own is followed. A method that answers another question than this is tested on foreign ground."
    )
    for name, reason in explained.vote_sources().attrs.get("missing", {}).items():
        st.caption(f"{name}: {reason}")
    if found.agreement is not None:
        figure(plots.agreement(found.agreement), "obedience-agreement", "Rank correlations of the importances.")
    downloads("obedience", _gain_table(found), found.to_json())


def _gains_shown(found: Obedience) -> None:
    """Both scores of each importance, with intervals, in a table that fits a phone."""
    verdicts = {"better": "better than chance", "worse": "worse than chance", "chance": "not told from chance"}

    def told(value: float, interval: tuple[float, float]) -> str:
        return f"{value:.0%} ({interval[0]:.0%} to {interval[1]:.0%})"

    rows = [
        {
            "": name,
            "Insertion": told(gain.insertion, gain.insertion_interval),
            "Deletion": told(gain.deletion, gain.deletion_interval),
            "Both": verdicts[gain.verdict],
        }
        for name, gain in found.gains.items()
    ]
    st.dataframe(rows, hide_index=True)
    st.caption(
        "Insertion: by how much less the answer is off than with random orders while features enter. Deletion: by how "
        "much more while they leave. 0 % is chance; in brackets the 95 % interval over rows."
    )


def _gain_table(found: Obedience) -> pd.DataFrame:
    import pandas as pd

    rows = [
        (
            *(name, gain.value, gain.low, gain.high, gain.insertion, *gain.insertion_interval),
            *(gain.deletion, *gain.deletion_interval, gain.verdict),
        )
        for name, gain in found.gains.items()
    ]
    ends = ("", "_low", "_high")
    columns = [f"{kind}{end}" for kind in ("gain", "insertion", "deletion") for end in ends]
    return pd.DataFrame(rows, columns=["importance", *columns, "verdict"])


def sources(explained: Explained) -> None:
    """Vote shares of SHAP, permutation, native and removal side by side."""
    table = explained.vote_sources()
    figure(
        plots.vote_sources(table, colours=plots.colours(explained.features)),
        "vote-sources",
        "Share of the votes of each feature by four sources of votes.",
    )
    st.caption(f"Asked on {explained.source.sample(voters(explained))[2]}.")
    for name, reason in table.attrs.get("missing", {}).items():
        st.caption(f"{name}: {reason}")
    downloads("vote-sources", table.reset_index(names="feature"))
