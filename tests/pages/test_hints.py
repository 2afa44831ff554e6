"""Hints: one a page, and gone when nobody wants them."""

from __future__ import annotations

import re
from pathlib import Path

from xai.dashboard.hints import HINTS

ROOT = Path(__file__).resolve().parents[2]


def test_every_page_has_a_hint():
    titles = re.findall(r'st\.Page\("pages/\w+\.py", title="([^"]+)"', (ROOT / "app.py").read_text(encoding="utf-8"))
    assert sorted(HINTS) == sorted(titles)


def test_hints_are_there_at_first_and_can_be_dismissed_everywhere(app):
    visit = app()
    assert HINTS["Overview"] in visit.text
    visit.set("toggle", "hints", value=False)
    assert HINTS["Overview"] not in visit.text
    visit.open("parliament")
    assert HINTS["Parliament"] not in visit.text
