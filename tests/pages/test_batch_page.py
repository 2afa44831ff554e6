"""The Batch page: a run is ordered, watched, read back, compared with another, stopped and removed."""

from __future__ import annotations

import time

import pytest

from xai.batch import runs
from xai.dashboard.batches import RUNS


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv(RUNS, str(tmp_path / "runs"))
    yield tmp_path / "runs"
    for run in runs.history(tmp_path / "runs"):
        run.delete()


def wait(home):
    end = time.monotonic() + 240
    while any(run.status == "running" for run in runs.history(home)):
        assert time.monotonic() < end, "the run does not end"
        time.sleep(0.1)


def start(visit):
    next(b for b in visit.at.button if b.label.startswith("Explain ")).click()
    visit.at.run()
    assert not visit.at.exception


def press(visit, label):
    next(b for b in visit.at.button if b.label == label).click()
    return visit.run()


def test_a_run_from_the_button_to_its_figures(app, home):
    visit = app().open("batch")
    assert [note.value for note in visit.at.info][:1] == ["No run yet."]
    start(visit)
    wait(home)
    visit.run()
    assert visit.errors == []
    (run,) = runs.history(home)
    assert (run.status, run.methods, run.n_rows) == ("finished", ("shap", "dhondt"), 171)
    assert "all 171 rows" in visit.text
    assert visit.figures == ["batch-votes", "batch-parliament"]
    seats = visit.seats("batch-parliament")
    assert seats == run.result().parliament(seats=100).seats
    assert sum(seats.values()) == 100
    # Values of all rows are those of a run without a page.
    assert run.result().attribution(slice(0, 3)).values.shape == (3, 10, 1)
    labels = [b.proto.label for b in visit.at.get("download_button")]
    assert "Results (ZIP of Parquet)" in labels

    # Another model on other rows of the same columns is compared with it.
    visit.at.session_state["data"] = "breast_cancer_mean-xgboost"
    visit.run()
    start(visit)
    wait(home)
    visit.run()
    assert visit.errors == []
    assert "drift" in visit.figures
    press(visit, "Delete")
    assert [r.name for r in runs.history(home)] == [run.name]


def test_importances_of_one_run_are_compared(app, home):
    visit = app().open("batch")
    visit.at.multiselect(key="batch-methods").set_value(["shap", "native", "permutation"])
    start(visit)
    wait(home)
    visit.run()
    assert visit.errors == []
    assert "Do the importances agree?" in [heading.value for heading in visit.at.subheader]
    (run,) = runs.history(home)
    (table,) = [frame.value for frame in visit.at.dataframe if "spearman" in frame.value.columns]
    assert len(table) == 3
    assert set(table["first"]) | set(table["second"]) >= {"SHAP values", "permutation importance"}
    assert table["spearman"].between(-1, 1).all()
    votes = run.result().summary["methods"]["permutation"]["votes"]
    assert max(votes.values()) > 0


@pytest.mark.slow
def test_one_run_at_a_time_and_cancel_and_resume(app, home, monkeypatch):
    visit = app().open("batch")
    start(visit)
    (run,) = runs.history(home)
    run.cancel()
    visit.run()
    assert run.status == "cancelled"
    assert "This run was cancelled" in visit.at.info[0].value
    press(visit, "Resume")
    wait(home)
    visit.run()
    assert run.status == "finished"
    monkeypatch.setattr(runs.Run, "status", "running")
    start(visit)
    assert "one goes on at a time" in visit.errors[0]


def test_no_method_is_a_message(app, home):
    visit = app().open("batch")
    visit.at.multiselect(key="batch-methods").set_value([])
    start(visit)
    assert visit.errors == ["choose at least one method."]
    assert runs.history(home) == []
