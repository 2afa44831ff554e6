"""How the effect of one unit follows its value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import Attribution, InputError
from . import palette, theme, wording
from .beeswarm import shown_value, value_scale

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

MAX_ROWS = 4_000
_FEW = 10  # whole numbers with up to this many different values are drawn as categories
_LEGEND = 8  # categories of the colouring unit that get a colour of their own


def dependence(
    a: Attribution,
    unit: str,
    colour_by: str | None = None,
    *,
    title: str | None = None,
    subtitle: str | None = None,
    colours: Mapping[str, str] | None = None,
) -> go.Figure:
    """Effect of a unit against its value, one dot a row.

    Categories and whole numbers of few values stand side by side, each a small swarm; missing values get a place of
    their own at the right. At most 4,000 rows are drawn; the subtitle then says so.

    Parameters
    ----------
    a
        Attribution with one output and the explained rows as a table.
    unit
        Name of the unit.
    colour_by
        Column whose values colour the dots: by rank if it holds numbers, else one colour a category.
    title, subtitle, colours
        As in :func:`xai.plots.parliament`.

    Raises
    ------
    InputError
        On an unknown unit, a group of columns, rows that are no table, or more than one output.
    """
    a.votes()  # more than one output: its error lists them
    effect = a.values[:, a.units.index(unit), 0]
    column = _column(a, unit)
    keep = wording.thin(effect, MAX_ROWS)
    note = f"{MAX_ROWS:,} of {len(effect):,} rows drawn" if len(keep) < len(effect) else None
    fig = theme.figure(title, theme.joined(subtitle, note), 420)
    x, axis = _places(column, effect, keep)
    text = [shown_value(v) for v in column.to_numpy()[keep]]
    plain = palette.complete(colours, [unit])[unit]
    for label, mask, marker in _colouring(fig, a, colour_by, keep, plain):
        fig.add_scatter(
            x=x[mask], y=effect[keep][mask].astype(np.float32), mode="markers", name=label,
            showlegend=colour_by is not None and "coloraxis" not in marker,
            marker={"size": 6, "opacity": 0.75, "line": {"width": 0}} | marker,
            customdata=[(a.rows[i], t) for i, t, m in zip(keep, text, mask, strict=True) if m],
            hovertemplate=f"{unit} %{{customdata[1]}}<br>effect %{{y:+.4g}}<br>row %{{customdata[0]}}<extra></extra>",
        )  # fmt: skip
    fig.update_xaxes(title_text=theme.axis_title(unit), showgrid=False, **axis)
    fig.update_yaxes(title_text=theme.axis_title(wording.effect(a), 36), zeroline=True)
    fig.update_layout(
        hovermode="closest",
        showlegend=any(trace.showlegend for trace in fig.data),
        legend={
            "orientation": "h",
            "y": 1.0,
            "yanchor": "bottom",
            "x": 0,
            "title": {"text": colour_by or "", "font": {"size": 12}},
        },
    )
    return fig


def _column(a: Attribution, unit: str) -> pd.Series:
    if a.data is None:
        raise InputError(
            "this attribution carries no table of its rows, so there are no values to draw effects against."
        )
    column = wording.column(a, unit)
    if column is None:
        raise InputError(
            f"'{unit}' stands for several columns, or for none of the table: choose one of the columns it is made of, "
            "and explain without groups."
        )
    return column


def _places(column: pd.Series, effect: np.ndarray, keep: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    """Horizontal places of the kept rows, and the axis they need."""
    values = wording.numeric(column)
    if values is not None:
        known = values[np.isfinite(values)]
        few = len(np.unique(known)) <= _FEW and bool((known == known.round()).all())
        if not few and len(known):
            return _scale(values[keep], known)
    labels = np.array([shown_value(v) for v in column.to_numpy()], dtype=object)
    levels = _levels(column, labels, values)
    code = {level: i for i, level in enumerate(levels)}
    x = np.array([code[label] for label in labels], dtype=float)
    low, high = float(effect.min()), float(effect.max())
    for i in range(len(levels)):
        inside = np.flatnonzero(x[keep] == i)
        x[keep[inside]] += 0.35 * wording.swarm(effect[keep[inside]], low, high)
    axis = {
        "tickvals": list(range(len(levels))),
        "ticktext": theme.labels(levels, 16),
        "range": [-0.6, len(levels) - 0.4],
    }
    return x[keep], axis


def _levels(column: pd.Series, labels: np.ndarray, values: np.ndarray | None) -> list[str]:
    """Different labels in their natural order: of numbers, of the categories, else alphabetical; missing last."""
    present = dict.fromkeys(labels.tolist())
    gone = ["missing"] if bool(column.isna().any()) else []
    if values is not None:
        ordered = [shown_value(v) for v in sorted(set(column.dropna().tolist()))]
    elif hasattr(column.dtype, "categories"):
        ordered = [shown_value(v) for v in column.dtype.categories]
    else:
        ordered = sorted(label for label in present if label != "missing")
    return [label for label in dict.fromkeys(ordered) if label in present] + gone


def _scale(values: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    low, high = float(known.min()), float(known.max())
    span = high - low or 1.0
    axis: dict[str, Any] = {"range": [low - 0.04 * span, high + 0.04 * span], "nticks": 7}
    gone = ~np.isfinite(values)
    if gone.any():
        place = high + 0.10 * span
        values = np.where(gone, place, values)
        ticks = theme.nice_ticks(low, high)
        axis = {
            "range": [low - 0.04 * span, high + 0.16 * span],
            "tickvals": [*ticks, place],
            "ticktext": [*(theme.number(t) for t in ticks), "missing"],
        }
    return values, axis


def _colouring(
    fig: go.Figure, a: Attribution, colour_by: str | None, keep: np.ndarray, plain: str
) -> list[tuple[str, np.ndarray, dict[str, Any]]]:
    """(label, mask of kept rows, marker) of each group of dots."""
    everything = np.ones(len(keep), dtype=bool)
    if colour_by is None:
        return [("rows", everything, {"color": plain})]
    a.units.index(colour_by)
    column = _column(a, colour_by)
    values = wording.numeric(column)
    if values is not None:
        rank = wording.rank_share(values)[keep]
        known = np.isfinite(rank)
        fig.update_layout(coloraxis=value_scale(theme.short(colour_by, 24)))
        groups = [("value", known, {"color": rank[known].astype(np.float32), "coloraxis": "coloraxis"})]
        return groups if known.all() else [*groups, (f"{colour_by} missing", ~known, {"color": palette.GREY})]
    labels = np.array([shown_value(v) for v in column.to_numpy()], dtype=object)[keep]
    levels = [level for level in _levels(column, labels, None) if level in set(labels.tolist())]
    shown = [level for level in levels if level != "missing"][:_LEGEND]
    found = [(level, labels == level, {"color": palette.PALETTE[i]}) for i, level in enumerate(shown)]
    rest = ~np.isin(labels.astype(str), shown)
    return found + ([("others or missing", rest, {"color": palette.GREY})] if rest.any() else [])
