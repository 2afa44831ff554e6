"""The front door: shapes, names, groups, provenance, progress and refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

import xai
from xai.core.errors import InputError, ModelError


@pytest.fixture(scope="module")
def data() -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(5)
    X = pd.DataFrame(rng.normal(size=(300, 3)), columns=["a", "b", "c"])
    X.index = [f"patient {i}" for i in range(300)]
    return X, (X.a + X.b * X.c > 0).astype(int)


@pytest.fixture(scope="module")
def booster(data):
    import xgboost

    return xgboost.XGBClassifier(n_estimators=5, max_depth=3, n_jobs=1).fit(*data)


def test_result_carries_what_is_needed(data, booster):
    X, _ = data
    a = xai.explain(booster, X.assign(other="text")[["c", "other", "a", "b"]])
    assert a.units.names == ("a", "b", "c")
    assert a.rows[:2] == ("patient 0", "patient 1")
    assert a.data.equals(X)
    assert a.output_space == "margin"
    assert a.output_names == ("1",)
    assert a.provenance.engine == "xgboost pred_contribs"
    assert set(a.provenance.versions) == {"numpy", "xgboost"} | ({"hemicycle"} & set(a.provenance.versions))
    assert a.provenance.model_hash == xai.wrap_model(booster.get_booster()).hash
    assert len(a.provenance.data_hash) == 64
    assert a.timing["explain"] > 0
    assert np.allclose(a.outputs, xai.wrap_model(booster).predict(X))


def test_integer_labels_stay_integers(data, booster):
    X, _ = data
    assert xai.explain(booster, X.reset_index(drop=True)[4:6]).rows == (4, 5)


def test_results_survive_json_and_parquet(data, booster, tmp_path):
    a = xai.explain(booster, data[0][:5])
    a.to_json(tmp_path / "a.json")
    a.to_parquet(tmp_path / "a.parquet")
    for b in (xai.Attribution.from_json(tmp_path / "a.json"), xai.Attribution.from_parquet(tmp_path / "a.parquet")):
        assert np.array_equal(a.values, b.values)
        assert a.provenance == b.provenance
        assert a.rows == b.rows


def test_blocks_and_progress(data, booster):
    X, _ = data
    seen = []
    a = xai.explain(booster, X, progress=lambda done, text: seen.append((done, text)))
    assert [round(done, 4) for done, _ in seen] == [round(256 / 300, 4), 1.0]
    assert "300" in seen[-1][1]
    assert np.array_equal(a.values[260:], xai.explain(booster, X[260:]).values)


def test_groups_sum_signed_values_first(data):
    rng = np.random.default_rng(6)
    kind = rng.choice(["x", "y"], 200)
    X = pd.DataFrame({"kind_x": (kind == "x") * 1.0, "kind_y": (kind == "y") * 1.0, "z": rng.normal(size=200)})
    # Opposite weights on one-hot columns that are opposites: the two effects are equal in size.
    model = LogisticRegression().fit(X, kind == "x")
    model.coef_ = np.array([[2.0, 2.0, 1.0]])
    a = xai.explain(model, X, groups={"kind": ["kind_x", "kind_y"]})
    assert a.units.names == ("kind", "z")
    single = xai.explain(model, X)
    assert np.abs(single.values[:, :2]).min() > 0.5
    # kind_x + kind_y is constant, so the column "kind" does nothing; a sum of sizes would say it does most.
    assert np.abs(a.votes("abs")[:, 0]).max() < 1e-12
    with pytest.raises(InputError, match="unknown member: 'kind_q'"):
        xai.explain(model, X, groups={"kind": ["kind_q"]})


def test_a_model_with_its_own_explain_gets_the_whole_call():
    class Far:
        def explain(self, X, **options):
            return X, options

    X, options = xai.explain(Far(), "rows", "removal", background="z", groups={}, config=1)
    assert X == "rows"
    assert options == {"method": "removal", "background": "z", "groups": {}, "config": 1, "progress": None}


def test_methods_are_listed():
    listed = {method.name: method for method in xai.methods()}
    assert {"shap", "exact", "removal"} <= set(listed)
    assert listed["removal"].needs == ("background",)
    assert all(method.description for method in listed.values())


def test_pipelines_are_explained_on_their_own_columns():
    rng = np.random.default_rng(7)
    X = pd.DataFrame({"sex": rng.choice(["f", "m"], 80), "dose": rng.normal(size=80)})
    y = (X.dose + (X.sex == "f") > 0).to_numpy()
    change = make_column_transformer((OneHotEncoder(), ["sex"]), (StandardScaler(), ["dose"]))
    linear = make_pipeline(change, LogisticRegression()).fit(X, y)
    a = xai.explain(linear, X, background=X)
    assert a.units.names == ("sex", "dose")
    assert a.data.equals(X)
    assert np.abs(a.additivity_gap).max() < 1e-10
    last = pd.DataFrame(linear[0].transform(X), columns=linear[0].get_feature_names_out())
    parts = xai.explain(linear[-1], last, background=last)
    assert parts.units.names == ("onehotencoder__sex_f", "onehotencoder__sex_m", "standardscaler__dose")
    assert np.allclose(a.values[:, 0], parts.values[:, 0] + parts.values[:, 1], atol=1e-12)
    forest = make_pipeline(change, RandomForestClassifier(4, random_state=0)).fit(X, y)
    b = xai.explain(forest, X)
    assert b.units.names == ("sex", "dose")
    assert b.output_names == ("False", "True")
    assert np.abs(b.additivity_gap).max() < 1e-10
    # Without an engine for the last step, coalitions are played on the same columns.
    c = xai.explain(make_pipeline(change, SVC()).fit(X, y), X[:3], background=X)
    assert c.units.names == ("sex", "dose")
    assert np.abs(c.additivity_gap).max() < 1e-10
    # A linear model's game is additive, so both ways agree.
    d = xai.explain(linear, X[:3], "exact", background=X)
    assert d.units.names == ("sex", "dose")
    assert np.allclose(d.values, a.values[:3], atol=1e-10)


def test_pipelines_of_one_step_and_in_each_other(data):
    X, y = data
    for pipeline in (
        make_pipeline(LogisticRegression()),
        make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), LogisticRegression())),
    ):
        fitted = pipeline.fit(X, y)
        a = xai.explain(fitted, X)
        assert a.units.names == ("a", "b", "c")
        assert np.abs(a.additivity_gap).max() < 1e-10
        assert list(xai.shapley.importance.native(fitted).index) == ["a", "b", "c"]


def test_refusals(data, booster):
    X, _ = data
    with pytest.raises(InputError, match=r"unknown method: 'shapp'.*'shap'"):
        xai.explain(booster, X, method="shapp")
    with pytest.raises(InputError, match="0 rows"):
        xai.explain(booster, X[:0])
    with pytest.raises(InputError, match="nothing to configure"):
        xai.explain(booster, X, config=xai.shapley.ExactConfig())
    with pytest.raises(InputError, match="not dict"):
        xai.explain(booster, X, config={"seed": 1})
    with pytest.raises(ModelError, match="output='margin'"):
        xai.explain(xai.wrap_model(booster, "probability"), X)
    with pytest.raises(InputError, match="lacks 1 of the xgboost model's columns: 'a'"):
        xai.explain(booster, X.drop(columns="a"))


def test_probability_is_explained_by_enumeration(data, booster):
    X, _ = data
    a = xai.explain(xai.wrap_model(booster, "probability"), X[:3], "exact", background=X[:30])
    assert a.values.shape == (3, 3, 2)
    assert a.output_space == "probability"
    assert np.allclose(a.values[..., 0], -a.values[..., 1], atol=1e-6)


def test_boosting_from_an_estimator_of_its_own_is_refused(data):
    from sklearn.ensemble import GradientBoostingRegressor
    from sklearn.linear_model import LinearRegression

    X, y = data
    model = GradientBoostingRegressor(n_estimators=2, init=LinearRegression()).fit(X, y)
    with pytest.raises(ModelError, match="init="):
        xai.explain(model, X)
