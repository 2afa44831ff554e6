"""What an election did to the votes: seats against votes, house size, chance and power."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import Attribution, InputError, as_votes
from ..core.errors import listing
from . import palette, theme, wording
from .importance import unit_axis

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from ..agreement import Agreement
    from ..dhondt.diagnostics import SeatCurve
    from ..dhondt.parliament import Parliament
    from ..dhondt.power import PowerIndex
    from ..dhondt.uncertainty import Uncertainty

_NAME_BOX = (0.40, 0.055)  # room a name takes on a phone, as a share of the plot
_MOST_LINES = 15  # units up to which names without room get a line


def seats_vs_shap(
    p: Parliament,
    importance: Any,
    agreement: Agreement | None = None,
    *,
    title: str | None = None,
    subtitle: str | None = None,
    colours: Mapping[str, str] | None = None,
) -> go.Figure:
    """Seats of each unit against its importance; in an alliance each member with its own seats.

    Parameters
    ----------
    p
        Result of ``xai.elect``.
    importance
        Attribution with one output, or name to importance, over the same units. Units that did not stand
        are left out.
    agreement
        Result of :func:`xai.agreement.compare` of the two; its correlations go into the subtitle.
    title, subtitle, colours
        As in :func:`xai.plots.parliament`.

    Raises
    ------
    InputError
        If a seated unit has no importance.
    """
    names, values = as_votes(importance)
    value = dict(zip(names, values.tolist(), strict=True))
    lost = [name for name in p.member_seats if name not in value]
    if lost:
        raise InputError(f"no importance is given for {listing(lost)}: give it for every unit that stood.")
    units = list(p.member_seats)
    found = None
    if agreement is not None:
        found = ", ".join(
            f"{name.title()} {getattr(agreement, name).value:.2f}" for name in ("pearson", "spearman", "kendall")
        )
    fig = theme.figure(title, theme.joined(subtitle, found), 420)
    x, y = [value[name] for name in units], [p.member_seats[name] for name in units]
    colour = palette.complete(colours, units)
    right, top = max(x, default=0) or 1, max(y, default=0) or 1
    points = {name: (xi / right, yi / top) for name, xi, yi in zip(units, x, y, strict=True)}
    where, far = _label_places(points)
    fig.add_scatter(
        x=x, y=y, mode="markers+text", customdata=units, name="units", cliponaxis=False,
        marker={"size": 11, "color": [colour[name] for name in units], "line": {"width": 0}},
        text=[theme.short(name, 20) if name in where else "" for name in units], textfont={"size": 11},
        textposition=[where.get(name, "middle right") for name in units],
        hovertemplate="<b>%{customdata}</b><br>%{x:.4g} importance, %{y} seats<extra></extra>",
    )  # fmt: skip
    for name, (cx, cy) in far.items():
        fig.add_annotation(
            text=theme.short(name, 20), font={"size": 11}, arrowcolor=theme.LINE, arrowwidth=1, arrowhead=0,
            x=points[name][0] * right, y=points[name][1] * top, ax=cx * right, ay=cy * top, axref="x", ayref="y",
        )  # fmt: skip
    what = f"mean |{wording.effect(importance)}|" if isinstance(importance, Attribution) else "importance"
    fig.update_xaxes(title_text=theme.axis_title(what), rangemode="tozero", range=[0, 1.22 * right])
    fig.update_yaxes(title_text=f"seats of {p.house:,}", rangemode="tozero", range=[0, 1.12 * top])
    return fig


def _label_places(points: Mapping[str, tuple[float, float]]) -> tuple[dict[str, str], dict[str, tuple[float, float]]]:
    """Where each name can stand without covering a dot or another name; those furthest out choose first.

    Parameters
    ----------
    points
        Name to place, as shares of the plot.

    Returns
    -------
    beside, far
        Name to Plotly text position, and the centre of names that have room only at the end of a line. Of many names,
        those without room beside their dot are left out.
    """
    width, height = _NAME_BOX
    beside = {
        "middle left": (-width / 2 - 0.04, 0.0),
        "middle right": (width / 2 + 0.04, 0.0),
        "bottom center": (0.0, -height),
        "top center": (0.0, height),
    }
    taken: list[tuple[float, float]] = []

    def room(name: str, cx: float, cy: float) -> bool:
        inside = cx - width / 2 > -0.02 and cx + width / 2 < 1.22 and -0.02 < cy < 1.1
        clear = all(abs(cx - ox) >= width or abs(cy - oy) >= height for ox, oy in taken)
        dots = (place for other, place in points.items() if other != name)
        return inside and clear and all(abs(cx - ox) > width / 2 or abs(cy - oy) > 0.7 * height for ox, oy in dots)

    chosen: dict[str, str] = {}
    far: dict[str, tuple[float, float]] = {}
    order = sorted(points, key=lambda name: -sum(points[name]))
    for name in order:
        x, y = points[name]
        for position, (dx, dy) in beside.items():
            if room(name, x + dx, y + dy):
                taken.append((x + dx, y + dy))
                chosen[name] = position
                break
    spots = [(float(cx), float(cy)) for cx in np.linspace(0.2, 1.0, 9) for cy in np.linspace(0.02, 1.05, 18)]
    # From the corner outwards: lines then cross fewer names.
    for name in (name for name in reversed(order) if name not in chosen and len(order) <= _MOST_LINES):
        free = [spot for spot in spots if room(name, *spot)]
        if free:
            far[name] = min(free, key=lambda spot: _cost(points[name], spot, taken))
            taken.append(far[name])
    return chosen, far


def _cost(dot: tuple[float, float], spot: tuple[float, float], names: list[tuple[float, float]]) -> float:
    """Length of the line from a dot to its name; passing another name is as bad as a third of the plot."""
    return float(np.hypot(spot[0] - dot[0], spot[1] - dot[1])) + 0.33 * _passes(dot, spot, names)


def _passes(dot: tuple[float, float], spot: tuple[float, float], names: list[tuple[float, float]]) -> bool:
    """Whether the line from a dot to a spot passes one of the names."""
    steps = np.linspace(0, 1, 15)[:, None]
    gaps = np.abs((1 - steps) * dot + steps * spot - np.array(names).reshape(-1, 1, 2))
    return bool((gaps < np.array(_NAME_BOX) / 2).all(axis=2).any())


def share_against_seats(
    p: Parliament,
    *,
    title: str | None = None,
    subtitle: str | None = None,
    colours: Mapping[str, str] | None = None,
) -> go.Figure:
    """What the law gave and took: seat share minus vote share of each party, in percentage points.

    Parties are ordered by votes; under each name stand both shares, votes first.
    """
    colour = palette.complete(colours, p.parties, alliances_of(p))
    parties = sorted(p.parties, key=lambda name: -p.vote_shares[name])
    fig = theme.figure(title, subtitle, 90 + 36 * len(parties))
    gains = [100 * (p.seat_shares[name] - p.vote_shares[name]) for name in parties]
    shares = [(theme.percent(p.vote_shares[name]), theme.percent(p.seat_shares[name])) for name in parties]
    fig.add_bar(
        x=gains, y=list(range(len(parties))), orientation="h", width=0.6, text=[f" {gain:+.2f} " for gain in gains],
        textposition="outside", cliponaxis=False, customdata=[(n, *s) for n, s in zip(parties, shares, strict=True)],
        marker={"color": [colour[name] for name in parties], "line": {"width": 0}},
        hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]} of the votes<br>%{customdata[2]} of the seats<br>"
        "%{x:+.2f} points<extra></extra>",
    )  # fmt: skip
    reach = 1.6 * max(0.02, *map(abs, gains))
    fig.update_xaxes(title_text="seat share − vote share, points", range=[-reach, reach], zeroline=True, nticks=6)
    names = theme.labels(parties, 24)
    unit_axis(
        fig, [f"{n}<br><span style='font-size:11px'>{v} → {s}</span>" for n, (v, s) in zip(names, shares, strict=True)]
    )
    return fig


def seat_curve(
    curve: SeatCurve,
    *,
    title: str | None = None,
    subtitle: str | None = None,
    colours: Mapping[str, str] | None = None,
) -> go.Figure:
    """Seat share of each party against the size of the house, with its vote share as a dotted line.

    Parameters
    ----------
    curve
        Result of ``xai.dhondt.seat_curve``.
    title, subtitle, colours
        As in :func:`xai.plots.parliament`.
    """
    colour = palette.complete(colours, curve.parties)
    fig = theme.figure(title, subtitle, 420 + 20 * (-(-len(curve.parties) // 3)))
    for j in np.argsort(-curve.vote_shares, kind="stable"):
        name = curve.parties[j]
        share = 100 * curve.seats[:, j] / curve.houses
        fig.add_scatter(
            x=curve.houses, y=share.astype(np.float32), mode="lines", name=theme.short(name), meta=name,
            line={"color": colour[name], "width": 1.6, "shape": "hv"}, customdata=curve.seats[:, j],
            hovertemplate=f"<b>{name}</b><br>%{{customdata}} of %{{x}} seats, %{{y:.1f}} %<br>"
            f"{theme.percent(float(curve.vote_shares[j]))} of the votes<extra></extra>",
        )  # fmt: skip
        fig.add_shape(
            type="line", x0=curve.houses[0], x1=curve.houses[-1], y0=100 * curve.vote_shares[j],
            y1=100 * curve.vote_shares[j], line={"width": 1, "color": colour[name], "dash": "dot"}, opacity=0.6,
        )  # fmt: skip
    # In houses of a few seats shares jump between 0 and 100 %: they would press everything else flat.
    settled = curve.seats[min(10, len(curve.houses) - 1) :] / curve.houses[min(10, len(curve.houses) - 1) :, None]
    top = 112 * max(float(settled.max()), float(curve.vote_shares.max()))
    start = min(10, len(curve.houses) / 4)
    fig.update_xaxes(title_text="seats in the house", showgrid=False, range=[start, curve.houses[-1]])
    fig.update_yaxes(title_text="share of seats, %", range=[0, min(top, 103)])
    theme.legend(fig)
    return fig


def seat_intervals(
    u: Uncertainty,
    *,
    title: str | None = None,
    subtitle: str | None = None,
    colours: Mapping[str, str] | None = None,
) -> go.Figure:
    """Seats of each party with the interval they have when rows are resampled.

    Parameters
    ----------
    u
        Result of ``xai.dhondt.uncertainty``; neighbours that are too close to call are named in the subtitle.
    title, subtitle, colours
        As in :func:`xai.plots.parliament`.
    """
    seats = u.parliament.seats
    colour = palette.complete(colours, u.parties, alliances_of(u.parliament))
    parties = sorted(u.parties, key=lambda name: -seats[name])
    close = None
    if u.too_close_to_call:
        pairs = [f"{a} / {b}" for a, b in u.too_close_to_call[:3]]
        more = len(u.too_close_to_call) - len(pairs)
        close = "too close to call: " + ", ".join(pairs) + (f" and {more} more" if more else "")
    fig = theme.figure(title, theme.joined(subtitle, f"{100 * u.level:g} % intervals", close), 100 + 26 * len(parties))
    low, high = ([u.intervals[name][end] for name in parties] for end in (0, 1))
    fills = [colour[name] for name in parties]
    for i, fill in enumerate(fills):
        fig.add_shape(
            type="line", x0=low[i], x1=high[i], y0=i, y1=i, line={"width": 7, "color": fill}, opacity=0.55,
            layer="below", name="interval",
        )  # fmt: skip
    fig.add_scatter(
        x=[seats[name] for name in parties], y=list(range(len(parties))), mode="markers+text",
        marker={"size": 10, "color": fills}, text=[f"{seats[name]:,}" for name in parties], textposition="top center",
        textfont={"size": 10}, cliponaxis=False, name="seats",
        customdata=[
            (name, *u.intervals[name], f"{u.largest_probability[name]:.0%}", f"{u.seat_probability[name]:.0%}")
            for name in parties
        ],
        hovertemplate="<b>%{customdata[0]}</b><br>%{x} seats, interval %{customdata[1]} to %{customdata[2]}<br>"
        "largest in %{customdata[3]} of resamples<br>seated in %{customdata[4]}<extra></extra>",
    )  # fmt: skip
    fig.update_xaxes(title_text=f"seats of {u.parliament.house:,}", range=[0, 1.06 * max(high)])
    unit_axis(fig, theme.labels(parties))
    return fig


def power(
    p: Parliament,
    index: PowerIndex = "banzhaf",
    *,
    title: str | None = None,
    subtitle: str | None = None,
    colours: Mapping[str, str] | None = None,
) -> go.Figure:
    """Voting power of each seated party as a bar, its share of the seats as a mark.

    Power is how often a party turns a losing coalition into a winning one; it may differ much from the seats.

    Parameters
    ----------
    p
        Result of ``xai.elect``.
    index
        ``"banzhaf"`` or ``"shapley_shubik"``.
    title, subtitle, colours
        As in :func:`xai.plots.parliament`.
    """
    colour = palette.complete(colours, p.parties, alliances_of(p))
    parties = sorted((name for name in p.seats if p.seats[name]), key=lambda name: -p.seats[name])
    values = p.power(index)
    label = {"banzhaf": "Banzhaf power", "shapley_shubik": "Shapley-Shubik power"}[index]
    fig = theme.figure(title, subtitle, 130 + 26 * len(parties))
    rows = list(range(len(parties)))
    x = [100 * values[name] for name in parties]
    seats = [100 * p.seats[name] / p.house for name in parties]
    fig.add_bar(
        x=x, y=rows, orientation="h", width=0.62, name=label, customdata=parties,
        marker={"color": [colour[name] for name in parties], "line": {"width": 0}},
        hovertemplate=f"<b>%{{customdata}}</b><br>{label} %{{x:.2f}} %<extra></extra>",
    )  # fmt: skip
    fig.add_scatter(
        x=seats, y=rows, mode="markers", name="share of seats", customdata=parties,
        marker={"symbol": "line-ns-open", "size": 20, "color": palette.GREY, "line": {"width": 3}},
        hovertemplate="<b>%{customdata}</b><br>%{x:.2f} % of the seats<extra></extra>",
    )  # fmt: skip
    fig.update_xaxes(title_text=theme.axis_title(f"{label} and share of seats, %"), range=[0, 1.08 * max(*x, *seats)])
    unit_axis(fig, theme.labels(parties))
    theme.legend(fig)
    return fig


def alliances_of(p: Parliament) -> dict[str, tuple[str, ...]]:
    """Parties of more than one unit, with their members."""
    return {name: members for name, members in p.members.items() if len(members) > 1}
