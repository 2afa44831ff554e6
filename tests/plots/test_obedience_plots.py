"""What the test of explanations found is what is drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import xai
from xai import plots
from xai.core.errors import InputError
from xai.workflows import believe


@pytest.fixture(scope="module")
def found():
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 3)), columns=list("abc"))
    model = xai.wrap_model(lambda frame: frame.to_numpy() @ np.array([4.0, 2.0, 1.0]), feature_names=list("abc"))
    return believe(model, X, {"right": {"a": 3, "b": 2, "c": 1}, "wrong": {"a": 1, "b": 2, "c": 3}})


def test_gains_and_their_intervals(found):
    fig = plots.obedience(found)
    dots = next(trace for trace in fig.data if trace.name == "gain")
    assert list(dots.x) == [100 * gain.value for gain in found.gains.values()]
    lines = [shape for shape in fig.layout.shapes if shape.name == "interval"]
    assert [(line.x0, line.x1) for line in lines] == [(100 * g.low, 100 * g.high) for g in found.gains.values()]
    assert "30 rows, 20 random orders each" in fig.layout.title.subtitle.text.replace("<br>", " ")


@pytest.mark.parametrize("order", ["insertion", "deletion"])
def test_curves_beside_chance(found, order):
    fig = plots.obedience_curves(found, order)
    drawn = {trace.name: trace for trace in fig.data}
    assert set(drawn) == {"random orders", "right", "wrong"}
    np.testing.assert_array_equal(drawn["right"].y, getattr(found, order)["right"])
    np.testing.assert_array_equal(drawn["random orders"].y, getattr(found, order)["random"])


def test_a_name_keeps_its_colour(found):
    by_name = {trace.name: trace.line.color for trace in plots.obedience_curves(found).data}
    dots = next(trace for trace in plots.obedience(found).data if trace.name == "gain")
    assert dict(zip(found.gains, dots.marker.color, strict=True)) == {n: by_name[n] for n in found.gains}


def test_unknown_order(found):
    with pytest.raises(InputError, match="unknown order"):
        plots.obedience_curves(found, "removal")
