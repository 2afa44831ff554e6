"""Every seat is in the figure, in its party's colour, and the lines stand where they should."""

from __future__ import annotations

import numpy as np
import pytest

from xai.core import Attribution, Units
from xai.dhondt import elect, elect_signed
from xai.plots import colours, describe, parliament, share_against_seats, signed_parliament
from xai.plots.hemicycle import layout

NAMES = [
    f"mean {name}"
    for name in (
        "radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave points",
        "symmetry", "fractal dimension",
    )
]  # fmt: skip
SEATS = dict(zip(NAMES, [37, 121, 42, 51, 54, 31, 70, 124, 44, 26], strict=True))
COLOURS = colours(NAMES)


def polygons(trace):
    """Number of closed outlines in a trace: NaN lifts the pen after each."""
    x = np.asarray(trace.x, dtype=float)
    return int(np.isnan(x).sum()) if len(x) > 1 else 0


def parties(fig):
    """Party to its traces; an alliance has one for each seated member."""
    found = {}
    for trace in fig.data:
        if trace.meta is not None:
            found.setdefault(trace.meta, []).append(trace)
    return found


def line_angle(fig, name):
    lines = [shape for shape in fig.layout.shapes if shape.name == name]
    assert lines
    return np.arctan2(lines[0].y1, lines[0].x1)


@pytest.mark.parametrize("house", [1, 2, 3, 13, 100, 600, 1000])
def test_every_seat_is_drawn_once_in_its_party(house):
    p = elect(SEATS, house)
    drawn = {name: sum(map(polygons, traces)) for name, traces in parties(parliament(p)).items()}
    assert drawn == p.seats
    assert sum(drawn.values()) == house


def test_dots_stand_on_the_layout_and_apart():
    fig = parliament(elect(SEATS, 600))
    centres, sizes = [], []
    for trace in fig.data:
        x, y = (np.asarray(v, dtype=float).reshape(-1, 20)[:, :18] for v in (trace.x, trace.y))
        centres.append(np.column_stack([x.mean(axis=1), y.mean(axis=1)]))
        sizes.append(np.ptp(x, axis=1).max() / 2)
    found = np.concatenate(centres)
    places = layout(600)
    assert np.allclose(found, np.column_stack([places.x, places.y]), atol=1e-5)
    assert max(sizes) < places.radius


def test_large_houses_are_wedges_with_angles_of_the_seats():
    p = elect(SEATS, 3000)
    fig = parliament(p)
    for name, (trace,) in parties(fig).items():
        angle = np.arctan2(np.asarray(trace.y, dtype=float), np.asarray(trace.x, dtype=float))
        assert np.ptp(angle) == pytest.approx(np.pi * p.seats[name] / 3000, abs=1e-5)


def test_parties_are_sorted_and_named_in_the_legend():
    fig = parliament(elect(SEATS, 600), colours=COLOURS)
    legend = [trace.name for trace in fig.data if trace.showlegend is not False]
    assert legend[:3] == ["mean concave points — 124 seats", "mean texture — 121 seats", "mean concavity — 70 seats"]
    assert len(legend) == 10
    hover = fig.data[0].text
    assert "20.7 % of the house" in hover
    assert "124 seats" in hover


def test_the_majority_line_has_the_majority_on_its_left():
    for house in (7, 100, 601):
        angle = line_angle(parliament(elect(SEATS, house)), "majority")
        seats = layout(house).angle
        need = house // 2 + 1
        assert (seats > angle + 1e-9).sum() <= need <= (seats > angle - 1e-9).sum()


def test_a_name_has_one_colour_in_every_figure():
    p, other = elect(SEATS, 600), elect({"mean symmetry": 3, "mean area": 5}, 50)
    for fig in (parliament(p, colours=COLOURS), parliament(other, colours=COLOURS)):
        for name, (trace,) in parties(fig).items():
            assert trace.fillcolor == COLOURS[name]
    shares = share_against_seats(other, colours=COLOURS).data[0]
    assert shares.marker.color == (COLOURS["mean area"], COLOURS["mean symmetry"])


def test_alliance_members_are_shades_of_one_block():
    p = elect(SEATS, 600, alliances={"size": ["mean radius", "mean perimeter", "mean area"]})
    traces = parties(parliament(p, colours=COLOURS))["size"]
    assert sorted(map(polygons, traces)) == sorted(p.member_seats[m] for m in p.members["size"])
    assert len({trace.fillcolor for trace in traces}) == 3
    assert [trace.showlegend for trace in traces] == [True, False, False]
    assert "alliance of 3" in traces[0].text
    assert "mean area" in traces[0].text


def test_barred_and_tied_parties_say_so():
    fig = parliament(elect({"a": 60, "b": 38, "c": 2}, 10, threshold=0.05))
    (barred,) = parties(fig)["c"]
    assert "below the threshold" in barred.text
    assert polygons(barred) == 0
    assert "tied" in parties(parliament(elect({"a": 1, "b": 1}, 3)))["a"][0].text


def test_the_figure_fits_any_page():
    layout_ = parliament(elect(SEATS, 100)).layout
    assert layout_.width is None
    assert layout_.paper_bgcolor == layout_.plot_bgcolor == "rgba(0,0,0,0)"
    assert layout_.font.color is None
    assert layout_.yaxis.scaleanchor == "x"


def signed():
    values = np.array([[3.0, -1.0, 0.5, -0.5]])[:, :, None]
    a = Attribution(values, np.zeros((1, 1)), values.sum(axis=1), Units(("a", "b", "c", "d")), ("m",), "shap")
    return elect_signed(a, 100)


def test_government_sits_left_of_the_border_and_opposition_right():
    sp = signed()
    fig = signed_parliament(sp)
    angle = line_angle(fig, "border")
    places = layout(100)
    assert (places.angle > angle + 1e-9).sum() <= sum(sp.government.values()) <= (places.angle > angle - 1e-9).sum()
    drawn = {name: sum(map(polygons, traces)) for name, traces in parties(fig).items()}
    assert drawn == {"a": 60, "c": 10, "d": 10, "b": 20}
    assert list(drawn) == ["a", "c", "d", "b"]
    assert "raises" in parties(fig)["a"][0].text
    assert "lowers" in parties(fig)["b"][0].text


def test_describe():
    text = describe(elect(SEATS, 600))
    assert "600 seats and 10 parties" in text
    assert "mean concave points 124" in text
    assert "3 largest parties hold the majority of 301" in text
    alone = describe(elect({"a": 9, "b": 1}, 3))
    assert "1 party: a 3" in alone
    assert "the largest party holds the majority of 2; 1 of 2 parties have no seat" in alone
