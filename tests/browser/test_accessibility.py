"""Every page for people who read by ear, by keyboard, on a phone or in the dark."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Every page of the app, as app.py has them; the first is at the root.
EVERY = re.findall(r'st\.Page\("pages/(\w+)\.py"', (ROOT / "app.py").read_text(encoding="utf-8"))
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(1200)]


def address(page):
    return "/" if page == EVERY[0] else f"/{page}"


def findings(page):
    """What axe finds serious or critical: rule and the first element, cut."""
    from axe_playwright_python.sync_playwright import Axe

    # Boxes that fold open are still moving when their content is there already.
    page.wait_for_function("document.getAnimations().every(a => a.playState !== 'running')")
    found = Axe().run(page).response["violations"]
    return [
        (one["id"], one["help"], len(one["nodes"]), one["nodes"][0]["html"][:200])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_any_page(browser, visit, theme):
    context = browser.new_context(viewport={"width": 1400, "height": 1000}, color_scheme=theme)
    context.set_default_timeout(60_000)
    wrong = {}
    for page in EVERY:
        tab = visit(context=context).open(address(page))
        if found := findings(tab.page):
            wrong[page] = found
        tab.page.close()
    context.close()
    assert wrong == {}


def test_no_page_scrolls_sideways_on_a_phone(browser, visit):
    context = browser.new_context(viewport={"width": 390, "height": 844})
    context.set_default_timeout(60_000)
    wide = {}
    for page in EVERY:
        tab = visit(context=context).open(address(page))
        main = "document.querySelector('[data-testid=stMain]')"
        over = tab.page.evaluate(f"Math.max(document.documentElement.scrollWidth, {main}.scrollWidth) - innerWidth")
        if over > 0:
            wide[page] = over
        tab.page.close()
    context.close()
    assert wide == {}


def test_the_keyboard_reaches_navigation_controls_and_downloads(visit):
    tab = visit().open("/parliament")
    reached = set()
    for _ in range(70):
        tab.page.keyboard.press("Tab")
        reached |= set(
            tab.page.evaluate(
                """() => {
                  const one = document.activeElement;
                  const inside = (selector) => one.closest(selector) !== null;
                  return [
                    inside('[data-testid=stSidebarNav]') && 'navigation',
                    inside('[data-testid=stNumberInput]') && 'seats',
                    inside('[data-testid=stTabs]') && 'tabs',
                    inside('[data-testid=stDownloadButton]') && 'download',
                  ].filter(Boolean);
                }"""
            )
        )
    assert reached == {"navigation", "seats", "tabs", "download"}
