"""Pages without a browser: the app in Streamlit's own test harness, and models of an operator's own."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("overview", "parliament", "shap_comparison")


@pytest.fixture(autouse=True)
def _navigation(monkeypatch):
    """The harness forgets before every run that ``st.navigation`` is in use, and would run a page's file by itself."""
    from streamlit.runtime.pages_manager import PagesManager

    original = PagesManager.__init__

    def init(self, *arguments, **options):
        original(self, *arguments, **options)
        PagesManager.uses_pages_directory = False

    monkeypatch.setattr(PagesManager, "__init__", init)


class App:
    """The app as a person finds it: every step runs until no work is under way, and may not raise."""

    def __init__(self, *, patience=60, **state):
        from streamlit.testing.v1 import AppTest

        self.patience = patience
        self.at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        for key, value in state.items():
            self.at.session_state[key] = value
        self.run()

    def run(self):
        deadline = time.monotonic() + self.patience
        self.at.run()
        while self.at.get("progress"):
            assert time.monotonic() < deadline, [p.proto.text for p in self.at.get("progress")]
            self.at.run()
        assert not self.at.exception, [e.message for e in self.at.exception]
        return self

    def open(self, page):
        self.at.switch_page(f"pages/{page}.py")
        return self.run()

    def look(self, tab):
        """Open a tab of the Parliament; only the open one is computed."""
        self.at.session_state["look"] = tab
        return self.run()

    def set(self, kind, key, value):
        """Give a widget a value and run."""
        getattr(self.at, kind)(key=key).set_value(value)
        return self.run()

    @property
    def errors(self):
        return [error.value for error in self.at.error]

    @property
    def titles(self):
        return [title.value for title in self.at.title]

    @property
    def text(self):
        """Captions and markdown in one piece."""
        return "\n".join(element.value for kind in ("caption", "markdown") for element in self.at.get(kind))

    def figure(self, key):
        """A figure of the page as Plotly's JSON."""
        found = [chart.proto for chart in self.at.get("plotly_chart") if chart.proto.id.endswith(f"figure:{key}")]
        assert len(found) == 1, f"{len(found)} figures are called {key}"
        return json.loads(found[0].spec)

    @property
    def figures(self):
        return [chart.proto.id.rpartition("figure:")[2] for chart in self.at.get("plotly_chart")]

    def seats(self, key="parliament"):
        """Seats by party, as the legend of the chamber names them."""
        labels = [trace["name"].rsplit(" — ", 1) for trace in self.figure(key)["data"] if trace.get("showlegend")]
        return {name: int(seats.split()[0].replace(",", "")) for name, seats in labels}


@pytest.fixture
def app(monkeypatch):
    """A function that starts the app on the demos."""
    from xai.dashboard import source
    from xai.dashboard.launch import DATA, MODEL, TARGET

    for variable in (MODEL, DATA, TARGET):
        monkeypatch.delenv(variable, raising=False)
    source.shared.cache_clear()
    yield App
    source.shared.cache_clear()


@pytest.fixture
def own(monkeypatch):
    """A function that starts the app on a person's own model and table."""
    from xai.dashboard import source
    from xai.dashboard.launch import DATA, MODEL, TARGET

    def start(model, data, target=None, **state):
        monkeypatch.setenv(MODEL, str(model))
        monkeypatch.setenv(DATA, str(data))
        monkeypatch.delenv(TARGET, raising=False)
        if target is not None:
            monkeypatch.setenv(TARGET, target)
        source.shared.cache_clear()
        return App(**state)

    yield start
    source.shared.cache_clear()


@pytest.fixture(scope="session")
def table(tmp_path_factory):
    """120 rows of four columns with three kinds of answers: a number, one of two classes, one of three."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(rng.normal(size=(120, 4)), columns=["age", "dose", "marker", "noise"])
    score = 2 * frame["age"] - frame["dose"] + 0.5 * frame["marker"]
    frame["days"] = (30 + 5 * score + rng.normal(size=120)).round(3)
    frame["died"] = (score > 0).astype(int)
    frame["stage"] = pd.cut(score, [-np.inf, -1, 1, np.inf], labels=False)
    return frame


@pytest.fixture(scope="session")
def own_files(table, tmp_path_factory):
    """Task to model file, table and target: a regression by LightGBM, two kinds of classes by XGBoost."""
    import lightgbm
    import xgboost

    folder = tmp_path_factory.mktemp("own")
    features, files = ["age", "dose", "marker", "noise"], {}
    X = table[features]
    options = {"n_estimators": 15, "max_depth": 3, "n_jobs": 1}
    models = {
        "regression": ("days", lightgbm.LGBMRegressor(verbose=-1, **options), "days.txt"),
        "binary": ("died", xgboost.XGBClassifier(**options), "died.ubj"),
        "multiclass": ("stage", xgboost.XGBClassifier(**options), "stage.json"),
    }
    for task, (target, estimator, name) in models.items():
        estimator.fit(X, table[target])
        (estimator.booster_ if task == "regression" else estimator).save_model(folder / name)
        table[[*features, target]].to_csv(folder / f"{task}.csv", index=False)
        files[task] = (folder / name, folder / f"{task}.csv", target)
    return files
