"""Servers that name a few tokens, are slow, drop, or give no log-probabilities: real HTTP on this machine."""

from __future__ import annotations

import json
import math
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from xai import reagent
from xai.core.errors import InputError, ModelError
from xai.models.text import LostServerError, ServerLM
from xai.models.text.server import KEY, URL

PROMPT = "A man with fever and a stiff neck has"


class Handler(BaseHTTPRequestHandler):
    """A completions endpoint: ' meningitis' is likely while ' stiff' is there."""

    def do_POST(self):
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server.asked.append((body, self.headers.get("Authorization")))
        mode = server.mode(len(server.asked))
        if mode == "drop":
            self.connection.close()
            return
        if mode == "slow":
            time.sleep(1.0)
        if mode == "busy":
            self.send_error(503)
            return
        if mode == "forbidden":
            self.send_error(401)
            return
        p = 0.8 if " stiff" in body["prompt"] else 0.1
        named = {" flu": math.log(0.15), " a": math.log(0.04)}
        if p > 0.5 or not server.hides:
            named[" mening"] = math.log(p)
        choice = {"text": " x", "logprobs": {"top_logprobs": [named]}}
        if mode == "chat":
            content = [{"token": t, "logprob": v} for t, v in named.items()]
            choice = {"text": " x", "logprobs": {"content": [{"top_logprobs": content}]}}
        if mode == "bare":
            choice = {"text": " x", "logprobs": None}
        answer = b"no json" if mode == "garbled" else json.dumps({"choices": [choice]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    """A function that starts a server with a behaviour: number of the call to what it does."""
    started = []

    def start(mode=lambda _: "well", *, hides=False, **options):
        http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        http.mode, http.hides, http.asked = mode, hides, []
        threading.Thread(target=http.serve_forever, daemon=True).start()
        started.append(http)
        return ServerLM(f"http://127.0.0.1:{http.server_port}/v1", **{"timeout": 10, **options}), http

    yield start
    for http in started:
        http.shutdown()
        http.server_close()


def test_the_word_that_matters_is_found(server):
    lm, http = server(key="secret", model="m")
    found = reagent.attribute(lm, PROMPT, " meningitis", config=reagent.LeaveOneOutConfig(budget=20))
    assert found.top(1)[0][0] == "stiff"
    assert found.values[0, found.units.names.index("stiff")] == pytest.approx(0.7)
    assert found.censored == 0
    body, authorization = http.asked[0]
    assert authorization == "Bearer secret"
    assert (body["prompt"], body["max_tokens"], body["temperature"], body["model"]) == (PROMPT, 1, 0, "m")
    assert "secret" not in found.to_json()


def test_chat_format_is_read(server):
    lm, _ = server(lambda _: "chat")
    scores = lm.score(lm.encode(PROMPT).ids[None], lm.encode(" meningitis").ids, np.array([9]))
    assert scores.log_probs[0, 0] == pytest.approx(math.log(0.8))


def test_what_is_not_named_is_bounded_and_flagged(server):
    lm, _ = server(hides=True)
    found = reagent.attribute(lm, PROMPT, " meningitis", config=reagent.LeaveOneOutConfig(budget=20))
    assert found.censored > 0
    assert "bounds only" in found.notes[0]
    stiff = found.values[0, found.units.names.index("stiff")]
    # The least probable named token (.04) bounds what is hidden (.1 would be another bound: 1 - .15 - .04).
    assert stiff == pytest.approx(0.8 - 0.04)


def test_a_call_that_fails_is_tried_again(server):
    lm, http = server(lambda n: "busy" if n == 1 else "drop" if n == 2 else "well")
    lm.score(lm.encode(PROMPT).ids[None], lm.encode(" meningitis").ids, np.array([9]))
    assert len(http.asked) == 3


def test_a_lost_server_keeps_what_was_done(server):
    lm, http = server(lambda n: "drop" if 6 <= n < 12 else "well", retries=1)
    config = reagent.LeaveOneOutConfig(budget=20)
    with pytest.raises(LostServerError, match=r"5 answers are kept"):
        reagent.attribute(lm, PROMPT, " meningitis", config=config)
    http.mode = lambda _: "well"
    before = len(http.asked)
    found = reagent.attribute(lm, PROMPT, " meningitis", config=config)
    assert found.top(1)[0][0] == "stiff"
    # The unchanged prompt and the draws before the loss were not asked for again.
    asked = [body["prompt"] for body, _ in http.asked]
    assert not set(asked[:5]) & set(asked[before:])


@pytest.mark.parametrize(
    ("mode", "message", "options"),
    [
        ("slow", "no answer within", {"timeout": 0.2, "retries": 0}),
        ("bare", "no log-probabilities", {}),
        ("forbidden", "refuses: 401", {}),
        ("garbled", "was lost", {"retries": 0}),
        ("drop", "was lost after 2 tries", {"retries": 1}),
    ],
)
def test_trouble_is_said(server, mode, message, options):
    lm, _ = server(lambda _: mode, **options)
    with pytest.raises(ModelError, match=message):
        reagent.attribute(lm, PROMPT, " meningitis", config=reagent.LeaveOneOutConfig(budget=5))


def test_the_operator_names_the_server(monkeypatch):
    monkeypatch.delenv(URL, raising=False)
    with pytest.raises(InputError, match=URL):
        reagent.load_lm("server")
    monkeypatch.setenv(URL, "http://127.0.0.1:9/v1")
    monkeypatch.setenv(KEY, "k")
    lm = reagent.load_lm("server")
    assert (lm.url, lm.key) == ("http://127.0.0.1:9/v1", "k")
    with pytest.raises(InputError, match="no address"):
        ServerLM("ftp://x")


def test_methods_that_look_inside_need_a_local_model(server):
    from xai.reagent.compared import compare

    lm, _ = server()
    for method in ("gradient_x_input", "integrated_gradients", "attention"):
        with pytest.raises(InputError, match="local model"):
            compare(lm, PROMPT, " meningitis", reagent.ReagentConfig(budget=10), [method])
    with pytest.raises(InputError, match="choose uniform"):
        reagent.attribute(lm, PROMPT, " meningitis", config=reagent.ReagentConfig(replacement="left_context"))
