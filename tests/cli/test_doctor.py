from __future__ import annotations

import json
import sys
from dataclasses import replace

import pytest

from xai.cli import main
from xai.sandbox import protections


@pytest.fixture(scope="module")
def found():
    return protections()


def test_the_command_says_what_protects(capsys, found):
    assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    assert "xgboost" in text
    assert ("NO: this kernel" in text) == (not found.seccomp or not found.landlock)
    if found.complete:
        assert "cannot open a network connection" in " ".join(text.split())
        assert "Take files from people you trust only" not in text


def test_the_same_as_json(capsys, found):
    assert main(["doctor", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["workers"]["seccomp"] == found.seccomp
    assert told["workers"]["attempts"] == found.attempts
    assert told["workers"]["limits"] == found.limits
    assert told["memory_bytes"] > 1 << 30
    assert told["libraries"]["the tabular API"]["numpy"]
    assert told["workers"]["fork_server"] == (sys.platform == "linux")


def test_what_is_missing_is_said_and_is_no_failure(capsys, monkeypatch, found):
    bare = replace(found, seccomp=False, landlock=0, attempts=dict.fromkeys(found.attempts))
    monkeypatch.setattr("xai.sandbox.protection.protections", lambda: bare)
    monkeypatch.setattr("xai.core.provenance.versions", lambda names: {})
    assert main(["doctor"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert text.count("NO: this kernel or container has none") == 2
    assert "seccomp is not in force" in text
    assert "Take files from people you trust only" in text
    assert "not installed (comes with hemicycle[dashboard])" in text
