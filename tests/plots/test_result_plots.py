"""Elections, sources, agreement and performance: what is drawn is what was found."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from xai import plots
from xai.agreement import compare, compare_many
from xai.core import Attribution, InputError, Units
from xai.dhondt import elect, seat_curve, uncertainty
from xai.models.performance import Performance

VOTES = {"a": 50.0, "b": 30.0, "c": 15.0, "d": 5.0}


def subtitle(fig):
    return fig.layout.title.subtitle.text.replace("<br>", " ")


def attribution(n=80, seed=0):
    values = np.random.default_rng(seed).normal(size=(n, 4, 1)) * np.array([4, 3.9, 1, 0.2])[None, :, None]
    return Attribution(values, np.zeros((n, 1)), values.sum(axis=1), Units(("a", "b", "c", "d")), ("m",), "shap")


def test_seats_vs_shap_has_every_unit_and_the_correlations():
    p = elect(VOTES, 20, alliances={"ab": ["a", "b"]})
    fig = plots.seats_vs_shap(p, {"d": 1, "a": 4, "b": 3, "c": 2}, compare(p.member_seats, VOTES))
    dots = fig.data[0]
    drawn = {name: (x, y) for name, x, y in zip(dots.customdata, dots.x, dots.y, strict=True)}
    assert drawn == {name: (v, p.member_seats[name]) for name, v in {"a": 4, "b": 3, "c": 2, "d": 1}.items()}
    assert "Pearson 1.00, Spearman 1.00, Kendall 1.00" in subtitle(fig)
    with pytest.raises(InputError, match="'d'"):
        plots.seats_vs_shap(p, {"a": 4, "b": 3, "c": 2})


def test_names_without_room_beside_their_dot_stand_at_the_end_of_a_line():
    """Six dots in one corner: every name is there, once, and no two names overlap."""
    votes = {f"feature {i}": 1.0 + 0.01 * i for i in range(6)} | {"large": 40.0}
    fig = plots.seats_vs_shap(elect(votes, 200), votes)
    beside = [text for text in fig.data[0].text if text]
    far = {note.text: (note.ax, note.ay) for note in fig.layout.annotations}
    assert sorted([*beside, *far]) == sorted(votes)
    assert far
    centres = list(far.values())
    for i, (x, y) in enumerate(centres):
        for other_x, other_y in centres[:i]:
            assert abs(x - other_x) >= 0.40 * 40 or abs(y - other_y) >= 0.055 * max(fig.data[0].y)
    for note in fig.layout.annotations:  # each line ends at the dot of its name
        place = list(fig.data[0].customdata).index(note.text)
        assert (note.x, note.y) == pytest.approx((fig.data[0].x[place], fig.data[0].y[place]))


def test_of_many_names_those_without_room_are_left_out():
    votes = {f"feature {i}": 1.0 + 0.01 * i for i in range(16)}
    fig = plots.seats_vs_shap(elect(votes, 200), votes)
    assert fig.layout.annotations == ()
    assert "" in fig.data[0].text


def test_share_against_seats_shows_the_gain():
    p = elect(VOTES, 7)
    fig = plots.share_against_seats(p)
    assert np.allclose(fig.data[0].x, [100 * (p.seat_shares[name] - p.vote_shares[name]) for name in "abcd"])
    assert sum(fig.data[0].x) == pytest.approx(0)


def test_seat_curve_lines_are_the_curve():
    curve = seat_curve(VOTES, 60)
    fig = plots.seat_curve(curve, colours=plots.colours("dcba"))
    lines = {trace.meta: trace for trace in fig.data}
    for j, name in enumerate(curve.parties):
        assert np.allclose(lines[name].y, 100 * curve.seats[:, j] / curve.houses, atol=1e-4)
        assert lines[name].line.color == plots.colours("dcba")[name]


def test_seat_intervals_are_those_found():
    u = uncertainty(attribution(), 100, n_boot=200)
    fig = plots.seat_intervals(u)
    assert dict(zip((c[0] for c in fig.data[0].customdata), fig.data[0].x, strict=True)) == u.parliament.seats
    drawn = {(shape.x0, shape.x1) for shape in fig.layout.shapes if shape.name == "interval"}
    assert drawn == set(u.intervals.values())
    assert u.too_close_to_call
    assert "too close to call: a / b" in subtitle(fig)


@pytest.mark.parametrize("index", ["banzhaf", "shapley_shubik"])
def test_power_bars(index):
    p = elect(VOTES, 20, threshold=0.06)
    fig = plots.power(p, index)
    values = p.power(index)
    assert np.allclose(fig.data[0].x, [100 * values[name] for name in "abc"])
    assert list(fig.data[0].customdata) == ["a", "b", "c"]
    assert np.allclose(fig.data[1].x, [100 * p.seats[name] / 20 for name in "abc"])


def test_vote_sources_are_shares_of_each_source():
    frame = pd.DataFrame({"native": [1.0, 3, 0], "shap": [2.0, 2, 4], "silent": [0.0, 0, 0]}, index=["x", "y", "z"])
    fig = plots.vote_sources(frame)
    drawn = {trace.name: dict(zip(trace.customdata, trace.x, strict=True)) for trace in fig.data}
    assert drawn == {"native": {"y": 75, "z": 0, "x": 25}, "shap": {"y": 25, "z": 50, "x": 25}}
    assert list(fig.layout.yaxis.ticktext) == ["y", "x", "z"]
    assert "no votes from: silent" in subtitle(fig)
    with pytest.raises(InputError, match="'native' has a negative vote for 'z'"):
        plots.vote_sources(frame - 1)
    with pytest.raises(InputError, match="no source"):
        plots.vote_sources(frame[["silent"]])


def test_agreement_dots_and_intervals():
    result = compare(attribution(), attribution(seed=1), n_boot=100)
    fig = plots.agreement(result)
    assert "100 resamples of 80 rows" in subtitle(fig)
    assert fig.data[0].x[0] == result.pearson.value
    bars = [(shape.x0, shape.x1) for shape in fig.layout.shapes if shape.name == "interval"]
    assert bars[0] == (result.pearson.low, result.pearson.high)
    assert "Equal signs" in fig.layout.yaxis.ticktext
    unsigned = plots.agreement(compare(VOTES, {"a": 1, "b": 2, "c": 3, "d": 1}, n_boot=10))
    assert "Equal signs" not in unsigned.layout.yaxis.ticktext


def test_agreement_map():
    table = compare_many({"one": VOTES, "two": {"a": 1, "b": 2, "c": 3, "d": 4}, "three": VOTES}, n_boot=10)
    fig = plots.agreement(table, "kendall")
    assert np.allclose(np.array(fig.data[0].z), table.matrix("kendall"))
    assert {note.text for note in fig.layout.annotations} == {"1.00", "-1.00"}
    with pytest.raises(InputError, match="compare"):
        plots.agreement({"one": 1})


def test_a_large_agreement_map_writes_no_numbers_into_its_cells():
    table = compare_many({f"model_{i} / shapley": VOTES for i in range(9)}, n_boot=5)
    fig = plots.agreement(table)
    assert fig.layout.annotations == ()
    assert fig.layout.yaxis.ticktext[3] == "model 3<br>shapley"
    assert np.allclose(np.array(fig.data[0].z), 1)


def test_confusion_counts():
    found = Performance("binary", 171, (), np.array([[58, 4], [0, 0]]), ("malignant", "benign"))
    fig = plots.confusion(found)
    assert np.allclose(np.array(fig.data[0].z), [[58 / 62, 4 / 62], [0, 0]])
    assert [note.text for note in fig.layout.annotations] == ["58<br>93.5 %", "4<br>6.5 %", "0<br>0.0 %", "0<br>0.0 %"]
    with pytest.raises(InputError, match="regression"):
        plots.confusion(Performance("regression", 5, ()))


def test_names_of_the_package_are_there_and_figures_serialise():
    assert set(plots.__all__) <= set(dir(plots))
    p = elect(VOTES, 20)
    for fig in (plots.parliament(p), plots.power(p), plots.bar(VOTES), plots.seat_curve(seat_curve(VOTES, 5))):
        body = json.loads(fig.to_json())
        assert "width" not in body["layout"]


def test_long_titles_wrap_and_make_room():
    short, long = plots.bar(VOTES, title="Short"), plots.bar(VOTES, title="Which features " * 8, subtitle="rows " * 40)
    assert long.layout.title.text.count("<br>") >= 2
    assert max(map(len, long.layout.title.subtitle.text.split("<br>"))) <= 56
    assert long.layout.height - long.layout.margin.t == short.layout.height - short.layout.margin.t
