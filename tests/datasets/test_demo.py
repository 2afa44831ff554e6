from __future__ import annotations

import json
import runpy
from importlib import metadata

import numpy as np
import pytest

from xai.core.errors import InputError
from xai.core.provenance import hash_file, hash_frame
from xai.core.resources import resource
from xai.datasets import demo_models, load_demo
from xai.models import open_model

NAMES = tuple(demo_models())


def dhondt(votes, seats):
    """Seats one by one to the largest quotient: the definition, slow and plain."""
    won = [0] * len(votes)
    for _ in range(seats):
        winner = max(range(len(votes)), key=lambda i: votes[i] / (won[i] + 1))
        won[winner] += 1
    return won


def native_importance(model):
    """The importances each library reports itself, by column."""
    if model.framework == "catboost":
        return list(model.native.get_feature_importance())
    if model.framework == "lightgbm":
        return list(model.booster.feature_importance("gain"))
    gain = model.booster.get_score(importance_type="total_gain")
    return [gain.get(name, 0.0) for name in model.feature_names]


def score(demo, model):
    X, y = demo.held_out_data()
    if demo.score_name == "r2":
        residual = y - model.predict(X)[:, 0]
        return 1 - (residual**2).sum() / ((y - y.mean()) ** 2).sum()
    positive = model.with_output("margin").predict(X)[:, 0] > 0
    return (positive == (y == 1)).mean()


def test_the_models_the_dashboard_offers():
    assert set(NAMES) == {
        "breast_cancer_mean-catboost",
        "breast_cancer_mean-xgboost",
        "breast_cancer-xgboost",
        "diabetes_progression-lightgbm",
        "heart_cleveland-catboost",
        "heart_four_hospitals-xgboost",
        "pima_diabetes-lightgbm",
        "alzheimers_csf-xgboost",
    }


@pytest.mark.parametrize("name", NAMES)
def test_file_is_the_recorded_one(name):
    demo = demo_models()[name]
    assert hash_file(demo.path) == demo.sha256
    assert demo.path.stat().st_size < 1_500_000
    assert demo.title
    assert name == f"{demo.dataset}-{demo.framework}"


@pytest.mark.parametrize("name", NAMES)
def test_held_out_rows_are_the_split_and_the_rest_is_the_training_data(name):
    from sklearn.model_selection import train_test_split

    demo = demo_models()[name]
    data = demo.data()
    X, y = demo.held_out_data()
    frame = data.to_frame()
    train, test = train_test_split(frame, test_size=demo.test_size, random_state=demo.seed)
    assert list(X.index) == list(y.index) == list(test.index)
    assert (demo.seed, demo.test_size) == (42, 0.3)
    assert hash_frame(train) == demo.data_hash
    assert demo.target == data.y.name


@pytest.mark.parametrize("name", NAMES)
def test_opens_and_scores_as_recorded(name):
    demo = demo_models()[name]
    model, data = load_demo(name)
    assert data.name == demo.dataset
    assert model.framework == demo.framework
    assert tuple(model.feature_names) == tuple(data.X.columns)
    assert model.task == data.task
    if data.task == "binary":
        assert tuple(model.classes) == (0, 1)
        assert demo.positive == data.target_names[1]
    assert score(demo, model) == pytest.approx(demo.score, abs=1e-9)
    # Better than always answering the commoner class, or the mean.
    _, y = demo.held_out_data()
    assert demo.score > (0 if demo.score_name == "r2" else max(y.mean(), 1 - y.mean()) + 0.05)


def test_a_high_margin_means_benign():
    demo = demo_models()["breast_cancer_mean-catboost"]
    X, y = demo.held_out_data()
    margin = demo.open().with_output("margin").predict(X)[:, 0]
    assert demo.positive == "benign"
    assert margin[y == 1].mean() > 0 > margin[y == 0].mean()


def test_published_seats_of_the_breast_cancer_model():
    demo = demo_models()["breast_cancer_mean-catboost"]
    model = demo.open()
    votes = native_importance(model)
    assert dhondt(votes, 600) == [37, 121, 42, 51, 54, 31, 70, 124, 44, 26]
    assert dhondt(votes, 100) == [6, 20, 7, 9, 9, 5, 12, 21, 7, 4]
    assert round(demo.score * 171) == 165
    share = np.array(votes) / sum(votes) * 1e8
    assert np.floor(share[[0, 1]]).tolist() == [6_271_130, 20_068_244]


def test_unknown_name_offers_the_nearest():
    with pytest.raises(InputError, match="Did you mean 'pima_diabetes-lightgbm'"):
        load_demo("pima_diabetes-lightgb")


def test_repr_is_short():
    text = repr(demo_models()["breast_cancer_mean-catboost"])
    assert text == "DemoModel('breast_cancer_mean-catboost', accuracy 0.965 on 171 held-out rows)"


def recipe():
    return runpy.run_path(str(resource("sample_data", "recipes", "demo_models.py")))


def test_recipe_makes_what_is_shipped():
    specs = recipe()["SPECS"]
    assert tuple(specs) == NAMES
    for name, spec in specs.items():
        demo = demo_models()[name]
        assert (spec.title, spec.dataset, f"{name}.{spec.suffix}") == (demo.title, demo.dataset, demo.file)


def test_recipe_index_keeps_what_it_does_not_retrain(tmp_path):
    write_index = recipe()["write_index"]
    path = tmp_path / "models.json"
    write_index({"breast_cancer-xgboost": {"score": 1}, "pima_diabetes-lightgbm": {"score": 2}}, path)
    write_index({"pima_diabetes-lightgbm": {"score": 3}}, path)
    assert json.loads(path.read_text()) == {
        "breast_cancer-xgboost": {"score": 1},
        "pima_diabetes-lightgbm": {"score": 3},
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_retraining_gives_the_same_seats_and_predictions(name, tmp_path):
    demo = demo_models()[name]
    entry = recipe()["train"](name, tmp_path)
    X, _ = demo.held_out_data()
    shipped, again = demo.open(), open_model(tmp_path / entry["file"])
    assert entry["data_hash"] == demo.data_hash
    assert entry["held_out"] == list(demo.held_out)
    if metadata.version(demo.framework) != demo.version:
        # Another version may grow other trees; it must still make an equally good model.
        assert entry["score"] == pytest.approx(demo.score, abs=0.05)
        return
    assert dhondt(native_importance(again), 600) == dhondt(native_importance(shipped), 600)
    np.testing.assert_allclose(again.predict(X), shipped.predict(X), rtol=0, atol=1e-6)
