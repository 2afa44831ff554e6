"""Cards of the Concepts page: what concepts look like, what they are worth, where they are, what they consist of."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from ... import plots
from ...core import Units
from ...datasets.smears import CLASSES
from ..cards import downloads, figure
from ..conceptual import METHODS, MODES, Question

if TYPE_CHECKING:
    from ...craft import Importance, Sheet

_SHOWN = 5
_FORMATS = ["png", "jpg", "jpeg"]
_OWN = "pictures of mine"
_BUNDLED = "synthetic blood smears"


def question() -> Question | None:
    """Which class of which pictures, and how many concepts."""
    left, middle, right = st.columns([2, 2, 1])
    with left:
        source = st.selectbox("Pictures", [_BUNDLED, _OWN], key="pictures")
    with middle:
        name = st.selectbox(
            "Class", CLASSES, index=2, key="image-class", bind="query-params", help="As the demo network answers."
        )
    with right:
        n = st.number_input("Concepts", 2, 25, 8, key="n-concepts", bind="query-params")
    mode = st.radio(
        "Learned from", list(MODES), format_func=MODES.get, horizontal=True, key="mode", bind="query-params"
    )
    images = {}
    if source == _OWN:
        files = st.file_uploader("PNG or JPEG files", _FORMATS, accept_multiple_files=True, key="concept-files")
        images = {file.name: file.getvalue() for file in files}
        if not images:
            st.info("Add at least five pictures that the network takes for this class.", icon=":material/image:")
            return None
    return Question(str(name), int(n), str(mode), images)


def subtitle(asked: Question, sheet: Sheet) -> str:
    """Which pictures, class and layer a figure is about."""
    return f"{sheet.n_images} {asked.pictures} the network takes for {asked.class_name} · layer {sheet.layer}"


def named(asked: Question, sheet: Sheet, prefix: str = "") -> tuple[str, ...]:
    """Names of the concepts, those a person gave included."""
    given = st.session_state.get("concept-names", {})
    return tuple(given.get(_key(asked, prefix, i)) or name for i, name in enumerate(sheet.names))


def _key(asked: Question, prefix: str, concept: int) -> str:
    return f"{asked.identity[:12]}:{asked.class_name}:{asked.n_concepts}:{asked.mode}:{prefix}{concept}"


def _remember(key: str, widget: str) -> None:
    st.session_state.setdefault("concept-names", {})[key] = st.session_state[widget].strip()


def with_names(sheet: Sheet, names: tuple[str, ...]) -> Sheet:
    """The same concepts under other names; names that stand twice get their number."""
    unique = [name if names.count(name) == 1 else f"{name} ({i + 1})" for i, name in enumerate(names)]
    found = sheet.importance
    attribution = replace(found.attribution, units=Units(tuple(unique), "concept"))
    return replace(sheet, importance=replace(found, attribution=attribution))


def cards(asked: Question, sheet: Sheet, prefix: str = "") -> None:
    """The most important concepts: best pieces, worth, and a name to give."""
    found = sheet.importance
    colours = plots.colours(sheet.names)
    for i in found.order[:_SHOWN]:
        name = sheet.names[i]
        with st.container(border=True):
            left, right = st.columns([2, 3], vertical_alignment="center")
            with left:
                key = _key(asked, prefix, int(i))
                widget = f"rename:{key}"
                st.text_input(
                    f"Name of concept {i + 1}",
                    value=name,
                    key=widget,
                    on_change=_remember,
                    args=(key, widget),
                    label_visibility="collapsed",
                )
                st.html(
                    f'<span style="display:inline-block;width:0.8em;height:0.8em;background:{colours[name]}"></span> '
                    f"{_worth(found, int(i))}"
                )
                if sheet.worth_splitting[i]:
                    st.caption("Its pieces differ: worth splitting below.")
            with right, st.container(horizontal=True, gap="small"):
                for piece in sheet.crops[i]:
                    st.image(piece, width=64)


def _worth(found: Importance, i: int) -> str:
    low, high = found.interval[i]
    way = "for" if found.signed[i] > 0 else "against"
    return (
        f"index {found.sobol[i]:.2f} ({low:.2f} to {high:.2f}); speaks {way} {found.class_name}, "
        f"{found.signed[i]:+.2f} of its score"
    )


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
        threshold = st.slider("Threshold", 0.0, 0.95, 0.5, 0.05, key="threshold", help="Share of the largest value.")
    ranked = [sheet.names[i] for i in sheet.importance.order]
    with right:
        chosen = st.multiselect("Concepts", ranked, default=ranked[:3], key=f"mapped:{asked.class_name}")
    maps = sheet.maps if method == "coefficients" else asked.sheet(str(method)).maps
    colours = plots.colours(sheet.names)
    positions = [sheet.names.index(name) for name in chosen]
    with st.container(horizontal=True):
        for picture, heat in zip(sheet.pictures, maps, strict=True):
            painted = plots.overlay(picture, heat[positions], [colours[name] for name in chosen], threshold)
            st.image([picture, painted], width=150)
    st.caption("; ".join(f"{name}: {colours[name]}" for name in chosen) if chosen else "No concept is chosen.")


def splits(asked: Question, sheet: Sheet) -> None:
    """What a concept consists of, at an earlier layer; a concept of it can be split again."""
    st.caption(
        "Late layers merge what earlier ones tell apart: the pieces of a concept are cut out, enlarged, and factorised "
        "anew at an earlier layer."
    )
    path: list[int] = []
    here = sheet
    while True:
        ranked = [int(i) for i in here.importance.order]
        # Concepts whose pieces differ most are offered first.
        ranked.sort(key=lambda i: not here.worth_splitting[i])
        depth = len(path)
        chosen = st.selectbox(
            "Split" if not depth else f"Split a concept of layer {here.layer}",
            [None, *ranked],
            format_func=lambda i, at=here: "choose a concept" if i is None else _option(at, i),
            key=f"split:{_key(asked, '', depth)}:{path}",
        )
        if chosen is None:
            return
        path.append(int(chosen))
        here = asked.sheet(split=tuple(path))
        here = with_names(here, named(asked, here, f"{path}"))
        st.markdown(f"**Layer {here.layer}**, from {here.n_images} pieces")
        cards(asked, here, f"{path}")


def _option(sheet: Sheet, i: int) -> str:
    return sheet.names[i] + (" (worth splitting)" if sheet.worth_splitting[i] else "")


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


def parliament(sheet: Sheet) -> None:
    """An election of concepts by the size of their contributions."""
    from ...dhondt import elect

    elected = elect(sheet.importance.attribution.for_output(sheet.importance.class_name), seats=100)
    figure(plots.parliament(elected, colours=plots.colours(sheet.names)), "concept-parliament", plots.describe(elected))
    downloads("concept-parliament", elected.to_frame())


def keep(asked: Question, sheet: Sheet) -> None:
    """The names a person gave, with the numbers they stand for, as a file."""
    record = {
        "class": asked.class_name,
        "pictures": asked.pictures,
        "layer": sheet.layer,
        "mode": sheet.mode,
        "error": sheet.error,
        "notes": list(sheet.notes),
        "concepts": json.loads(sheet.importance.to_frame().reset_index().to_json(orient="records")),
    }
    st.download_button(
        "Names and numbers (JSON)",
        json.dumps(record, indent=1),
        "concepts.json",
        "application/json",
        key="json:concepts",
        on_click="ignore",
    )
    for note in sheet.notes:
        st.caption(note)
