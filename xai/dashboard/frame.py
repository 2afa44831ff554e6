"""What stands around every page: the chooser of model and data, the class, and the footer."""

from __future__ import annotations

import os
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import streamlit as st

from .. import __version__
from ..core.errors import XaiError
from . import source
from .explained import Explained, describe, method_for
from .hints import hint
from .jobs import StillRunningError, show_failure, watch

#: Environment variable that asks everybody to sign in first, with Streamlit's own OpenID Connect.
SIGN_IN = "HEMICYCLE_SIGN_IN"
_asked: ContextVar[bool] = ContextVar("asked")
_FOREIGN = "a link to another session's upload"
_FOREIGN_TEXT = (
    "This link names a model that this session does not have: most likely it was uploaded in another session, or in "
    "one that has ended. Uploads are seen only by the session that made them: bring the files again on the page *Your "
    "model*. A demo is shown instead."
)
_explained: ContextVar[Explained | Exception] = ContextVar("explained")
# A picture of ours: Streamlit would fetch the picture of a Material icon from another host.
_LOGO = Path(__file__).with_name("logo.svg")
# Streamlit leaves a hand's breadth above the title, and writes scores too large for four beside each other.
_STYLE = """<style>
[data-testid="stMainBlockContainer"] { padding-top: 3.2rem; padding-bottom: 3rem; }
[data-testid="stMetricValue"] { font-size: 1.6rem; }
h1 { padding-bottom: 0.2rem; }
/* Streamlit's captions are too pale on white: 4.2 to 1, where small text needs 4.5. */
[data-testid="stCaptionContainer"] { color: inherit; opacity: 0.8; }
/* What is chosen is written too dark in the dark theme. */
[data-testid="stButtonGroup"] [aria-checked="true"] p,
[data-testid="stSliderThumbValue"] p { color: light-dark(#005A8C, #9CCBF2); }
</style>"""


def configure() -> None:
    """Title, picture and width of every page; comes before the navigation, which would set a picture of its own."""
    st.set_page_config(page_title="Hemicycle", page_icon=str(_LOGO), layout="wide")


def around(page: Any) -> None:
    """Draw the sidebar, then the page; what the page raises is shown as a message, not as a traceback.

    When what the sidebar names cannot be opened, or not yet, pages that never ask for it are drawn all the same.
    """
    st.logo(_LOGO, size="large")
    st.html(_STYLE)
    if not _may_enter():
        return
    found: Explained | Exception
    with st.sidebar:
        try:
            found = _chooser()
        except (StillRunningError, XaiError) as reason:
            found = reason
        beneath = st.container()
        hint(str(page.title))
        _footer(found)
    if _FOREIGN in st.session_state:
        st.warning(_FOREIGN_TEXT, icon=":material/lock:")
    _explained.set(found)
    _asked.set(False)
    try:
        page.run()
    except StillRunningError as running:
        watch(running.job, running.key)
    except XaiError as error:
        show_failure(error, "page", again=True)
    if isinstance(found, StillRunningError) and not _asked.get():
        with beneath:
            watch(found.job, f"{found.key}:sidebar")


def _may_enter() -> bool:
    """Whether the visitor may see pages; offers a sign-in to one who must and has not."""
    if not os.environ.get(SIGN_IN):
        return True
    if st.user.get("is_logged_in"):
        st.sidebar.button("Sign out", key="sign-out", icon=":material/logout:", on_click=st.logout)
        return True
    st.title("Sign in", anchor=False)
    st.markdown("This server is for people of its house.")
    st.button("Sign in", key="sign-in", type="primary", icon=":material/login:", on_click=st.login)
    return False


def current() -> Explained:
    """The model, rows and class that the sidebar names.

    Raises
    ------
    StillRunningError, XaiError
        While it is being opened, and if it cannot be.
    """
    _asked.set(True)
    found = _explained.get()
    if isinstance(found, Exception):
        raise found
    return found


def _chosen_data() -> str:
    """The chooser of model and data; a link to somebody else's upload is told so, not silently shown a demo."""
    if source.is_foreign(st.query_params.get("data")):
        st.session_state[_FOREIGN] = True
    choices = source.choices()
    keys = list(choices)
    return str(
        st.selectbox(
            "Model and data",
            keys,
            index=keys.index(source.default()),
            format_func=choices.get,
            key="data",
            on_change=lambda: st.session_state.pop(_FOREIGN, None),
            bind="query-params",
            help="Demo models were trained on public medical data and are looked at with rows they never saw. Bring "
            "your own on the page Your model.",
        )
    )


def _chooser() -> Explained:
    chosen = source.load(_chosen_data())
    model = describe(chosen)
    names = model["output_names"]
    output = names[-1] if model["task"] != "multiclass" else names[0]
    if chosen.shown in names:
        output = chosen.shown
    if len(names) > 1:
        output = st.selectbox(
            "Class", names, index=names.index(output), format_func=chosen.class_label, key="class", bind="query-params"
        )
    few = source.FEW if method_for(model)[1] else source.SAMPLE
    everything = False
    if len(chosen.X) > few:
        everything = st.toggle(f"Explain all {len(chosen.X):,} rows", key="all", bind="query-params")
    return Explained(chosen, model, output, None if everything else few)


def _footer(explained: Explained | Exception) -> None:
    st.selectbox("Figures download as", ["PNG", "SVG"], key="format", bind="query-params")
    if isinstance(explained, Explained) and explained.source.dataset is not None:
        st.caption("Demo data. This is a tool for looking at models, not medical advice.")
    st.caption(f"Hemicycle {__version__}")
