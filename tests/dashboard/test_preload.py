from __future__ import annotations

from pathlib import Path

import pytest

from xai.dashboard.preload import Preload, plotly_script


def answer(content_type, kind="http"):
    """Headers that a wrapped app's answer ends up with."""
    sent = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", content_type)]})

    async def send(message):
        sent.append(message)

    # Nothing here waits for anything, so no event loop is needed to run it to its end.
    with pytest.raises(StopIteration):
        Preload(app)({"type": kind}, None, send).send(None)
    return dict(sent[0]["headers"])


def test_the_script_is_a_file_that_streamlit_serves():
    import streamlit

    static = Path(streamlit.__file__).parent / "static"
    assert (static / plotly_script()).stat().st_size > 1_000_000


def test_pages_carry_the_link_and_nothing_else_does():
    assert answer(b"text/html; charset=utf-8")[b"link"] == f"<{plotly_script()}>; rel=modulepreload".encode()
    assert b"link" not in answer(b"application/json")
    assert b"link" not in answer(b"text/html", kind="websocket")


@pytest.mark.parametrize("content_type", [b"text/html", b"text/css"])
def test_a_streamlit_without_the_script_answers_as_before(monkeypatch, content_type):
    monkeypatch.setattr("xai.dashboard.preload.plotly_script", lambda: None)
    assert answer(content_type) == {b"content-type": content_type}
