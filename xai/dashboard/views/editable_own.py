"""Whose pictures the editable map is about: a bundled story, the operator's gallery, or pictures brought along."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from ...core.errors import InputError
from .. import galleries, uploads
from ..limits import limits

if TYPE_CHECKING:
    from ...chmcorr.stories import Story
    from ..galleries import OwnGallery

OPERATORS, MINE = "the gallery of this server", "my own pictures"


def own_gallery(choice: str) -> OwnGallery | None:
    """The chosen gallery; ``None`` while there is none yet."""
    if choice == OPERATORS:
        return galleries.operators()
    _drop()
    known = galleries.archives()
    if not known:
        st.info(
            "Bring a zip of PNG or JPEG pictures, one folder a class, up to 500 of them. For more, or to keep them off "
            "the network, build a gallery with `xai gallery FOLDER -o OUT` and start `xai dashboard --gallery OUT`.",
            icon=":material/photo_library:",
        )
        return None
    left, right = st.columns(2)
    key = left.selectbox("Archive", list(known), format_func=lambda k: known[k].name, key="own-archive")
    extractors = galleries.backbones()
    backbone = right.selectbox("Features from", list(extractors), format_func=extractors.get, key="own-backbone")
    return galleries.of_upload(known[key], backbone)


def own_story(gallery: OwnGallery) -> tuple[Story, np.ndarray | None] | None:
    """The evidence about the picture a person picks, and the picture's file if it was brought along."""
    for remark in gallery.remarks:
        st.caption(remark)
    left, right = st.columns(2)
    file = right.file_uploader(
        "Or a picture of your own", type=["png", "jpg", "jpeg"], key="own-query", max_upload_size=limits().max_data_mb
    )
    names = list(gallery.names)
    labels = dict(zip(names, gallery.labels, strict=True))
    name = left.selectbox(
        "Picture of the gallery",
        names,
        format_func=lambda n: f"{n} ({labels[n]})",
        key=f"own-picture:{gallery.identity}",
        disabled=file is not None,
        help="It is left out of the vote while it is asked about.",
    )
    if file is not None:
        content = np.frombuffer(file.getvalue(), dtype=np.uint8)
        return gallery.story(content, file.name), content
    return gallery.story(names.index(name), name), None


def _drop() -> None:
    turn = st.session_state.setdefault("own-drop", 0)
    dropped = st.file_uploader("Pictures, as a zip", type=["zip"], key=f"own-drop-{turn}")
    if dropped is None:
        return
    try:
        uploads.add(dropped.name, dropped.getbuffer())
    except InputError as error:
        st.error(str(error), icon=":material/error:")
        return
    uploads.forget([dropped])
    st.session_state["own-drop"] = turn + 1
    st.rerun()
