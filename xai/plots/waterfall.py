"""One row: from what the model says on average to what it said here, effect by effect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..core import Attribution, InputError
from ..core.errors import listing
from . import palette, theme, wording
from .beeswarm import shown_value
from .importance import unit_axis

if TYPE_CHECKING:
    import plotly.graph_objects as go


def waterfall(
    a: Attribution,
    row: int | str,
    max_units: int = 12,
    *,
    title: str | None = None,
    subtitle: str | None = None,
    colours: Mapping[str, str] | None = None,
) -> go.Figure:
    """Effects of one row, from the base value on top down to the model's output.

    The bars always add up: small effects are summed in one bar that says how many it holds, and what an incomplete
    explanation leaves over (its additivity gap) gets a grey bar of its own.

    Parameters
    ----------
    a
        Attribution with one output.
    row
        Label of the row, or its position if no row has that label.
    max_units
        Effects drawn one by one, largest first.
    title, subtitle
        As in :func:`xai.plots.parliament`.
    colours
        Colours of ``"positive"`` and ``"negative"`` effects, instead of the common pair.

    Raises
    ------
    InputError
        If there is no such row, or more than one output.
    """
    position = find_row(a, row)
    a.votes()  # more than one output: its error lists them
    sign = {**palette.SIGN, **(colours or {})}
    effects = a.values[position, :, 0]
    order = np.argsort(-np.abs(effects), kind="stable")
    if len(order) > max_units:
        order, rest = order[:max_units], order[max_units:]
    else:
        rest = order[:0]
    names = [a.units.names[i] for i in order]
    texts = []
    for name, label in zip(names, theme.labels(names, 22), strict=True):
        column = wording.column(a, name)
        value = "" if column is None else f"<br><b>{theme.short(shown_value(column.iloc[position]), 20)}</b>"
        texts.append(label + value)
    steps = effects[order].tolist()
    if len(rest):
        texts.append(f"{len(rest)} other {a.units.kind}s")
        names.append(texts[-1])
        steps.append(float(effects[rest].sum()))
    gap = float(a.additivity_gap[position, 0])
    scale = max(abs(a.outputs[position, 0]), np.abs(effects).max(), 1e-12)
    if abs(gap) > 1e-5 * scale:
        texts.append("not explained")
        names.append("not explained")
        steps.append(gap)
    base, out = float(a.base_values[position, 0]), float(a.outputs[position, 0])
    starts = base + np.concatenate([[0.0], np.cumsum(steps)])
    fills = [sign["positive"] if step >= 0 else sign["negative"] for step in steps]
    fills = [palette.GREY if name == "not explained" else fill for name, fill in zip(names, fills, strict=True)]

    fig = theme.figure(title, subtitle, 110 + 34 * (len(steps) + 2))
    fig.add_bar(
        x=steps, base=starts[:-1].tolist(), y=list(range(1, len(steps) + 1)), orientation="h", width=0.62,
        marker={"color": fills, "line": {"width": 0}}, customdata=list(zip(names, starts[1:].tolist(), strict=True)),
        hovertemplate="<b>%{customdata[0]}</b><br>effect %{x:+.4g}<br>sum so far %{customdata[1]:.4g}<extra></extra>",
        name="effects",
    )  # fmt: skip
    # Numbers stand at the right end of their bar whatever its sign: on a phone the left belongs to the names.
    fig.add_scatter(
        x=np.maximum(starts[:-1], starts[1:]).tolist(), y=list(range(1, len(steps) + 1)), mode="text",
        text=[f" {step:+.3g}" for step in steps], textposition="middle right", cliponaxis=False, hoverinfo="skip",
        name="numbers",
    )  # fmt: skip
    fig.add_scatter(
        x=[base, out], y=[0, len(steps) + 1], mode="markers+text", text=[f"<b>{v:.4g}</b>" for v in (base, out)],
        textposition=["middle right", "middle right"], cliponaxis=False, name="ends",
        marker={"symbol": "diamond", "size": 9, "color": palette.GREY}, hoverinfo="skip",
    )  # fmt: skip
    for i, level in enumerate(starts):
        # A thin line hands the sum down from each line to the next.
        fig.add_shape(
            type="line", x0=level, x1=level, y0=i, y1=i + 1, line={"width": 1, "color": theme.LINE, "dash": "dot"},
            layer="below",
        )  # fmt: skip
    low, high = float(min(starts.min(), out)), float(max(starts.max(), out))
    span = high - low or 1.0
    fig.update_xaxes(
        title_text=theme.axis_title(wording.output(a)), range=[low - 0.05 * span, high + 0.28 * span], nticks=6
    )
    unit_axis(fig, ["base value", *texts, "output"])
    return fig


def find_row(a: Attribution, row: int | str) -> int:
    """Position of a row given by label, or by position where no row has that label.

    Raises
    ------
    InputError
        If there is neither.
    """
    if row in a.rows:
        return a.rows.index(row)
    if isinstance(row, int | np.integer) and 0 <= row < len(a.rows):
        return int(row)
    raise InputError(f"there is no row {row!r}: there are {len(a.rows)}, {listing(a.rows, 6)}.")
