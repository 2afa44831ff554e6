from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from xai.core.errors import CancelledError, InputError, MissingExtraError, ModelError, WorkerError
from xai.sandbox.child import KEPT_STDERR
from xai.sandbox.client import Worker
from xai.sandbox.profile import trusted
from xai.sandbox.tasks import TASKS, check_task


def test_values_cross_both_ways(worker):
    value = {"a": [1, 2.5, None, True, "x", (1, 2)], 3: np.arange(6).reshape(2, 3)}
    back = worker.call("echo", value=value)
    assert back["a"] == value["a"]
    np.testing.assert_array_equal(back[3], value[3])
    big = np.random.default_rng(0).normal(size=(200_000, 20))  # more than a pipe holds, both ways
    np.testing.assert_array_equal(worker.call("echo", value=big), big)


def test_what_a_task_prints_never_reaches_the_pipe(worker, capfd):
    assert worker.call("noise") == ""  # its standard input is empty, too
    assert worker.call("echo", value="still in step") == "still in step"
    assert capfd.readouterr() == ("", "")


def test_progress_arrives_in_order_and_never_falls(worker):
    seen = []
    worker.call("steps", progress=lambda *step: seen.append(step), fractions=[0.0, 0.2, 0.1, 0.7, 2.0])
    assert seen == [(0.0, "at 0.0"), (0.2, "at 0.2"), (0.2, "at 0.1"), (0.7, "at 0.7"), (1.0, "at 2.0")]


def test_progress_does_not_flood(worker):
    seen = []
    start = time.monotonic()
    worker.call("flood", progress=lambda *step: seen.append(step))
    assert 1 <= len(seen) <= 2 + (time.monotonic() - start) / 0.05


@pytest.mark.parametrize(
    ("kind", "cls", "text"),
    [
        ("input", InputError, "column 'age' is missing."),
        ("cancelled", CancelledError, "stopped."),
        ("missing", MissingExtraError, "torch is not installed: run  pip install 'hemicycle[vision]'"),
        ("memory", WorkerError, "running fail: memory ran out (memory limit of 3 GiB). Use fewer rows."),
        ("foreign", ModelError, "running fail failed. RuntimeError: first line second line"),
    ],
)
def test_errors_come_back_as_what_they_were(worker, kind, cls, text):
    pid = worker.pid
    with pytest.raises(cls) as caught:
        worker.call("fail", kind=kind)
    assert type(caught.value) is cls
    assert str(caught.value) == text
    assert "Traceback" in caught.value.__notes__[0]
    assert worker.pid == pid  # an error is no reason to start again
    if kind == "missing":
        assert caught.value.extra == "vision"


def test_a_result_that_cannot_be_sent_is_an_error(worker):
    with pytest.raises(InputError, match=r"builtins.object cannot be sent"):
        worker.call("unsendable")


@pytest.mark.parametrize(
    ("task", "payload", "text"),
    [
        ("die", {"number": 6}, r"crashed \(signal 6\) while running die"),
        ("die", {"number": 9}, r"killed \(signal 9\) while running die: most likely memory ran out"),
        ("die", {"number": 11, "model": "/nowhere/m.ubj"}, r"library crashed \(signal 11\) while running die m.ubj"),
        ("segfault", {}, r"crashed \(signal 11\)"),
        ("leave", {"code": 3}, r"ended \(exit code 3\)"),
        ("garbage", {}, "lost step"),
    ],
)
def test_a_death_is_told_and_the_next_call_starts_another(  # noqa: PLR0917 - fixtures
    worker, extra_tasks, ended, task, payload, text
):
    pid = worker.pid
    with pytest.raises(WorkerError, match=text) as caught:
        worker.call(task, **payload)
    if task == "die":
        assert "last words" in caught.value.__notes__[0]
    assert ended(pid)
    assert worker.call("warm", modules=[extra_tasks]) is None
    assert worker.pid != pid
    assert worker.call("echo", value=1) == 1


def test_the_kept_error_stream_is_bounded(worker):
    worker.call("noise")
    with pytest.raises(WorkerError) as caught:
        worker.call("die", number=9)
    note = caught.value.__notes__[0]
    assert len(note) < KEPT_STDERR + 100
    assert note.endswith("last words")


def test_killed_from_outside_in_the_middle_of_a_call(worker):
    timer = threading.Timer(0.3, os.kill, (worker.pid, signal.SIGKILL))
    timer.start()
    with pytest.raises(WorkerError, match="signal 9"):
        worker.call("sleep", seconds=30)


def test_timeouts_kill_and_say_so(worker, ended):
    pid = worker.pid
    with pytest.raises(WorkerError, match=r"running sleep took longer than 0.3 s and was stopped"):
        worker.call("sleep", seconds=30, timeout=0.3)
    assert ended(pid)


def test_a_call_within_its_timeout_is_left_alone(worker):
    assert worker.call("sleep", seconds=0.05, timeout=20) == 0.05


def test_kill_ends_the_grandchildren_too(extra_tasks, ended):
    pids = []
    worker = Worker(trusted())  # others may start none
    worker.call("warm", modules=[extra_tasks])

    def kill(_fraction, text):
        pids.append(int(text))
        worker.kill()

    with pytest.raises(WorkerError, match="was stopped"):
        worker.call("child", progress=kill, seconds=60)
    assert ended(pids[0])


def test_a_callback_that_raises_does_not_leave_a_half_read_answer(worker, extra_tasks):
    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        worker.call("sleep", progress=stop, seconds=30)
    worker.call("warm", modules=[extra_tasks])
    assert worker.call("echo", value="in step") == "in step"


def test_secrets_stay_here_and_the_child_has_its_own_place(extra_tasks, monkeypatch, temporary):
    monkeypatch.setenv("API_TOKEN", "hunter2")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with Worker() as worker:
        worker.call("warm", modules=[extra_tasks])
        environment = Path(f"/proc/{worker.pid}/environ").read_bytes()
        assert b"hunter2" not in environment
        assert b"OMP_NUM_THREADS=1" in environment
        child = worker.call("whoami")
        assert child["pid"] == worker.pid == child["session"]
        assert Path(child["cwd"]).parent == temporary
        assert child["environment"]["HOME"] == child["environment"]["TMPDIR"] == child["cwd"]
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("end", ["close", "crash", "drop"])
def test_folder_and_process_go_however_the_worker_ends(extra_tasks, temporary, ended, end):
    worker = Worker()
    worker.call("warm", modules=[extra_tasks])
    pid = worker.pid
    assert len(list(temporary.iterdir())) == 1
    if end == "close":
        worker.close()
        assert worker.pid is None
    elif end == "crash":
        with pytest.raises(WorkerError):
            worker.call("die", number=11)
    else:
        del worker
        gc.collect()
    assert ended(pid)
    assert list(temporary.iterdir()) == []


def test_close_ends_a_call_under_way(worker):
    threading.Timer(0.3, worker.close).start()
    with pytest.raises(WorkerError, match="was stopped"):
        worker.call("sleep", seconds=30)
    assert worker.pid is None


ORPHAN = """
import sys, threading, time
from xai.sandbox.client import Worker
worker = Worker()
def start():
    worker.call("warm", modules=["extra_tasks"])
thread = threading.Thread(target=start); thread.start(); thread.join()
time.sleep(0.3)   # the thread that started the child is gone; the child must not be
print(worker.pid, flush=True)
import extra_tasks
worker.call("sleep", seconds=60)
"""


def test_a_worker_outlives_the_thread_that_started_it_and_dies_with_the_process(extra_tasks, ended):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([os.environ["PYTHONPATH"], str(Path.cwd())])}
    with subprocess.Popen([sys.executable, "-c", ORPHAN], stdout=subprocess.PIPE, env=environment) as parent:
        pid = int(parent.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        time.sleep(0.2)
        parent.kill()
    assert ended(pid)


def test_callers_in_several_threads_take_turns(worker):
    results = {}

    def ask(i):
        results[i] = worker.call("echo", value=i)

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {i: i for i in range(8)}


def test_requests_are_checked_before_anything_starts():
    worker = Worker()
    with pytest.raises(InputError, match=r"unknown task: 'predct'. Did you mean 'predict'"):
        worker.call("predct")
    with pytest.raises(InputError, match="unknown parameter of 'predict': 'rows'"):
        worker.call("predict", model="m", X=1, rows=2)
    with pytest.raises(InputError, match="'predict' needs 'X' as well"):
        worker.call("predict", model="m")
    with pytest.raises(InputError, match="cannot be sent"):
        worker.call("predict", model="m", X=object())
    assert worker.pid is None


def test_every_task_can_be_asked_for():
    for name, task in TASKS.items():
        assert task.doing, name
        check_task(name, dict.fromkeys(task.parameters))


def test_warm_leaves_out_what_is_not_installed(worker):
    seen = []
    worker.call("warm", progress=lambda *step: seen.append(step[1]), modules=["json", "no_such_library"])
    assert seen == ["importing json", "importing no_such_library"]


def test_start_is_free_of_the_heavy_libraries(worker):
    script = "import sys, xai.sandbox; print([m for m in ('pandas', 'pyarrow', 'xgboost', 'shap') if m in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True)
    assert found.stdout.strip() == "[]"
