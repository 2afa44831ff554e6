"""How far importances agree: intervals of one comparison, or a map of many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..agreement import MEASURES, Agreement, AgreementTable
from ..core import InputError
from . import palette, theme, wording
from .importance import unit_axis
from .intervals import Row, dots

if TYPE_CHECKING:
    import plotly.graph_objects as go

_MOST_TEXTS = 8
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
    bar, dot = palette.PALETTE[5], palette.PALETTE[0]
    rows = [Row(_label(name, result.k), e.value, e.low, e.high, bar, f"{e.value:.2f}") for name, e in shown]
    dots(fig, rows, "agreement")
    fig.update_traces(marker_color=dot)
    lowest = min((min(e.value, e.low) if np.isfinite(e.low) else e.value for _, e in shown), default=0.0)
    fig.update_xaxes(title_text="agreement", range=[-1.05 if lowest < 0 else -0.03, 1.05], zeroline=True, nticks=6)
    return fig


def _label(name: str, k: int) -> str:
    return f"Top {k} in common" if name == "top_k" else _NAMES[name]


def _map(table: AgreementTable, measure: str, title: str | None, subtitle: str | None) -> go.Figure:
    values = table.matrix(measure)
    k = next(iter(table.pairs.values())).k
    # Numbers fit into the cells of a few names; of more, colour and hover tell them.
    many = len(table.names) > _MOST_TEXTS
    signed = measure in {"pearson", "spearman", "kendall"}
    scale = "blue: agree, orange: opposed" if signed else "blue: agree"
    how = f"{_label(measure, k)}; {scale}; columns are in the order of the rows" if many else _label(measure, k)
    fig = theme.figure(title, theme.joined(subtitle, how), 40 + 30 * len(values) if many else 120 + 44 * len(values))
    fig.add_heatmap(
        z=values, x=list(range(len(values))), y=list(range(len(values))), zmin=-1 if signed else 0, zmax=1,
        colorscale=palette.DIVERGING if signed else palette.SEQUENTIAL, showscale=False, xgap=3, ygap=3,
        customdata=[[f"{a} and {b}" for a in table.names] for b in table.names],
        hovertemplate="%{customdata}<br>%{z:.4f}<extra></extra>",
    )  # fmt: skip
    if not many:
        theme.cell_texts(fig, [[f"{v:.2f}" if np.isfinite(v) else "–" for v in row] for row in values], np.abs(values))
    if many:
        unit_axis(fig, [_in_two_lines(name) for name in table.names], margin=0.5)
        fig.update_yaxes(tickfont={"size": 10})
        fig.update_xaxes(showticklabels=False, showgrid=False)
        return fig
    ticks = theme.labels(table.names, 22)
    unit_axis(fig, ticks, margin=0.5)
    fig.update_xaxes(tickvals=list(range(len(ticks))), ticktext=ticks, showgrid=False)
    return fig


def _in_two_lines(name: str) -> str:
    """Of ``"xgboost / shapley"`` the model over the method; other names as they are."""
    model, _, method = name.partition(" / ")
    return f"{wording.model(model)}<br>{method}" if method else name
