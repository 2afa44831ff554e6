"""What stands around every page: the chooser of model and data, the class, and the footer."""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path
from typing import Any

import streamlit as st

from .. import __version__
from ..core.errors import XaiError
from . import source
from .explained import Explained, describe
from .jobs import StillRunningError, show_failure, watch

_explained: ContextVar[Explained] = ContextVar("explained")
# A picture of ours: Streamlit would fetch the picture of a Material icon from another host.
_LOGO = Path(__file__).with_name("logo.svg")
# Streamlit leaves a hand's breadth above the title, and writes scores too large for four beside each other.
_STYLE = """<style>
[data-testid="stMainBlockContainer"] { padding-top: 3.2rem; padding-bottom: 3rem; }
[data-testid="stMetricValue"] { font-size: 1.6rem; }
h1 { padding-bottom: 0.2rem; }
</style>"""


def configure() -> None:
    """Title, picture and width of every page; comes before the navigation, which would set a picture of its own."""
    st.set_page_config(page_title="Hemicycle", page_icon=str(_LOGO), layout="wide")


def around(page: Any) -> None:
    """Draw the sidebar, then the page; what the page raises is shown as a message, not as a traceback."""
    st.logo(_LOGO, size="large")
    st.html(_STYLE)
    try:
        with st.sidebar:
            explained = _chooser()
            _footer(explained)
        _explained.set(explained)
        page.run()
    except StillRunningError as running:
        watch(running.job, running.key)
    except XaiError as error:
        show_failure(error, "page", again=True)


def current() -> Explained:
    """The model, rows and class that the sidebar names."""
    return _explained.get()


def _chooser() -> Explained:
    choices = source.choices()
    keys = list(choices)
    key = st.selectbox(
        "Model and data",
        keys,
        index=keys.index(source.default()),
        format_func=choices.get,
        key="data",
        bind="query-params",
        help="Demo models were trained on public medical data and are looked at with rows they never saw.",
    )
    chosen = source.load(key)
    model = describe(chosen)
    names = model["output_names"]
    output = names[-1] if model["task"] != "multiclass" else names[0]
    if len(names) > 1:
        output = st.selectbox(
            "Class", names, index=names.index(output), format_func=chosen.class_label, key="class", bind="query-params"
        )
    limit: int | None = source.SAMPLE
    if len(chosen.X) > source.SAMPLE:
        everything = st.toggle(f"Explain all {len(chosen.X):,} rows", key="all", bind="query-params")
        limit = None if everything else source.SAMPLE
    return Explained(chosen, model, output, limit)


def _footer(explained: Explained) -> None:
    st.selectbox("Figures download as", ["PNG", "SVG"], key="format", bind="query-params")
    if explained.source.dataset is not None:
        st.caption("Demo data. This is a tool for looking at models, not medical advice.")
    st.caption(f"Hemicycle {__version__}")
