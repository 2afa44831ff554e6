"""Every page in Chromium: no errors, nothing from elsewhere, downloads, and pictures of all of them."""

from __future__ import annotations

import io
import json

import pandas as pd
import pytest

import xai
from xai.datasets import demo_models

from .conftest import PAGES, SCREENSHOTS

pytestmark = pytest.mark.browser
DEMO = "breast_cancer_mean-catboost"
# In sight; tabs hide some.
HEADINGS = {"overview": 3, "parliament": 2, "shap_comparison": 8, "model_comparison": 7, "editable_map": 8}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_filled_and_quiet(visit, name):
    tab = visit().open(PAGES[name])
    tab.expect_no_error()
    charts = tab.page.locator("[data-testid=stPlotlyChart]:visible")
    assert charts.count() >= 1
    for chart in charts.all():
        assert chart.locator(".main-svg").count() >= 1
        # Plotly's own button downloads the picture.
        assert chart.locator("[data-title*='Download']").count() == 1
    questions = [text for text in tab.page.locator("h3:visible").all_text_contents() if text.endswith("?")]
    assert len(questions) == HEADINGS[name]


@pytest.mark.parametrize("suffix", ["svg", pytest.param("png", marks=pytest.mark.slow)])
def test_plotlys_button_downloads_the_picture(visit, suffix):
    tab = visit().open(f"/parliament?format={suffix.upper()}")
    chart = tab.page.locator(".st-key-figure-parliament [data-testid=stPlotlyChart]")
    chart.hover()
    with tab.page.expect_download() as download:
        chart.locator("[data-title*='Download']").click()
    content = download.value.path().read_bytes()
    assert download.value.suggested_filename == f"parliament.{suffix}"
    assert content.startswith(b"\x89PNG" if suffix == "png" else b"<svg")


def test_downloads_hold_what_xai_computes(visit):
    tab = visit().open("/parliament?seats=321")
    demo = demo_models()[DEMO]
    p = xai.elect(xai.explain(demo.open(), demo.held_out_data()[0]), seats=321)
    tab.expect_seats(p.seats)
    table = pd.read_csv(io.BytesIO(_download(tab, "csv-parliament", "parliament.csv")))
    assert dict(zip(table["party"], table["seats"], strict=True)) == p.seats
    shares = dict(zip(table["party"], table["vote_share"], strict=True))
    # The page's worker may have taken another exact engine than this process: CatBoost's own counts in float32.
    assert shares == pytest.approx(p.vote_shares, rel=1e-6)
    record, ours = json.loads(_download(tab, "json-parliament", "parliament.json")), json.loads(p.to_json())
    assert record.pop("votes") == pytest.approx(ours.pop("votes"), rel=1e-6)
    assert record == ours


def _download(tab, key, name):
    with tab.page.expect_download() as download:
        tab.page.locator(f".st-key-{key} button").click()
    assert download.value.suggested_filename == name
    return download.value.path().read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("form", ["wide", "phone"])
def test_screenshots(browser, visit, theme, form):
    """Pictures for people; what a test can see of them is that nothing has to be scrolled sideways."""
    SCREENSHOTS.mkdir(exist_ok=True)
    width, height = {"wide": (1400, 1000), "phone": (390, 844)}[form]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
    too_wide = {}
    for name, path in PAGES.items():
        tab = visit(context=context).open(path)
        tab.expect_no_error()
        main = "document.querySelector('[data-testid=stMain]')"
        # Streamlit scrolls inside the page: a viewport as high as its content shows all of it.
        for _ in range(2):
            full = tab.page.evaluate(f"{main}.scrollHeight")
            tab.page.set_viewport_size({"width": width, "height": max(height, min(full + 20, 8000))})
            tab.settle()
        tab.page.wait_for_function("document.getAnimations().every(a => a.playState !== 'running')")
        tab.page.screenshot(path=SCREENSHOTS / f"{name}-{theme}-{form}.png")
        over = tab.page.evaluate(f"Math.max(document.documentElement.scrollWidth, {main}.scrollWidth) - innerWidth")
        if over > 0:
            too_wide[name] = over
    context.close()
    assert too_wide == {}
