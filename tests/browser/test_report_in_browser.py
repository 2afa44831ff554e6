"""The report as a person gets it: downloaded, opened without network, read by axe, printed; and views opened again."""

from __future__ import annotations

import json

import pytest

from xai.dashboard.source import DEFAULT, load
from xai.dashboard.view_file import take

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def report(server, profile, tmp_path_factory):
    """The downloaded file of the demo."""
    page = profile.new_page()
    page.goto(f"{server.url}/report")
    with page.expect_download(timeout=180_000) as download:
        page.locator(".st-key-report-html button").click(timeout=150_000)
    path = tmp_path_factory.mktemp("report") / download.value.suggested_filename
    download.value.save_as(path)
    page.close()
    return path


@pytest.mark.slow
def test_the_file_needs_nobody_and_says_everything(report, browser):
    from axe_playwright_python.sync_playwright import Axe

    assert report.name == f"report-{DEFAULT}.html"
    assert report.stat().st_size < 10_000_000
    context = browser.new_context(viewport={"width": 1200, "height": 900}, offline=True)
    page = context.new_page()
    wrong, asked = [], []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda r: asked.append(r.url) if not r.url.startswith(("file:", "data:", "blob:")) else None)
    page.goto(report.as_uri())
    page.wait_for_selector("html[data-drawn]")
    figures = page.locator(".plot").count()
    assert page.evaluate("document.documentElement.dataset.drawn") == str(figures)
    page.wait_for_function("[...document.querySelectorAll('.plot')].every(p => p.querySelector('.main-svg'))")
    assert figures >= 10
    found = Axe().run(page).response["violations"]
    assert [
        (one["id"], one["nodes"][0]["html"][:120]) for one in found if one["impact"] in ("serious", "critical")
    ] == []
    # Printed, a figure may not be wider than the paper; folded tables are open.
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 680, "height": 960})
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("[...document.querySelectorAll('details')].every(one => one.open)")
    widest = page.evaluate(
        "Math.max(...[...document.querySelectorAll('.main-svg')].map(s => s.getBoundingClientRect().right))"
    )
    assert widest <= 680
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
    context.close()
    assert wrong == []
    assert asked == []


def test_a_phone_shows_all_of_it_without_scrolling_sideways(report, browser):
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark", offline=True)
    page = context.new_page()
    page.goto(report.as_uri())
    page.wait_for_selector("html[data-drawn]")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    ink = page.evaluate("getComputedStyle(document.querySelector('.main-svg text')).fill")
    context.close()
    assert ink == "rgb(230, 235, 240)"


@pytest.mark.long
@pytest.mark.slow
def test_a_saved_view_sets_the_controls_of_other_pages(server, profile, visit, tmp_path):
    view = take({"seats": 321, "rule": "sainte_lague", "house": 77}, load(DEFAULT), {}, {})
    path = tmp_path / "view.json"
    path.write_text(view.to_json(), encoding="utf-8")
    tab = visit().open("/report")
    tab.page.locator(".st-key-view-file input[type=file]").set_input_files(path)
    tab.page.locator(".st-key-open-view button").click()
    tab.page.get_by_text("3 controls are set").wait_for()
    tab.go_to("Parliament").settle()
    legend = tab.page.locator(".js-plotly-plot .legendtext").all_text_contents()
    assert sum(int(text.rsplit(" — ", 1)[1].split()[0]) for text in legend if " — " in text) == 321
    tab.go_to("SHAP comparison").settle()
    assert tab.page.locator(".st-key-house input").input_value() == "77"
    tab.go_to("Report").settle()
    with tab.page.expect_download() as download:
        tab.page.locator(".st-key-save-view button").click()
    again = json.loads(download.value.path().read_text(encoding="utf-8"))
    assert again["controls"]["seats"] == 321
    assert again["controls"]["house"] == 77
    assert again["source"]["model_sha256"] == view.model_hash
