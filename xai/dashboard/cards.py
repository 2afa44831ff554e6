"""One question a card: title, which data it is about, figure, table and downloads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import streamlit as st

from ..core.errors import XaiError
from .jobs import StillRunningError, show_failure, watch

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


@contextmanager
def card(question: str, subtitle: str = "") -> Iterator[None]:
    """A bordered container that answers one question.

    An error inside it is shown as its message, and work that is still running as its progress; either way the rest
    of the page goes on.
    """
    with st.container(border=True):
        st.subheader(question, anchor=False)
        if subtitle:
            st.caption(subtitle)
        try:
            yield
        except StillRunningError as running:
            watch(running.job, f"{running.key}:{question}")
        except XaiError as error:
            show_failure(error, question)


def figure(fig: go.Figure, key: str, alt: str) -> None:
    """A Plotly figure with its own download button, in the format the sidebar names.

    Parameters
    ----------
    key
        Unique on the page; also the name of the downloaded file.
    alt
        What the figure shows, in words, for people who do not see it.
    """
    config = {
        "displaylogo": False,
        "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
        "toImageButtonOptions": {
            "filename": key,
            "format": str(st.session_state.get("format", "PNG")).lower(),
            "scale": 2,
        },
    }
    st.plotly_chart(fig, key=f"figure:{key}", config=config, alt=alt)


def downloads(key: str, table: pd.DataFrame, record: Any = None) -> None:
    """Buttons for a table as CSV and as JSON.

    Parameters
    ----------
    record
        What the JSON holds if it is more than the table: JSON types, or text that is JSON already.
    """
    if record is None:
        text = table.to_json(orient="records", indent=1)
    else:
        text = record if isinstance(record, str) else json.dumps(record, indent=1)
    with st.container(horizontal=True):
        st.download_button(
            "CSV", table.to_csv(index=False), f"{key}.csv", "text/csv", key=f"csv:{key}", on_click="ignore"
        )
        st.download_button("JSON", text, f"{key}.json", "application/json", key=f"json:{key}", on_click="ignore")
