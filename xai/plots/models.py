"""Models compared on one table: how good they are, what they go by, how few columns they need, and other sites."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..core.errors import InputError, unknown_names
from . import palette, theme, wording
from .importance import unit_axis
from .intervals import Row, dots

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from ..workflows import ModelComparison

_CHANCE = 0.5


def model_scores(result: ModelComparison, *, title: str | None = None, subtitle: str | None = None) -> go.Figure:
    """Held-out AUC of every model with its 95 % interval, the best on top; 0.5 is chance.

    Parameters
    ----------
    result
        Result of ``xai.workflows.compare_models``.
    title, subtitle
        As in :func:`xai.plots.parliament`. What was held out is added.
    """
    fills = _colours(result)
    ranked = sorted(result.models.values(), key=lambda model: -model.auc.value)
    how = f"{result.n_test} rows held out ({result.held_out}), 95 % intervals; dotted: chance"
    fig = theme.figure(title, theme.joined(subtitle, how), 110 + 38 * len(ranked))
    rows = [
        Row(wording.model(m.name), m.auc.value, m.auc.low, m.auc.high, fills[m.name], f"{m.auc.value:.2f}")
        for m in ranked
    ]
    dots(fig, rows, "AUC")
    fig.add_vline(x=_CHANCE, line={"color": palette.GREY, "dash": "dot"})
    fig.update_xaxes(title_text="area under the ROC curve", range=[min(0.48, *(row.low for row in rows)), 1.01])
    return fig


def importance_map(
    result: ModelComparison,
    max_units: int = 15,
    *,
    aspects: bool = False,
    title: str | None = None,
    subtitle: str | None = None,
) -> go.Figure:
    """What every model goes by, by every importance: each list of importances coloured from 0 to its own largest.

    Negative permutation importance means noise and counts as none.

    Parameters
    ----------
    result
        Result of ``xai.workflows.compare_models``.
    max_units
        Units drawn, those with the largest mean share first.
    aspects
        Correlated columns as one unit.
    title, subtitle
        As in :func:`xai.plots.parliament`.
    """
    table = result.importance_frame(aspects=aspects).clip(lower=0.0)
    shares = 100 * table / table.sum().where(table.sum() > 0, 1.0)
    shown = shares.mean(axis=1).sort_values(ascending=False, kind="stable").index[:max_units]
    cut = f"{len(shown)} of {len(shares)} drawn" if len(shown) < len(shares) else None
    across = [f"{wording.model(name)}, {way}" for name, model in result.models.items() for way in model.importances]
    how = "strongest: the largest of each model and method"
    fig = theme.figure(title, theme.joined(subtitle, cut, how), 230 + 26 * len(shown))
    values = shares.loc[shown].to_numpy()
    largest = shares.max().to_numpy()
    fig.add_heatmap(
        z=values / np.where(largest > 0, largest, 1.0), x=list(range(len(across))), y=list(range(len(shown))),
        zmin=0, zmax=1, colorscale=palette.SEQUENTIAL, showscale=False, xgap=2, ygap=2,
        customdata=[
            [(str(unit), what, share) for what, share in zip(across, row, strict=True)]
            for unit, row in zip(shown, values, strict=True)
        ],
        hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]}<br>%{customdata[2]:.1f} % of all<extra></extra>",
    )  # fmt: skip
    unit_axis(fig, theme.labels([str(unit) for unit in shown], 20), margin=0.5)
    fig.update_xaxes(
        tickvals=list(range(len(across))), ticktext=across, tickangle=-90, tickfont={"size": 10}, showgrid=False
    )
    return fig


def selection(
    result: ModelComparison,
    importance: str = "shapley",
    units: str = "columns",
    *,
    title: str | None = None,
    subtitle: str | None = None,
) -> go.Figure:
    """Held-out AUC by number of columns, added in the order of an importance of the training rows.

    A ring marks the fewest that lie within the interval of the model's best.

    Parameters
    ----------
    result
        Result of ``xai.workflows.compare_models``.
    importance
        Whose order: ``"shapley"``, ``"native"``, ``"permutation"``.
    units
        ``"columns"``, or ``"aspects"``: correlated columns enter together.
    title, subtitle
        As in :func:`xai.plots.parliament`.

    Raises
    ------
    InputError
        If there is no such curve.
    """
    curves = {
        name: curve
        for name, model in result.models.items()
        for curve in model.curves
        if (curve.importance, curve.units) == (importance, units)
    }
    if not curves:
        known = {f"{c.importance}, {c.units}" for model in result.models.values() for c in model.curves}
        raise InputError(unknown_names("curve", [f"{importance}, {units}"], sorted(known)))
    fills = _colours(result)
    fig = theme.figure(title, subtitle, 400)
    for name, curve in curves.items():
        enough = curve.enough()
        fig.add_scatter(
            x=[step.n_units for step in curve.steps], y=[step.auc.value for step in curve.steps],
            name=wording.model(name), mode="lines+markers", line={"color": fills[name], "width": 2},
            marker={
                "color": fills[name],
                "size": [13 if step is enough else 6 for step in curve.steps],
                "symbol": ["circle-open" if step is enough else "circle" for step in curve.steps],
                "line": {"width": [3 if step is enough else 0 for step in curve.steps]},
            },
            customdata=[(step.auc.low, step.auc.high, ", ".join(step.added)) for step in curve.steps],
            hovertemplate=f"<b>{wording.model(name)}</b>, %{{x}} {units}<br>AUC %{{y:.3f}}, %{{customdata[0]:.3f}} to "
            "%{customdata[1]:.3f}<br>added: %{customdata[2]}<extra></extra>",
        )  # fmt: skip
    fig.update_xaxes(title_text=f"{units} used", rangemode="tozero")
    fig.update_yaxes(title_text="held-out AUC")
    theme.legend(fig)
    return fig


def sites(result: ModelComparison, *, title: str | None = None, subtitle: str | None = None) -> go.Figure:
    """Mean AUC of every model at the site it was trained at, and at the others.

    Raises
    ------
    InputError
        If the data name no sites.
    """
    table = result.to_frame().dropna(subset=["auc_within_sites", "auc_across_sites"])
    if result.transfer is None or table.empty:
        raise InputError(f"'{result.data}' has no two sites between which models could be carried.")
    names = list(table.sort_values("auc_across_sites", ascending=False).index)
    fills = _colours(result)
    within, across = (table.loc[names, column].tolist() for column in ("auc_within_sites", "auc_across_sites"))
    fig = theme.figure(title, subtitle, 130 + 34 * len(names))
    rows = list(range(len(names)))
    for i, name in enumerate(names):
        fig.add_shape(
            type="line", x0=within[i], x1=across[i], y0=i, y1=i, line={"width": 3, "color": fills[name]}, opacity=0.5,
            layer="below", name="fall",
        )  # fmt: skip
    ways = (("at its own site, cross-validated", within, "circle"), ("at the others", across, "diamond"))
    for what, values, symbol in ways:
        fig.add_scatter(
            x=values, y=rows, mode="markers", name=what, customdata=[wording.model(name) for name in names],
            marker={"symbol": symbol, "size": 11, "color": [fills[name] for name in names]},
            hovertemplate=f"<b>%{{customdata}}</b> {what}<br>AUC %{{x:.3f}}<extra></extra>",
        )  # fmt: skip
    fig.update_xaxes(title_text="mean AUC over sites", nticks=6)
    unit_axis(fig, [wording.model(name) for name in names])
    theme.legend(fig)
    return fig


def site_map(
    result: ModelComparison, model: str, *, title: str | None = None, subtitle: str | None = None
) -> go.Figure:
    """AUC of one model by the site it was trained at and the site it was tested at; gaps where rows were too few.

    Raises
    ------
    InputError
        If the data name no sites, or there is no such model.
    """
    if result.transfer is None:
        raise InputError(f"'{result.data}' names no sites.")
    table = result.transfer.matrix(model).dropna(how="all").dropna(how="all", axis=1)
    values = table.to_numpy()
    fig = theme.figure(title, subtitle, 120 + 48 * len(table))
    fig.add_heatmap(
        z=values, x=list(range(values.shape[1])), y=list(range(len(values))), zmin=_CHANCE, zmax=1, showscale=False,
        colorscale=palette.SEQUENTIAL, xgap=3, ygap=3,
        customdata=[[f"trained at {home}, tested at {away}" for away in table.columns] for home in table.index],
        hovertemplate="%{customdata}<br>AUC %{z:.3f}<extra></extra>",
    )  # fmt: skip
    texts = [[f"{value:.2f}" if np.isfinite(value) else "–" for value in row] for row in values]
    theme.cell_texts(fig, texts, np.nan_to_num((values - _CHANCE) / (1 - _CHANCE)))
    unit_axis(fig, theme.labels([str(name) for name in table.index], 18), margin=0.5)
    fig.update_yaxes(title_text="trained at")
    fig.update_xaxes(
        title_text="tested at", tickvals=list(range(values.shape[1])), showgrid=False,
        ticktext=theme.labels([str(name) for name in table.columns], 14),
    )  # fmt: skip
    return fig


def _colours(result: ModelComparison) -> dict[str, str]:
    """One colour a model in every figure."""
    return palette.colours(result.models)
