"""Whether concepts carry the decision, and how many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ... import plots
from ..cards import downloads, figure

if TYPE_CHECKING:
    from ...craft import Sheet
    from ..conceptual import Question


def fidelity(sheet: Sheet) -> None:
    """Insertion and deletion in concept space, and how much the concepts carry."""
    found = sheet.fidelity
    carried = found.carried
    if carried.warning:
        st.warning(carried.warning, icon=":material/warning:")
    else:
        st.markdown(
            f"Rebuilt from these concepts alone, **{carried.agreement:.0%}** of the pictures keep their class and "
            f"**{carried.share:.0%}** of the class score is explained (R² of the activations {carried.r2:.2f})."
        )
    order = st.selectbox("Curves", ["insertion", "deletion"], key="concept-curves")
    areas = found.insertion_auc if order == "insertion" else found.deletion_auc
    figure(
        plots.concept_curves(found, order),
        "concept-curves",
        f"{order} curves; areas: " + ", ".join(f"{name} {area:.3f}" for name, area in areas.items()),
    )
    downloads("concept-curves", found.to_frame().rename_axis("order").reset_index())


def numbers(asked: Question) -> None:
    """How many concepts: asked for by a switch, since every number is fitted several times."""
    if not st.toggle("Try 2 to 20 concepts", key="concept-sweep"):
        st.caption(
            "For each number: how much of the activations is left out, how often the network keeps its answer when it "
            "sees only the concepts, and how alike the concepts of two fits are."
        )
        return
    found = asked.sweep()
    figure(
        plots.concept_numbers(found),
        "concept-numbers",
        "Agreement by number of concepts: "
        + ", ".join(f"{r}: {share:.2f}" for r, share in zip(found.ranks, found.agreement, strict=True)),
    )
    st.markdown(f"Proposed: **{found.suggested} concepts**, the knee of the error where the answers are kept.")
    downloads("concept-numbers", found.to_frame().reset_index())
