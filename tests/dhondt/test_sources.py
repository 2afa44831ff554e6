"""Vote sources on models whose answers are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeRegressor
from xgboost import XGBClassifier

import xai
from xai.core import InputError, ModelError
from xai.dhondt import elect, vote_sources, votes


@pytest.fixture(scope="module")
def rows():
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(200, 3)), columns=["big", "small", "none"])
    return X, 4 * X["big"] - X["small"]


@pytest.fixture(scope="module")
def linear(rows):
    return LinearRegression().fit(*rows)


def test_closed_forms_of_a_linear_model(rows, linear):
    X, y = rows
    centred = (X - X.mean()).abs().mean() * [4, 1, 0]
    table = vote_sources(linear, X, y, n_repeats=50)
    assert table.columns.tolist() == ["shap", "permutation", "native", "removal"]
    assert table.attrs["missing"] == {}
    assert table["shap"].tolist() == pytest.approx(centred.tolist(), abs=1e-9)
    assert table["native"].tolist() == pytest.approx([4, 1, 0], abs=1e-9)
    # R2 drops by twice the share of variance that a shuffled column explained.
    expected = 2 * np.array([16, 1, 0]) * X.var() / (np.array([16, 1, 0]) * X.var()).sum()
    assert table["permutation"].tolist() == pytest.approx(expected.tolist(), rel=0.1, abs=1e-9)
    # One hundred background rows: the mean of another 100 rows than all.
    assert table["removal"].tolist() == pytest.approx(centred.tolist(), rel=0.1, abs=1e-9)


def test_removal_against_a_given_background(rows, linear):
    X, _ = rows
    background = X.iloc[:40]
    expected = (X - background.mean()).abs().mean() * [4, 1, 0]
    for source in ("removal", "shap"):
        found = votes(linear, X, source=source, background=background)
        assert found.tolist() == pytest.approx(expected.tolist(), abs=1e-9)
        assert found.name == source


def test_signed_votes(rows, linear):
    X, _ = rows
    positive, negative, size = (votes(linear, X, kind=kind) for kind in ("positive", "negative", "abs"))
    assert (positive + negative).tolist() == pytest.approx(size.tolist())
    effects = 4 * (X["big"] - X["big"].mean())
    assert positive["big"] == pytest.approx(effects.clip(lower=0).mean())
    for source in ("native", "permutation"):
        with pytest.raises(InputError, match="have no sign"):
            votes(linear, *rows, source=source, kind="positive")


def test_negative_permutation_importance_is_noise_and_counted():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(80, 4)), columns=list("abcd"))
    y = X["a"] + rng.normal(size=80)
    model = DecisionTreeRegressor(random_state=0).fit(X[:40], y[:40])
    raw = xai.shapley.importance.permutation(model, X[40:], y[40:], n_repeats=5, seed=0)["mean"]
    found = votes(model, X[40:], y[40:], "permutation", n_repeats=5)
    assert (raw < 0).any()
    assert found.attrs["clipped"] == (raw < 0).sum()
    assert (found[raw < 0] == 0).all()
    assert found[raw >= 0].tolist() == raw[raw >= 0].tolist()


def test_several_outputs_must_be_chosen_from():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(90, 3)), columns=list("abc"))
    model = XGBClassifier(n_estimators=5, max_depth=2).fit(X, X["a"].rank(pct=True).mul(2.99).astype(int))
    with pytest.raises(InputError, match="choose one"):
        votes(model, X)
    with pytest.raises(InputError, match="unknown output: '7'"):
        votes(model, X, output="7")
    assert votes(model, X, output="2").idxmax() == "a"
    table = vote_sources(model, X)
    assert set(table.attrs["missing"]) == {"shap", "permutation", "removal"}
    assert "choose one" in table.attrs["missing"]["shap"]
    assert "held-out rows" in table.attrs["missing"]["permutation"]
    assert table.columns.tolist() == ["native"]


def test_tree_engines_use_a_background():
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=list("cab"))
    model = XGBClassifier(n_estimators=5, max_depth=2).fit(X, (X["a"] > 0).astype(int))
    found = votes(model, X, background=X[:10])
    effects = xai.explain(model, X, background=X[:10]).values[:, :, 0]
    assert found.tolist() == np.abs(effects).mean(axis=0).tolist()
    assert found["a"] != votes(model, X)["a"]
    assert elect(found, 10).seats["a"] >= 8
    assert vote_sources(model, X, (X["a"] > 0).astype(int)).index.tolist() == ["c", "a", "b"]


def test_a_function_has_no_native_importance(rows):
    X, y = rows

    def model(table):
        return 4 * table["big"] - table["small"]

    table = vote_sources(xai.wrap_model(model, feature_names=list(X)), X, y, background=X[:20], n_repeats=3)
    assert table.columns.tolist() == ["shap", "permutation", "removal"]
    assert "no importances of its own" in table.attrs["missing"]["native"]
    assert table["shap"].tolist() == pytest.approx(table["removal"].tolist())


def test_symmetric_players_get_equal_votes():
    # OR and XOR of two coins: Shapley values are equal by symmetry; removal sees nothing in OR when both are on.
    coins = pd.DataFrame([[0, 0], [0, 1], [1, 0], [1, 1]], columns=["a", "b"], dtype=float)
    both = coins.iloc[[3]]
    for rule in (np.logical_or, np.logical_xor):
        model = xai.wrap_model(
            lambda t, rule=rule: rule(t["a"] > 0, t["b"] > 0).astype(float), feature_names=["a", "b"]
        )
        a = xai.explain(model, both, background=coins)
        shap = votes(model, both, background=coins)
        assert shap["a"] == pytest.approx(shap["b"])
        assert a.values.sum() == pytest.approx((a.outputs - a.base_values).item())
    either = xai.wrap_model(lambda t: np.logical_or(t["a"] > 0, t["b"] > 0).astype(float), feature_names=["a", "b"])
    assert votes(either, both, source="removal", background=coins).tolist() == [0, 0]


def test_bad_input(rows, linear):
    X, y = rows
    with pytest.raises(InputError, match="unknown source of votes: 'gain'"):
        votes(linear, X, source="gain")
    with pytest.raises(InputError, match="held-out rows"):
        votes(linear, X, source="permutation")
    with pytest.raises(InputError, match="'none'"):
        votes(linear, X.drop(columns="none"))
    with pytest.raises(ModelError):
        votes(LogisticRegression(), X)
    with pytest.raises(InputError):
        votes(linear, X, y[:5], "permutation")
