"""Runs, workers and whole clusters that are killed: the result is that of a run that was left alone."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys

import catboost
import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.linear_model import LogisticRegression

from xai import batch
from xai.batch import store
from xai.cli import main
from xai.core.errors import InputError

from .processes import ROOT, children, environment, start_cluster

ROUNDS = 20
PARTS = 225
# After each part it waits for leave to go on, so that nothing depends on the speed of a machine; at the end of its
# input it waits no more. No module-level statement may touch a result: spawned workers may run a script's module-level
# code again.
SCRIPT = """
import sys
from xai import batch
from xai.shapley.trees.engine import TreeConfig

def tell(progress):
    print(progress.parts, flush=True)
    sys.stdin.readline()

if __name__ == "__main__":
    model, data, out, engine, *scheduler = sys.argv[1:]
    batch.run(model, data, out, ["shap", "dhondt"], workers=2, rows_per_part=4, engine=engine, key=["id"],
              options={"shap": {"config": TreeConfig(engine="native")}},
              scheduler=scheduler[0] if scheduler else None, progress=tell)
"""


@pytest.fixture(scope="session")
def quick_model(rows, tmp_path_factory):
    """The library that a worker imports soonest."""
    y = (rows["a"] + rows["b"] * rows["c"] > 0).astype(int)
    options = {"iterations": 12, "depth": 3, "verbose": 0, "allow_writing_files": False, "thread_count": 1}
    path = tmp_path_factory.mktemp("quick") / "model.cbm"
    catboost.CatBoostClassifier(**options).fit(rows[list("abcde")], y).save_model(path)
    return path


@pytest.fixture(scope="session")
def driver(tmp_path_factory, quick_model, folder):
    """Start a run in a process of its own that tells how many of its parts are done."""
    script = tmp_path_factory.mktemp("driver") / "driver.py"
    script.write_text(SCRIPT)

    def start(out, *engine):
        return subprocess.Popen(
            [sys.executable, str(script), str(quick_model), str(folder), str(out), *(engine or ("local",))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment(),
        )

    return start


def counted(process):
    """How many parts are done, as it says next."""
    line = process.stdout.readline()
    assert line, process.stderr.read()[-2000:]
    return int(line)


def go_on(process, parts):
    """Let a process that waits do some parts; how many are done in all."""
    done = 0
    for _ in range(parts):
        process.stdin.write("\n")
        process.stdin.flush()
        done = counted(process)
    return done


def end(process):
    """Let it come to its end."""
    _, said = process.communicate(timeout=240)
    assert process.returncode == 0, said[-2000:]


def kill(process, sign=signal.SIGKILL):
    process.send_signal(sign)
    process.communicate(timeout=120)
    assert process.returncode != 0


@pytest.fixture(scope="session")
def undisturbed(driver, tmp_path_factory):
    """The same run, left alone."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    end(driver(out))
    return out


def test_a_driver_that_is_interrupted_and_killed_resumes_byte_for_byte(driver, undisturbed, tmp_path, digest):
    out = tmp_path / "out"
    for parts, sign in ((2, signal.SIGINT), (60, signal.SIGKILL)):
        process = driver(out)
        counted(process)
        go_on(process, parts)
        kill(process, sign)
        assert not (out / "summary.json").exists()
    kept = len(list((out / "dhondt").rglob("*.parquet")))
    assert kept >= 60
    process = driver(out)
    assert counted(process) >= kept - 1
    end(process)
    assert digest(out) == digest(undisturbed)


def rounds(start, workers, out, undisturbed, digest):
    """Kill a worker or the driver at random partitions; whatever is finished is what the undisturbed run has."""
    rng = np.random.default_rng(8)
    whole = digest(undisturbed)
    process, killed = start(), {"worker": 0, "driver": 0}
    counted(process)
    for _ in range(ROUNDS):
        assert go_on(process, int(rng.integers(1, 5))) < PARTS, "it ends before it can be killed"
        found = workers(process)
        if found and rng.random() < 0.5:
            os.kill(found[int(rng.integers(len(found)))], signal.SIGKILL)
            killed["worker"] += 1
        else:
            kill(process)
            killed["driver"] += 1
            assert not (out / "summary.json").exists()
            process = start()
            counted(process)
        assert digest(out).items() <= whole.items()
    end(process)
    assert digest(out) == whole
    assert min(killed.values()) >= 5


@pytest.mark.slow
def test_twenty_rounds_on_one_machine(driver, undisturbed, tmp_path, digest):
    def workers(process):
        """Children of the process that forks them."""
        return [worker for forking in children(process.pid) for worker in children(forking)]

    rounds(lambda: driver(tmp_path / "out"), workers, tmp_path / "out", undisturbed, digest)


@pytest.mark.slow
def test_twenty_rounds_on_a_cluster(driver, undisturbed, tmp_path, digest):
    pytest.importorskip("distributed")
    with start_cluster(tmp_path, nannies=True) as (address, nannies):

        def workers(_process):
            """Nannies start their worker again."""
            return [worker for nanny in nannies for worker in children(nanny.pid)]

        rounds(lambda: driver(tmp_path / "out", "dask", address), workers, tmp_path / "out", undisturbed, digest)


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_for_good_writes_the_same_bytes(driver, undisturbed, tmp_path, digest):
    pytest.importorskip("distributed")
    with start_cluster(tmp_path, nannies=False) as (address, workers):
        process = driver(tmp_path / "out", "dask", address)
        counted(process)
        go_on(process, 4)
        workers[0].kill()
        end(process)
    assert digest(tmp_path / "out") == digest(undisturbed)


@pytest.fixture
def run_here(rows, folder, tmp_path):
    """A run in this process."""
    rows[list("abcde")].iloc[:20].to_parquet(tmp_path / "background.parquet")
    background = {"background": str(tmp_path / "background.parquet")}
    model = LogisticRegression().fit(rows[list("abcde")], (rows["a"] > 0).astype(int))

    def run(out, data=folder, **options):
        given = {"shap": background, "removal": background}
        return batch.run(model, data, out, ["shap", "removal"], options=given, rows_per_part=90, **options)

    return run


def test_a_disk_that_is_full_costs_the_part_that_did_not_fit(run_here, tmp_path, monkeypatch, digest):
    whole = run_here(tmp_path / "whole")
    out, synced, real = tmp_path / "out", [], os.fsync

    def full(handle):
        synced.append(handle)
        if len(synced) > 17:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"No space left on device. Make room and start the run again"):
        run_here(out)
    monkeypatch.undo()
    kept = {name: content for name, content in digest(out).items() if name.endswith(".parquet")}
    assert kept
    assert kept.items() <= digest(whole.folder).items()
    assert not list(out.rglob(".unfinished*"))
    run_here(out)
    assert digest(out) == digest(whole.folder)


def test_a_file_damaged_inside_is_skipped_or_stops(run_here, rows, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    rows.iloc[:90].to_parquet(data / "a.parquet")
    rows.iloc[90:180].to_parquet(data / "b.parquet", compression="gzip")
    pages = pq.ParquetFile(data / "b.parquet").metadata.row_group(0).column(1)
    content = bytearray((data / "b.parquet").read_bytes())
    middle = pages.data_page_offset + pages.total_compressed_size // 2
    content[middle : middle + 40] = b"\0" * 40
    (data / "b.parquet").write_bytes(content)
    with pytest.raises(InputError, match=r"b\.parquet"):
        run_here(tmp_path / "stopped", data)
    done = run_here(tmp_path / "skipped", data, bad_files="skip")
    assert [entry["file"] for entry in done.summary["skipped"]] == ["b.parquet"]
    assert len(done.attribution().rows) == 90


def test_a_folder_in_use_is_told_by_an_exit_code(quick_model, folder, tmp_path, capsys):
    with store.locked(tmp_path / "out"):
        assert main(["batch", str(quick_model), str(folder), "-o", str(tmp_path / "out")]) == 2
    assert "another run is writing" in capsys.readouterr().err


def test_no_worker_at_all_is_told_by_an_exit_code(quick_model, folder, tmp_path, capsys):
    assert main(["batch", str(quick_model), str(folder), "-o", str(tmp_path / "out"), "--workers", "0"]) == 2
    assert "workers must be a whole number of at least 1" in capsys.readouterr().err


def test_ctrl_c_ends_the_command_with_130_and_all_its_processes(quick_model, folder, tmp_path, digest):
    command = [sys.executable, "-m", "xai", "batch", str(quick_model), str(folder), "-o", str(tmp_path / "out")]
    command += ["--workers", "1", "--progress"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=environment())
    assert "0 of 900 rows" in process.stderr.readline()  # the workers start
    forking = children(process.pid)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode == 130
    assert not any(children(pid) for pid in forking)
    assert main(command[3:-1]) == 0
    assert (tmp_path / "out" / "summary.json").exists()
