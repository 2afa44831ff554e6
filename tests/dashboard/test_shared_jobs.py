"""Jobs and sessions: what is shared, what is not, and what a session leaves behind."""

from __future__ import annotations

import pytest

from xai.core.errors import CancelledError
from xai.dashboard import jobs


class Job:
    """A job whose end the test decides."""

    def __init__(self, label):
        self.label, self.status = label, "running"

    def wait(self, _seconds):
        return self.status != "running"

    def result(self):
        if self.status == "cancelled":
            raise CancelledError(f"{self.label} was cancelled.")
        return self.label

    def cancel(self):
        if self.status == "running":
            self.status = "cancelled"


class World:
    """Jobs that were submitted, and a person to be."""

    def __init__(self, monkeypatch):
        self.submitted, self.me = [], "a"
        monkeypatch.setattr(jobs, "pool", lambda: self)
        monkeypatch.setattr(jobs, "current_id", lambda: self.me)
        monkeypatch.setattr(jobs, "_jobs", type(jobs._jobs)())

    def submit(self, _task, label, *, owner, **_):
        self.submitted.append((owner, Job(label)))
        return self.submitted[-1][1]

    def ask(self, me, identity="demo"):
        self.me = me
        try:
            return jobs.compute("predict", f"of {identity}", identity, {})
        except jobs.StillRunningError as running:
            return running.job


@pytest.fixture
def world(monkeypatch):
    return World(monkeypatch)


def test_what_everybody_may_see_is_computed_once(world):
    job = world.ask("a")
    assert world.ask("b") is job
    assert [owner for owner, _ in world.submitted] == ["a"]


def test_what_is_bound_to_a_session_is_not_shared(world):
    mine = world.ask("a", jobs.bound("hash"))
    world.me = "b"
    other = world.ask("b", jobs.bound("hash"))
    assert mine is not other


def test_the_cancel_of_one_leaves_the_work_of_others(world):
    job = world.ask("a")
    world.ask("b")
    world.me = "a"
    jobs.cancel(job)
    assert job.status == "running"
    with pytest.raises(CancelledError):
        world.ask("a")
    job.status = "done"
    assert world.ask("b") == "of demo"
    world.me = "a"
    jobs.forget_failed()
    assert world.ask("a") == "of demo"
    assert len(world.submitted) == 1


def test_the_last_cancel_stops_the_work_and_is_told(world):
    job = world.ask("a")
    world.ask("b")
    for me in "ab":
        world.me = me
        jobs.cancel(job)
    assert job.status == "cancelled"
    with pytest.raises(CancelledError):
        world.ask("b")


def test_a_failure_of_one_is_not_dropped_by_another(world):
    job = world.ask("a", "a:hash")
    job.status = "cancelled"
    world.me = "b"
    jobs.forget_failed()
    with pytest.raises(CancelledError):
        world.ask("a", "a:hash")
    jobs.forget_failed()
    assert world.ask("a", "a:hash").status == "running"


def test_a_session_that_left_stops_only_what_nobody_else_waits_for(world):
    shared, alone, own = world.ask("a"), world.ask("a", "alone"), world.ask("a", "a:hash")
    world.ask("b")
    jobs.stop("a")
    assert [job.status for job in (shared, alone, own)] == ["running", "cancelled", "cancelled"]
    # One that comes back asks again, and is not told of a cancel that was not its own.
    assert world.ask("a", "a:hash").status == "running"


def test_an_ended_session_leaves_no_result_and_demos_stay(world):
    own, demo = world.ask("a", "a:hash"), world.ask("a")
    own.status = demo.status = "done"
    jobs.release("a")
    assert [asked.job for asked in jobs._jobs.values()] == [demo]


def test_many_results_of_one_session_push_out_nobody_elses(world, monkeypatch):
    monkeypatch.setattr(jobs, "KEEP", 2)
    demo = world.ask("b")
    for i in range(5):
        world.ask("a", f"a:{i}")
        world.submitted[-1][1].status = "done"
    assert world.ask("b") is demo
    assert sum(asked.owner == "a" for asked in jobs._jobs.values()) == 2


def test_finished_results_go_before_work_under_way(world, monkeypatch):
    monkeypatch.setattr(jobs, "KEEP", 2)
    running, done = world.ask("a", "a:1"), world.ask("a", "a:2")
    done.status = "done"
    world.ask("a", "a:3")
    assert running.status == "running"
    assert world.ask("a", "a:1") is running


def test_what_was_computed_of_a_removed_file_is_forgotten(world):
    removed, kept = world.ask("a", "a:model1:data"), world.ask("a", "a:model2:data")
    other = world.ask("b", "b:model1:data")
    world.me = "a"
    jobs.forget("model1")
    assert removed.status == "cancelled"
    assert [asked.job for asked in jobs._jobs.values()] == [kept, other]
