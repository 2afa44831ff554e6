"""Figures of correspondence: votes before and after an edit, patch pairs, what each cell did, and who moved."""

from __future__ import annotations

import base64
import io
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from .palette import DIVERGING, GREY, PALETTE, colours
from .theme import CLEAR, LINE, figure, labels, short

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from ..chmcorr import Change, Exemplar, Explanation
    from ..core.units import Units

_GAP = 0.14
_ARC_POINTS = 24
_STRONG = 0.6
_WHITE = {"color": "#FFFFFF"}


def votes_beside(names: list[str], series: dict[str, np.ndarray]) -> go.Figure:
    """Shares of the votes of each class, one bar a state (for example before and after an edit).

    Parameters
    ----------
    names
        Classes.
    series
        Name of a state to shares ``(C,)`` from 0 to 1; the last is drawn strongest.
    """
    import plotly.graph_objects as go

    last = len(series) - 1
    return figure(
        height=90 + 26 * len(names) * len(series),
        data=[
            go.Bar(
                y=labels(names),
                x=shares,
                name=state,
                orientation="h",
                marker={"color": PALETTE[0] if i == last else GREY, "opacity": 1 if i == last else 0.55},
                text=[f"{share:.0%}" for share in shares],
                textposition="outside",
                cliponaxis=False,
                hovertemplate="%{y}: %{x:.0%} of the votes, " + state + "<extra></extra>",
            )
            for i, (state, shares) in enumerate(series.items())
        ],
        xaxis={
            "range": [0, 1.14], "tickformat": ".0%", "title": "share of the votes", "tickvals": [0, 0.25, 0.5, 0.75, 1]
        },
        yaxis={"autorange": "reversed"},
        barmode="group",
        showlegend=True,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
    )  # fmt: skip


def patches(explanation: Explanation, exemplars: tuple[Exemplar, ...] | None = None) -> go.Figure:
    """The query above, an exemplar below it, and arcs between the cells that were compared; one column an exemplar.

    Parameters
    ----------
    exemplars
        Which to show; by default those of the answer.
    """
    gallery = explanation.matched.gallery
    grid = gallery.grid
    exemplars = explanation.exemplars if exemplars is None else exemplars
    query = _uri(explanation.matched.query)
    # Few pieces: Plotly checks each by itself, and a person waits for this figure after every stroke.
    images: list[dict[str, Any]] = []
    texts: list[dict[str, Any]] = []
    boxes: dict[int, list[str]] = {}
    arcs: dict[int, list[tuple[np.ndarray, np.ndarray, str]]] = {}
    for place, exemplar in enumerate(exemplars):
        left = place * (1 + _GAP)
        images.append(_picture(query, left, 1 + 2 * _GAP))
        images.append(_picture(_uri(gallery.thumbnails[exemplar.position]), left, 0.0))
        for number, pair in enumerate(exemplar.pairs):
            above = _centre(pair.query, grid, left, 1 + 2 * _GAP)
            below = _centre(pair.exemplar, grid, left, 0.0)
            boxes.setdefault(number, []).extend((_box(above, grid), _box(below, grid)))
            said = f"pair {number + 1}: cosine {pair.cosine:.2f}, adds {pair.term:.3f}"
            arcs.setdefault(number, []).append((*_arc(above, below), said))
        texts.append(
            {
                "x": left + 0.5,
                "y": -0.04,
                "yanchor": "top",
                "text": f"{short(exemplar.name, 24)}<br>{short(exemplar.label, 20)} · rank {exemplar.rank + 1}",
                "showarrow": False,
                "font": {"size": 12},
            }
        )
    shapes = [
        {"type": "path", "path": " ".join(paths), "fillcolor": CLEAR, "line": line}
        for number, paths in boxes.items()
        for line in ({"color": "white", "width": 4}, {"color": PALETTE[number % len(PALETTE)], "width": 2.5})
    ]
    width = max(len(exemplars), 1) * (1 + _GAP) - _GAP
    return figure(
        height=430,
        data=[_arcs(found, PALETTE[number % len(PALETTE)]) for number, found in arcs.items()],
        images=images,
        shapes=shapes,
        annotations=texts,
        xaxis={"visible": False, "range": [-0.02, width + 0.02], "constrain": "domain"},
        yaxis={"visible": False, "range": [-0.32, 2 + 2 * _GAP + 0.02], "scaleanchor": "x", "constrain": "domain"},
    )


def cell_contributions(values: np.ndarray, units: Units, unit: str) -> go.Figure:
    """What each cell did, on its grid: blue for the new answer, orange against it, with numbers.

    Parameters
    ----------
    values
        ``(rows, columns)``, or ``(d,)`` for units in a list: then as bars, the largest first.
    unit
        What the values are in, for the hover.
    """
    import plotly.graph_objects as go

    largest = float(np.abs(values).max()) or 1.0
    if values.ndim == 1:
        order = [i for i in np.argsort(-np.abs(values))[:15] if values[i]][::-1]
        bars = go.Bar(
            y=labels([units.names[i] for i in order]),
            x=values[order],
            orientation="h",
            marker={"color": [PALETTE[0] if values[i] > 0 else PALETTE[4] for i in order]},
            hovertemplate="%{y}: %{x:.3g} " + unit + "<extra></extra>",
        )
        return figure(height=110 + 26 * len(order), data=[bars], xaxis={"title": unit, "zeroline": True})
    rows, columns = values.shape
    grid = go.Heatmap(
        z=values / largest,
        zmin=-1,
        zmax=1,
        colorscale=DIVERGING,
        showscale=False,
        xgap=1,
        ygap=1,
        customdata=values,
        hovertemplate="row %{y} column %{x}: %{customdata:.4f} " + unit + "<extra></extra>",
        x=list(range(1, columns + 1)),
        y=list(range(1, rows + 1)),
    )
    # Numbers in the page's own colour, which a heat map's are not, and white on the strongest cells.
    size = np.abs(values) / largest
    numbers = [
        go.Scatter(
            x=cells[:, 1] + 1,
            y=cells[:, 0] + 1,
            text=[f"{1000 * values[row, column]:+.0f}" for row, column in cells],
            mode="text",
            textfont={"size": 11, **font},
            hoverinfo="skip",
        )
        for cells, font in ((np.argwhere((size > 0.02) & (size <= _STRONG)), {}), (np.argwhere(size > _STRONG), _WHITE))
    ]
    axis = {"dtick": 1, "showgrid": False, "constrain": "domain"}
    return figure(
        height=380,
        data=[grid, *numbers],
        xaxis={"title": "column", **axis},
        yaxis={"title": "row", "autorange": "reversed", "scaleanchor": "x", **axis},
    )


def rank_changes(change: Change) -> go.Figure:
    """Ranks of the candidates that vote before or after, one line a candidate, in the colour of its class."""
    import plotly.graph_objects as go

    matched = change.after.matched
    names = change.after.class_names
    colour = colours(names)
    ranks = change.ranks + 1
    shown = np.flatnonzero((ranks[:, 0] <= change.before.n_voters) | (ranks[:, 1] <= change.after.n_voters))
    lines = []
    for code in dict.fromkeys(int(matched.labels[place]) for place in shown):
        mine = [place for place in shown if matched.labels[place] == code]
        who = [matched.gallery.names[matched.candidates[place]] for place in mine]
        # One trace a class, its lines apart by a gap: thirty traces would take ten times as long.
        lines.append(
            go.Scatter(
                x=["before", "after", None] * len(mine),
                y=[y for place in mine for y in (*map(int, ranks[place]), None)],
                text=[name for name in who for _ in range(3)],
                mode="lines+markers",
                name=names[code],
                line={"color": colour[names[code]], "width": 2},
                marker={"size": 6},
                hovertemplate=f"%{{text}} ({names[code]})<br>rank %{{y}} %{{x}}<extra></extra>",
            )
        )
    voting = change.after.n_voters + 0.5
    deepest = float(ranks[shown].max())
    return figure(
        height=430,
        data=lines,
        shapes=[
            {
                "type": "line", "xref": "x domain", "x0": 0, "x1": 1, "yref": "y", "y0": voting, "y1": voting,
                "line": {"color": LINE, "dash": "dot", "width": 1},
            }
        ],
        xaxis={"range": [-0.15, 1.15]},
        yaxis={
            "title": "rank; above the dotted line: those that vote",
            "range": [max(deepest, change.after.n_voters + 1) + 0.8, 0.4],
        },
        showlegend=True,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )  # fmt: skip


def _centre(cell: tuple[int, int], grid: tuple[int, int], left: float, bottom: float) -> tuple[float, float]:
    return left + (cell[1] + 0.5) / grid[1], bottom + 1 - (cell[0] + 0.5) / grid[0]


def _picture(source: str, left: float, bottom: float) -> dict[str, Any]:
    corner = {"xref": "x", "yref": "y", "x": left, "y": bottom + 1, "sizex": 1, "sizey": 1}
    return {"source": source, "sizing": "stretch", "layer": "below", **corner}


def _box(middle: tuple[float, float], grid: tuple[int, int]) -> str:
    """A cell's frame as a path."""
    x0, x1 = middle[0] - 0.5 / grid[1], middle[0] + 0.5 / grid[1]
    y0, y1 = middle[1] - 0.5 / grid[0], middle[1] + 0.5 / grid[0]
    return f"M {x0:.4f},{y0:.4f} L {x1:.4f},{y0:.4f} L {x1:.4f},{y1:.4f} L {x0:.4f},{y1:.4f} Z"


def _arc(start: tuple[float, float], end: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    t = np.linspace(0, 1, _ARC_POINTS)
    bend = 0.12 + 0.5 * abs(end[0] - start[0])
    x = (1 - t) * start[0] + t * end[0] + bend * 4 * t * (1 - t) * (1 if end[0] >= start[0] else -1) * 0.5
    return x, (1 - t) * start[1] + t * end[1]


def _arcs(found: list[tuple[np.ndarray, np.ndarray, str]], colour: str) -> go.Scatter:
    """Arcs of one colour as one line with gaps, each with its text."""
    import plotly.graph_objects as go

    gap = np.array([np.nan])
    return go.Scatter(
        x=np.concatenate([part for x, _, _ in found for part in (x, gap)]),
        y=np.concatenate([part for _, y, _ in found for part in (y, gap)]),
        text=[text for x, _, text in found for _ in range(len(x) + 1)],
        mode="lines",
        line={"color": colour, "width": 2},
        hovertemplate="%{text}<extra></extra>",
    )


def _uri(picture: np.ndarray) -> str:
    return _jpeg(picture.tobytes(), picture.shape)


@lru_cache(maxsize=128)
def _jpeg(pixels: bytes, shape: tuple[int, ...]) -> str:
    """Pixels as the address of a JPEG; the same few pictures are drawn again after every stroke."""
    from PIL import Image

    stream = io.BytesIO()
    shown = Image.fromarray(np.frombuffer(pixels, dtype=np.uint8).reshape(shape))
    shown.thumbnail((224, 224))
    shown.save(stream, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()
