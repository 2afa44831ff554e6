"""Models and tables that misbehave: a clear error that names the thing, or a flagged result, for every method."""

from __future__ import annotations

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

import xai
from xai.core.errors import InputError, ModelError, XaiError
from xai.faithfulness import curve, curves
from xai.shapley.importance import native, permutation
from xai.workflows import compare_models

TORCH = {method.name for method in xai.methods() if "torch" in method.needs}
TREES = {"banzhaf"}
FUNCTIONS = {method.name for method in xai.methods()} - TORCH - TREES
GROUPS = {"both": ["a", "b"]}
NAMES = ["a", "b", "c", "d"]


@pytest.fixture(scope="module", name="X")
def table() -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(0).normal(size=(40, 4)), columns=NAMES)


@pytest.fixture(scope="module")
def module():
    torch = pytest.importorskip("torch")
    pytest.importorskip("captum")

    class Spoilt(torch.nn.Module):
        """A sum of products whose answer ``spoil`` changes from some call on."""

        def __init__(self, spoil, after: int) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(4))
            self.spoil, self.after, self.calls = spoil, after, 0

        def forward(self, rows):
            self.calls += 1
            answer = (rows * self.weight).sum(dim=1, keepdim=True)
            return self.spoil(answer) if self.calls > self.after else answer

    return Spoilt


def explain(model, X: pd.DataFrame, method: str, background: pd.DataFrame | None):
    return xai.explain(model, X, method, background=background, groups=GROUPS if method == "owen" else None)


def spoilt(answer, *, after: int):
    """A function that answers well for some calls and ``answer(frame)`` afterwards."""
    calls = []

    def function(frame: pd.DataFrame):
        calls.append(len(frame))
        return answer(frame) if len(calls) > after else frame.sum(axis=1).to_numpy()

    return function


def one_gap(frame: pd.DataFrame) -> np.ndarray:
    result = frame.sum(axis=1).to_numpy(copy=True)
    result[-1] = np.nan
    return result


def fall_over(frame: pd.DataFrame):
    raise RuntimeError(f"no memory left for {len(frame)} rows")


FAULTS = {
    "nan": (one_gap, r"answered nan for row \S+, output 'value'"),
    "infinite": (lambda frame: one_gap(frame) * np.inf, r"answered (nan|-?inf) for row"),
    "more outputs": (lambda frame: np.ones((len(frame), 3)), r"answered with shape \(\d+, 3\), not \(\d+, 1\)"),
    "fewer rows": (lambda frame: np.ones(len(frame) - 1), r"answered with shape \(\d+, 1\), not \(\d+, 1\)"),
    "a cube": (lambda frame: np.ones((len(frame), 2, 2)), r"answered with shape \(\d+, 2, 2\)"),
    "text": (lambda frame: ["much"] * len(frame), "could not predict.*'much'"),
    "other columns": (lambda frame: frame["blood pressure"].to_numpy(), "could not predict.*blood pressure"),
    "an exception": (fall_over, "could not predict.*no memory left"),
}
faults = pytest.mark.parametrize("fault", FAULTS)


def test_every_method_is_tested_here():
    assert {"shap", "exact", "sampling", "owen", "removal"} == FUNCTIONS
    assert {"integrated_gradients", "deeplift", "gradient_shap", "feature_ablation"} == TORCH


@faults
@pytest.mark.parametrize("method", sorted(FUNCTIONS))
@pytest.mark.parametrize("after", [0, 1])
def test_functions_that_break_at_once_or_half_way(X, method, fault, after):
    answer, text = FAULTS[fault]
    if fault == "more outputs" and not after:  # three outputs from the start are three outputs
        assert explain(spoilt(answer, after=0), X[:2], method, X[5:]).values.shape == (2, 4, 3)
        return
    with pytest.raises(ModelError, match=text):
        explain(spoilt(answer, after=after), X[:2], method, X[5:])


@faults
@pytest.mark.parametrize("after", [0, 1])
def test_games_and_curves_of_functions_that_break(X, fault, after):
    answer, text = FAULTS[fault]
    a = xai.explain(lambda frame: frame.sum(axis=1), X[:2], "removal", background=X[5:])
    if fault == "more outputs" and not after:
        return
    with pytest.raises(ModelError, match=text):
        curve(xai.game(spoilt(answer, after=after), X[:1], X[5:]), np.arange(4.0))
    with pytest.raises(ModelError, match=text):
        curves(spoilt(answer, after=after), X[:2], a, X[5:])


MODULE_FAULTS = {
    "nan": (lambda answer: answer * float("nan"), "nan|no numbers"),
    "more outputs": (lambda answer: answer.repeat(1, 3), "shape|size|3"),
    "an exception": (lambda answer: answer.view(-1, 7), "could not (predict|compute).*invalid|shape"),
}


@pytest.mark.parametrize("fault", MODULE_FAULTS)
@pytest.mark.parametrize("method", sorted(TORCH))
@pytest.mark.parametrize("after", [0, 1, 2])
def test_modules_that_break_at_once_or_half_way(X, module, method, fault, after):
    answer, text = MODULE_FAULTS[fault]
    model = module(answer, after)
    if fault == "more outputs" and not after:
        assert explain(model, X[:2], method, X[5:]).values.shape == (2, 4, 3)
        return
    with pytest.raises(ModelError, match=text):
        explain(model, X[:2], method, X[5:])


def fitted_models(X: pd.DataFrame) -> dict[str, object]:
    y = (X.a > 0).astype(int).to_numpy()
    return {
        "xgboost": xgboost.XGBClassifier(n_estimators=3, n_jobs=1).fit(X, y),
        "lightgbm": lightgbm.LGBMClassifier(n_estimators=3, n_jobs=1, verbose=-1, min_child_samples=2).fit(X, y),
        "linear": LogisticRegression().fit(X, y),
        "machine": SVC().fit(X, y),
    }


def every_case(X: pd.DataFrame):
    """All pairs of method and model that go together."""
    models = fitted_models(X)
    for method in sorted(FUNCTIONS | TREES):
        for name, model in models.items():
            if method not in TREES or name in {"xgboost", "lightgbm"}:
                yield method, model


def test_no_rows(X):
    for method, model in every_case(X):
        with pytest.raises(InputError, match="X has 0 rows"):
            explain(model, X[:0], method, X)
        with pytest.raises(InputError, match="background has 0 rows"):
            explain(model, X[:2], method, X[:0])
    model = fitted_models(X)["xgboost"]
    a = xai.explain(model, X[:2])
    for call in (
        lambda: xai.game(model, X[:0], X),
        lambda: xai.game(model, X[:1], X[:0]),
        lambda: curves(model, X[:0], a, X),
        lambda: curves(model, X[:2], a, X[:0]),
        lambda: permutation(model, X[:0], []),
        lambda: xai.shapley.interactions(model, X[:0]),
        lambda: compare_models((X[:0], np.array([]))),
    ):
        with pytest.raises(InputError, match=r"0 rows|one row|no value|one class|at least 2 rows"):
            call()


def test_columns_the_model_needs_and_the_table_lacks(X):
    for method, model in every_case(X):
        with pytest.raises(InputError, match=r"lacks 1 of the .* columns: 'c'"):
            explain(model, X[:2].drop(columns="c"), method, X)
        with pytest.raises(InputError, match=r"lacks 1 of the .* columns: 'c'"):
            explain(model, X[:2], method, X.drop(columns="c"))
        with pytest.raises(InputError, match="column 'b' holds text"):
            explain(model, X[:2].assign(b="high"), method, X)
    model = fitted_models(X)["linear"]
    for call in (
        lambda: xai.game(model, X[:1].drop(columns="c"), X),
        lambda: xai.game(model, X[:1], X.drop(columns="c")),
        lambda: curves(model, X[:2].drop(columns="c"), xai.explain(model, X[:2]), X),
        lambda: permutation(model, X.drop(columns="c"), np.arange(40) % 2),
    ):
        with pytest.raises(InputError, match="'c'"):
            call()


def test_a_background_of_one_row(X):
    # Against one row every value is a difference from that row: with an additive function one knows it.
    weights = np.array([1.0, -2.0, 3.0, 0.5])
    expected = X[:3].to_numpy() * weights - X.iloc[7].to_numpy() * weights

    def function(frame: pd.DataFrame) -> np.ndarray:
        return frame.to_numpy() @ weights

    for method in sorted(FUNCTIONS):
        a = explain(function, X[:3], method, X[7:8])
        assert np.allclose(a.values[:, :, 0], expected, atol=1e-10)
        assert a.provenance.options["n_background"] == 1
    for method, model in every_case(X):
        a = explain(model, X[:3], method, X[7:8])
        base = xai.wrap_model(model).predict(X[7:8])
        assert np.abs(a.base_values - base).max() < 1e-5
        if method not in {"removal", "banzhaf"}:
            assert np.abs(a.additivity_gap).max() < 1e-5
        assert a.provenance.options["n_background"] == 1


def test_modules_take_a_background_of_one_row(X, module):
    for method in sorted(TORCH):
        a = explain(module(None, 10**9), X[:3], method, X[7:8])
        assert np.allclose(a.values[:, :, 0], X[:3].to_numpy() - X.iloc[7].to_numpy(), atol=1e-5)
        assert a.provenance.options["n_background"] == 1
        with pytest.raises(InputError, match="0 rows"):
            explain(module(None, 10**9), X[:0], method, X)
        with pytest.raises(InputError, match="0 rows"):
            explain(module(None, 10**9), X[:2], method, X[:0])


def test_constant_columns_get_nothing_and_are_named(X):
    fixed = X.assign(b=2.0)

    def function(frame: pd.DataFrame) -> np.ndarray:
        return (frame.a * frame.b + frame.c).to_numpy()

    for method in sorted(FUNCTIONS):
        a = explain(function, fixed[:3], method, fixed[5:])
        assert (a.values[:, 1] == 0).all()
        assert a.provenance.options["constant_units"] == ["b"]
        assert explain(function, X[:3], method, X[5:]).provenance.options["constant_units"] == []
    for method, model in every_case(fixed):
        for background in (None, fixed[5:]):
            if background is None and (method not in {"shap", "banzhaf"} or isinstance(model, SVC)):
                continue
            a = explain(model, fixed[:3], method, background)
            assert (a.values[:, 1] == 0).all()


def test_more_classes_in_the_model_than_in_the_data(X):
    # Five classes were declared, three were seen in training, two are in the rows at hand.
    y = np.arange(40) % 3
    booster = xgboost.train(
        {"objective": "multi:softprob", "num_class": 5, "nthread": 1}, xgboost.DMatrix(X, y), num_boost_round=3
    )
    light = lightgbm.train(
        {"objective": "multiclass", "num_class": 5, "verbose": -1, "num_threads": 1, "min_data_in_leaf": 2},
        lightgbm.Dataset(X, y),
        num_boost_round=3,
    )
    for model in (booster, light):
        wrapped = xai.wrap_model(model)
        k = len(wrapped.output_names)
        assert k == 5
        for method in ("shap", "banzhaf", "removal"):
            a = explain(wrapped, X[:4], method, X[5:] if method == "removal" else None)
            assert a.values.shape == (4, 4, 5)
            assert np.isfinite(a.values).all()
        assert np.abs(xai.explain(wrapped, X[:4]).additivity_gap).max() < 1e-5
        with pytest.raises(InputError, match="this attribution has 5"):
            xai.explain(wrapped, X[:4]).global_votes()
        assert native(wrapped).shape == (4,)
        rows = np.flatnonzero(y < 2)
        probable = xai.wrap_model(model, output="probability")
        assert np.isfinite(permutation(probable, X.iloc[rows], y[rows], 2)["mean"]).all()
        game = xai.game(wrapped, X[:1], X[5:])
        with pytest.raises(InputError, match="5 outputs"):
            curve(game, np.arange(4.0))
    with pytest.raises(InputError, match="3 different values"):
        compare_models((X, y))


def test_answers_that_the_model_does_not_know(X):
    model = fitted_models(X)["xgboost"]
    with pytest.raises(XaiError, match="2"):
        permutation(model, X, np.arange(40) % 3)


@faults
def test_comparisons_name_the_model_that_breaks(X, fault):
    answer, _ = FAULTS[fault]

    class Breaking(LogisticRegression):
        def predict_proba(self, rows):
            good = super().predict_proba(rows)
            frame = pd.DataFrame(np.asarray(rows), columns=NAMES)
            return good if fault == "more outputs" else np.asarray(answer(frame))

    y = (X.a > 0).astype(int).to_numpy()
    if fault == "more outputs":
        return
    with pytest.raises(XaiError, match=r"mine|sklearn|predict"):
        compare_models((X, y), models={"mine": Breaking()}, importances=["shapley"])
