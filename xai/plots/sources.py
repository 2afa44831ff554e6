"""Vote sources side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..core import InputError
from . import palette, theme
from .importance import unit_axis

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


def vote_sources(
    frame: pd.DataFrame,
    max_units: int = 15,
    *,
    title: str | None = None,
    subtitle: str | None = None,
    colours: Mapping[str, str] | None = None,
) -> go.Figure:
    """Vote shares of each unit from several sources side by side.

    Parameters
    ----------
    frame
        DataFrame with units as rows and a column a source, of non-negative votes; each column is drawn as shares of
        its sum. NaN: this source has no vote for that unit. A source without any votes is named in the subtitle.
    max_units
        Units drawn, those with the largest mean share first.
    title, subtitle
        As in :func:`xai.plots.parliament`.
    colours
        Colours of sources by column name; others take the palette's in their order.

    Raises
    ------
    InputError
        If a source has a negative vote, or none has any.
    """
    for name, column in frame.items():
        if (column < 0).any():
            raise InputError(
                f"source '{name}' has a negative vote for '{column.idxmin()}': votes must not be negative."
            )
    total = frame.sum()
    silent = [str(name) for name in frame.columns if not total[name] > 0]
    if len(silent) == len(frame.columns):
        raise InputError("no source has any votes.")
    frame = frame[[name for name in frame.columns if total[name] > 0]]
    shares = 100 * frame / frame.sum()
    order = shares.mean(axis=1).sort_values(ascending=False, kind="stable").index[:max_units]
    cut = f"{len(order)} of {len(frame)} drawn" if len(order) < len(frame) else None
    units = [str(name) for name in order]
    none = f"no votes from: {', '.join(silent)}" if silent else None
    fig = theme.figure(title, theme.joined(subtitle, cut, none), 130 + 30 * len(units))
    symbols = ("circle", "diamond", "square", "triangle-up", "cross", "x")
    sources = [str(name) for name in frame.columns]
    colour = palette.colours(sources) | {name: value for name, value in (colours or {}).items() if name in sources}
    for i in range(len(units)):
        row = shares.loc[order[i]]
        fig.add_shape(
            type="line", x0=row.min(), x1=row.max(), y0=i, y1=i, line={"width": 2, "color": theme.GRID}, layer="below"
        )
    for j, source in enumerate(frame.columns):
        fig.add_scatter(
            x=shares.loc[order, source], y=list(range(len(units))), mode="markers", name=str(source),
            marker={"symbol": symbols[j % len(symbols)], "size": 10, "color": colour[str(source)], "opacity": 0.9},
            customdata=units, hovertemplate=f"<b>%{{customdata}}</b><br>{source} %{{x:.1f}} %<extra></extra>",
        )  # fmt: skip
    fig.update_xaxes(title_text="share of votes, %", range=[0, 1.08 * float(shares.loc[order].max().max())])
    unit_axis(fig, theme.labels(units))
    theme.legend(fig)
    return fig
