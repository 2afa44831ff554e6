from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from xai.dashboard.headers import Headers, inline_scripts, policy, security_headers


def in_a_loop_of_its_own(coroutine):
    """Run it in a thread: Chromium's driver may hold a loop open in the main one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def run(app, kind="http"):
    """What a wrapped app's messages look like from outside."""
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": f"{kind}.disconnect"}

    in_a_loop_of_its_own(Headers(app)({"type": kind}, receive, send))
    return sent


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("http", {"type": "http.response.start", "status": 200}),
        ("http", {"type": "http.response.start", "status": 404, "headers": [(b"content-type", b"text/plain")]}),
        ("websocket", {"type": "websocket.accept"}),
        ("websocket", {"type": "websocket.http.response.start", "status": 403, "headers": []}),
    ],
)
def test_every_kind_of_answer_carries_them(kind, message):
    before = list(message.get("headers", []))

    async def app(scope, receive, send):
        await send(message)

    headers = run(app, kind)[0]["headers"]
    assert headers[: len(before)] == before
    assert dict(headers[len(before) :]) == {name.encode(): value.encode() for name, value in security_headers().items()}


def test_a_refused_handshake_is_an_answer_with_headers():
    sent = []

    async def app(scope, receive, send):
        await send({"type": "websocket.close", "code": 1008})

    async def send(message):
        sent.append(message)

    scope = {"type": "websocket", "extensions": {"websocket.http.response": {}}}
    in_a_loop_of_its_own(Headers(app)(scope, None, send))
    assert (sent[0]["type"], sent[0]["status"]) == ("websocket.http.response.start", 403)
    assert (b"x-frame-options", b"DENY") in sent[0]["headers"]
    assert sent[1] == {"type": "websocket.http.response.body", "body": b""}
    # A server that cannot do that refuses in its own way; closing one that is open stays closing.
    assert run(app, "websocket") == [{"type": "websocket.close", "code": 1008}]


def test_other_messages_pass_as_they_are():
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"x"})

    assert run(app)[1] == {"type": "http.response.body", "body": b"x"}


def test_a_header_of_the_app_is_replaced_not_doubled():
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"X-Frame-Options", b"SAMEORIGIN")]})

    values = [value for name, value in run(app)[0]["headers"] if name.lower() == b"x-frame-options"]
    assert values == [b"DENY"]


def test_a_failure_has_them_too_and_is_still_a_failure():
    async def app(scope, receive, send):
        raise RuntimeError("broken page with a secret in its text")

    sent = []

    async def send(message):
        sent.append(message)

    with pytest.raises(RuntimeError, match="broken page"):
        in_a_loop_of_its_own(Headers(app)({"type": "http"}, None, send))
    assert sent[0]["status"] == 500
    assert (b"x-content-type-options", b"nosniff") in sent[0]["headers"]
    assert b"secret" not in sent[1]["body"]


def test_the_policy_lets_in_nothing_from_elsewhere():
    text = policy(["'sha256-abc'"])
    rules = dict(rule.split(" ", 1) for rule in text.split("; "))
    assert rules["default-src"] == "'self'"
    assert rules["script-src"] == "'self' blob: 'sha256-abc'"  # neither 'unsafe-inline' nor 'unsafe-eval'
    assert rules["frame-ancestors"] == rules["object-src"] == rules["frame-src"] == "'none'"
    assert not re.search(r"https?:|\*|ws:", text)


def test_the_hash_is_that_of_streamlits_script():
    import streamlit

    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    script = page.partition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert inline_scripts() == (f"'sha256-{digest}'",)
    assert "prerenderReady" in script
