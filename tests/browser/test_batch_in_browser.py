"""The Batch page: a run is ordered, watched, cancelled, resumed, read and downloaded, by hand."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import expect

from xai.batch import runs
from xai.dashboard.batches import RUNS

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("runs")
    yield home
    for run in runs.history(home):
        run.delete()


@pytest.fixture(scope="module")
def batching(home, tmp_path_factory, start_server):
    """A server on a table that takes a while, with a folder of runs of its own."""
    import xgboost

    folder = tmp_path_factory.mktemp("batching")
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(4000, 8)), columns=[f"c{i}" for i in range(8)])
    y = (X["c0"] * X["c1"] + X["c2"] > 0).astype(int)
    xgboost.XGBClassifier(n_estimators=20, max_depth=4, n_jobs=1).fit(X, y).save_model(folder / "model.ubj")
    X.round(4).assign(died=y).to_csv(folder / "rows.csv", index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(RUNS, str(home))
        yield start_server("--model", folder / "model.ubj", "--data", folder / "rows.csv", "--target", "died")


@pytest.mark.slow
def test_a_run_from_the_button_to_the_download(visit, batching, home):
    tab = visit(server=batching).open("/batch")
    tab.page.get_by_role("button", name="Explain 4,000 rows").click()
    # It is cancelled before or after its first part; what is finished is kept.
    cancel = tab.page.get_by_role("button", name="Cancel")
    cancel.click()
    expect(tab.page.get_by_text("This run was cancelled")).to_be_visible()
    (run,) = runs.history(home)
    assert run.status == "cancelled"
    tab.page.get_by_role("button", name="Resume").click()
    # It goes on while nobody looks.
    tab.go_to("Overview")
    tab.go_to("Batch")
    expect(tab.page.locator(".st-key-figure-batch-parliament .main-svg").first).to_be_visible(timeout=180_000)
    tab.settle()
    tab.expect_no_error()
    assert run.status == "finished"
    assert sum(tab.seats("batch-parliament").values()) == 100
    with tab.page.expect_download() as download:
        tab.page.get_by_role("button", name="Results (ZIP of Parquet)").click()
    with zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes())) as packed:
        summary = json.loads(packed.read("summary.json"))
        assert summary["rows"] == 4000
        assert any(name.startswith("dhondt/") for name in packed.namelist())
    assert summary == run.result().summary
