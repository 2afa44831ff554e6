"""The page Your model: files of every native kind, names that differ, bad files, limits, and other sessions."""

from __future__ import annotations

import json
import os
import pickle
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import xai
from xai.batch import runs
from xai.dashboard import jobs, limits, sessions, source
from xai.dashboard.workers import pool

FEATURES = ["age", "dose", "marker", "noise"]
PAGES = ("overview", "parliament", "shap_comparison", "batch")


@pytest.fixture
def mine(app, monkeypatch, tmp_path):
    """A function that opens the page in a session whose uploads lie in a folder of the test."""
    monkeypatch.setenv(sessions.UPLOADS, str(tmp_path / "uploads"))
    monkeypatch.setenv("HEMICYCLE_RUNS", str(tmp_path / "runs"))
    for cached in (sessions.sessions, limits.limits):
        cached.cache_clear()

    def start(**state):
        return Mine(app(**state).open("your_model"))

    yield start
    sessions.sessions().close()
    for cached in (sessions.sessions, limits.limits):
        cached.cache_clear()


class Mine:
    """The page with what a person does on it."""

    def __init__(self, visit):
        self.visit = visit

    def __getattr__(self, name):
        return getattr(self.visit, name)

    def open(self, page):
        self.visit.open(page)
        return self

    def drop(self, *files):
        """Drop paths, or pairs of a name and bytes, at once."""
        given = [
            (file.name, file.read_bytes(), "") if isinstance(file, Path) else (file[0], file[1], "") for file in files
        ]
        self.visit.at.file_uploader[0].set_value(given)
        self.visit.run()
        return self

    def press(self, label):
        next(button for button in self.visit.at.button if button.label == label).click()
        self.visit.run()
        return self

    def press_last(self, label):
        [button for button in self.visit.at.button if button.label == label][-1].click()
        self.visit.run()
        return self

    def choose(self, label, value):
        next(box for box in self.visit.at.selectbox if box.label == label).set_value(value)
        self.visit.run()
        return self

    def chosen(self, label):
        return next(box.value for box in self.visit.at.selectbox if box.label == label)

    @property
    def labels(self):
        return [box.label for box in self.visit.at.selectbox]

    @property
    def can_use(self):
        return "Use this model" in [button.label for button in self.visit.at.button]

    @property
    def warnings(self):
        return [warning.value for warning in self.visit.at.warning]

    def session(self):
        return sessions.sessions().get("test session id")


def catboost_files(table, folder):
    import catboost

    model = catboost.CatBoostClassifier(iterations=10, depth=3, verbose=False, allow_writing_files=False)
    model.fit(table[FEATURES], table["died"])
    for form in ("cbm", "json"):
        model.save_model(str(folder / f"cat.{form}"), format=form)
    return [folder / "cat.cbm", folder / "cat.json"]


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_a_model_and_a_table_put_every_page_on_them(mine, own_files, task):
    model, data, target = own_files[task]
    page = mine().drop(model, data)
    assert page.errors == []
    assert page.chosen("Column with the true answers") == target
    page.press("Use this model")
    assert page.errors == []
    for name in PAGES if task == "binary" else PAGES[:2]:
        page.open(name)
        assert page.errors == [], name
        assert f"{model.name} on {data.name}" in page.text
        assert "not medical advice" not in page.text


def test_catboost_files_open_by_their_content(mine, table, tmp_path):
    files = catboost_files(table, tmp_path)
    named = [(f"model{i}.bin", path.read_bytes()) for i, path in enumerate(files)]
    page = mine().drop(*named, ("rows.txt", table[[*FEATURES, "died"]].to_csv(index=False).encode()))
    assert page.errors == []
    assert "catboost\\-cbm" in page.text
    assert "catboost\\-json" in page.text
    assert page.can_use


def test_a_parquet_table_gives_the_seats_the_library_gives(mine, own_files, table, tmp_path):
    table[[*FEATURES, "died"]].to_parquet(tmp_path / "rows.parquet")
    page = mine().drop(own_files["binary"][0], tmp_path / "rows.parquet").press("Use this model").open("parliament")
    a = xai.explain(xai.load_model(own_files["binary"][0], isolated=False), table[FEATURES])
    assert page.seats() == xai.elect(a).seats


def test_columns_of_other_names_are_proposed_and_can_be_corrected(mine, own_files, table):
    renamed = table[[*FEATURES, "died"]].rename(columns={"age": "Age [years]", "dose": "D", "marker": "markers"})
    page = mine().drop(own_files["binary"][0], ("rows.csv", renamed.to_csv(index=False).encode()))
    assert page.chosen("age is") == "Age [years]"
    assert page.chosen("marker is") == "markers"
    assert page.chosen("dose is") is None
    assert not page.can_use
    assert any("'dose'" in text for text in page.warnings)
    page.choose("dose is", "markers")
    assert any("'markers' stands for more than one" in text for text in page.warnings)
    page.choose("dose is", "D").press("Use this model").open("parliament")
    assert page.errors == []
    a = xai.explain(xai.load_model(own_files["binary"][0], isolated=False), table[FEATURES])
    assert page.seats() == xai.elect(a).seats


def test_answers_in_words_are_brought_to_the_classes(mine, own_files, table):
    rows = table[[*FEATURES, "died"]].assign(died=table["died"].map({0: "alive", 1: "dead"}))
    page = mine().drop(own_files["binary"][0], ("rows.csv", rows.to_csv(index=False).encode()))
    assert page.chosen("Class 0 is") == "alive"
    assert page.chosen("Class 1 is") == "dead"
    page.choose("Class 1 is", "alive")
    assert any("same name" in text for text in page.warnings)
    page.choose("Class 1 is", "dead").press("Use this model").open("overview")
    assert page.errors == []
    assert "class dead" in page.text


def test_the_output_and_the_class_that_were_chosen_are_shown(mine, own_files, table):
    model, data, _ = own_files["multiclass"]
    page = mine().drop(model, data).choose("The model answers in", "probability").choose("Class shown first", "2")
    page.press("Use this model").open("parliament")
    assert page.errors == []
    assert page.at.selectbox(key="class").value == "2"
    assert "probability" in page.text
    # Probabilities are no sums over trees: 100 of the rows are explained against 20.
    order = np.random.default_rng(0).permutation(120)
    rows, background = (table[FEATURES].iloc[np.sort(order[:n])] for n in (100, 20))
    opened = xai.load_model(model, "probability", isolated=False)
    a = xai.explain(opened, rows, method="sampling", background=background)
    assert page.seats() == xai.elect(a.for_output("2")).seats


def test_a_model_that_answers_in_probabilities_has_a_report_and_a_batch(mine, own_files):
    model, data, _ = own_files["binary"]
    page = mine(patience=150).drop(model, data).choose("The model answers in", "probability").press("Use this model")
    page.open("report")
    assert page.errors == []
    assert "One HTML file of" in page.text
    page.open("batch")
    assert page.at.multiselect(key="batch-methods").value == ["sampling"]
    assert "Exact routines explain the margin of a model, and this one answers in probability" in page.text
    next(button for button in page.at.button if button.label.startswith("Explain ")).click()
    page.at.run()
    (run,) = runs.history(page.session().folder / "runs")
    end = time.monotonic() + 240
    while run.status == "running":
        assert time.monotonic() < end, "the run does not end"
        time.sleep(0.1)
    assert (run.status, run.message) == ("finished", "")
    page.run()
    assert page.errors == []
    assert page.seats("batch-parliament") == run.result().parliament(output="1", seats=100).seats
    a = run.result().attribution()
    assert a.output_space == "probability"
    assert np.abs(a.additivity_gap).max() < 1e-6


def test_what_is_missing_is_said(mine, own_files):
    model, data, _ = own_files["binary"]
    assert any("Drop a model and a table" in info.value for info in mine().at.info)
    assert any("no table" in info.value for info in mine().drop(model).at.info)
    page = mine()
    next(button for button in page.at.button if button.label == "Remove").click()
    page.run()
    assert any("no model" in info.value for info in page.drop(data).at.info)


def test_a_removed_file_is_gone_with_everything_about_it(mine, own_files):
    model, data, _ = own_files["binary"]
    page = mine().drop(model, data).press("Use this model")
    folder = page.session().folder
    assert len(list(folder.rglob("*.*"))) == 2
    for _ in range(2):
        page.press("Remove")
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    assert not any(key.startswith(source.UPLOADED) for key in page.at.selectbox(key="data").options)
    assert page.open("overview").errors == []


BAD = {
    "model.pkl": (pickle.dumps({"a": 1}), "pickle"),
    "cut.ubj": (None, "cut.ubj"),
    "empty.csv": (b"\n", "empty"),
    "ragged.csv": (b"a,b\n1,2,3\n", "line 2"),
    "words.json": (b'{"a": 1}', "no XGBoost or CatBoost"),
    "tree.txt": (b"tree\nversion=v4\nnum_class=1\n", "tree.txt"),
    "noise.bin": (bytes(range(256)) * 8, "noise.bin"),
    "cut.parquet": (b"PAR1" + bytes(64), "Parquet"),
}


def test_bad_files_are_one_message_each_and_the_others_work(mine, own_files):
    model, data, _ = own_files["binary"]
    bad = {name: model.read_bytes()[:300] if content is None else content for name, (content, _) in BAD.items()}
    page = mine()
    names = list(BAD)
    for some in (names[:5], names[5:]):
        page.drop(model, data, *((name, bad[name]) for name in some))
        assert len(page.errors) == len(some)
        for name, error in zip(some, page.errors, strict=True):
            assert name in error
            assert BAD[name][1] in error
            assert "Traceback" not in error
        assert page.can_use
        for _ in some:
            page.press_last("Remove")
    assert page.press("Use this model").open("parliament").errors == []


def test_limits_are_kept_and_named(mine, own_files, monkeypatch):
    model, data, _ = own_files["binary"]
    monkeypatch.setenv("HEMICYCLE_MAX_FILES", "2")
    monkeypatch.setenv("HEMICYCLE_MAX_DATA_MB", "1")
    monkeypatch.setenv("HEMICYCLE_MAX_MODEL_MB", "1")
    page = mine().drop(("large.csv", b"a\n" + b"1\n" * 600_000), model, data, ("more.csv", b"a\n1\n"), ("no.csv", b""))
    assert "large.csv has 1 MB; files of up to 1 MB are taken." in page.errors
    assert any("more.csv is one too many" in error for error in page.errors)
    assert "no.csv is empty." in page.errors
    assert page.can_use


def test_a_model_has_its_own_limit(mine, own_files, monkeypatch):
    monkeypatch.setenv("HEMICYCLE_MAX_MODEL_MB", "1")
    model = json.loads(own_files["multiclass"][0].read_text())
    padded = json.dumps(model | {"padding": "x" * 1_200_000}).encode()
    page = mine().drop(("padded.json", padded))
    assert any("padded.json has 1 MB; model files of up to 1 MB" in error for error in page.errors)


NAMES = ["../../etc/passwd", "C:\\data\\rows.csv", "..", "a\x00b.csv", "ü" * 300 + ".csv", "\u202evsc.exe"]


def test_names_stay_in_the_folder(mine):
    page = mine().drop(*((name, f"a\n{i}\n".encode()) for i, name in enumerate(NAMES)))
    folder = page.session().folder
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) == len(NAMES)
    assert all(path.resolve().is_relative_to(folder.resolve()) for path in files)
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.rglob("*"))


def test_markup_in_names_is_text(mine):
    page = mine().drop(("**<b>bold</b>**[x](javascript:1).csv", b"a\n1\n"))
    shown = page.text
    assert "<b>" not in shown
    assert "[x](" not in shown


def test_another_session_is_told_and_sees_nothing(mine, own_files, monkeypatch):
    model, data, _ = own_files["binary"]
    page = mine().drop(model, data).press("Use this model")
    key = page.at.selectbox(key="data").value
    title = f"{model.name} on {data.name}"
    for module in (sessions, jobs):
        monkeypatch.setattr(module, "current_id", lambda: "somebody else")
    other = mine()
    assert key not in other.at.selectbox(key="data").options
    assert model.name not in other.text
    other.at.query_params["data"] = title  # as Streamlit writes it into the address
    other.run()
    assert any("another session" in text for text in other.warnings)
    assert other.errors == []
    assert other.at.selectbox(key="data").value == source.DEFAULT
    del other.at.query_params["data"]  # as the browser does when another is chosen
    other.at.selectbox(key="data").set_value("pima_diabetes-lightgbm")
    other.run()
    assert other.warnings == []


def test_the_end_of_a_session_removes_files_results_and_work(mine, own_files):
    model, data, _ = own_files["binary"]
    page = mine().drop(model, data).press("Use this model").open("parliament")
    folder = page.session().folder
    assert any(asked.owner for asked in jobs._jobs.values())
    sessions.sessions().end("test session id")
    assert not folder.exists()
    assert not any(asked.owner for asked in jobs._jobs.values())


def test_a_worker_that_is_killed_is_a_message_and_the_page_goes_on(mine, own_files, monkeypatch):
    model, data, _ = own_files["binary"]
    page = mine().drop(model, data)
    monkeypatch.setattr(jobs, "PATIENCE", 60)
    original = jobs.compute

    class Killer:
        """The pool, but the worker of every explanation is killed as soon as it runs."""

        def submit(self, task, label, **options):
            job = pool().submit(task, label, **options)
            if task == "explain":
                while job.status == "queued":
                    pass
                for worker in pool()._workers:
                    if worker is job._worker and worker.pid:
                        os.kill(worker.pid, signal.SIGKILL)
            return job

    monkeypatch.setattr(jobs, "pool", Killer)
    page.press("Use this model").open("parliament")
    assert original is jobs.compute
    assert any("killed (signal 9)" in error and model.name in error for error in page.errors)
    monkeypatch.setattr(jobs, "pool", pool)
    page.press("Try again")
    assert page.errors == []
    assert sum(page.seats().values()) == 100


def test_models_without_names_are_given_columns_by_position(mine, table):
    import xgboost

    X = table[FEATURES].to_numpy()
    model = xgboost.XGBRegressor(n_estimators=5, max_depth=2, n_jobs=1).fit(X, table["days"])
    content = bytes(model.get_booster().save_raw("ubj"))
    page = mine().drop(("m.ubj", content), ("rows.csv", table[["days", *FEATURES]].to_csv(index=False).encode()))
    assert page.errors == []
    box = next(box for box in page.at.multiselect if box.label.startswith("Columns"))
    box.set_value(FEATURES)
    page.run()
    page.press("Use this model").open("parliament")
    assert page.errors == []
    a = xai.explain(xai.wrap_model(model), pd.DataFrame(X, columns=FEATURES))
    assert page.seats() == xai.elect(a).seats
    assert np.isfinite(a.values).all()


def test_the_example_can_be_followed(mine):
    from xai.dashboard.views.your_files import _example

    model, rows, n = _example()
    page = mine().drop(("example_model.txt", model), ("example_rows.csv", rows))
    assert page.errors == []
    assert page.chosen("BMI is") == "Body mass (BMI)"
    page.press("Use this model").open("overview")
    assert f"{n} rows of example_rows.csv" in page.text
    assert page.errors == []


def test_where_sign_in_is_asked_for_no_page_is_drawn(app, monkeypatch):
    from xai.dashboard.frame import SIGN_IN

    monkeypatch.setenv(SIGN_IN, "1")
    visit = app().open("your_model")
    assert visit.titles == ["Sign in"]
    assert not visit.at.selectbox
    assert not visit.at.file_uploader
