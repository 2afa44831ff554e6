"""Good files of every format of models of tables answer and explain as the model in memory does."""

from __future__ import annotations

import good
import numpy as np
import pytest

import xai
from xai.core.provenance import hash_file
from xai.models import open_model, recognise, sniff, wrap_model

KINDS = {
    "xgboost_json": "xgboost-json",
    "xgboost_ubj": "xgboost-ubj",
    "lightgbm_txt": "lightgbm-txt",
    "catboost_cbm": "catboost-cbm",
    "catboost_json": "catboost-json",
    "skops_forest": "skops",
    "skops_boosting": "skops",
    "onnx_forest": "onnx",
    "onnx_columns": "onnx",
    "mlp_safetensors": "safetensors",
    "mlp_state_dict": "torch-weights",
}


def in_memory(name: str, native: object, rows: object) -> np.ndarray:
    """What the library itself answers."""
    if name.startswith("mlp"):
        import torch

        with torch.no_grad():
            return native(torch.tensor(rows.to_numpy(), dtype=torch.float32)).numpy()
    if name == "onnx_forest":
        # ONNX computes in single precision, and so must the comparison: a threshold may lie between.
        return native.predict_proba(rows.to_numpy(np.float32))
    if name == "onnx_columns":
        return native.predict_proba(rows)
    return wrap_model(native).predict(rows)


@pytest.mark.parametrize("name", KINDS)
def test_same_answers(good_tables, name):
    one = good_tables[name]
    assert sniff(one.path) == KINDS[name]
    model = open_model(one.path)
    assert model.hash == hash_file(one.path)
    assert np.allclose(model.predict(one.rows), in_memory(name, one.native, one.rows), atol=1e-5)
    known = recognise(one.path)
    assert (known.modality, known.task, known.n_classes) == ("table", "multiclass", 3)
    assert known.n_features == len(one.rows.columns)
    named = name in {"mlp_safetensors", "onnx_columns"}
    assert set(known.classes) == ({"low", "mid", "high"} if named else {"0", "1", "2"})


@pytest.mark.parametrize("name", ["skops_forest", "skops_boosting", "onnx_forest", "onnx_columns", "mlp_safetensors"])
def test_same_explanations_in_a_child(good_tables, name, child):
    one = good_tables[name]
    rows, background = one.rows.iloc[:3], one.rows.iloc[:20]
    if name.startswith("skops"):
        options = {"method": "shap"}
        reference = xai.explain(wrap_model(one.native), rows, **options)
    else:
        options = {"method": "exact", "background": background}
        reference = xai.explain(open_model(one.path), rows, **options)
    found = child.call("explain", model=str(one.path), X=rows, **options)
    assert np.allclose(found.values, reference.values, atol=1e-6)
    assert np.abs(found.additivity_gap).max() < 1e-5
    assert found.provenance.model_hash == hash_file(one.path)


@pytest.fixture(scope="module")
def child():
    from xai.sandbox import Worker

    with Worker() as worker:
        yield worker


def test_isolated_models_of_new_formats(good_tables):
    one = good_tables["mlp_safetensors"]
    model = xai.load_model(one.path)
    try:
        assert (model.framework, model.output, model.output_names) == ("torch", "margin", ("low", "mid", "high"))
        assert model.feature_names == tuple(good.NAMES)
        margin = model.predict(one.rows)
        probability = model.with_output("probability").predict(one.rows)
        powers = np.exp(margin - margin.max(axis=1, keepdims=True))
        assert np.allclose(probability, powers / powers.sum(axis=1, keepdims=True), atol=1e-6)
    finally:
        model.close()


def test_processes_are_not_started_by_a_file(good_tables):
    model = open_model(good_tables["skops_forest"].path)
    assert model.native[-1].n_jobs is None


def test_the_meaning_of_a_network_can_be_told(good_tables):
    path = good_tables["mlp_state_dict"].path
    assert recognise(path).asked == ("activation", "output", "classes", "feature_names")
    assert open_model(path, "value").task == "regression"
    assert open_model(path, "probability").predict(good.table()).sum(axis=1) == pytest.approx(1.0)
