"""Cards of the Concepts page: what concepts look like, what they are worth, where they are."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from ... import plots
from ..cards import downloads, figure
from ..conceptual import METHODS
from ..pictures import show_picture
from .concept_names import Path, name_field

if TYPE_CHECKING:
    from ...craft import Importance, Sheet
    from ..conceptual import Question

SHOWN = 5


def subtitle(asked: Question, sheet: Sheet) -> str:
    """Which pictures, class and layer a figure is about."""
    taken = f"the network takes for {asked.class_name}"
    return f"{sheet.n_images} {asked.subject.shown} {taken} · layer {sheet.layer}"


def cards(asked: Question, sheet: Sheet, path: Path = ()) -> None:
    """The most important concepts: best pieces, worth, and a name to give."""
    found = sheet.importance
    colours = plots.colours(sheet.names)
    for i in found.order[:SHOWN]:
        name = sheet.names[i]
        with st.container(border=True):
            left, right = st.columns([2, 3], vertical_alignment="center")
            with left:
                name_field(asked, path, int(i), name)
                st.html(
                    f'<span style="display:inline-block;width:0.8em;height:0.8em;background:{colours[name]}"></span> '
                    f"{_worth(found, int(i))}"
                )
                if sheet.worth_splitting[i]:
                    st.caption("Its pieces differ: worth splitting below.")
            with right, st.container(horizontal=True, gap="small"):
                for n, piece in enumerate(sheet.crops[i], start=1):
                    show_picture(piece, f"Piece {n} with much of {sheet.names[i]}", 64)


def _worth(found: Importance, i: int) -> str:
    low, high = found.interval[i]
    way = "for" if found.signed[i] > 0 else "against"
    return f"index {found.sobol[i]:.2f} ({low:.2f} to {high:.2f}); speaks {way} the class, {found.signed[i]:+.2f}"


def importance(sheet: Sheet) -> None:
    """All concepts by their index."""
    found = sheet.importance
    first = found.names[found.order[0]]
    figure(
        plots.concepts(found, colours=plots.colours(sheet.names)),
        "concept-importance",
        f"Total Sobol indices of {len(found.names)} concepts with intervals; the largest is {first}.",
    )
    st.caption(
        "The index says how much of the score's variance a concept takes part in, the sign which way it pushes. "
        + ("This head is affine, so both are exact." if found.estimator == "closed_form" else "Both are sampled.")
    )
    downloads("concept-importance", found.to_frame().reset_index())


def places(asked: Question, sheet: Sheet) -> None:
    """Where concepts are in single pictures."""
    left, middle, right = st.columns(3)
    with left:
        method = st.selectbox("Maps by", list(METHODS), format_func=METHODS.get, key="map-method")
    with middle:
        threshold = st.slider(
            "Threshold", 0.0, 0.95, 0.5, 0.05, key="map-threshold", help="Share of the largest value."
        )
    ranked = [int(i) for i in sheet.importance.order]
    with right:
        chosen = st.multiselect(
            "Concepts", ranked, default=ranked[:3], format_func=lambda i: sheet.names[i], key=f"mapped:{asked.key}"
        )
    maps = sheet.maps if method == "coefficients" else asked.sheet(str(method)).maps
    colours = plots.colours(sheet.names)
    with st.container(horizontal=True):
        for n, (picture, heat) in enumerate(zip(sheet.pictures, maps, strict=True), start=1):
            painted = plots.overlay(picture, heat[chosen], [colours[sheet.names[i]] for i in chosen], threshold)
            show_picture(picture, f"Picture {n}", 150)
            show_picture(painted, f"Picture {n} with the places of {', '.join(sheet.names[i] for i in chosen)}", 150)
    dots = " &nbsp; ".join(
        f'<span style="color:{colours[sheet.names[i]]}">■</span> {escape(sheet.names[i])}' for i in chosen
    )
    st.html(dots or "No concept is chosen.")


def parliament(sheet: Sheet) -> None:
    """An election of concepts by the size of their contributions."""
    from ...dhondt import elect

    elected = elect(sheet.importance.attribution.for_output(sheet.importance.class_name), seats=100)
    figure(plots.parliament(elected, colours=plots.colours(sheet.names)), "concept-parliament", plots.describe(elected))
    downloads("concept-parliament", elected.to_frame())
