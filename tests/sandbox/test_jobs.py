from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from functools import cache
from pathlib import Path

import pytest

from xai.core.errors import CancelledError, InputError, WorkerError
from xai.sandbox.client import Worker
from xai.sandbox.jobs import Job, JobPool


@pytest.fixture(autouse=True)
def _quick_start(monkeypatch):
    monkeypatch.setattr("xai.sandbox.jobs.ALWAYS_WARM", ("numpy",))


@pytest.fixture
def pool(extra_tasks):
    with JobPool(size=1, warm=(extra_tasks,)) as pool:
        yield pool


def until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)


def running(job):
    until(lambda: job.status == "running" and job.progress > 0)
    return job


def test_a_job_from_queue_to_result(pool):
    job = pool.submit("sleep", "Sleeping", seconds=2.0)
    assert job.status == "queued"
    assert job.elapsed == 0
    assert job.remaining is None
    running(job)
    until(lambda: job.progress > 0.5)
    assert job.message == "sleeping"
    assert 0 < job.remaining < 2
    assert job.result() == 2.0
    assert (job.status, job.progress) == ("done", 1.0)
    elapsed = job.elapsed
    assert elapsed >= 2.0
    time.sleep(0.02)
    assert job.elapsed == elapsed
    assert job.remaining is None


def test_failures_are_raised_by_result_and_the_pool_goes_on(pool):
    bad = pool.submit("fail", "Failing", kind="input")
    dead = pool.submit("die", "Dying", number=11)
    late = pool.submit("sleep", "Sleeping", seconds=30, timeout=0.2)
    good = pool.submit("echo", "Echo", value=5)
    with pytest.raises(InputError, match="'age'"):
        bad.result()
    with pytest.raises(WorkerError, match="signal 11"):
        dead.result()
    with pytest.raises(WorkerError, match=r"longer than 0.2 s"):
        late.result()
    assert good.result() == 5
    assert [job.status for job in (bad, dead, late, good)] == ["failed", "failed", "failed", "done"]


def test_workers_are_used_again(pool):
    pids = {pool.submit("whoami", "Who").result()["pid"] for _ in range(3)}
    assert len(pids) == 1


def test_cancelling_a_running_job_ends_its_process_and_the_pool_goes_on(pool, ended):
    pid = pool.submit("whoami", "Who").result()["pid"]
    job = running(pool.submit("sleep", "Sleeping", seconds=60))
    start = time.monotonic()
    job.cancel()
    assert time.monotonic() - start < 1
    assert job.status == "cancelled"
    assert ended(pid)
    with pytest.raises(CancelledError, match="Sleeping was cancelled"):
        job.result()
    assert pool.submit("whoami", "Who").result()["pid"] != pid


def test_cancelling_before_there_is_a_child_stops_the_job(pool, monkeypatch):
    """A job with another file is given another child: between the two there is nobody to kill."""
    pool.submit("echo", "Echo", value=1).result()
    living, between, go_on = Worker._living, threading.Event(), threading.Event()

    def without_a_child(self, *args):
        if self._child is not None and not between.is_set():
            self._child.bury()
            self._forget(self._child)
            between.set()
            assert go_on.wait(20)
        return living(self, *args)

    monkeypatch.setattr(Worker, "_living", without_a_child)
    job = pool.submit("sleep", "Sleeping", seconds=60)
    assert between.wait(20)
    job.cancel()
    go_on.set()
    assert job.status == "cancelled"
    assert pool.submit("echo", "Echo", value=2).result(timeout=30) == 2


def test_a_pool_outlives_what_breaks_a_job_off(pool, monkeypatch):
    call = Worker.call

    def no_room(self, task, *args, **options):
        if task == "steps":
            raise OSError(28, "No space left on device")
        return call(self, task, *args, **options)

    monkeypatch.setattr(Worker, "call", no_room)
    with pytest.raises(WorkerError, match=r"Stepping broke off: .*No space left on device"):
        pool.submit("steps", "Stepping", fractions=[0.5]).result(timeout=30)
    assert pool.submit("echo", "Echo", value=2).result(timeout=30) == 2


def test_a_folder_that_was_cleaned_up_is_made_again(extra_tasks, tmp_path, monkeypatch):
    home = cache(lambda pid: Path(tempfile.mkdtemp(dir=tmp_path)))
    monkeypatch.setattr("xai.sandbox.child._home", home)
    with JobPool(size=1, warm=(extra_tasks,)) as pool:
        first = pool.submit("whoami", "Who").result()
        shutil.rmtree(home(os.getpid()))
        with pytest.raises(WorkerError):
            pool.submit("die", "Dying", number=9).result(timeout=30)
        second = pool.submit("whoami", "Who").result(timeout=30)
    assert second["pid"] != first["pid"]


def test_cancelling_a_queued_job_leaves_the_running_one_alone(pool):
    first = running(pool.submit("sleep", "Sleeping", seconds=0.5))
    second = pool.submit("echo", "Echo", value=1)
    second.cancel()
    second.cancel()  # twice is no error
    assert second.status == "cancelled"
    assert first.result() == 0.5
    first.cancel()  # too late, and nothing happens
    assert first.status == "done"
    assert pool.submit("echo", "Echo", value=2).result() == 2


def test_owners_take_turns(pool):
    blocker = running(pool.submit("sleep", "Blocker", seconds=0.4, owner="a"))
    order = []
    jobs = [pool.submit("echo", f"{owner}{i}", owner=owner, value=f"{owner}{i}") for owner in "ab" for i in range(3)]
    jobs.append(pool.submit("echo", "c0", owner="c", value="c0"))
    for job in jobs:
        end = job._end

        def note(*args, job=job, end=end, **options):
            order.append(job.label)
            end(*args, **options)

        job._end = note
    assert blocker.wait(20)
    assert all(job.wait(20) for job in jobs)
    assert order == ["a0", "b0", "c0", "a1", "b1", "a2", "b2"]


def test_cancel_owner_takes_all_of_one_and_none_of_another(pool):
    mine = [running(pool.submit("sleep", "Mine", seconds=60, owner="me"))]
    mine += [pool.submit("echo", "Mine", owner="me", value=i) for i in range(2)]
    other = pool.submit("echo", "Other", owner="you", value=7)
    pool.cancel_owner("me")
    assert [job.status for job in mine] == ["cancelled"] * 3
    assert other.result() == 7


def test_two_workers_work_at_once(extra_tasks):
    with JobPool(size=2, warm=(extra_tasks,)) as pool:
        pool.prestart()
        jobs = [pool.submit("sleep", "Sleeping", seconds=60) for _ in range(2)]
        until(lambda: all(job.status == "running" for job in jobs))
    assert [job.status for job in jobs] == ["cancelled", "cancelled"]  # closing ends what runs


def test_a_closed_pool_takes_nothing(extra_tasks, temporary):
    pool = JobPool(size=2, warm=(extra_tasks,))
    pool.prestart()
    waiting = [pool.submit("sleep", "Sleeping", seconds=60) for _ in range(4)]
    pool.close()
    assert [job.status for job in waiting] == ["cancelled"] * 4
    with pytest.raises(WorkerError, match="closed"):
        pool.submit("echo", "Echo", value=1)
    pool.close()
    assert list(temporary.iterdir()) == []


def test_a_library_that_cannot_be_imported_fails_the_job_that_needs_it(extra_tasks, tmp_path, monkeypatch):
    (tmp_path / "broken_library.py").write_text("raise RuntimeError('no such luck')")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    with JobPool(size=1, warm=(extra_tasks, "broken_library")) as pool:
        assert pool.submit("echo", "Echo", value=1).result() == 1
        with pytest.raises(Exception, match="no such luck"):
            pool.submit("warm", "Warming", modules=["broken_library"]).result()


def test_requests_are_checked_when_they_are_made(extra_tasks):
    with pytest.raises(InputError, match="at least one process"):
        JobPool(size=0)
    with JobPool(size=1) as pool:
        with pytest.raises(InputError, match="unknown task"):
            pool.submit("nonsense", "Nonsense")
        assert pool._threads == []  # nothing was started for it


def test_waiting_has_a_limit(pool):
    job = pool.submit("sleep", "Sleeping", seconds=60)
    assert not job.wait(0.05)
    with pytest.raises(WorkerError, match="Sleeping is still"):
        job.result(timeout=0.05)
    assert isinstance(job, Job)
