"""Attributions of words: coloured text, values with intervals, methods and targets side by side."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from .palette import SIGN
from .theme import GRID, LINE, axis_title, figure, labels

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from ..reagent import TokenAttribution

_Z = 1.96


def tokens(t: TokenAttribution, target: int = 0) -> str:
    """The prompt as HTML: each unit's colour is its effect; pointing at it shows value and interval.

    Colours are see-through, so the text keeps the page's own colour on light and dark.
    """
    values = np.nan_to_num(t.values[target])
    errors = t.standard_error[target]
    largest = max(float(np.abs(values).max()), 1e-300)
    parts, at = [], 0
    for i, (start, end) in enumerate(t.spans.tolist()):
        known = not np.isnan(t.values[target, i])
        # The space before a byte-level token is no part of the word.
        first = start + len(t.text[start:end]) - len(t.text[start:end].lstrip())
        parts.append(escape(t.text[at:first]))
        word = escape(t.text[first:end])
        at = end
        if not known:
            parts.append(word)
            continue
        colour = SIGN["positive"] if values[i] >= 0 else SIGN["negative"]
        share = abs(values[i]) / largest
        background = f"color-mix(in srgb, {colour} {100 * 0.6 * share**0.7:.0f}%, transparent)"
        interval = "" if np.isnan(errors[i]) else f" ± {_Z * errors[i]:.3f}"
        about = f"{t.tokens[i].strip()}: {values[i]:+.3f}{interval}"
        # Effects that cannot be told from none are underlined with dots.
        sure = np.isnan(errors[i]) or abs(values[i]) > _Z * errors[i]
        line = "" if sure or share < 0.05 else "border-bottom:2px dotted currentColor;"
        parts.append(
            f'<span title="{escape(about)}" style="background:{background};border-radius:3px;padding:1px 2px;{line}">'
            f"{word}</span>"
        )
    parts.append(escape(t.text[at:]))
    return f'<div style="line-height:1.9;overflow-wrap:anywhere;white-space:pre-wrap">{"".join(parts)}</div>'


def token_document(t: TokenAttribution, title: str = "What the answer came from") -> str:
    """A whole HTML page without scripts: text, targets, numbers, and how they were made."""
    sections = []
    for g, name in enumerate(t.targets):
        rows = "".join(
            f"<tr><td>{escape(t.units.names[i])}</td><td>{t.values[g, i]:+.4f}</td>"
            f"<td>{t.standard_error[g, i]:.4f}</td></tr>"
            for i in np.argsort(-np.abs(np.nan_to_num(t.values[g])))[:12]
            if not np.isnan(t.values[g, i])
        )
        sections.append(
            f"<h2>{escape(name.strip())}</h2><p>{t.effect.replace('_', ' ')} {t.original[g]:.4f}; "
            f"{t.replaced[g]:.4f} with every unit replaced.</p>{tokens(t, g)}"
            f"<table><tr><th>unit</th><th>effect</th><th>standard error</th></tr>{rows}</table>"
        )
    notes = "".join(f"<p>{escape(note)}.</p>" for note in t.notes)
    style = (
        ":root{color-scheme:light dark}"
        "body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}"
        "td,th{text-align:left;padding:.1rem 1rem .1rem 0}"
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{style}</style><h1>{escape(title)}</h1>"
        f"<p>{escape(t.method)}, {t.n_forwards} forwards, seed {t.provenance.seed}.</p>"
        f"{''.join(sections)}{notes}</html>"
    )


def token_bars(t: TokenAttribution, target: int = 0, top: int = 12) -> go.Figure:
    """The largest effects with 95 % intervals."""
    import plotly.graph_objects as go

    values = np.nan_to_num(t.values[target])
    order = np.argsort(-np.abs(values), kind="stable")[:top][::-1]
    errors = _Z * np.nan_to_num(t.standard_error[target, order])
    fig = figure(height=60 + 26 * len(order))
    fig.add_trace(
        go.Bar(
            x=values[order],
            y=list(range(len(order))),
            orientation="h",
            marker={"color": [SIGN["positive"] if value >= 0 else SIGN["negative"] for value in values[order]]},
            error_x={"type": "data", "array": errors, "color": LINE, "thickness": 1.5, "width": 3},
            hovertemplate="%{customdata}: %{x:+.3f} ± %{error_x.array:.3f}<extra></extra>",
            customdata=[t.units.names[i] for i in order],
        )
    )
    names = labels([t.units.names[i] for i in order], 24)
    fig.update_yaxes(tickvals=list(range(len(order))), ticktext=names, showgrid=False)
    scale = t.effect.replace("_", "-")
    fig.update_xaxes(title_text=axis_title(f"drop of the {scale} when replaced", 44), zeroline=True)
    return fig


def token_methods(names: tuple[str, ...], values: Mapping[str, np.ndarray], top: int = 20) -> go.Figure:
    """Methods side by side on the units that matter most to any: each method's values over its largest one."""
    import plotly.graph_objects as go

    scaled = np.stack([np.asarray(v) / max(float(np.abs(v).max()), 1e-300) for v in values.values()])
    chosen = np.sort(np.argsort(-np.abs(scaled).max(axis=0), kind="stable")[:top])
    fig = figure(height=90 + 22 * len(chosen))
    fig.add_trace(
        go.Heatmap(
            z=scaled[:, chosen].T,
            x=[name.replace("_", " ") for name in values],
            y=list(range(len(chosen))),
            zmin=-1,
            zmax=1,
            colorscale=[[0, SIGN["negative"]], [0.5, "rgba(128,128,128,0.08)"], [1, SIGN["positive"]]],
            customdata=[[names[i]] * len(values) for i in chosen],
            hovertemplate="%{customdata}, %{x}: %{z:+.2f} of its largest<extra></extra>",
            showscale=False,
            xgap=1,
            ygap=1,
        )
    )
    fig.update_yaxes(
        tickvals=list(range(len(chosen))), ticktext=labels([names[i] for i in chosen], 18), autorange="reversed"
    )
    fig.update_xaxes(side="top", gridcolor=GRID, tickangle=-35)
    return fig
