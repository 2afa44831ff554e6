"""Effects of each unit over all rows: one dot a row, coloured by the unit's value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import Attribution
from . import palette, theme, wording
from .importance import unit_axis

if TYPE_CHECKING:
    import plotly.graph_objects as go

MAX_POINTS = 2_000
"""Dots drawn for each unit: more would only paint over one another."""

_WEBGL_FROM = 6_000  # dots in all from which the browser draws with WebGL; SVG stays sharp in exports


def beeswarm(
    a: Attribution,
    max_units: int = 15,
    *,
    title: str | None = None,
    subtitle: str | None = None,
    colours: Mapping[str, str] | None = None,
) -> go.Figure:
    """Signed effects of the units with the largest mean absolute effect, largest on top.

    Dots are coloured by the rank of the unit's value among the rows, so outliers do not flatten the scale. Grey dots
    have no place on it: missing values, categories, groups of columns. Where rows are no table, each unit has its own
    colour. Of more than 2,000 rows, 2,000 are drawn for each unit, evenly spread over its sorted effects with both
    extremes; the subtitle then says so.

    Parameters
    ----------
    a
        Attribution with one output.
    max_units
        Units drawn.
    title, subtitle, colours
        As in :func:`xai.plots.parliament`.

    Raises
    ------
    InputError
        If there is more than one output; the message lists them.
    """
    import plotly.graph_objects as go

    order = np.argsort(-a.global_votes(), kind="stable")[:max_units]
    names = [a.units.names[i] for i in order]
    effects = a.values[:, order, 0]
    n = len(effects)
    kinds = f"{len(order)} of {len(a.units)} {a.units.kind}s drawn" if len(order) < len(a.units) else None
    dots = f"{MAX_POINTS:,} of {n:,} rows drawn for each {a.units.kind}" if n > MAX_POINTS else None
    fig = theme.figure(title, theme.joined(subtitle, kinds, dots), 100 + 32 * len(names))
    low, high = float(effects.min()), float(effects.max())
    colour = palette.complete(colours, names)
    kind = go.Scattergl if min(n, MAX_POINTS) * len(names) > _WEBGL_FROM else go.Scatter
    for place, name in enumerate(names):
        keep = wording.thin(effects[:, place], MAX_POINTS)
        x = effects[keep, place]
        y = place - 0.40 * wording.swarm(x, low, high)
        column = wording.column(a, name)
        values = wording.numeric(column)
        rank = (np.full(n, np.nan) if values is None else wording.rank_share(values))[keep]
        shown = [""] * len(keep) if column is None else [shown_value(v) for v in column.to_numpy()[keep]]
        flat = colour[name] if a.data is None else palette.GREY
        ranked = np.isfinite(rank)
        scaled = {"color": rank[ranked].astype(np.float32), "coloraxis": "coloraxis"}
        for mask, marker in ((ranked, scaled), (~ranked, {"color": flat})):
            if not mask.any():
                continue
            points = {
                "x": x[mask].astype(np.float32),
                "y": y[mask].astype(np.float32),
                "customdata": [(a.rows[keep[i]], shown[i]) for i in np.flatnonzero(mask)],
            }
            value = "" if column is None else "<br>value %{customdata[1]}"
            hover = f"<b>{name}</b>{value}<br>effect %{{x:+.4g}}<br>row %{{customdata[0]}}<extra></extra>"
            fig.add_trace(
                kind(
                    **points,
                    mode="markers",
                    name=name,
                    marker={"size": 4.5, "opacity": 0.8, "line": {"width": 0}, **marker},
                    hovertemplate=hover,
                )
            )
    fig.update_layout(coloraxis=value_scale("value"), hovermode="closest")
    pad = 0.04 * (high - low or 1.0)
    fig.update_xaxes(
        title_text=theme.axis_title(wording.effect(a)), zeroline=True, range=[low - pad, high + pad], nticks=7
    )
    unit_axis(fig, theme.labels(names, 24))
    return fig


def value_scale(name: str) -> dict[str, Any]:
    """The common colour axis from low to high values, as ranks."""
    return {
        "colorscale": palette.LOW_HIGH,
        "cmin": 0,
        "cmax": 1,
        "colorbar": {
            "title": {"text": name, "side": "right", "font": {"size": 12}},
            "tickvals": [0, 1],
            "ticktext": ["low", "high"],
            "thickness": 8,
            "len": 0.7,
            "outlinewidth": 0,
            "xpad": 4,
        },
    }


def shown_value(value: Any) -> str:
    """A cell of the table for a label; missing values are called so."""
    import pandas as pd

    if pd.isna(value):
        return "missing"
    return theme.number(value.item() if isinstance(value, np.generic) else value)
