"""Where workers come from: a process of one thread with a clean environment, never this one."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
import weakref
from pathlib import Path

import numpy as np
import pytest

from xai.core.errors import WorkerError
from xai.sandbox import JobPool, Worker, spawn

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a fork server")


def server():
    return spawn._current_server[1]


def parent_of(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_a_worker_is_a_child_of_the_server_and_never_of_this_process(worker):
    assert parent_of(worker.pid) == server().pid != os.getpid()
    assert len(list(Path(f"/proc/{server().pid}/task").iterdir())) == 1
    assert {"numpy", "pandas", "pyarrow"} <= set(server().loaded)


def test_the_server_knows_nothing_of_our_environment(extra_tasks, monkeypatch):
    monkeypatch.setenv("API_TOKEN", "hunter2")
    monkeypatch.setenv("TZ", "UTC-3")  # another environment: another server
    with Worker(preload=[extra_tasks]) as worker:
        worker.call("echo", value=1)
        environment = Path(f"/proc/{server().pid}/environ").read_bytes()
        assert b"hunter2" not in environment
        assert b"TZ=UTC-3" in environment
        assert worker.call("whoami")["environment"]["TZ"] == "UTC-3"


def test_a_worker_inherits_nothing_but_its_own_streams(extra_tasks):
    with Worker(preload=[extra_tasks]) as first, Worker(preload=[extra_tasks]) as second:
        first.call("echo", value=1)
        second.call("echo", value=1)
        assert not [link for link in second.call("descriptors") if "socket" in link]
        # Streams: error (also as output), nothing as input, and the pipe both ways.
        assert len({link for link in second.call("descriptors") if not link.startswith("/proc/")}) <= 5


def test_a_killed_server_takes_its_workers_along_and_another_starts(worker, extra_tasks, ended):
    old, pid = server(), worker.pid
    os.kill(old.pid, signal.SIGKILL)
    assert ended(pid)
    with pytest.raises(WorkerError, match="signal 9"):
        worker.call("echo", value=1)
    worker.call("warm", modules=[extra_tasks])
    assert worker.call("echo", value=2) == 2
    assert server().pid != old.pid


def test_a_library_that_starts_threads_is_left_out(extra_tasks, tmp_path, monkeypatch):
    (tmp_path / "threaded.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(1e6,), daemon=True).start()\nVALUE = 5\n"
    )
    (tmp_path / "harmless.py").write_text("VALUE = 6\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    with Worker(preload=["threaded", "harmless", extra_tasks]) as worker:
        assert worker.call("echo", value=1) == 1
        assert "threaded" not in server().loaded
        assert {"harmless", extra_tasks} <= set(server().loaded)
        assert len(list(Path(f"/proc/{server().pid}/task").iterdir())) == 1
        assert len(list(Path(f"/proc/{worker.pid}/task").iterdir())) > 1  # it has been imported there


@pytest.mark.slow
def test_what_is_wanted_later_is_imported_in_quiet_moments(extra_tasks, tmp_path, monkeypatch):
    """A library among it that starts a thread makes the server start again, with its children still its own."""
    thread = "import threading, time\nthreading.Thread(target=time.sleep, args=(1e6,), daemon=True).start()"
    for name, text in (("first_later", ""), ("threaded_later", thread), ("last_later", "")):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / name)!r}, 'a').write('x')\n{text}\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    with Worker(preload=[extra_tasks], later=["first_later", "threaded_later", "last_later"]) as worker:
        worker.call("echo", value=1)
        pid, of = worker.pid, server().pid
        end = time.monotonic() + 60
        while not (tmp_path / "last_later").exists():
            assert time.monotonic() < end
            time.sleep(0.1)
        assert (worker.call("echo", value=2), worker.pid, server().pid) == (2, pid, of)
        with Worker(preload=[extra_tasks]) as another:
            assert another.call("echo", value=3) == 3
            assert parent_of(another.pid) == of
        worker.kill()
        with pytest.raises(WorkerError, match="stopped"):
            worker.call("echo", value=1)


def test_a_server_that_cannot_start_says_so(monkeypatch):
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    with pytest.raises(WorkerError, match="does not start") as caught:
        Worker().start()
    assert "encodings" in caught.value.__notes__[0]


SCRIPT = """
import os
from xai.sandbox import Worker, spawn
worker = Worker(); worker.call("warm", modules=[])
print(spawn._current_server[1].pid, worker.pid, flush=True)
{end}
"""


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), 9)", "os._exit(0)", "raise SystemExit", ""])
def test_however_a_program_ends_nothing_stays(end, ended):
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(end=end)], env=environment, capture_output=True, text=True, check=False
    )
    of, pid = map(int, done.stdout.split())
    assert ended(pid)
    assert ended(of)
    assert done.stderr == ""


def test_a_result_lives_as_long_as_somebody_keeps_it(extra_tasks):
    with JobPool(size=1, warm=(extra_tasks,)) as pool:
        job = pool.submit("echo", "Echo", value=np.zeros(1000))
        kept = weakref.ref(job.result())
        assert kept() is not None
        del job
        gc.collect()
        end = time.monotonic() + 5
        while kept() is not None:  # the pool's thread lets go of it a moment after it is done
            assert time.monotonic() < end
            time.sleep(0.01)


def test_one_owner_cannot_fill_the_queue(extra_tasks):
    with JobPool(size=1, warm=(extra_tasks,), most_waiting=3) as pool:
        running = pool.submit("sleep", "Sleeping", owner="a", seconds=60)
        while running.status != "running":
            time.sleep(0.01)
        waiting = [pool.submit("echo", "Echo", owner="a", value=i) for i in range(3)]
        with pytest.raises(WorkerError, match="3 jobs are waiting for you already"):
            pool.submit("echo", "Echo", owner="a", value=3)
        other = pool.submit("echo", "Echo", owner="b", value=4)  # others are not told to wait
        waiting[0].cancel()
        pool.submit("echo", "Echo", owner="a", value=5)
        pool.cancel_owner("a")
        assert other.result() == 4
