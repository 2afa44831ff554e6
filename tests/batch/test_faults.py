"""Runs, workers and whole clusters that are killed: the result is that of a run that was left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import sys
from xai import batch
if __name__ == "__main__":
    model, data, out, engine, *scheduler = sys.argv[1:]
    batch.run(model, data, out, ["shap"], workers=2, rows_per_part=20, engine=engine,
              scheduler=scheduler[0] if scheduler else None, progress=lambda p: print(p.parts, flush=True))
"""


@pytest.fixture(scope="session")
def driver(tmp_path_factory, model_file, folder):
    """Start a run in a process of its own that tells how many parts are done."""
    script = tmp_path_factory.mktemp("driver") / "driver.py"
    script.write_text(SCRIPT)

    def start(out, *engine):
        return subprocess.Popen(
            [sys.executable, str(script), str(model_file), str(folder), str(out), *(engine or ("local",))],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        )

    return start


def _wait_for(process, parts):
    for line in process.stdout:
        if int(line) >= parts:
            return
    pytest.fail(process.stderr.read()[-2000:])


def _children(pid):
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


@pytest.fixture(scope="session")
def undisturbed(driver, tmp_path_factory):
    """The same run, left alone."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    assert driver(out).wait(120) == 0
    return out


def test_a_killed_driver_resumes_byte_for_byte(driver, undisturbed, tmp_path, digest):
    out = tmp_path / "out"
    for parts, sign in ((1, signal.SIGINT), (20, signal.SIGKILL)):
        process = driver(out)
        _wait_for(process, parts)
        process.send_signal(sign)
        process.wait(60)
        process.communicate()
        assert not (out / "summary.json").exists()
    kept = len(list((out / "shap").rglob("*.parquet")))
    assert kept >= 20
    process = driver(out)
    assert process.wait(120) == 0
    assert int(process.stdout.readline()) >= kept - 1
    assert digest(out) == digest(undisturbed)


def test_killed_workers_cost_time_not_rows(driver, undisturbed, tmp_path, digest):
    process = driver(tmp_path / "out")
    for parts in (3, 15, 30):
        _wait_for(process, parts)
        for child in _children(process.pid)[:1]:
            os.kill(child, signal.SIGKILL)
    assert process.wait(120) == 0, process.stderr.read()[-2000:]
    assert digest(tmp_path / "out") == digest(undisturbed)


@pytest.fixture
def cluster(tmp_path):
    """A Dask scheduler and two workers as programs of their own: address, and the workers."""
    pytest.importorskip("distributed")
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}

    def start(*command):
        return subprocess.Popen(
            [sys.executable, "-m", *command], cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL
        )

    contact = tmp_path / "scheduler.json"
    quiet = ("--no-dashboard",)
    options = ("--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(contact), *quiet)
    scheduler = start("distributed.cli.dask_scheduler", *options)
    options = ("--scheduler-file", str(contact), "--nthreads", "1", "--no-nanny", *quiet)
    workers = [start("distributed.cli.dask_worker", *options, "--name", str(i)) for i in range(2)]
    yield contact, workers
    for process in (*workers, scheduler):
        process.kill()
        process.wait(20)


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_for_good_writes_the_same_bytes(cluster, driver, undisturbed, tmp_path, digest):
    contact, workers = cluster
    from distributed import Client

    with Client(scheduler_file=str(contact), timeout=60) as client:
        client.wait_for_workers(2, timeout=60)
        address = client.scheduler.address
    process = driver(tmp_path / "out", "dask", address)
    _wait_for(process, 4)
    workers[0].kill()
    assert process.wait(180) == 0, process.stderr.read()[-2000:]
    assert digest(tmp_path / "out") == digest(undisturbed)


@pytest.mark.slow
def test_a_driver_killed_on_a_cluster_resumes_there(cluster, driver, undisturbed, tmp_path, digest):
    contact, _ = cluster
    from distributed import Client

    with Client(scheduler_file=str(contact), timeout=60) as client:
        client.wait_for_workers(2, timeout=60)
        address = client.scheduler.address
    process = driver(tmp_path / "out", "dask", address)
    _wait_for(process, 3)
    process.kill()
    process.communicate()
    process = driver(tmp_path / "out", "dask", address)
    assert process.wait(180) == 0, process.stderr.read()[-2000:]
    assert digest(tmp_path / "out") == digest(undisturbed)
