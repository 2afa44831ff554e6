"""Models compared: every number drawn is the result's."""

from __future__ import annotations

import numpy as np
import pytest

from xai import plots
from xai.core.errors import InputError
from xai.workflows.stored import stored_comparison, stored_rashomon


@pytest.fixture(scope="module")
def hearts():
    return stored_comparison("heart_four_hospitals")


@pytest.fixture(scope="module")
def simple():
    return stored_rashomon("heart_four_hospitals")


def drawn(fig, name):
    return next(trace for trace in fig.data if trace.name == name)


def test_scores_and_intervals_best_first(hearts):
    fig = plots.model_scores(hearts)
    table = hearts.to_frame().sort_values("auc", ascending=False, kind="stable")
    assert list(drawn(fig, "AUC").x) == table["auc"].tolist()
    bars = [(shape.x0, shape.x1) for shape in fig.layout.shapes if shape.name == "interval"]
    assert bars == list(zip(table["low"], table["high"], strict=True))
    assert fig.layout.yaxis.ticktext[0] == "logistic regression"
    assert "all rows of Cleveland" in fig.layout.title.subtitle.text.replace("<br>", " ")


@pytest.mark.parametrize("aspects", [False, True])
def test_importances_are_shares_of_each_list(aspects):
    result = stored_comparison("alzheimers_csf")
    fig = plots.importance_map(result, 10, aspects=aspects)
    table = result.importance_frame(aspects=aspects).clip(lower=0)
    shares = 100 * table / table.sum()
    cells = fig.data[0].customdata
    assert len(cells) == 10
    assert len(cells[0]) == shares.shape[1] == 14
    for cell_row, z_row in zip(cells, fig.data[0].z, strict=True):
        expected = shares.loc[cell_row[0][0]]
        np.testing.assert_allclose([cell[2] for cell in cell_row], expected)
        np.testing.assert_allclose(z_row, expected / shares.max())
    means = [shares.loc[row[0][0]].mean() for row in cells]
    assert means == sorted(means, reverse=True)
    assert means[0] == shares.mean(axis=1).max()
    assert fig.layout.xaxis.ticktext[:2] == ("SVM, shapley", "SVM, permutation")


def test_selection_curves_and_the_ring(hearts):
    fig = plots.selection(hearts, "permutation")
    for name, label in (("svm", "SVM"), ("decision_tree", "decision tree")):
        curve = next(c for c in hearts.models[name].curves if (c.importance, c.units) == ("permutation", "columns"))
        line = drawn(fig, label)
        assert list(line.y) == [step.auc.value for step in curve.steps]
        ringed = [x for x, symbol in zip(line.x, line.marker.symbol, strict=True) if symbol == "circle-open"]
        assert ringed == [curve.enough().n_units]
    # an SVM with a kernel has no importance of its own
    assert "SVM" not in {trace.name for trace in plots.selection(hearts, "native").data}
    with pytest.raises(InputError, match="unknown curve"):
        plots.selection(hearts, "lime")


def test_sites(hearts):
    fig = plots.sites(hearts)
    table = hearts.to_frame().sort_values("auc_across_sites", ascending=False)
    assert list(drawn(fig, "at the others").x) == table["auc_across_sites"].tolist()
    assert list(drawn(fig, "at its own site, cross-validated").x) == table["auc_within_sites"].tolist()
    matrix = plots.site_map(hearts, "xgboost")
    found = hearts.transfer.matrix("xgboost").dropna(how="all").dropna(how="all", axis=1)
    np.testing.assert_array_equal(np.array(matrix.data[0].z, dtype=float), found.to_numpy())
    with pytest.raises(InputError, match="no two sites"):
        plots.sites(stored_comparison("alzheimers_csf"))
    with pytest.raises(InputError, match="names no sites"):
        plots.site_map(stored_comparison("alzheimers_csf"), "xgboost")


def test_a_model_keeps_its_colour(hearts):
    scores = plots.model_scores(hearts)
    by_label = dict(zip(scores.layout.yaxis.ticktext, drawn(scores, "AUC").marker.color, strict=True))
    assert by_label == {line.name: line.line.color for line in plots.selection(hearts).data}


def test_losses_of_simple_models(simple):
    fig = plots.simple_losses(simple)
    for family, label in (("l1_logistic", "L1 logistic"), ("tree", "tree"), ("spline_logistic", "spline logistic")):
        assert list(drawn(fig, label).x) == [one.loss for one in simple.models if one.family == family]
    lines = sorted(shape.x0 for shape in fig.layout.shapes)
    assert lines == pytest.approx([simple.reference_loss, simple.reference_loss + simple.epsilon])
    assert list(drawn(fig, "best on training rows it had not seen").x) == [simple.best.loss]
    share = simple.by_family["tree"]
    assert f"{share.within} of {share.of} close" in fig.layout.yaxis.ticktext[1]
    low, high = 10 ** np.array(fig.layout.xaxis.range)
    assert low < min(one.loss for one in simple.models)
    assert high > max(one.loss for one in simple.models)
