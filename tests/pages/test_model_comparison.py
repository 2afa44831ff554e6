"""Models compared: the stored results at first paint, runs of one's own, and ways back."""

from __future__ import annotations

from collections import OrderedDict

import pytest

from xai.dashboard import jobs
from xai.workflows.stored import RECIPES, stored_comparison, stored_rashomon

FIGURES = {
    "model-scores",
    "selection",
    "model-importances",
    "model-agreement",
    "simple-losses",
    "simple-agreement",
}


@pytest.mark.parametrize("name", RECIPES)
def test_the_stored_result_fills_the_page(app, name):
    visit = app().open("model_comparison").set("selectbox", "compare", name)
    assert visit.titles == ["Models compared"]
    assert visit.errors == []
    hospitals = {"sites", "site-map"} if name == "heart_four_hospitals" else set()
    assert set(visit.figures) == FIGURES | hospitals
    found, simple = stored_comparison(name), stored_rashomon(name)
    # The page says that it is a stored result, of which recipe, versions and data.
    assert "Stored result of `sample_data/recipes/model_comparisons.py`: seed 0" in visit.text
    assert f"xgboost {found.provenance.versions['xgboost']}" in visit.text
    assert found.provenance.data_hash[:12] in visit.text
    assert f"{found.n_test} held out" in visit.text
    assert f"**{simple.share.within} of {simple.share.of}** simple models" in visit.text
    assert visit.at.get("code")[0].value == simple.description
    best = max(found.models.values(), key=lambda result: result.auc.value)
    dots = next(trace for trace in visit.figure("model-scores")["data"] if trace["name"] == "AUC")
    assert dots["text"][0] == f"{best.auc.value:.2f}"
    labels = [button.proto.label for button in visit.at.get("download_button")]
    assert labels.count("CSV") == labels.count("JSON") == len(visit.at.subheader) - (not found.aspects)


def test_the_sidebars_table_is_offered_and_the_stored_one_chosen_with_it(app):
    visit = app(data="heart_four_hospitals-xgboost").open("model_comparison")
    assert visit.at.selectbox(key="compare").value == "heart_four_hospitals"
    visit = app(data="pima_diabetes-lightgbm").open("model_comparison")
    assert visit.at.selectbox(key="compare").value == "alzheimers_csf"
    assert len(visit.at.selectbox(key="compare").options) == 3
    visit.set("selectbox", "compare", "pima_diabetes")
    assert visit.figures == []
    assert "Nothing is stored for Pima" in visit.at.info[0].value
    assert [button.label for button in visit.at.button] == ["Run"]


def test_a_number_is_no_choice(app):
    visit = app(data="diabetes_progression-lightgbm").open("model_comparison")
    assert len(visit.at.selectbox(key="compare").options) == 2


def test_controls_change_the_figures(app):
    visit = app().open("model_comparison")
    columns = visit.figure("model-importances")["layout"]["yaxis"]["ticktext"]
    visit.at.toggle(key="aspects").set_value(True)
    visit.run()
    assert visit.figure("model-importances")["layout"]["yaxis"]["ticktext"] != columns
    visit.set("selectbox", "counting", "aspects")
    assert "aspects used" in visit.figure("selection")["layout"]["xaxis"]["title"]["text"]


def test_a_run_shows_progress_and_can_be_cancelled(own, own_files, monkeypatch):
    monkeypatch.setattr(jobs, "_jobs", OrderedDict())  # no other test shall find the cancelled job
    visit = own(*own_files["binary"]).open("model_comparison").set("selectbox", "compare", "mine")
    visit.at.button(key="run-anew").click()
    visit.at.run()
    shown = visit.at.get("progress")
    assert len(shown) == 1
    assert "Comparing five models on died.ubj on binary.csv" in shown[0].proto.text
    cancel = next(button for button in visit.at.button if button.label == "Cancel")
    cancel.click()
    visit.at.run()
    assert [note.value for note in visit.at.info] == ["Cancelled."]
    assert [button.label for button in visit.at.button] == ["Try again"]
    assert not visit.at.exception


@pytest.mark.slow
@pytest.mark.timeout(1000)
def test_a_run_on_ones_own_table(own, own_files):
    visit = own(*own_files["binary"], patience=900).open("model_comparison").set("selectbox", "compare", "mine")
    visit.at.button(key="run-anew").click()
    visit.run()
    assert visit.errors == []
    assert set(visit.figures) == FIGURES
    assert "Computed here: seed 0" in visit.text
    assert "died.ubj on binary.csv · 84 rows to train on, 36 held out" in visit.text
    columns = visit.figure("model-importances")["layout"]["yaxis"]["ticktext"]
    assert columns[0] == "age"  # what decided most when the table was made
    # The result is kept: another visit of this session finds it at once.
    visit.open("overview").open("model_comparison").set("selectbox", "compare", "mine")
    assert set(visit.figures) == FIGURES


@pytest.mark.slow
@pytest.mark.timeout(1000)
def test_running_the_stored_one_again_and_going_back(app):
    visit = app(patience=900).open("model_comparison")
    before = visit.figure("simple-losses")["data"][1]
    visit.at.button(key="run-anew").click()
    visit.run()
    assert "Computed here, by the same recipe as the stored result" in visit.text
    assert visit.figure("simple-losses")["data"][1]["name"] == before["name"]
    visit.at.button(key="show-stored").click()
    visit.run()
    assert "Stored result of" in visit.text
