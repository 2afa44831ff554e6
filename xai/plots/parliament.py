"""The chamber: every seat drawn, parties as wedges, the majority line where it falls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from . import palette, theme
from .elections import alliances_of
from .hemicycle import INNER, OUTER, Hemicycle, border, layout

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from ..dhondt.parliament import Parliament
    from ..dhondt.signed import SignedParliament

WEDGES_FROM = 1001
"""Houses of this size and above are drawn as wedges: single dots would be under two pixels on a phone."""

_CORNERS = 18  # of a dot's outline; few, large dots get more
_NUMBER_FROM = 0.025  # seat share from which a block carries its number: below, numbers would collide
_COUNTABLE = 40  # houses below this size carry no numbers: their dots can be counted
_BAND = 0.02  # half width of the arc of signs


@dataclass(frozen=True)
class _Block:
    """Seats that sit together and share one legend entry."""

    name: str
    colour: str
    seats: int
    hover: str
    parts: tuple[int, ...] = ()  # seats of an alliance's members, in drawing order


def parliament(
    p: Parliament, *, title: str | None = None, subtitle: str | None = None, colours: Mapping[str, str] | None = None
) -> go.Figure:
    """Hemicycle of an election: one trace a party, largest party first from the left.

    In that order the parties left of the majority line are the fewest that hold a majority. Members of an alliance
    are drawn as shades of its colour. Up to 1,000 seats are dots, larger houses are wedges.

    Parameters
    ----------
    p
        Result of ``xai.elect``.
    title, subtitle
        Plain text above the figure.
    colours
        Name to colour, from :func:`xai.plots.colours` over all columns of the data set.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    alliances = alliances_of(p)
    colour = palette.complete(colours, p.parties, alliances)
    blocks = []
    for name in sorted(p.seats, key=lambda party: -p.seats[party]):
        inside = sorted(((m, p.member_seats[m]) for m in alliances.get(name, ())), key=lambda pair: -pair[1])
        parts = tuple(n for _, n in inside if n)
        blocks.append(_Block(name, colour[name], p.seats[name], _hover(p, name, inside), parts))
    house = p.house
    places = layout(house)
    centre = _centre(places, f"{house:,}", "seats", f"majority {house // 2 + 1:,}")
    line = _line(places, border(places.angle, house // 2 + 1), "majority")
    return _chamber(blocks, places, OUTER + places.radius, heads=(title, subtitle), line=line, centre=centre)


def signed_parliament(
    sp: SignedParliament,
    *,
    title: str | None = None,
    subtitle: str | None = None,
    colours: Mapping[str, str] | None = None,
) -> go.Figure:
    """Chamber of signed seats: evidence that raises the output from the left, evidence that lowers it from the right.

    The two sides meet at the line marked "border"; an arc in the colours of the signs runs around the chamber.

    Parameters
    ----------
    sp
        Result of ``xai.dhondt.elect_signed``.
    title, subtitle, colours
        As in :func:`parliament`.
    """
    colour = palette.complete(colours, list(dict.fromkeys((*sp.government, *sp.opposition))))
    plus, minus = sum(sp.government.values()), sum(sp.opposition.values())
    sides = (
        (sorted(sp.government.items(), key=lambda pair: -pair[1]), "raises the output"),
        (sorted(sp.opposition.items(), key=lambda pair: pair[1]), "lowers the output"),
    )
    blocks = [
        _Block(name, colour[name], seats, f"<b>{name}</b><br>{_seats(seats)}, {what}")
        for pairs, what in sides
        for name, seats in pairs
        if seats
    ]
    places = layout(plus + minus)
    meet = border(places.angle, plus)
    band = OUTER + places.radius + 2 * _BAND
    # A narrow band outside the dots; the angle of a side is its share of the seats.
    bands = [
        _fill(*_ring(start, end, band - _BAND / 2, band + _BAND / 2), palette.SIGN[sign], "", showlegend=False,
              hoverinfo="skip")
        for sign, start, end in (("positive", np.pi, meet), ("negative", meet, 0.0))
        if start > end
    ]  # fmt: skip
    centre = _centre(places, f"{plus:,} : {minus:,}", "for and against", f"of {plus + minus:,} seats")
    line = _line(places, meet, "border")
    return _chamber(blocks, places, band + _BAND, heads=(title, subtitle), line=line, centre=centre, bands=bands)


def describe(p: Parliament) -> str:
    """One sentence that says what :func:`parliament` shows, for readers who cannot see it."""
    house = p.house
    need = house // 2 + 1
    ranked = sorted(((name, n) for name, n in p.seats.items() if n), key=lambda pair: -pair[1])
    largest = ", ".join(f"{name} {n}" for name, n in ranked[:3])
    count = len(p.majority.parties)
    holders = "the largest party holds" if count == 1 else f"the {count} largest parties hold"
    empty = len(p.seats) - len(ranked)
    rest = f"; {empty} of {len(p.seats)} parties have no seat" if empty else ""
    parties = "1 party" if len(ranked) == 1 else f"{len(ranked)} parties"
    return (
        f"Half-round parliament of {_seats(house)} and {parties}: {largest}"
        f"{' lead' if len(ranked) > 3 else ''}; {holders} the majority of {need}{rest}."
    )


def _hover(p: Parliament, name: str, inside: Sequence[tuple[str, int]]) -> str:
    lines = [
        f"<b>{name}</b>",
        f"{_seats(p.seats[name])}, {theme.percent(p.seat_shares[name])} of the house",
        f"{theme.percent(p.vote_shares[name])} of the votes",
    ]
    if inside:
        lines += [f"alliance of {len(inside)}:", *(f"  {member} {n}" for member, n in inside[:8])]
        if len(inside) > 8:
            lines.append(f"  and {len(inside) - 8} more")
        lines.append(f"bonus of standing together: {p.bonus[name]:+d}")
    if name in p.barred:
        lines.append("below the threshold")
    if name in p.tied:
        lines.append("tied for the last seats")
    return "<br>".join(lines)


def _seats(n: int) -> str:
    return f"{n:,} seat" if n == 1 else f"{n:,} seats"


def _height(blocks: Sequence[_Block]) -> int:
    """Room for the arc and, on a wide page, for three legend entries a line."""
    return 400 + 20 * (-(-len(blocks) // 3))


def _chamber(
    blocks: Sequence[_Block],
    places: Hemicycle,
    rim: float,
    *,
    heads: tuple[str | None, str | None],
    line: list[dict[str, Any]],
    centre: list[dict[str, Any]],
    bands: Sequence[go.Scatter] = (),
) -> go.Figure:
    """Blocks from left to right, their numbers outside radius ``rim``, what lies around them, and the legend."""
    house = len(places.x)
    traces, numbers = [], []
    end = 0
    for block in blocks:
        start, end = end, end + block.seats
        parts = block.parts or (block.seats,)
        cuts = np.cumsum([start, *parts])
        tones = [palette.shade(block.colour, step) for step in _steps(len(parts))]
        label = f"{theme.short(block.name, 34)} — {_seats(block.seats)}"
        for i, tone in enumerate(tones):
            x, y = _shape(places, int(cuts[i]), int(cuts[i + 1]))
            traces.append(
                _fill(x, y, tone, block.hover, name=label, legendgroup=block.name, showlegend=i == 0, meta=block.name)
            )
        if house >= _COUNTABLE and block.seats >= _NUMBER_FROM * house:
            middle = (border(places.angle, start) + border(places.angle, end)) / 2
            # Beside the arc a number reaches as far as it has digits.
            out = rim + 0.055 + 0.016 * len(f"{block.seats:,}") * abs(np.cos(middle))
            numbers.append(_text(out * np.cos(middle), out * np.sin(middle), f"{block.seats:,}", 12))
    edge = rim + 0.15
    return theme.figure(
        *heads,
        _height(blocks),
        data=[*traces, *bands],
        shapes=line,
        annotations=[*numbers, *centre],
        xaxis={"visible": False, "range": [-edge, edge], "fixedrange": True, "constrain": "domain"},
        yaxis={
            "visible": False, "range": [-0.03, edge], "fixedrange": True, "scaleanchor": "x", "scaleratio": 1,
            "constrain": "domain",
        },
        showlegend=True,
        hovermode="closest",
        legend={
            "orientation": "h", "x": 0.5, "xanchor": "center", "y": -0.02, "yanchor": "top", "traceorder": "normal",
            "entrywidth": 6.0 * max(len(trace.name or "") for trace in traces) + 4, "entrywidthmode": "pixels",
            "font": {"size": 12}, "bgcolor": theme.CLEAR, "itemclick": "toggleothers", "itemdoubleclick": False,
        },
    )  # fmt: skip


def _steps(parts: int) -> list[float]:
    """Lightness steps of an alliance's members, darker and lighter in turn around its colour."""
    return [0.0] if parts == 1 else list(np.linspace(-0.10, 0.10, parts))


def _shape(places: Hemicycle, start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
    """Outline of seats ``start`` to ``end``: a circle each, or one wedge in a large house."""
    if end <= start:
        return np.array([np.nan]), np.array([np.nan])
    if len(places.x) >= WEDGES_FROM:
        to_angle = np.pi / len(places.x)
        return _ring(np.pi - start * to_angle, np.pi - end * to_angle, INNER - places.radius, OUTER + places.radius)
    # Slightly inside the place each seat has, so that neighbours stay apart. NaN lifts the pen.
    turn = np.linspace(0, 2 * np.pi, (_CORNERS if len(places.x) > 150 else 48) + 1)
    size = 0.90 * places.radius * (1.0 if len(places.x) > 30 else 0.9)
    x = places.x[start:end, None] + size * np.append(np.cos(turn), np.nan)
    y = places.y[start:end, None] + size * np.append(np.sin(turn), np.nan)
    return x.ravel(), y.ravel()


def _ring(start: float, end: float, inner: float, outer: float) -> tuple[np.ndarray, np.ndarray]:
    """Closed outline of an annular wedge between two angles."""
    turn = np.linspace(start, end, max(3, int(np.ceil(abs(start - end) / 0.02))))
    x = np.concatenate([inner * np.cos(turn), outer * np.cos(turn[::-1]), [inner * np.cos(turn[0])]])
    y = np.concatenate([inner * np.sin(turn), outer * np.sin(turn[::-1]), [inner * np.sin(turn[0])]])
    return x, y


def _fill(x: np.ndarray, y: np.ndarray, colour: str, text: str, **more: Any) -> go.Scatter:
    import plotly.graph_objects as go

    # float32 halves what travels to the browser; a dot's outline needs no more.
    return go.Scatter(
        x=x.astype(np.float32),
        y=y.astype(np.float32),
        mode="lines",
        line={"width": 0, "color": colour, "simplify": False},
        fill="toself",
        fillcolor=colour,
        hoveron="fills",
        text=text,
        **{"hoverinfo": "text", **more},
    )


def _line(places: Hemicycle, angle: float, name: str) -> list[dict[str, Any]]:
    """A radial line through the chamber, in two strokes so that it shows on light and dark dots."""
    if len(places.x) == 1:  # nothing to draw a line through
        return []
    inner, outer = INNER - places.radius - 0.04, OUTER + places.radius + 0.01
    return [
        {
            "type": "line", "name": name, "x0": inner * np.cos(angle), "y0": inner * np.sin(angle),
            "x1": outer * np.cos(angle), "y1": outer * np.sin(angle), "line": {"width": width, "color": colour},
        }
        for width, colour in ((4, "rgba(255,255,255,0.55)"), (1.5, "rgba(40,44,52,1)"))
    ]  # fmt: skip


def _centre(places: Hemicycle, big: str, under: str, small: str) -> list[dict[str, Any]]:
    """Three lines in the well of the house; the well of a few large seats is narrow."""
    if len(places.x) == 1:  # a single seat leaves no room
        return []
    well = INNER - places.radius
    lines = ((0.58, f"<b>{big}</b>", 28 if well > 0.4 else 19), (0.27, under, 13), (0.06, small, 13))
    return [_text(0, height * well, text, size) | {"yanchor": "middle"} for height, text, size in lines]


def _text(x: float, y: float, text: str, size: int) -> dict[str, Any]:
    return {"x": x, "y": y, "text": text, "showarrow": False, "font": {"size": size}}
