"""The card of uploaded image models: what the file does not say is asked for, and one picture shows it is right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from ...core.errors import InputError
from .. import uploads
from ..cards import card
from ..uploads import Seen, Upload

Found = dict[str, tuple[Upload, dict[str, Any]]]

_SCALES: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "ImageNet's mean and standard deviation": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "0 to 1": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "-1 to 1": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "0 to 255": ((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255)),
}
_OWN = "numbers of my own"
_ORDERS = {"RGB": "red, green, blue", "BGR": "blue, green, red (OpenCV)", "L": "one grey channel"}


def networks(found: Found) -> None:
    """An image model tried on one picture before any page works with it."""
    models = {key: pair for key, pair in found.items() if pair[1]["what"] == "image model"}
    pictures = {key: pair for key, pair in found.items() if pair[1]["what"] == "pictures"}
    if not models:
        if pictures:
            with card("Which network are the pictures for?"):
                st.info(
                    "There are pictures, but no image model: drop one beside them, or take the pictures to the demo "
                    "network on the page Concepts.",
                    icon=":material/image:",
                )
        return
    with card("Does the network see what you see?"):
        if pictures:
            _try(models, pictures)
        else:
            st.info(
                "There is an image model, but no picture to try it on: drop a PNG, JPEG or DICOM file, or a zip of "
                "folders named by class.",
                icon=":material/image:",
            )


def _try(models: Found, pictures: Found) -> None:
    left, right = st.columns(2)
    with left:
        model, facts = _pick("Image model", models, "network")
        files, contents = _pick("Pictures", pictures, "network-pictures")
        picture = st.selectbox("Picture", contents["names"], key=f"picture:{files.key}")
        preprocess = _preprocess(model.key, facts)
        names = _class_names(model.key, facts)
    seen = Seen(model, files, picture, preprocess, names)
    with right:
        answer = seen.preview()
        st.image(answer["view"], caption=f"{picture}, as the network gets it", width=224)
        st.dataframe(
            {"class": answer["classes"], "probability": answer["probabilities"]},
            column_config={
                "probability": st.column_config.ProgressColumn(
                    "probability", format="percent", min_value=0, max_value=1
                )
            },
            hide_index=True,
        )
        st.caption("If these make no sense, size, scale or channel order are most likely not those of the training.")
        kept = any(kept.key == model.key for kept in uploads.image_models())
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Use this network",
                type="primary",
                icon=":material/check:",
                key="use-network",
                on_click=uploads.keep_image_model,
                args=(model, preprocess, names),
            )
            if kept:
                st.page_link("pages/concepts.py", label="Concepts", icon=":material/category:")


def _pick(label: str, found: Found, key: str) -> tuple[Upload, dict[str, Any]]:
    names = {key: upload.name for key, (upload, _) in found.items()}
    choice = st.selectbox(label, list(names)[::-1], format_func=names.get, key=f"{key}:{list(names)[-1]}")
    return found[choice]


def _preprocess(key: str, facts: Mapping[str, Any]) -> dict[str, Any] | None:
    """How pictures are prepared; ``None`` where the file says everything."""
    asked = set(facts["asked"])
    if not asked & {"size", "mean_std", "channel_order"}:
        return None
    size = facts["size"]
    if "size" in asked:
        with st.container(horizontal=True):
            height = st.number_input("Height, pixels", 8, 2048, 224, key=f"height:{key}")
            width = st.number_input("Width, pixels", 8, 2048, 224, key=f"width:{key}")
        size = (int(height), int(width))
    mean, std = facts["mean"], facts["std"]
    if "mean_std" in asked:
        scale = st.selectbox("Pixel values run", [*_SCALES, _OWN], key=f"scale:{key}")
        mean, std = _SCALES[scale] if scale in _SCALES else _numbers(key)
    order = facts["channel_order"] or "RGB"
    if "channel_order" in asked:
        order = st.selectbox("Channels", list(_ORDERS)[:2], format_func=_ORDERS.get, key=f"order:{key}")
    return {
        "size": None if size is None else list(size),
        "mean": list(mean or (0.0, 0.0, 0.0)),
        "std": list(std or (1.0, 1.0, 1.0)),
        "channel_order": order,
    }


def _numbers(key: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    mean = st.text_input("Mean of red, green, blue, on the scale 0 to 1", "0.5, 0.5, 0.5", key=f"mean:{key}")
    std = st.text_input("Standard deviation of red, green, blue", "0.5, 0.5, 0.5", key=f"std:{key}")
    return _three(mean), _three(std)


def _three(text: str) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != 3:
        raise InputError(f"'{text}' is not three numbers with commas between them, such as 0.5, 0.5, 0.5.")
    return values


def _class_names(key: str, facts: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Names of the classes; ``None`` for those the file carries, or numbers."""
    if "classes" not in facts["asked"]:
        return None
    n = facts["n_classes"]
    text = st.text_area(
        "Class names in the network's order, one a line",
        key=f"class-names:{key}",
        placeholder=f"{n} names; without them classes are numbered" if n else "without them classes are numbered",
        height=100,
    )
    names = tuple(line.strip() for line in text.splitlines() if line.strip())
    if names and n and len(names) != n:
        raise InputError(f"the network has {n} classes, but {len(names)} names were given.")
    return names or None
