"""Runs over many rows: votes with their standard errors, and what moved between two runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..core import InputError
from . import palette, theme
from .importance import unit_axis
from .intervals import Row, dots

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from ..batch import BatchResult, Drift

_Z = 1.96


def batch_votes(
    result: BatchResult,
    method: str | None = None,
    output: str | None = None,
    max_units: int = 20,
    *,
    title: str | None = None,
    subtitle: str | None = None,
    colours: Mapping[str, str] | None = None,
) -> go.Figure:
    """Mean size of the values of each unit over all rows of a run, with its 95 % interval.

    Parameters
    ----------
    result
        Of :func:`xai.batch.run`.
    method, output
        As in :meth:`xai.batch.BatchResult.votes`.
    max_units
        Units drawn, the largest first.
    title, subtitle, colours
        As in :func:`xai.plots.parliament`.
    """
    found = result.entry(method, output)
    votes, errors = found["votes"], found["standard_error"]
    order = sorted(votes, key=lambda name: -votes[name])[:max_units]
    colour = palette.complete(colours, list(votes))
    cut = f"{len(order)} of {len(votes)} drawn" if len(order) < len(votes) else None
    fig = theme.figure(title, theme.joined(subtitle, cut, "95 % intervals over rows"), 90 + 34 * len(order))
    rows = [
        Row(n, votes[n], votes[n] - _Z * errors[n], votes[n] + _Z * errors[n], colour[n], f"{votes[n]:.3g}")
        for n in order
    ]
    dots(fig, rows, "votes")
    fig.update_xaxes(title_text="mean |value|", rangemode="tozero", nticks=6)
    return fig


def drift(
    found: Drift,
    max_units: int = 20,
    *,
    title: str | None = None,
    subtitle: str | None = None,
    colours: Mapping[str, str] | None = None,
) -> go.Figure:
    """By how many percentage points the share of the votes of each unit changed from one run to the other.

    Parameters
    ----------
    found
        Of :meth:`xai.batch.BatchResult.compare`.
    max_units
        Units drawn, those that moved most.
    title, subtitle, colours
        As in :func:`xai.plots.parliament`.

    Raises
    ------
    InputError
        If there are no units.
    """
    table = found.table
    if not len(table):
        raise InputError("the two runs have no units to compare.")
    order = table["share_change"].abs().sort_values(ascending=False, kind="stable").index[:max_units]
    shown = table.loc[order]
    colour = palette.complete(colours, table["unit"].tolist())
    points = 100 * shown["share_change"].to_numpy()
    moved = f"{theme.percent(found.moved)} of the votes moved"
    fig = theme.figure(title, theme.joined(subtitle, moved), 90 + 34 * len(shown))
    custom = shown[["unit", "seats", "other_seats", "z"]].to_numpy()
    fig.add_bar(
        x=points, y=list(range(len(shown))), orientation="h", width=0.6, name="change", customdata=custom,
        text=[f" {p:+.2f} " for p in points], textposition="outside", cliponaxis=False,
        marker={"color": [colour[name] for name in shown["unit"]], "line": {"width": 0}},
        hovertemplate="<b>%{customdata[0]}</b> %{x:+.3f} points<br>%{customdata[1]} seats, then %{customdata[2]}<br>"
        "z = %{customdata[3]:.1f}<extra></extra>",
    )  # fmt: skip
    reach = 1.6 * max(0.01, float(np.abs(points).max()))
    fig.update_xaxes(title_text="share of the votes, change in points", range=[-reach, reach], zeroline=True, nticks=6)
    unit_axis(fig, theme.labels(shown["unit"].tolist()))
    return fig
