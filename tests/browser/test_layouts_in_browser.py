"""The editor as a strip of words and as a list of features: by mouse, keyboard and touch, told to screen readers."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
APP = Path(__file__).with_name("layouts_app.py")
ROOT = APP.parents[2]


@pytest.fixture(scope="module")
def layouts():
    """The address of a server that shows the two layouts."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    options = {"server.port": port, "server.headless": "true", "browser.gatherUsageStats": "false"}
    command = [sys.executable, "-m", "streamlit", "run", str(APP), *(f"--{k}={v}" for k, v in options.items())]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)})
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
                break
        except OSError:
            assert process.poll() is None, "the server did not start"
            assert time.monotonic() < deadline, "the server did not start in time"
            time.sleep(0.1)
    yield SimpleNamespace(url=url, log="")
    process.terminate()
    process.wait(20)


class Editor:
    """One of the two editors."""

    def __init__(self, page, kind):
        self.page, self.kind = page, kind
        self.bench = page.locator(f".st-key-{kind}-bench")
        self.units = self.bench.get_by_role("checkbox")
        expect(self.units.first).to_be_visible(timeout=60_000)

    def expect_weights(self, step, weights):
        text = f"{self.kind} at step {step}: "
        expect(self.bench.get_by_text(text)).to_contain_text(f"weights {[float(w) for w in weights]}", timeout=20_000)

    def press(self, name):
        self.bench.get_by_role("button", name=name, exact=True).click()

    def focused(self):
        inside = "let e = document.activeElement; while (e.shadowRoot) e = e.shadowRoot.activeElement; return e"
        return self.page.evaluate(f"() => {{ {inside}.getAttribute('aria-label') }}")

    def middle(self, k):
        self.units.nth(k).scroll_into_view_if_needed()
        box = self.units.nth(k).bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def without(n, *gone, weight=0):
    return [weight if k in gone else 1 for k in range(n)]


def test_a_list_by_mouse_and_its_weights(visit, layouts):
    tab = visit(server=layouts).open()
    editor = Editor(tab.page, "list")
    assert editor.units.evaluate_all("all => all.map(u => u.getAttribute('aria-label'))")[1] == "dose, 1.5 mg, kept"
    editor.units.nth(1).click()
    editor.expect_weights(1, without(5, 1))
    expect(editor.units.nth(1)).to_have_attribute("aria-checked", "false")
    expect(editor.units.nth(1)).to_have_attribute("aria-label", "dose, 1.5 mg, ignored")
    # A stroke over three of them is one edit.
    tab.page.mouse.move(*editor.middle(2))
    tab.page.mouse.down()
    for k in (3, 4):
        tab.page.mouse.move(*editor.middle(k), steps=4)
    tab.page.mouse.up()
    editor.expect_weights(2, without(5, 1, 2, 3, 4))
    expect(editor.bench.get_by_role("status").first).to_have_text("3 features ignored. 1 of 5 features kept.")
    expect(editor.bench.get_by_text("Only 1 feature kept")).to_be_visible()
    editor.press("Undo")
    editor.expect_weights(1, without(5, 1))
    editor.bench.get_by_role("radio", name="× 2").click()
    editor.units.nth(0).click()
    editor.expect_weights(3, [2, 0, 1, 1, 1])
    expect(editor.units.nth(0)).to_contain_text("× 2")
    editor.press("Reset")
    editor.expect_weights(4, without(5))
    tab.settle().expect_no_error()


def test_a_strip_by_keyboard(visit, layouts):
    tab = visit(server=layouts).open()
    editor = Editor(tab.page, "strip")
    n = editor.units.count()
    # One unit is reached with Tab, the others with arrows.
    assert editor.bench.locator("[role=checkbox][tabindex='0']").count() == 1
    editor.units.nth(0).focus()
    keyboard = tab.page.keyboard
    keyboard.press("ArrowRight")
    assert editor.focused() == "patient-1, kept"
    keyboard.press("Space")
    editor.expect_weights(1, without(n, 1))
    assert editor.focused() == "patient-1, ignored"
    # Down goes to the next line of the strip, up comes back to the same place.
    tops = editor.units.evaluate_all("all => all.map(u => u.getBoundingClientRect().top)")
    assert len({round(top) for top in tops}) > 1, "the strip has one line, and shows nothing"
    keyboard.press("ArrowDown")
    below = int(editor.focused().split(",")[0].rpartition("-")[2])
    assert tops[below] > tops[1]
    assert tops[below] == min(top for top in tops if top > tops[1] + 2)
    keyboard.press("Space")
    editor.expect_weights(2, without(n, 1, below))
    keyboard.press("End")
    keyboard.press("ArrowRight")  # there is nothing beyond the last
    assert editor.focused().startswith(f"weeks-{n - 1}")
    keyboard.press("Home")
    assert editor.focused() == "the-0, kept"
    keyboard.press("Control+z")
    editor.expect_weights(1, without(n, 1))
    keyboard.press("Control+Shift+z")
    editor.expect_weights(2, without(n, 1, below))
    tab.settle().expect_no_error()


def test_both_by_touch(browser, visit, layouts):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    context.set_default_timeout(60_000)
    tab = visit(context=context, server=layouts).open()
    strip, features = Editor(tab.page, "strip"), Editor(tab.page, "list")
    n = strip.units.count()
    for k in (3, 5):
        tab.page.touchscreen.tap(*strip.middle(k))
    strip.expect_weights(2, without(n, 3, 5))
    assert features.units.first.bounding_box()["height"] >= 44
    tab.page.touchscreen.tap(*features.middle(4))
    features.expect_weights(1, without(5, 4))
    features.bench.get_by_role("button", name="Undo", exact=True).tap()
    features.expect_weights(0, without(5))
    tab.settle().expect_no_error()
    context.close()


def test_notes_in_the_history_and_a_session_brought_back(visit, layouts, tmp_path):
    tab = visit(server=layouts).open()
    editor = Editor(tab.page, "list")
    editor.units.nth(1).click()
    editor.expect_weights(1, without(5, 1))
    editor.bench.locator("summary").filter(has_text="Take it home").click()
    with tab.page.expect_download() as download:
        editor.bench.get_by_role("button", name="Download JSON").click()
    file = tmp_path / "edits.json"
    file.write_bytes(download.value.path().read_bytes())
    editor.press("Reset")
    editor.expect_weights(2, without(5))
    tab.settle()
    editor.bench.locator("input[type=file]").set_input_files(file)
    editor.bench.get_by_role("button", name="Load it").click()
    editor.expect_weights(1, without(5, 1))
    tab.settle().expect_no_error()


@pytest.mark.slow
def test_the_features_of_a_row_on_the_shap_page(visit):
    tab = visit()
    tab.page.goto(tab.server.url + "/shap_comparison?edit=true")
    units = tab.page.get_by_role("group", name="Features of row").get_by_role("checkbox")
    expect(units).to_have_count(10, timeout=120_000)
    name = units.nth(0).get_attribute("aria-label").split(",")[0]
    metrics = {what: tab.page.locator("[data-testid=stMetric]").filter(has_text=what) for what in ("Original", "Now")}
    original = metrics["Original"].locator("[data-testid=stMetricValue]").inner_text()
    expect(metrics["Now"].locator("[data-testid=stMetricValue]")).to_have_text(original)
    units.nth(0).click()
    expect(tab.page.get_by_text(f"{name} ignored. 9 of 10 features kept.")).to_be_visible()
    expect(metrics["Now"].locator("[data-testid=stMetricValue]")).not_to_have_text(original)
    tab.page.get_by_role("button", name="Undo", exact=True).click()
    expect(metrics["Now"].locator("[data-testid=stMetricValue]")).to_have_text(original)
    tab.settle().expect_no_error()
