"""Insertion and deletion curves beside random orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from . import palette, theme

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from ..faithfulness import Curve, Curves

_WAY = {"insertion": "entered", "deletion": "left"}


def curve(result: Curve | Curves, *, title: str | None = None, subtitle: str | None = None) -> go.Figure:
    """The output while units enter or leave, and the mean of random orders of the same units.

    Parameters
    ----------
    result
        From :func:`xai.faithfulness.curve`, or from :func:`xai.faithfulness.curves`, whose mean is drawn.
    title, subtitle
        As in :func:`xai.plots.parliament`. Area, chance and their reading are added.
    """
    rows = getattr(result, "rows", None)
    one = cast("Curve", getattr(result, "mean", result))
    low, high = one.random_interval
    how = f"area {one.auc:.3g}, random orders {one.random_auc:.3g} ({low:.3g} to {high:.3g}); {one.score_direction}"
    many = None if rows is None else f"mean of {len(rows)} rows"
    fig = theme.figure(title, theme.joined(subtitle, many, how), 360)
    fig.add_scatter(
        x=100 * one.x, y=one.random_y, mode="lines", name="random orders",
        line={"color": palette.GREY, "width": 3, "dash": "dot"},
        hovertemplate=f"random orders<br>%{{x:.0f}} % {_WAY[one.order]}: %{{y:.4g}}<extra></extra>",
    )  # fmt: skip
    fig.add_scatter(
        x=100 * one.x, y=one.y, mode="lines+markers", name="by this explanation",
        line={"color": palette.PALETTE[0], "width": 2},
        hovertemplate=f"by this explanation<br>%{{x:.0f}} % {_WAY[one.order]}: %{{y:.4g}}<extra></extra>",
    )  # fmt: skip
    fig.update_xaxes(title_text=f"share of the units that {_WAY[one.order]}, %", range=[-1, 101])
    fig.update_yaxes(title_text=theme.axis_title(f"output {one.output_name}"))
    theme.legend(fig)
    return fig
