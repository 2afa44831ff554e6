"""How far importances agree: intervals of one comparison, or a map of many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..agreement import MEASURES, Agreement, AgreementTable
from ..core import InputError
from . import palette, theme
from .importance import unit_axis

if TYPE_CHECKING:
    import plotly.graph_objects as go

_NAMES = {
    "pearson": "Pearson",
    "spearman": "Spearman",
    "kendall": "Kendall τ",
    "rbo": "Rank-biased overlap",
    "sign": "Equal signs",
}


def agreement(
    result: Agreement | AgreementTable,
    measure: str = "spearman",
    *,
    title: str | None = None,
    subtitle: str | None = None,
) -> go.Figure:
    """Measures of one comparison with their intervals, or one measure of many comparisons as a heat map.

    Parameters
    ----------
    result
        From :func:`xai.agreement.compare` or :func:`xai.agreement.compare_many`.
    measure
        What the heat map shows; one of ``xai.agreement.MEASURES``.
    title, subtitle
        As in :func:`xai.plots.parliament`. What was resampled is added.
    """
    if isinstance(result, AgreementTable):
        return _map(result, measure, title, subtitle)
    if not isinstance(result, Agreement):
        raise InputError(f"give a result of xai.agreement.compare or compare_many, not {type(result).__name__}.")
    basis = f"{result.n_rows:,} rows" if result.basis == "rows" else f"{result.n_units} units"
    how = f"{100 * result.level:g} % intervals from {result.n_boot:,} resamples of {basis}"
    found = [(name, getattr(result, name)) for name in MEASURES]
    shown = [(name, e) for name, e in found if np.isfinite(e.value)]
    fig = theme.figure(title, theme.joined(subtitle, how), 90 + 34 * len(shown))
    for i, (_, e) in enumerate(shown):
        fig.add_shape(
            type="line", x0=e.low, x1=e.high, y0=i, y1=i, line={"width": 7, "color": palette.PALETTE[5]}, opacity=0.60,
            layer="below", name="interval",
        )  # fmt: skip
    fig.add_scatter(
        x=[e.value for _, e in shown], y=list(range(len(shown))), mode="markers+text", name="agreement",
        marker={"size": 11, "color": palette.PALETTE[0]}, text=[f"{e.value:.2f}" for _, e in shown],
        textposition="top center", textfont={"size": 11}, cliponaxis=False,
        customdata=[(_label(name, result.k), e.low, e.high) for name, e in shown],
        hovertemplate="<b>%{customdata[0]}</b> %{x:.4f}<br>%{customdata[1]:.3f} to %{customdata[2]:.3f}"
        "<extra></extra>",
    )  # fmt: skip
    lowest = min((min(e.value, e.low) if np.isfinite(e.low) else e.value for _, e in shown), default=0.0)
    fig.update_xaxes(title_text="agreement", range=[-1.05 if lowest < 0 else -0.03, 1.05], zeroline=True, nticks=6)
    unit_axis(fig, [_label(name, result.k) for name, _ in shown])
    return fig


def _label(name: str, k: int) -> str:
    return f"Top {k} in common" if name == "top_k" else _NAMES[name]


def _map(table: AgreementTable, measure: str, title: str | None, subtitle: str | None) -> go.Figure:
    values = table.matrix(measure)
    k = next(iter(table.pairs.values())).k
    fig = theme.figure(title, theme.joined(subtitle, _label(measure, k)), 120 + 44 * len(table.names))
    signed = measure in {"pearson", "spearman", "kendall"}
    fig.add_heatmap(
        z=values, x=list(range(len(values))), y=list(range(len(values))), zmin=-1 if signed else 0, zmax=1,
        colorscale=palette.DIVERGING if signed else palette.SEQUENTIAL, showscale=False, xgap=3, ygap=3,
        customdata=[[f"{a} and {b}" for a in table.names] for b in table.names],
        hovertemplate="%{customdata}<br>%{z:.4f}<extra></extra>",
    )  # fmt: skip
    theme.cell_texts(fig, [[f"{v:.2f}" if np.isfinite(v) else "–" for v in row] for row in values], np.abs(values))
    ticks = theme.labels(table.names, 22)
    unit_axis(fig, ticks, margin=0.5)
    fig.update_xaxes(tickvals=list(range(len(ticks))), ticktext=ticks, showgrid=False)
    return fig
