"""One rule for every page and the report: how a model is explained, on which rows, and in which words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

import xai
from xai.core.errors import InputError
from xai.dashboard import batches
from xai.dashboard.controls import Law
from xai.dashboard.explained import Explained, method_for
from xai.dashboard.source import FEW, Source
from xai.dashboard.views import report as views
from xai.report import ReportConfig
from xai.report.subject import subject

FACTS = ("framework", "task", "output", "output_names", "feature_names", "spaces")


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(60, 3)), columns=["age", "dose", "noise"])
    return X, (2 * X["age"] - X["dose"]).rename("days")


@pytest.fixture(scope="module")
def models(table):
    """Name to a fitted model; classes are whether the days are more than none."""
    import lightgbm
    import xgboost
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    X, days = table
    died, positive = (days > 0).astype(int), np.exp(days)
    few = {"n_estimators": 5, "max_depth": 2, "n_jobs": 1}
    return {
        "classes": xgboost.XGBClassifier(**few).fit(X, died),
        "linked": lightgbm.LGBMRegressor(objective="poisson", verbose=-1, **few).fit(X, positive),
        "number": xgboost.XGBRegressor(**few).fit(X, days),
        "linear": LogisticRegression().fit(X, died),
        "forest": RandomForestClassifier(random_state=0, **few).fit(X, died),
    }


def facts_of(model):
    return {name: getattr(model, name) for name in FACTS}


@dataclass
class Place:
    """What an Explained is made of here."""

    table: tuple
    tmp_path: object

    def explained(self, model, limit=FEW, **about):
        X, y = self.table
        path = self.tmp_path / "model.ubj"
        path.write_bytes(b"not opened here")
        source = Source("key", "title", path, X, about.pop("y", y), "rows", **about)
        return Explained(source, facts_of(model), model.output_names[-1], limit)


@pytest.fixture
def place(table, tmp_path):
    return Place(table, tmp_path)


@pytest.mark.parametrize(
    ("name", "output", "expected"),
    [
        ("classes", "margin", ("shap", False)),
        ("classes", "probability", ("sampling", True)),
        ("linked", "margin", ("shap", False)),
        ("linked", "value", ("sampling", True)),
        ("number", "value", ("shap", False)),
        ("linear", "margin", ("shap", True)),
        ("linear", "probability", ("sampling", True)),
        ("forest", "probability", ("shap", True)),
    ],
)
def test_whatever_a_model_answers_the_rule_explains_it(models, table, name, output, expected):
    X, _ = table
    model = xai.wrap_model(models[name], output)
    method, needs_rows = method_for(facts_of(model))
    assert (method, needs_rows) == expected
    a = xai.explain(model, X[:5], method, X[:20] if needs_rows else None)
    assert np.abs(a.additivity_gap).max() < 1e-5


@pytest.mark.parametrize(("output", "method"), [("margin", "shap"), ("probability", "sampling")])
def test_a_batch_is_ordered_by_the_same_rule(models, place, monkeypatch, output, method):
    ordered = {}
    monkeypatch.setattr(batches, "_check_turn", lambda: None)
    monkeypatch.setattr(
        batches.runs, "order", lambda home, model, rows, methods, **rest: ordered.update(rest, methods=methods)
    )
    explained = place.explained(xai.wrap_model(models["classes"], output))
    offered = batches.methods_for(explained)
    assert offered[0] == method
    assert {"shap", "sampling", "banzhaf"} & set(offered) == ({"shap", "banzhaf"} if method == "shap" else {"sampling"})
    assert (batches.why_played(explained) is None) == (method == "shap")
    batches.order(explained, offered[:1], 40)
    assert ordered["methods"] == [method, "dhondt"]
    assert ordered["options"]["options"]["dhondt"] == {"seats": 40, "source": method}
    assert ordered["against"] == ([] if method == "shap" else ["sampling"])
    assert (ordered["background"] is None) == (method == "shap")
    with pytest.raises(InputError, match="at least one method"):
        batches.order(explained, [], None)


@pytest.mark.parametrize(("limit", "rows"), [(FEW, FEW), (1000, 1000), (None, 60)])
def test_the_report_explains_the_rows_of_the_page(models, place, monkeypatch, limit, rows):
    asked = {}
    monkeypatch.setattr(views, "compute", lambda task, label, identity, options, **tables: asked.update(options))
    explained = place.explained(xai.wrap_model(models["forest"]), limit)
    views._report(explained, views.Contents(Law(), (), ()))
    config = ReportConfig(**asked["config"])
    assert (config.rows, config.background_rows) == (rows, 20)


@pytest.mark.parametrize("name", ["classes", "number"])
def test_page_and_report_use_the_same_words(models, table, place, name):
    X, days = table
    model = xai.wrap_model(models[name])
    for y in (days, None, days.rename(None)):
        explained = place.explained(model, y=y, names={"1": "alive"})
        about = subject(
            model, X, y, dataset=None, output=None, background=None, rows_are="rows", names={"1": "alive"}, facts=None,
            config=ReportConfig(),
        )  # fmt: skip
        assert explained.about == about.about
        assert explained.units == about.scale == ("log-odds" if name == "classes" else "value")
        assert explained.about == (
            "class alive" if name == "classes" else f"predicted {'value' if y is not days else 'days'}"
        )
