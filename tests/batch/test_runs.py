"""Runs that go on by themselves: each ends as it should, and a stopped one goes on where it was."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
import zipfile

import pytest

from xai import batch
from xai.batch import runs
from xai.batch.store import commit_json
from xai.core.errors import InputError

OPTIONS = {"rows_per_part": 20, "workers": 1, "key": ["id"]}


@pytest.fixture
def ordered_run(tmp_path, model_file, rows):
    def order(**changes):
        options = OPTIONS | changes.pop("options", {})
        home, methods = tmp_path / "home", ["shap", "dhondt"]
        return runs.order(home, model_file, rows, methods, title="patients", options=options, **changes)

    return order


def until(condition, seconds=240):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.02)


def files(folder):
    """What is finished: files that are being written have names with a dot."""
    found = [path for path in folder.rglob("*.parquet") if not path.name.startswith(".")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_a_run_goes_on_by_itself_and_gives_what_batch_run_gives(ordered_run, tmp_path, model_file):
    run = ordered_run()
    assert run.status == "running"
    until(lambda: run.status != "running")
    assert (run.status, run.message) == ("finished", "")
    assert run.progress[0] == 1.0
    assert "900 of 900 rows" in run.progress[1]
    here = batch.run(model_file, run.folder / "rows.parquet", tmp_path / "here", run.methods, **OPTIONS)
    assert files(run.folder / "out") == files(here.folder)
    assert run.result().summary == here.summary
    with zipfile.ZipFile(run.pack()) as packed:
        assert {"manifest.json", "summary.json"} < set(packed.namelist())
        assert packed.testzip() is None
    assert runs.size(run) == sum(map(len, files(run.folder / "out").values()))
    run.resume()  # nothing to do
    assert run.status == "finished"
    run.delete()
    assert not run.folder.exists()


@pytest.mark.parametrize(("how", "status"), [("cancel", "cancelled"), ("kill", "interrupted")])
def test_a_stopped_run_goes_on_where_it_was(ordered_run, how, status):
    run = ordered_run()
    until(lambda: run.progress[0] > 0)
    if how == "cancel":
        run.cancel()
    else:
        os.kill(int((run.folder / "pid").read_text()), signal.SIGKILL)
        until(lambda: run.status != "running")
    assert run.status == status
    kept = files(run.folder / "out")
    assert 0 < len(kept) < 90  # 45 parts of two methods
    with pytest.raises(InputError, match="no finished run"):
        run.result()
    run.resume()
    assert run.status == "running"
    until(lambda: run.status != "running")
    assert run.status == "finished"
    assert kept.items() <= files(run.folder / "out").items()
    assert run.result().summary["rows"] == 900


@pytest.fixture
def starting(tmp_path, monkeypatch):
    """A run whose number of an earlier time is now a bystander's, and a start of it that sleeps instead."""
    folder, bystander, real = tmp_path / "run", subprocess.Popen(["sleep", "60"]), subprocess.Popen
    commit_json(folder / "order.json", {"title": "", "owner": "", "started": "", "n_rows": 1, "methods": []})
    (folder / "pid").write_text(str(bystander.pid))
    started = []

    def start(while_starting):
        def popen(_command, **given):
            while_starting()
            started.append(real(["sleep", "60"], pass_fds=given["pass_fds"]))
            return started[-1]

        monkeypatch.setattr(runs.subprocess, "Popen", popen)
        runs.read(folder).resume()
        return started[-1]

    yield folder, bystander, start
    for process in (bystander, *started):
        process.kill()
        process.wait(20)


def test_a_run_that_is_just_being_started_is_cancelled_and_nobody_else(starting):
    folder, bystander, start = starting
    stopping = threading.Thread(target=runs.read(folder).cancel)

    def cancel():
        assert runs.read(folder).status == "running"
        stopping.start()
        time.sleep(0.2)

    process = start(cancel)
    stopping.join(20)
    assert process.wait(20) == -signal.SIGTERM
    assert runs.read(folder).status == "cancelled"
    assert bystander.poll() is None


def test_a_start_that_takes_long_is_told_to_who_cancels(starting, monkeypatch):
    folder, bystander, start = starting
    monkeypatch.setattr(runs, "_GRACE", 0.1)

    def cancel():
        with pytest.raises(InputError, match="run run is just being started"):
            runs.read(folder).cancel()

    process = start(cancel)
    assert process.poll() is None
    assert bystander.poll() is None
    runs.read(folder).cancel()
    assert process.wait(20) < 0


def test_a_run_that_fails_says_why(ordered_run):
    run = ordered_run(options={"key": ["patient"]})
    until(lambda: run.status != "running")
    assert run.status == "failed"
    assert "patient" in run.message


def test_history_is_newest_first_and_private_runs_are_their_owners(ordered_run, tmp_path):
    everybody, mine = ordered_run(), ordered_run(owner="me")
    home = tmp_path / "home"
    assert [run.name for run in runs.history(home, "me")] == sorted([everybody.name, mine.name], reverse=True)
    assert [run.name for run in runs.history(home)] == [everybody.name]
    assert runs.history(tmp_path / "nowhere") == []
    for run in (everybody, mine):
        run.delete()


@pytest.mark.slow
def test_a_background_reaches_the_methods_that_take_one(tmp_path, model_file, rows):
    run = runs.order(
        tmp_path,
        model_file,
        rows,
        ["removal", "native"],
        title="patients",
        options={"workers": 1},
        background=rows.iloc[:10],
        against=["removal"],
    )
    until(lambda: run.status != "running")
    assert (run.status, run.message) == ("finished", "")
    assert set(run.result().manifest.options["removal"]) >= {"background"}
