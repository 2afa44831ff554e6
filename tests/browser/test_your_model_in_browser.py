"""Files dropped in Chromium: every native format to its parliament, a killed worker, and visitors side by side."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
FEATURES = ["Age [years]", "dose (mg/day)", "marker #3", "Noise level"]


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(rng.normal(size=(150, 4)), columns=FEATURES)
    score = 2 * frame[FEATURES[0]] - frame[FEATURES[1]] + 0.5 * frame[FEATURES[2]]
    return frame.assign(days=(30 + 5 * score).round(3), died=(score > 0).astype(int))


@pytest.fixture(scope="module")
def files(table, tmp_path_factory):
    """Format to model file; every one opens with the same table."""
    import catboost
    import lightgbm
    import skops.io
    import xgboost
    from skl2onnx import to_onnx
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    folder = tmp_path_factory.mktemp("formats")
    plain = table[FEATURES].set_axis(["age", "dose", "marker", "noise"], axis=1)
    died = table["died"]
    booster = xgboost.XGBClassifier(n_estimators=10, max_depth=3, n_jobs=1).fit(plain, died)
    for suffix in ("json", "ubj"):
        booster.save_model(folder / f"xgboost.{suffix}")
    lightgbm.LGBMClassifier(n_estimators=10, verbose=-1, n_jobs=1).fit(plain, died).booster_.save_model(
        folder / "lightgbm.txt"
    )
    cat = catboost.CatBoostClassifier(iterations=10, depth=3, verbose=False, allow_writing_files=False, thread_count=1)
    cat.fit(plain, died)
    cat.save_model(str(folder / "catboost.cbm"))
    cat.save_model(str(folder / "catboost.json"), format="json")
    skops.io.dump(RandomForestClassifier(5, max_depth=3, random_state=0).fit(plain, died), folder / "forest.skops")
    linear = LogisticRegression().fit(plain.to_numpy(np.float32), died)
    (folder / "linear.onnx").write_bytes(
        to_onnx(linear, plain.to_numpy(np.float32)[:1], options={"zipmap": False}).SerializeToString()
    )
    table.assign(**{name: table[old] for name, old in zip(plain, FEATURES, strict=True)}).drop(
        columns=[*FEATURES, "days"]
    ).to_csv(folder / "rows.csv", index=False)
    table[[*FEATURES, "died"]].to_csv(folder / "odd.csv", index=False)
    return folder


def drop(tab, *paths):
    """Drop files on the page and wait until each is told or refused."""
    tab.page.locator("[data-testid=stFileUploaderDropzoneInput]").first.set_input_files([str(path) for path in paths])
    for path in paths:
        tab.page.locator("[class*=st-key-file-]").filter(has_text=path.name).first.wait_for()
    return tab.settle()


def use(tab):
    # A format's library may have to be loaded first, and a machine under test is busy.
    tab.page.get_by_role("button", name="Use this model").click(timeout=180_000)
    tab.page.get_by_text("Every page is about it now").wait_for(timeout=180_000)
    return tab.settle()


FORMATS = (
    "xgboost.json", "xgboost.ubj", "lightgbm.txt", "catboost.cbm", "catboost.json", "forest.skops", "linear.onnx",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", FORMATS)
def test_a_file_of_every_format_ends_in_a_parliament(visit, files, name):
    tab = visit().open("/your_model")
    use(drop(tab, files / name, files / "rows.csv"))
    tab.expect_no_error()
    tab.go_to("Parliament")
    tab.expect_no_error()
    expect(tab.page.get_by_text(f"{name} on rows.csv").first).to_be_visible()
    tab.expect_house(100)


@pytest.mark.slow
def test_odd_column_names_are_mapped_and_a_link_belongs_to_its_session(visit, files):
    tab = visit().open("/your_model")
    drop(tab, files / "xgboost.ubj", files / "odd.csv")
    tab.expect_no_error()
    use(tab)
    tab.go_to("Parliament")
    tab.expect_house(100)
    link = tab.page.url
    assert "xgboost.ubj" in link
    other = visit().open(link)
    expect(other.page.get_by_text("uploaded in another session")).to_be_visible()
    expect(other.page.get_by_text("Breast cancer, ten means: CatBoost").first).to_be_visible()
    assert other.page.get_by_text("xgboost.ubj").count() == 0
    # A page switch and the way back keep everything.
    tab.go_to("Your model")
    expect(tab.page.locator("[class*=st-key-file-]").filter(has_text="odd.csv").first).to_be_visible()


def test_bad_files_are_messages_and_the_page_lives(visit, files, tmp_path):
    bad = {
        "cut.ubj": (files / "xgboost.ubj").read_bytes()[:200],
        "evil.pkl": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94.",
        "ragged.csv": b"a,b\n1,2,3\n",
    }
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
    tab = visit().open("/your_model")
    drop(tab, *(tmp_path / name for name in bad))
    messages = tab.page.locator("[data-testid=stAlertContentError]").all_text_contents()
    assert sorted(name for message in messages for name in bad if name in message) == sorted(bad)
    assert tab.page.locator("[data-testid=stException]").count() == 0
    for name in bad:
        box = tab.page.locator("[class*=st-key-file-]").filter(has_text=name).first
        box.get_by_role("button", name="Remove").click()
        expect(box).to_have_count(0)
    use(drop(tab, files / "lightgbm.txt", files / "rows.csv"))
    tab.expect_no_error()


@pytest.fixture(scope="module")
def slow_model(tmp_path_factory):
    """A model whose vote sources take minutes to ask."""
    import xgboost

    folder = tmp_path_factory.mktemp("slow")
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(3000, 30)), columns=[f"c{i}" for i in range(30)])
    y = ((X["c0"] * X["c1"] + X["c2"] + rng.normal(size=len(X))) > 0).astype(int)
    xgboost.XGBClassifier(n_estimators=800, max_depth=6, tree_method="hist", n_jobs=2).fit(X, y).save_model(
        folder / "slow.ubj"
    )
    X.round(4).assign(died=y).to_csv(folder / "slow.csv", index=False)
    return folder


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_worker_killed_in_the_middle_is_a_message_and_the_page_works(visit, start_server, slow_model):
    server = start_server()
    tab = visit(server=server).open("/your_model")
    use(drop(tab, slow_model / "slow.ubj", slow_model / "slow.csv"))
    tab.page.locator("[data-testid=stSidebarNavLink]").filter(has_text="SHAP comparison").click()
    tab.page.locator("[data-testid=stProgress]").filter(has_text="slow.ubj").or_(
        tab.page.locator("[data-testid=stProgress]").filter(has_text="slow.csv")
    ).first.wait_for(timeout=180_000)
    os.kill(busiest(server).pid, signal.SIGKILL)
    message = tab.page.locator("[data-testid=stAlertContentError]").filter(has_text="killed (signal 9)").first
    message.wait_for(timeout=120_000)
    assert "slow.ubj" in message.text_content()
    tab.go_to("Parliament")
    # It may be the parliament's own work that was killed: then the page offers to try again.
    again = tab.page.get_by_role("button", name="Try again").first
    tab.page.locator(".st-key-figure-parliament .legendtext").first.or_(again).first.wait_for(timeout=180_000)
    if again.is_visible():
        again.click()
    tab.expect_house(100)


def busiest(server):
    """The worker that uses a processor now; one that waits for work may have used more before."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        before = {process: sum(process.cpu_times()[:2]) for process in workers(server)}
        time.sleep(1)
        used = {process: sum(process.cpu_times()[:2]) - then for process, then in before.items()}
        busy = max(used, key=used.get)
        if used[busy] > 0.05:
            return busy
    raise AssertionError("no worker is at work")


def workers(server):
    """Processes that run tasks for a server: those below it that start none themselves."""
    below = psutil.Process(server._process.pid).children(recursive=True)
    return [process for process in below if not process.children()]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_visitors_side_by_side_share_nothing_and_leave_nothing(browser, start_server, tmp_path, monkeypatch):
    from benchmarks import many_sessions

    monkeypatch.setenv("HEMICYCLE_UPLOADS", str(tmp_path / "uploads"))
    monkeypatch.setenv("HEMICYCLE_KEEP_SECONDS", "4")
    monkeypatch.setenv("HEMICYCLE_JOB_SECONDS", "2")
    server = start_server()
    before = len(workers(server))
    found = many_sessions.run(browser, server.url, contexts=5, seconds=60, folder=tmp_path / "files", seed=0)
    assert found.crosstalk == []
    assert found.errors == []
    assert found.uploaded == 5
    assert found.explained > 0  # how many depends on the machine
    deadline = time.monotonic() + 30
    while left := [path for path in Path(tmp_path / "uploads").rglob("*") if path.is_file() and path.name != ".lock"]:
        assert time.monotonic() < deadline, left
        time.sleep(0.2)
    assert len(workers(server)) <= before + 2
