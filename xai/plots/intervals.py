"""Estimates with their intervals: a dot on a bar, one row each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import theme
from .importance import unit_axis

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True)
class Row:
    """One estimate with its interval, its colour, the text above its dot, and what its hover says besides."""

    name: str
    value: float
    low: float
    high: float
    colour: str
    text: str
    hover: str = ""


def dots(fig: go.Figure, rows: Sequence[Row], name: str) -> None:
    """Draw estimates from top to bottom; ``name`` is the trace's."""
    for i, row in enumerate(rows):
        fig.add_shape(
            type="line", x0=row.low, x1=row.high, y0=i, y1=i, line={"width": 7, "color": row.colour}, opacity=0.55,
            layer="below", name="interval",
        )  # fmt: skip
    fig.add_scatter(
        x=[row.value for row in rows], y=list(range(len(rows))), mode="markers+text", name=name,
        marker={"size": 11, "color": [row.colour for row in rows]}, text=[row.text for row in rows],
        textposition="top center", textfont={"size": 11}, cliponaxis=False,
        customdata=[(row.name, row.low, row.high, row.hover) for row in rows],
        hovertemplate="<b>%{customdata[0]}</b> %{x:.4g}<br>%{customdata[1]:.4g} to %{customdata[2]:.4g}"
        "%{customdata[3]}<extra></extra>",
    )  # fmt: skip
    unit_axis(fig, theme.labels([row.name for row in rows]))
