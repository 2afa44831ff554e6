"""A person's own model: long work with progress and Cancel, and files that are bad."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def large(tmp_path_factory, start_server):
    """A server on a model that takes long to ask: its vote sources take minutes."""
    import xgboost

    folder = tmp_path_factory.mktemp("large")
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(5000, 30)), columns=[f"c{i}" for i in range(30)])
    y = ((X["c0"] * X["c1"] + X["c2"] + rng.normal(size=len(X))) > 0).astype(int)
    model = xgboost.XGBClassifier(n_estimators=1200, max_depth=6, tree_method="hist", n_jobs=2).fit(X, y)
    model.save_model(folder / "large.ubj")
    X.round(4).assign(died=y).to_csv(folder / "large.csv", index=False)
    return start_server("--model", folder / "large.ubj", "--data", folder / "large.csv", "--target", "died")


@pytest.mark.slow
def test_long_work_shows_progress_and_can_be_cancelled(visit, large):
    """The first visit of this server is to a page's own address, as a link's would be."""
    tab = visit(server=large)
    tab.page.goto(f"{large.url}/shap_comparison")
    progress = tab.page.locator("[data-testid=stProgress]").filter(has_text="Asking the four vote sources")
    progress.first.wait_for(timeout=120_000)
    # The rest of the page is there while the work goes on.
    expect(tab.page.locator(".st-key-figure-beeswarm .main-svg").first).to_be_visible()
    # Two cards wait for this job, and either can cancel it for both.
    cancel = progress.first.locator("xpath=following::button[contains(., 'Cancel')][1]")
    cancel.click()
    expect(tab.page.get_by_text("Cancelled.").first).to_be_visible()
    expect(progress).to_have_count(0)
    tab.settle()
    tab.expect_no_error()
    tab.go_to("Parliament")
    numbers = tab.page.locator(".st-key-figure-parliament .annotation-text")
    expect(numbers.filter(has_text=re.compile("^100$"))).to_have_count(1, timeout=60_000)
    tab.settle()
    assert sum(tab.seats().values()) == 100
    tab.number("Seats", 600)
    expect(numbers.filter(has_text=re.compile("^600$"))).to_have_count(1)
    tab.settle()
    assert sum(tab.seats().values()) == 600
    tab.go_to("SHAP comparison")
    tab.page.get_by_role("button", name="Try again").first.click()
    progress.first.wait_for()
    cancel.click()
    expect(tab.page.get_by_text("Cancelled.").first).to_be_visible()


@pytest.mark.slow
def test_bad_data_are_a_message_and_the_page_lives(visit, tmp_path, start_server):
    model = tmp_path / "model.ubj"
    model.write_bytes(b"{L\x00nothing a library could read")
    data = tmp_path / "patients.csv"
    data.write_text("", encoding="utf-8")
    tab = visit(server=start_server("--model", model, "--data", data)).open("/parliament")
    expect(tab.page.get_by_text("patients.csv is empty")).to_be_visible()
    data.write_text("a,b\n1,2\n", encoding="utf-8")
    tab.page.reload()
    expect(tab.page.locator("[data-testid=stAlert]")).to_contain_text("model.ubj")
    assert tab.page.locator("[data-testid=stException]").count() == 0
    tab.choose("Model and data", "Breast cancer, ten means: XGBoost")
    tab.page.locator(".st-key-figure-parliament .main-svg").first.wait_for()
    tab.settle()
    tab.expect_no_error()
    assert sum(tab.seats().values()) == 100
