"""Strokes of an editor: one that is not answered in time is stopped, and is a message."""

from __future__ import annotations

import numpy as np
import pytest

from xai.core.errors import WorkerError
from xai.core.game import Game
from xai.core.units import Units
from xai.dashboard import played as module
from xai.dashboard.component import editor
from xai.editing import EditSession
from xai.sandbox.jobs import JobPool


@pytest.fixture
def busy(monkeypatch):
    """A pool whose only worker never comes to a job, and editors that wait for a moment."""
    monkeypatch.setattr(JobPool, "_grow", lambda self, wanted: None)
    pool = JobPool(size=1)
    monkeypatch.setattr(module, "pool", lambda: pool)
    monkeypatch.setattr(module, "_PATIENCE", 0.01)
    return pool


def _game():
    return module.played(
        "play_features", {"model": "m.ubj", "row": None, "background": None}, Units(("a", "b")), ["yes", "no"]
    )


def test_strokes_that_are_not_answered_in_time_do_not_pile_up(busy):
    game = _game()
    for mask in ([1.0, 0.0], [0.0, 1.0]):
        with pytest.raises(WorkerError, match="has not answered within"):
            game(np.array([mask]))
        assert not busy._queues


def test_an_answer_in_time_is_not_cancelled(monkeypatch):
    monkeypatch.setattr(JobPool, "_grow", lambda self, wanted: None)
    pool = JobPool(size=1)
    submit = pool.submit

    def answered(*arguments, **options):
        job = submit(*arguments, **options)
        pool._queues.clear()
        job._end("done", np.array([[1.0, 2.0]]))
        return job

    monkeypatch.setattr(pool, "submit", answered)
    monkeypatch.setattr(module, "pool", lambda: pool)
    assert _game()(np.array([[1.0, 0.0]])).tolist() == [[1.0, 2.0]]


def test_a_model_that_does_not_answer_is_said_in_the_editor(monkeypatch):
    def play(masks):
        if not masks.all():
            raise WorkerError("the model has not answered")
        return masks

    session = EditSession(Game(play, Units(("a", "b")), ("yes", "no")))
    state = {"k": {"edits": [{"number": 1, "weights": [1, 0]}]}}
    monkeypatch.setattr(editor.st, "session_state", state)
    editor._receive(session, "k")
    assert state["refused:k"] == "the model has not answered"
    assert len(session.history) == 1
