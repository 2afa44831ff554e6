"""xai tokens: what it prints and writes, and what it refuses."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from xai.cli import main

PROMPT = "A man with a positive Kernig sign. The most likely diagnosis is"


def test_the_words_are_printed_and_written(capsys, tmp_path):
    out = tmp_path / "words.json"
    assert main(["tokens", PROMPT, "--units", "words", "--budget", "16", "-o", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "standard error" in printed
    record = json.loads(out.read_text())
    assert record["format"] == "hemicycle/tokens/1"
    assert record["tokens"][:2] == ["A", "man"]
    assert main(["tokens", PROMPT, "--budget", "8", "-o", str(tmp_path / "words.html")]) == 0
    assert "<script" not in (tmp_path / "words.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tokens", " "], "prompt is empty"),
        (["tokens", PROMPT, "-o", "x.txt"], "must end in .json"),
        (["tokens", PROMPT, "--lm", "server"], "HEMICYCLE_LM_URL"),
        (["tokens", PROMPT, "--method", "published", "--effect", "logit"], "leave out --effect"),
        (["tokens", PROMPT, "--replacement", "nothing"], "replacement"),
    ],
)
def test_what_does_not_fit_is_said(arguments, message, capsys, monkeypatch):
    monkeypatch.delenv("HEMICYCLE_LM_URL", raising=False)
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_the_server_of_the_dashboard_is_checked_first(capsys):
    assert main(["dashboard", "--lm-url", "localhost:80", "--no-browser"]) == 2
    assert "no address of a server" in capsys.readouterr().err
