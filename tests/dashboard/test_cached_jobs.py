"""Jobs of pages: done once for the same content, and again only when somebody asks."""

from __future__ import annotations

import pandas as pd
import pytest

from xai.core.errors import CancelledError, InputError, ModelError
from xai.dashboard import jobs
from xai.datasets import demo_models


@pytest.fixture
def submitted(monkeypatch):
    """Jobs handed to the real pool, counted; the cache starts empty and patience is long."""
    made = []
    pool = jobs.pool()

    class Counting:
        def submit(self, *arguments, **options):
            made.append(pool.submit(*arguments, **options))
            return made[-1]

    monkeypatch.setattr(jobs, "pool", Counting)
    monkeypatch.setattr(jobs, "_jobs", type(jobs._jobs)())
    monkeypatch.setattr(jobs, "PATIENCE", 60)
    return made


@pytest.fixture
def model():
    return {"model": str(demo_models()["breast_cancer_mean-xgboost"].path)}


def test_the_same_content_is_computed_once(submitted, model):
    X, _ = demo_models()["breast_cancer_mean-xgboost"].held_out_data()
    first = jobs.compute("predict", "Predicting", "id", model, X=X)
    assert jobs.compute("predict", "Predicting, said otherwise", "id", model, X=X) is first
    assert len(submitted) == 1
    assert first.shape == (len(X), 1)


@pytest.mark.parametrize("change", ["task", "identity", "options"])
def test_other_content_is_computed_again(submitted, model, change):
    jobs.compute("describe", "Opening", "id", model)
    if change == "task":
        jobs.compute("importance", "Asking", "id", model)
    elif change == "identity":
        jobs.compute("describe", "Opening", "other", model)
    else:
        jobs.compute("describe", "Opening", "id", {"model": str(demo_models()["pima_diabetes-lightgbm"].path)})
    assert len(submitted) == 2


def test_a_failure_stays_until_somebody_tries_again(submitted, tmp_path):
    path = tmp_path / "m.ubj"
    path.write_bytes(b"nonsense")
    for _ in range(2):
        with pytest.raises(ModelError, match=r"m\.ubj"):
            jobs.compute("describe", "Opening", "id", {"model": str(path)})
    assert len(submitted) == 1
    path.write_bytes(demo_models()["breast_cancer_mean-xgboost"].path.read_bytes())
    jobs.forget_failed()
    assert jobs.compute("describe", "Opening", "id", {"model": str(path)})["framework"] == "xgboost"
    assert len(submitted) == 2


def test_trying_again_keeps_what_succeeded(submitted, model):
    jobs.compute("describe", "Opening", "id", model)
    jobs.forget_failed()
    jobs.compute("describe", "Opening", "id", model)
    assert len(submitted) == 1


def test_long_work_is_reported_as_running_and_can_be_cancelled(submitted, model, monkeypatch):
    monkeypatch.setattr(jobs, "PATIENCE", 0)
    X = pd.concat([demo_models()["breast_cancer_mean-xgboost"].held_out_data()[0]] * 2000)
    with pytest.raises(jobs.StillRunningError) as running:
        jobs.compute("explain", "Explaining", "long", model, X=X)
    assert running.value.job is submitted[0]
    running.value.job.cancel()
    for _ in range(2):
        with pytest.raises(CancelledError):
            jobs.compute("explain", "Explaining", "long", model, X=X)
    assert len(submitted) == 1
    monkeypatch.setattr(jobs, "PATIENCE", 60)
    jobs.forget_failed()
    assert jobs.compute("explain", "Explaining", "long", model, X=X[:10]).values.shape == (10, 10, 1)


def test_old_results_are_dropped_and_the_recently_used_kept(submitted, model, monkeypatch):
    monkeypatch.setattr(jobs, "KEEP", 2)
    for identity in ("a", "b", "a", "c", "a"):
        jobs.compute("describe", "Opening", identity, model)
    assert len(submitted) == 3
    jobs.compute("describe", "Opening", "b", model)
    assert len(submitted) == 4


def test_a_task_that_does_not_exist_is_an_error(submitted):
    with pytest.raises(InputError, match="nothing_like_it"):
        jobs.compute("nothing_like_it", "Nothing", "id", {})
