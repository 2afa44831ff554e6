"""What all figures share: a template without opinions on the page, titles that wrap, text helpers.

Figures fit light and dark pages: backgrounds are transparent, lines are half-transparent grey, and text has no
colour of its own, so Streamlit's theme (or :func:`on_dark`) decides. Widths are never fixed; heights are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from .palette import PALETTE

if TYPE_CHECKING:
    import numpy as np
    import plotly.graph_objects as go

LINE = "rgba(128,132,140,0.75)"
GRID = "rgba(128,132,140,0.20)"
CLEAR = "rgba(0,0,0,0)"
FONT = "Source Sans Pro, Source Sans, Inter, Segoe UI, Helvetica, Arial, sans-serif"

# Plotly does not wrap text: lines are cut so that they fit a phone of 390 px.
_TITLE_WIDTH, _SUBTITLE_WIDTH = 40, 56


def figure(
    title: str | None = None, subtitle: str | None = None, height: int = 420, *, data: Sequence[Any] = (), **layout: Any
) -> go.Figure:
    """A figure with the common look.

    Parameters
    ----------
    data
        Traces.
    layout
        More of the layout. What is given here need not be updated later, which costs ten times as much.
    """
    import plotly.graph_objects as go

    axis: dict[str, Any] = {
        "gridcolor": GRID,
        "linecolor": LINE,
        "zerolinecolor": LINE,
        "zeroline": False,
        "ticks": "",
        "automargin": True,
        "title": {"standoff": 10, "font": {"size": 13}},
    }
    head, above = _head(title, subtitle)
    return go.Figure(
        data=list(data),
        layout={
            "template": {
                "layout": {
                    "font": {"family": FONT, "size": 13},
                    "colorway": list(PALETTE),
                    "xaxis": axis,
                    "yaxis": axis,
                    "hoverlabel": {"font": {"size": 13}, "align": "left"},
                }
            },
            "paper_bgcolor": CLEAR,
            "plot_bgcolor": CLEAR,
            "height": height + above,
            "margin": {"l": 8, "r": 8, "t": above + 6 if above else 8, "b": 8},
            "showlegend": False,
            **head,
            **layout,
        },
    )


def _head(title: str | None, subtitle: str | None) -> tuple[dict[str, Any], int]:
    """Title and subtitle at the top left, and the height they need: the plot keeps its own."""
    titles = wrap(title or "", _TITLE_WIDTH)
    lines = wrap(subtitle or "", _SUBTITLE_WIDTH)
    if not titles and not lines:
        return {}, 0
    head = {
        "text": "<br>".join(titles),
        "subtitle": {"text": "<br>".join(lines), "font": {"size": 12}},
        "font": {"size": 17},
        "x": 0,
        "xref": "container",
        "xanchor": "left",
        "y": 1,
        "yref": "container",
        "yanchor": "top",
        "pad": {"t": 6, "l": 10},
    }
    return {"title": head}, 22 * len(titles) + 17 * len(lines) + 16


def legend(fig: go.Figure) -> None:
    """Show the legend under the axis title: above the plot its lines would run into the title on a phone."""
    inner = fig.layout.height - fig.layout.margin.t - 70
    fig.update_layout(
        showlegend=True,
        hovermode="closest",
        legend={"orientation": "h", "x": 0, "y": -62 / inner, "yanchor": "top", "font": {"size": 12}},
    )


def cell_texts(fig: go.Figure, texts: list[list[str]], strength: np.ndarray) -> None:
    """Text of a heat map's cells: white on strong cells, in the page's colour on weak, see-through ones."""
    for i, row in enumerate(texts):
        for j, text in enumerate(row):
            font = {"color": "#FFFFFF"} if strength[i, j] > 0.55 else {}
            fig.add_annotation(x=j, y=i, text=text, showarrow=False, font=font)


def on_dark(fig: go.Figure) -> go.Figure:
    """The same figure with light text, for dark pages that bring no theme of their own."""
    import plotly.graph_objects as go

    copy = go.Figure(fig)
    copy.update_layout(font={"color": "#E6E8EB"})
    return copy


def short(name: str, width: int = 28) -> str:
    """A name that fits an axis; the middle goes, since beginnings and ends tell columns apart."""
    if len(name) <= width:
        return name
    head = (width - 1) * 3 // 5
    return f"{name[:head]}…{name[-(width - 1 - head) :]}"


def labels(names: list[str] | tuple[str, ...], width: int = 28) -> list[str]:
    """Axis labels of names, shortened, and still unique."""
    cut = [short(name, width) for name in names]
    return [c if cut.count(c) == 1 else name for c, name in zip(cut, names, strict=True)]


def axis_title(text: str, width: int = 30) -> str:
    """An axis title in lines that fit a phone."""
    return "<br>".join(wrap(text, width)) or text


def percent(share: float) -> str:
    """A share with one decimal: 0.1234 is ``"12.3 %"``."""
    return f"{100 * share:.1f} %"


def joined(*notes: str | None) -> str:
    """Parts of a subtitle, those that are there, with a middle dot between them."""
    return " · ".join(note for note in notes if note)


def nice_ticks(low: float, high: float) -> list[float]:
    """Three to seven round numbers between two ends."""
    most = (high - low) / 3
    if most <= 0:
        return [low]
    unit = 10 ** math.floor(math.log10(most))
    step = max(m * unit for m in (1, 2, 2.5, 5) if m * unit <= most)
    return [round(i * step, 12) for i in range(math.ceil(low / step), math.floor(high / step) + 1)]


def number(value: object) -> str:
    """A value for a label: four significant digits, text as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:.4g}" if abs(value) < 1e5 or abs(value) >= 1e9 else f"{value:,.0f}"
