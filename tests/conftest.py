"""What several folders of tests share."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
#: Where every test makes or opens networks, or uses all extras at once.
WITH_TORCH = (
    "formats",
    "docs",
    "cli/test_gallery_commands.py",
    "pages/test_concepts_page.py",
    "pages/test_editable_map_page.py",
    "pages/test_tokens_page.py",
    "pages/test_your_network.py",
    "browser/test_editable_map_in_browser.py",
    "browser/test_report_in_browser.py",
)


def pytest_make_parametrize_id(val, argname):
    """Bytes give no names: some hold the time or drawn numbers, and every process must collect the same tests."""
    return argname if isinstance(val, bytes) else None


def pytest_collection_modifyitems(items):
    """Without torch, as the tabular API installs, what needs it all through is skipped with a word."""
    if find_spec("torch") is not None:
        return
    for item in items:
        if any(item.path.is_relative_to(ROOT / place) for place in WITH_TORCH):
            item.add_marker(pytest.mark.skip(reason="could not import 'torch': No module named 'torch'"))


@pytest.fixture(scope="session")
def browser():
    """Chromium, from Debian or wherever CHROMIUM says; one for all tests, as one process holds one Playwright."""
    from playwright.sync_api import expect, sync_playwright

    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not path:
        pytest.fail("no Chromium: run the tests with ./test, or name one in CHROMIUM")
    expect.set_options(timeout=60_000)
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
        chromium = playwright.chromium.launch(executable_path=path, args=flags)
        yield chromium
        chromium.close()
