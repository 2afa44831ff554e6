"""Metrics against scikit-learn's, and intervals against theory."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.svm import LinearSVC

import xai
from xai.core.errors import InputError
from xai.models import performance


def rows(n: int = 400) -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(0).normal(size=(n, 3)).round(1), columns=list("abc"))


def noisy(X: pd.DataFrame) -> np.ndarray:
    return (X.a + X.b).to_numpy() + np.random.default_rng(1).normal(size=len(X))


def test_binary_numbers_are_scikit_learns():
    X = rows()
    y = np.where(noisy(X) > 0.4, "ill", "well")
    native = LogisticRegression().fit(X[:200], y[:200])
    X, y = X[200:], y[200:]
    table = performance(xai.wrap_model(native), X, y).to_frame()
    p = native.predict_proba(X)[:, 1]
    predicted, well = native.predict(X), y == "well"
    expected = {
        "ROC AUC": metrics.roc_auc_score(well, p),
        "accuracy": metrics.accuracy_score(y, predicted),
        "sensitivity": metrics.recall_score(y, predicted, pos_label="well"),
        "specificity": metrics.recall_score(y, predicted, pos_label="ill"),
        "log loss": metrics.log_loss(well, p),
        "Brier score": metrics.brier_score_loss(well, p),
    }
    assert table["value"].to_dict() == pytest.approx(expected, rel=1e-12)
    assert (table.low < table.value).all()
    assert (table.value < table.high).all()
    assert list(table.index[~table.higher_is_better.astype(bool)]) == ["log loss", "Brier score"]


def test_ties_count_half_in_the_auc():
    X = pd.DataFrame({"a": [0.0, 1.0, 1.0, 2.0, 2.0, 3.0]})
    y = np.array([0, 0, 1, 0, 1, 1])
    model = xai.wrap_model(lambda frame: frame.a / 4, "probability", classes=[0, 1])
    found = performance(model, X, y, n_boot=0).metrics[0]
    assert found.value == metrics.roc_auc_score(y, X.a)
    assert np.isnan(found.low)


def test_multiclass_numbers_are_scikit_learns():
    X = rows()
    y = np.digitize(noisy(X), [-1, 1])
    native = LogisticRegression().fit(X, y)
    result = performance(xai.wrap_model(native), X, y, n_boot=50)
    values = result.to_frame()["value"]
    p = native.predict_proba(X)
    assert values["accuracy"] == native.score(X, y)
    assert values["macro AUC"] == pytest.approx(metrics.roc_auc_score(y, p, multi_class="ovr"))
    assert values["log loss"] == pytest.approx(metrics.log_loss(y, p))
    assert np.array_equal(result.confusion, metrics.confusion_matrix(y, native.predict(X)))
    assert result.classes == ("0", "1", "2")


def test_regression_numbers_are_scikit_learns():
    X = rows()
    y = noisy(X) + 100
    native = LinearRegression().fit(X, y)
    values = performance(xai.wrap_model(native), X, y).to_frame()["value"]
    assert values["R2"] == pytest.approx(native.score(X, y))
    assert values["RMSE"] == pytest.approx(metrics.root_mean_squared_error(y, native.predict(X)))
    assert values["MAE"] == pytest.approx(metrics.mean_absolute_error(y, native.predict(X)))


def test_models_without_probabilities():
    X = rows()
    y = (noisy(X) > 0).astype(int)
    native = LinearSVC().fit(X, y)
    result = performance(xai.wrap_model(native), X, y, n_boot=20)
    assert [metric.name for metric in result.metrics] == ["ROC AUC", "accuracy", "sensitivity", "specificity"]
    assert result.metrics[0].value == pytest.approx(metrics.roc_auc_score(y, native.decision_function(X)))
    assert result.metrics[1].value == native.score(X, y)


def test_interval_of_a_share_has_its_known_width():
    # 1,000 rows of which 800 are right: the standard error of a share is sqrt(p (1 - p) / n).
    X = pd.DataFrame({"a": np.repeat([0.0, 1.0], 500)})
    y = (X.a.to_numpy() > 0).astype(int)
    y[::5] = 1 - y[::5]
    model = xai.wrap_model(lambda frame: frame.a, "probability", classes=[0, 1])
    accuracy = performance(model, X, y, n_boot=4000).metrics[1]
    assert accuracy.value == 0.8
    assert accuracy.high - accuracy.low == pytest.approx(2 * 1.96 * np.sqrt(0.8 * 0.2 / 1000), rel=0.06)


def test_seeds():
    X = rows(80)
    y = noisy(X)
    model = xai.wrap_model(LinearRegression().fit(X, y))
    assert performance(model, X, y).metrics == performance(model, X, y).metrics
    assert performance(model, X, y).metrics != performance(model, X, y, seed=1).metrics


def test_refusals():
    X = rows(60)
    y = (noisy(X) > 0).astype(int)
    model = xai.wrap_model(LogisticRegression().fit(X, y))
    with pytest.raises(InputError, match="labels the model does not know: '2'"):
        performance(model, X, y + 1)
    with pytest.raises(InputError, match="one value a row, 60"):
        performance(model, X, y[:3])
    with pytest.raises(InputError, match="0 rows"):
        performance(model, X[:0], y[:0])
    with pytest.raises(InputError, match="n_boot"):
        performance(model, X, y, n_boot=-1)
    regression = xai.wrap_model(LinearRegression().fit(X, y))
    with pytest.raises(InputError, match="nan at position 4"):
        performance(regression, X, np.where(np.arange(60) == 4, np.nan, 1.0))
    with pytest.raises(InputError, match="no classes: give classes="):
        performance(xai.wrap_model(lambda frame: frame.a, "probability"), X, y)
    with pytest.raises(InputError, match="2 outputs"):
        performance(xai.wrap_model(lambda frame: frame[["a", "b"]]), X, y)
    with pytest.raises(InputError, match="must hold numbers"):
        performance(regression, X, ["a"] * 60)
