"""Views as files: what goes in comes out, nothing else gets in, and other files are noticed."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from xai.core.errors import InputError
from xai.dashboard import view_file
from xai.dashboard.source import DEFAULT, load
from xai.dashboard.view_file import View, checked, find, is_control, take
from xai.dashboard.workers import MODEL

ROOT = Path(__file__).resolve().parents[2]
STATE = {
    "seats": 321,
    "threshold": 2.5,
    "rule": "sainte_lague",
    "sides": True,
    "exclude": ["mean area"],
    "a1": ["mean radius"],
    "row": None,
    "csv:parliament": True,
    "FormSubmitter:x": False,
    "edits:film": object(),
}


def test_what_was_set_comes_back_through_the_file():
    view = take(STATE, load(DEFAULT), {"film": '{"steps": []}'}, {"smears:0": "nuclei"})
    again = View.from_json(view.to_json())
    assert again == view
    assert again.controls == {name: STATE[name] for name in ("seats", "threshold", "rule", "sides", "exclude", "a1")}
    assert again.concept_names == {"smears:0": "nuclei"}
    assert json.loads(again.edits["film"]) == {"steps": []}
    assert len(view.to_json()) < 2000


def test_it_is_found_by_content(monkeypatch):
    monkeypatch.delenv(MODEL, raising=False)  # no model of the operator's own
    view = take(STATE, load(DEFAULT), {}, {})
    assert find(view) == (DEFAULT, ())
    key, wrong = find(replace(view, model_hash="0" * 64))
    assert key == DEFAULT
    assert len(wrong) == 1
    assert "the model's SHA-256" in wrong[0]
    assert "000000000000" in wrong[0]
    assert len(find(replace(view, model_hash="0" * 64, rows_hash="1" * 64))[1]) == 2
    assert find(replace(view, data="no such demo")) == (None, ())
    assert find(replace(view, data="mine-2f")) == (None, ())


def bound_keys():
    """Keys of the controls that are bound to the page's address, as the code has them; formatted ones as patterns."""
    found = set()
    for path in [*(ROOT / "xai/dashboard").rglob("*.py"), *(ROOT / "pages").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            words = {word.arg: word.value for word in node.keywords}
            if "bind" in words and "key" in words:
                key = words["key"]
                if isinstance(key, ast.Constant):
                    found.add(key.value)
                elif isinstance(key, ast.JoinedStr):
                    found.add(
                        "".join(str(part.value) if isinstance(part, ast.Constant) else "1" for part in key.values)
                    )
    return found


def test_every_bound_control_belongs_into_the_file():
    # The key of model and data stands by itself: it is found by content.
    assert sorted(key for key in bound_keys() - {"data"} if not is_control(key)) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seats", 0),
        ("seats", 10**9),
        ("seats", "100"),
        ("seats", True),
        ("threshold", float("nan")),
        ("sides", "yes"),
        ("exclude", "mean area"),
        ("csv:parliament", True),
        ("edits:film", {}),
        ("view-opened", ["<script>"]),
        ("rule", ["dhondt"]),
    ],
)
def test_nothing_else_gets_in(key, value):
    with pytest.raises((InputError, TypeError)):
        checked(key, value)
    view = take({}, load(DEFAULT), {}, {})
    body = json.loads(view.to_json())
    body["controls"] = {key: value}
    with pytest.raises(InputError, match=re.escape(key) if not isinstance(value, list) else "damaged|no such control"):
        View.from_json(json.dumps(body))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no saved view"),
        ("[]", "no saved view of this version"),
        ('{"format": "hemicycle/view/2"}', "no saved view of this version"),
        ('{"format": "hemicycle/view/1"}', "damaged"),
        ('{"format": "hemicycle/view/1", "source": 3}', "damaged"),
        (" " * (view_file.LARGEST + 1), "at most 1 MB"),
        (b"\xff\xfe", "no saved view"),
        ("[" * 100_000, "no saved view"),
        ('{"edits": ' * 50_000, "no saved view"),
    ],
)
def test_what_is_no_view_is_said(text, message):
    with pytest.raises(InputError, match=message):
        View.from_json(text)
