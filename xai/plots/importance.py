"""Which units count, over all rows: one bar a unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import Attribution, as_votes
from . import palette, theme, wording

if TYPE_CHECKING:
    import plotly.graph_objects as go


def bar(
    source: Any,
    max_units: int = 20,
    *,
    title: str | None = None,
    subtitle: str | None = None,
    colours: Mapping[str, str] | None = None,
) -> go.Figure:
    """Importance of units, largest on top.

    Parameters
    ----------
    source
        Attribution with one output (bars are mean absolute effects), or a mapping or Series of name to importance.
    max_units
        Bars drawn; the rest is summed in one grey bar that says how many it holds.
    title, subtitle, colours
        As in :func:`xai.plots.parliament`.

    Raises
    ------
    InputError
        If an attribution has more than one output; the message lists them.
    """
    names, votes = as_votes(source)
    colour = palette.complete(colours, names)
    order = np.argsort(-votes, kind="stable")
    shown, rest = order[:max_units], order[max_units:]
    ticks = theme.labels([names[i] for i in shown])
    values, fills, full = votes[shown].tolist(), [colour[names[i]] for i in shown], [names[i] for i in shown]
    if len(rest):
        what = f"{len(rest)} others"
        ticks, full = [*ticks, what], [*full, f"{what} together"]
        values, fills = [*values, float(votes[rest].sum())], [*fills, palette.GREY]
    fig = theme.figure(title, subtitle, 90 + 26 * len(values))
    fig.add_bar(
        x=values,
        y=list(range(len(values))),
        orientation="h",
        marker={"color": fills, "line": {"width": 0}},
        text=[f" {theme.number(v)}" for v in values],
        textposition="outside",
        cliponaxis=False,
        customdata=full,
        hovertemplate="<b>%{customdata}</b><br>%{x:.4g}<extra></extra>",
        width=0.7,
    )
    what = f"mean |{wording.effect(source)}|" if isinstance(source, Attribution) else "importance"
    low, high = min(0.0, *values), max(0.0, *values)
    fig.update_xaxes(
        title_text=theme.axis_title(what), range=[low * 1.18, (high or 1.0) * 1.18], zeroline=True, nticks=6
    )
    unit_axis(fig, ticks)
    return fig


def unit_axis(fig: go.Figure, ticks: list[str], margin: float = 0.6) -> None:
    """A vertical axis of units, the first on top."""
    fig.update_yaxes(
        tickvals=list(range(len(ticks))), ticktext=ticks, range=[len(ticks) - 1 + margin, -margin], showgrid=False
    )
