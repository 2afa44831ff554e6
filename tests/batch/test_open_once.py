"""A worker opens its model once, and computes with one thread."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from xai.batch.work import Order, open_subject
from xai.core.errors import ModelError
from xai.core.resources import resource
from xai.datasets import demo_models
from xai.sandbox import ModelFile
from xai.sandbox.tasks import open_cached

# Libraries read OMP_NUM_THREADS when they are imported, and in a worker they are there before anybody says what to do.
SCRIPT = """
import json, sys
import sklearn.cluster, xgboost
from xai.batch.work import Order, open_subject
from xai.sandbox import ModelFile
from threadpoolctl import threadpool_info

open_subject(ModelFile(sys.argv[1]), Order("", ("shap",), {}, (), ()))
print(json.dumps([library["num_threads"] for library in threadpool_info()]))
"""


@pytest.mark.parametrize(("given", "most"), [(None, 1), ("2", 2)])
def test_libraries_that_are_imported_already_use_one_thread(given, most):
    environment = {name: value for name, value in os.environ.items() if "NUM_THREADS" not in name}
    environment |= {} if given is None else {"OMP_NUM_THREADS": given}
    path = str(demo_models()["breast_cancer_mean-xgboost"].path)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, path], env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    assert max(json.loads(done.stdout)) == most


def test_a_model_is_opened_once_whatever_it_is_asked_for_first():
    path = str(demo_models()["breast_cancer_mean-xgboost"].path)
    usual = open_cached(path)
    assert open_cached(ModelFile(path, usual.output, usual.hash)) is usual
    assert open_cached(ModelFile(path, "probability")) is not usual


def test_a_language_model_is_opened_once_and_must_stay_the_same(monkeypatch):
    pytest.importorskip("transformers")
    monkeypatch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))  # this process keeps its threads
    path = str(Path(resource("sample_data", "models", "vignettes-causal")))
    order = Order("", ("reagent",), {"reagent": {}}, (), (), "prompts")
    opened = open_subject(ModelFile(path), order)
    known = opened.facts()["hash"]
    assert open_subject(ModelFile(path, hash=known), order) is opened
    with pytest.raises(ModelError, match="has changed since the run began"):
        open_subject(ModelFile(path, hash="another"), order)
