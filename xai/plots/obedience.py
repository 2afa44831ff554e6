"""Which explanation the model obeys: gains against chance, and the curves behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.errors import InputError, unknown_names
from . import palette, theme
from .intervals import Row, dots

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from ..workflows import Obedience

_WAYS = {
    "insertion": ("units enter, most important first", "share of the units that entered"),
    "deletion": ("units leave, most important first", "share of the units that left"),
}


def obedience(result: Obedience, *, title: str | None = None, subtitle: str | None = None) -> go.Figure:
    """Gain of every importance over random orders, with its 95 % interval; 0 is chance.

    Parameters
    ----------
    result
        Result of ``xai.workflows.believe``.
    title, subtitle
        As in :func:`xai.plots.parliament`. What was tested is added.
    """
    fills = _colours(result)
    how = f"{result.n_rows} rows, {result.n_random} random orders each, 95 % intervals over rows"
    fig = theme.figure(title, theme.joined(subtitle, how), 110 + 36 * len(result.gains))
    rows = [
        Row(
            name,
            100 * g.value,
            100 * g.low,
            100 * g.high,
            fills[name],
            f"{g.value:.0%}",
            f"<br>insertion {g.insertion:.0%}, deletion {g.deletion:.0%}",
        )
        for name, g in result.gains.items()
    ]
    dots(fig, rows, "gain")
    fig.add_vline(x=0, line={"color": palette.GREY, "dash": "dot"})
    fig.update_xaxes(title_text="sooner than by chance, %")
    return fig


def obedience_curves(
    result: Obedience, order: str = "insertion", *, title: str | None = None, subtitle: str | None = None
) -> go.Figure:
    """Distance of the answer from the row's own while units enter or leave; random orders are the grey line.

    Parameters
    ----------
    result
        Result of ``xai.workflows.believe``.
    order
        ``"insertion"`` (lower is better) or ``"deletion"`` (higher is better).
    title, subtitle
        As in :func:`xai.plots.parliament`.
    """
    if order not in _WAYS:
        raise InputError(unknown_names("order", [order], _WAYS))
    curves = getattr(result, order)
    what, axis = _WAYS[order]
    fills = _colours(result)
    fig = theme.figure(title, theme.joined(subtitle, what), 440)
    fig.add_scatter(
        x=100 * result.x, y=curves["random"], mode="lines", name="random orders",
        line={"color": palette.GREY, "width": 3, "dash": "dot"},
    )  # fmt: skip
    for name in result.gains:
        fig.add_scatter(
            x=100 * result.x, y=curves[name], mode="lines", name=name, line={"color": fills[name], "width": 2},
        )  # fmt: skip
    fig.update_xaxes(title_text=f"{axis}, %", range=[0, 100])
    fig.update_yaxes(title_text="distance from the row's<br>own answer", rangemode="tozero")
    theme.legend(fig)
    return fig


def _colours(result: Obedience) -> dict[str, str]:
    """One colour a name, whatever its rank."""
    return dict(zip(sorted(result.gains), palette.PALETTE, strict=False))
