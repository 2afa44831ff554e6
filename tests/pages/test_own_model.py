"""A person's own model and table beside the demos, and what the page says when they are bad."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import xai
from xai.datasets import demo_models

PAGES = ("overview", "parliament", "shap_comparison")


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_every_page_of_an_own_model(own, own_files, task):
    model, data, target = own_files[task]
    visit = own(model, data, target)
    for page in PAGES:
        visit.open(page)
        assert visit.errors == [], page
        assert visit.figures
        assert f"{model.name} on {data.name}" in visit.text
    assert "not medical advice" not in visit.text


def test_the_seats_of_an_own_class_are_those_of_that_class(own, own_files, table):
    model, data, target = own_files["multiclass"]
    visit = own(model, data, target).open("parliament")
    a = xai.explain(xai.load_model(model, isolated=False), table[["age", "dose", "marker", "noise"]])
    for name in a.output_names:
        visit.set("selectbox", "class", name)
        assert visit.seats() == xai.elect(a.for_output(name)).seats


def test_without_a_target_nothing_is_measured_and_the_page_says_how(own, own_files, table, tmp_path):
    model, _, _ = own_files["binary"]
    path = tmp_path / "plain.csv"
    table[["age", "dose", "marker", "noise"]].to_csv(path, index=False)
    visit = own(model, path)
    assert any("--target" in info.value for info in visit.at.info)
    assert visit.errors == []
    visit.open("shap_comparison")
    assert "permutation" in visit.text  # the missing source is named with its reason
    assert visit.errors == []


@pytest.mark.parametrize("page", PAGES)
def test_a_broken_model_file_is_named(own, own_files, tmp_path, page):
    path = tmp_path / "broken.ubj"
    path.write_bytes(own_files["binary"][0].read_bytes()[:200])
    visit = own(path, own_files["binary"][1], "died").open(page)
    assert len(visit.errors) == 1
    assert "broken.ubj" in visit.errors[0]
    assert "Traceback" not in visit.errors[0]


def test_a_pickle_is_refused(own, own_files, tmp_path):
    import pickle

    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps({"a": 1}))
    visit = own(path, own_files["binary"][1])
    assert "model.pkl is a pickle file" in visit.errors[0]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("", "is empty"), ("age,dose,marker,noise\n", "no rows"), ("age,age\n1,2\n", "'age'"), ("a,b\n1,2,3\n", "line 2")],
)
def test_a_bad_table_is_named(own, own_files, tmp_path, text, complaint):
    path = tmp_path / "patients.csv"
    path.write_text(text, encoding="utf-8")
    visit = own(own_files["binary"][0], path)
    assert len(visit.errors) == 1
    assert "patients.csv" in visit.errors[0]
    assert complaint in visit.errors[0]


def test_a_missing_column_is_named(own, own_files, table, tmp_path):
    path = tmp_path / "patients.csv"
    table[["age", "dose", "noise"]].to_csv(path, index=False)
    for page in PAGES:
        visit = own(own_files["binary"][0], path).open(page)
        assert visit.errors
        assert all("'marker'" in error for error in visit.errors)


def test_a_column_of_words_is_named(own, own_files, table, tmp_path):
    path = tmp_path / "patients.csv"
    table[["age", "dose", "noise"]].assign(marker="high").to_csv(path, index=False)
    visit = own(own_files["binary"][0], path).open("parliament")
    assert visit.errors
    assert all("'marker'" in error for error in visit.errors)


def test_a_wrong_target_is_named(own, own_files):
    model, data, _ = own_files["binary"]
    visit = own(model, data, "dead")
    assert "'dead'" in visit.errors[0]
    assert "'died'" in visit.errors[0]


def test_answers_of_another_kind_are_a_message(own, own_files, table, tmp_path):
    path = tmp_path / "patients.csv"
    table[["age", "dose", "marker", "noise"]].assign(died="who knows").to_csv(path, index=False)
    visit = own(own_files["binary"][0], path, "died")
    assert visit.errors
    assert "who knows" in visit.errors[0]
    assert visit.figures  # what the model leans on needs no answers


def test_a_demo_helps_out_when_the_own_model_is_broken(own, own_files, tmp_path):
    path = tmp_path / "broken.ubj"
    path.write_bytes(b"nothing")
    visit = own(path, own_files["binary"][1])
    assert visit.errors
    visit.set("selectbox", "data", "breast_cancer_mean-xgboost")
    assert visit.errors == []
    assert demo_models()["breast_cancer_mean-xgboost"].title in visit.text


def test_a_mended_file_opens_when_somebody_tries_again(own, own_files, tmp_path):
    path = tmp_path / "m.ubj"
    path.write_bytes(b"nothing")
    visit = own(path, own_files["binary"][1], "died")
    assert visit.errors
    path.write_bytes(own_files["binary"][0].read_bytes())
    next(button for button in visit.at.button if button.label == "Try again").click()
    visit.run()
    assert visit.errors == []


def test_many_rows_are_sampled_and_the_page_says_so(own, own_files, tmp_path):
    path = tmp_path / "many.csv"
    rng = np.random.default_rng(0)
    pd.DataFrame(rng.normal(size=(1500, 4)), columns=["age", "dose", "marker", "noise"]).to_csv(path, index=False)
    visit = own(own_files["binary"][0], path).open("parliament")
    assert visit.errors == []
    assert "1,000 of 1,500 rows of many.csv, drawn at random (seed 0)" in visit.text


def test_a_single_row_works_or_says_what_it_cannot_do(own, own_files, table, tmp_path):
    path = tmp_path / "one.csv"
    table[["age", "dose", "marker", "noise"]].head(1).to_csv(path, index=False)
    for page in PAGES:
        visit = own(own_files["binary"][0], path).open(page)
        assert visit.titles
        assert visit.figures
