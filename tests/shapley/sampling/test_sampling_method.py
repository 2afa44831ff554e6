"""Any model through the front door: estimators, standard errors, groups, pipelines, and what breaks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import xai
from xai.core.errors import InputError, ModelError
from xai.shapley import ExactConfig, OwenConfig, SamplingConfig
from xai.shapley.aspects import correlated


@pytest.fixture(scope="module")
def data() -> tuple[pd.DataFrame, np.ndarray]:
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    return X, y.to_numpy()


def total(frame: pd.DataFrame) -> np.ndarray:
    values = frame.to_numpy(float)
    return values.sum(axis=1) + values[:, 0] * values[:, 1] * values[:, 2]


def test_models_without_an_engine_are_sampled(data):
    X, y = data
    fitted = make_pipeline(StandardScaler(), SVC()).fit(X, y)
    config = SamplingConfig(budget=6000, seed=3)
    a = xai.explain(fitted, X[:2], background=X[100:130], config=config)
    assert a.units.names == tuple(X.columns)
    assert a.standard_errors.shape == a.values.shape
    assert (a.standard_errors > 0).all()
    assert np.abs(a.additivity_gap).max() < 1e-10
    assert a.provenance.engine.startswith("KernelSHAP")
    assert a.provenance.seed == 3
    assert a.provenance.options["estimators"] == {"kernel": 2}
    assert 11_000 < a.provenance.options["model_rows"] <= 12_000
    assert a.provenance.options["budget"] == 6000
    assert a.provenance.options["n_background"] == 30
    fine = xai.explain(fitted, X[:2], "sampling", background=X[100:130], config=SamplingConfig(budget=100_000))
    z = (a.values - fine.values) / np.hypot(a.standard_errors, fine.standard_errors)
    assert np.abs(z).max() < 5
    assert (np.abs(z) < 1.96).mean() > 0.85


def test_a_row_has_the_same_result_in_any_company(data):
    X, y = data
    fitted = KNeighborsClassifier().fit(X, y)
    config = SamplingConfig(budget=2000)
    many = xai.explain(fitted, X[:4], background=X[100:110], config=config)
    one = xai.explain(fitted, X[2:3], background=X[100:110], config=config)
    assert np.array_equal(many.values[2], one.values[0])
    assert np.array_equal(many.standard_errors[2], one.standard_errors[0])
    again = xai.explain(fitted, X[2:3], background=X[100:110], config=SamplingConfig(budget=2000, seed=1))
    assert not np.array_equal(again.values, one.values)


def test_exact_up_to_fourteen_features():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(9, 14)), columns=[f"c{j}" for j in range(14)])
    a = xai.explain(total, X[:1], background=X[1:])
    assert a.provenance.engine == "enumeration of all coalitions"
    assert a.standard_errors is None
    assert a.provenance.seed is None
    assert np.allclose(a.values, xai.explain(total, X[:1], "exact", background=X[1:]).values, atol=1e-12)
    assert np.allclose(a.values[0, 3:, 0], X.iloc[0, 3:] - X.iloc[1:, 3:].mean(), atol=1e-12)
    b = xai.explain(total, X[:1], background=X[1:], config=ExactConfig(n_background=4))
    assert b.provenance.options["n_background"] == 4
    with pytest.raises(InputError, match="SamplingConfig or ExactConfig"):
        xai.explain(total, X[:1], background=X[1:], config=OwenConfig())


def test_groups_are_one_player_or_share_inside():
    rng = np.random.default_rng(1)
    X = pd.DataFrame(rng.normal(size=(12, 16)), columns=[f"c{j}" for j in range(16)])
    groups = {"first": ["c0", "c1"], "rest": [f"c{j}" for j in range(4, 16)]}
    joint = xai.explain(total, X[:2], "sampling", background=X[2:], groups=groups)
    assert joint.units.names == ("first", "c2", "c3", "rest")
    assert joint.standard_errors is None
    inside = xai.explain(total, X[:2], "owen", background=X[2:], groups=groups)
    assert inside.units.names == tuple(X.columns)
    assert inside.provenance.options["groups"]["first"] == ["c0", "c1"]
    assert np.abs(inside.additivity_gap).max() < 1e-10
    assert np.allclose(inside.grouped(groups).values, joint.values, atol=1e-9)
    with pytest.raises(InputError, match="needs groups"):
        xai.explain(total, X[:2], "owen", background=X[2:])


def test_text_categories_and_missing_values_stay_what_they_are():
    rng = np.random.default_rng(2)
    X = pd.DataFrame({f"n{j}": rng.normal(size=30) for j in range(14)})
    X["sex"] = pd.Categorical(rng.choice(["f", "m"], 30))
    X["site"] = rng.choice(["north", "south"], 30)
    X.loc[::3, "n1"] = np.nan
    X["always"] = "same"

    def risk(frame: pd.DataFrame) -> np.ndarray:
        assert isinstance(frame.sex.dtype, pd.CategoricalDtype)
        return (frame.n0 * (frame.sex == "f") * (frame.site == "north") + frame.n1.fillna(3.0)).to_numpy()

    config = SamplingConfig(estimator="permutation")  # whose values of additive columns have no error
    a = xai.explain(risk, X[:3], background=X[5:], config=config)
    assert a.provenance.options["constant_units"] == ["always"]
    assert (a.values[:, a.units.index("always")] == 0).all()
    filled = X.n1.fillna(3.0)
    assert np.allclose(a.values[:, 1, 0], filled[:3] - filled[5:].mean(), atol=1e-10)
    assert np.abs(a.values[:, 2:14]).max() < 1e-12


def test_progress_is_told_inside_rows():
    rng = np.random.default_rng(3)
    X = pd.DataFrame(rng.normal(size=(30, 20)))
    seen = []
    config = SamplingConfig(budget=8000, batch_rows=500)
    xai.explain(total, X[:2], background=X[2:], config=config, progress=lambda done, text: seen.append((done, text)))
    done = [part for part, _ in seen]
    assert len(done) > 10
    assert done == sorted(done)
    assert done[-1] == 1.0
    assert seen[0][1] == "explaining row 1 of 2"


def test_rows_are_handed_over_in_bounded_batches():
    rng = np.random.default_rng(4)
    X = pd.DataFrame(rng.normal(size=(40, 20)))
    sizes = []

    def watched(frame: pd.DataFrame) -> np.ndarray:
        sizes.append(len(frame))
        return total(frame)

    for estimator in ("permutation", "kernel"):
        config = SamplingConfig(budget=9000, batch_rows=700, estimator=estimator)
        xai.explain(watched, X[:1], background=X[1:], config=config)
    assert max(sizes) <= 700
    assert 10_000 < sum(sizes) < 2 * 9000 + 2


def test_a_background_of_one_row_and_budgets_that_are_too_small(data):
    X, y = data
    fitted = MLPClassifier((4,), random_state=0, max_iter=20).fit(StandardScaler().fit_transform(X), y)
    config = SamplingConfig(budget=3000)
    a = xai.explain(fitted, X[:2].to_numpy(), background=X[9:10].to_numpy(), config=config)
    assert np.abs(a.additivity_gap).max() < 1e-9
    assert np.allclose(a.base_values, xai.wrap_model(fitted).predict(X[9:10].to_numpy()))
    with pytest.raises(InputError, match="budget of 150 model rows is too small"):
        xai.explain(fitted, X[:2].to_numpy(), background=X[9:109].to_numpy(), config=SamplingConfig(budget=150))
    with pytest.raises(InputError, match="0 rows"):
        xai.explain(fitted, X[:0].to_numpy(), background=X.to_numpy())
    with pytest.raises(InputError, match=r"no exact SHAP engine.*Give background="):
        xai.explain(fitted, X[:2].to_numpy())


def test_models_that_break_half_way():
    X = pd.DataFrame(np.random.default_rng(5).normal(size=(30, 20)))
    calls = []

    def breaks(how):
        def function(frame: pd.DataFrame) -> np.ndarray:
            calls.append(1)
            answer = total(frame)
            if len(calls) < 4:
                return answer
            if how == "raises":
                raise RuntimeError("out of coffee")
            return np.full(len(frame), np.nan) if how == "nan" else np.column_stack([answer, answer])

        return function

    for how, text in (("raises", "out of coffee"), ("nan", "answered nan"), ("shape", "shape")):
        calls.clear()
        with pytest.raises(ModelError, match=text):
            xai.explain(breaks(how), X[:2], background=X[2:], config=SamplingConfig(budget=4000, batch_rows=300))


def test_more_classes_in_the_model_than_in_the_rows():
    rng = np.random.default_rng(6)
    X = pd.DataFrame(rng.normal(size=(90, 3)), columns=list("abc"))
    y = np.digitize(X.a, [-0.5, 0.5])
    a = xai.explain(KNeighborsClassifier().fit(X, y), X[y == 0][:4], background=X[y == 0])
    assert a.output_names == ("0", "1", "2")
    assert np.allclose(a.values.sum(axis=2), 0.0, atol=1e-12)  # probabilities sum to 1 with and without a column


def test_pipelines_that_mix_columns(data):
    X, y = data
    X = X.iloc[:, :6]
    fitted = make_pipeline(StandardScaler(), PCA(3), LogisticRegression()).fit(X, y)
    with pytest.raises(InputError, match=r"'pca0', 'pca1', 'pca2' of the pipeline.*Give background="):
        xai.explain(fitted, X)
    a = xai.explain(fitted, X[:4], background=X[:50])
    assert a.units.names == tuple(X.columns)
    # The whole is linear in the columns, so the closed form of its slopes is known.
    slopes = (fitted[1].components_.T @ fitted[2].coef_[0]) / fitted[0].scale_
    assert np.allclose(a.values[:, :, 0], (X[:4] - X[:50].mean()) * slopes, atol=1e-9)


def test_aspects_of_the_breast_cancer_table(data):
    X, _ = data
    groups = correlated(X, 0.8)
    members = next(group for group in groups.values() if "mean radius" in group)
    assert {"mean radius", "mean perimeter", "mean area"} <= set(members)
    for group in groups.values():
        rho = X[list(group)].corr(method="spearman").abs().to_numpy()
        assert rho.min() >= 0.8 - 1e-12
    flat = [name for group in correlated(X, 0.8, include_single=True).values() for name in group]
    assert sorted(flat) == sorted(X.columns)


def test_aspects_of_odd_tables():
    rng = np.random.default_rng(7)
    a = rng.normal(size=50)
    X = pd.DataFrame({"a": a, "minus": -(a**3), "b": rng.normal(size=50), "text": ["t"] * 50, "flat": 1.0})
    assert correlated(X, 1.0) == {"a + 1": ("a", "minus")}
    assert correlated(X.rename(columns={"b": "a + 1"}), 0.99) == {"a + 1'": ("a", "minus")}
    assert correlated(X[["b", "text"]]) == {}
    for options, text in (({"threshold": 0.0}, "threshold"), ({"linkage": "ward"}, "linkage")):
        with pytest.raises(InputError, match=text):
            correlated(X, **options)
    with pytest.raises(InputError, match="at least 3 rows"):
        correlated(X[:2])
