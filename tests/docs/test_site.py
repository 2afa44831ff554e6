"""The site: built in strict mode, whole, and without anything from elsewhere."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow
pytest.importorskip("mkdocs")
pytest.importorskip("mkdocstrings")


class Links(HTMLParser):
    """What a page loads, where it links, and its anchors."""

    def __init__(self, text):
        super().__init__()
        self.loaded, self.linked, self.ids = [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.ids |= {values[name] for name in ("id", "name") if values.get(name)}
        if values.get("src"):
            self.loaded.append(values["src"])
        if values.get("href"):
            loads = tag == "link" and values.get("rel") not in ("canonical", "next", "prev")
            (self.loaded if loads else self.linked).append(values["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with the built site."""
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.mark.timeout(600)
def test_all_links_resolve_and_nothing_is_loaded_from_elsewhere(site):
    pages = {path: Links(path.read_text(encoding="utf-8")) for path in site.rglob("*.html") if path.name != "404.html"}
    assert len(pages) > 25
    broken, foreign = [], []
    for path, found in pages.items():
        for target in [*found.loaded, *found.linked]:
            if re.match(r"(https?:)?//", target):
                if target in found.loaded:
                    foreign.append((path.name, target))
                continue
            if re.match(r"(mailto|javascript|data):", target):
                continue
            file, _, anchor = unquote(target).partition("#")
            there = (path.parent / file.partition("?")[0]).resolve() if file else path
            there = there / "index.html" if there.is_dir() else there
            if not there.exists() or (anchor and there in pages and anchor not in pages[there].ids | {"__skip"}):
                broken.append((path.name, target))
    assert foreign == []
    assert broken == []
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\((\"|')?(https?:)?//", sheet.read_text(encoding="utf-8")), sheet.name


def test_the_reference_holds_the_public_names(site):
    """Each name that a page asks for, and every public one of a package it asks for, is an anchor of that very page."""
    ids = {path.stem: Links(path.read_text(encoding="utf-8")).ids for path in (site / "reference").glob("*.html")}
    missing, n = [], 0
    for page in (ROOT / "docs" / "reference").glob("*.md"):
        for asked in re.findall(r"^::: (\S+)", page.read_text(encoding="utf-8"), re.MULTILINE):
            public = _public(asked)
            n += len(public)
            # Behind a module of its own name a function stands by where it is defined.
            wanted = [{f"{asked}.{name}", f"{home}.{name}"} for name, home in public.items()]
            missing += [(page.stem, names) for names in [{asked}, *wanted] if not names & ids[page.stem]]
    assert n > 100
    assert missing == []


def _public(asked):
    """Functions and classes that a package offers, and the module of each."""
    try:
        package = importlib.import_module(asked)
    except ModuleNotFoundError:  # a function or class
        return {}
    members = {name: getattr(package, name) for name in getattr(package, "__all__", ())}
    return {name: m.__module__ for name, m in members.items() if inspect.isfunction(m) or inspect.isclass(m)}
