"""A report says what the library computes, is the same again, and needs nobody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import xai
from xai.report import Section, Text, build, thin, whole
from xai.shapley.trees.engine import TreeConfig

AGAIN = """
import hashlib, sys
import pandas as pd
import xgboost
from xai.report import ReportConfig, build
model = xgboost.XGBClassifier(); model.load_model(sys.argv[1])
table = pd.read_parquet(sys.argv[2])
y = table.pop("died")
config = ReportConfig(seats=40, rows=60, asked=30, followed=5, n_boot=50)
print(hashlib.sha256(build(model, table, y, config=config, facts={"file": "died.ubj"}).encode()).hexdigest())
"""


def test_two_builds_are_equal_to_the_last_byte_in_another_process(binary, html, tmp_path):
    import hashlib

    model, X, y = binary
    model.save_model(tmp_path / "died.ubj")
    X.assign(died=y).to_parquet(tmp_path / "rows.parquet")
    # Names are hashed with another seed there: an order that came from a set would differ.
    environment = os.environ | {"PYTHONHASHSEED": "12345", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", AGAIN, str(tmp_path / "died.ubj"), str(tmp_path / "rows.parquet")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == [hashlib.sha256(html.encode()).hexdigest()]


def test_every_section_is_there_and_every_link_leads_somewhere(html, read):
    found = read(html)
    assert found.headings == [
        "What are the data?",
        "What is the model?",
        "How good is the model?",
        "Which features hold a majority?",
        "How does each feature push the answers?",
        "Do other importances say the same as SHAP?",
        "Does the model obey the explanation?",
        "What does this not say?",
        "How can this be made again?",
    ]
    assert len(found.ids) == len(set(found.ids))
    assert {link.removeprefix("#") for link in found.links} <= set(found.ids)
    assert all(link.startswith("#") for link in found.links)
    assert found.sources == []
    assert "default-src 'none'" in html
    assert len(found.figures) == html.count('class="plot"') >= 10
    for text in found.figures.values():
        assert set(json.loads(text)) >= {"data", "layout"}


def test_seats_and_scores_are_those_of_the_library(binary, html, read, quick):
    model, X, y = binary
    rows = np.sort(np.random.default_rng(0).permutation(len(X))[: quick.rows])
    a = xai.explain(model, X.iloc[rows], config=TreeConfig(engine="native"))
    p = xai.elect(a, seats=40)
    body = read(html).table("Seats by party")[1:]
    assert {row[0]: int(row[3]) for row in body} == p.seats
    u = xai.dhondt.uncertainty(a, 40, quick.n_boot)
    assert {row[0]: row[4] for row in body} == {name: "{} to {}".format(*ends) for name, ends in u.intervals.items()}
    from xai.models.performance import performance

    measured = performance(xai.wrap_model(model), X, y, quick.n_boot)
    scores = read(html).table("Scores")[1:]
    assert [row[:2] for row in scores] == [[m.name, f"{m.value:.3f}"] for m in measured.metrics]


def test_the_model_obeys_the_columns_it_was_made_of(html, read):
    verdicts = {row[0]: row[3] for row in read(html).table("How much sooner")[1:]}
    assert verdicts["SHAP"] == "better than chance"
    assert verdicts["SHAP of each row"] == "better than chance"


def test_hashes_and_versions_are_those_of_what_was_given(binary, html):
    model, X, _ = binary
    from xai.core.provenance import hash_frame, versions

    assert hash_frame(X) in html
    assert xai.wrap_model(model).hash in html
    for name, version in versions(["xgboost", "numpy"]).items():
        assert f"{name} {version}" in html


def test_no_date_and_no_path_of_this_machine_in_the_body(html):
    import datetime as dt
    from pathlib import Path

    body = thin(html)
    assert len(body) < len(html) / 2
    assert whole(body) == html
    assert str(Path.cwd()) not in body
    assert dt.datetime.now(tz=dt.UTC).strftime("%Y-%m-%d") not in body


@pytest.mark.parametrize(
    "evil", ["</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "a & \"b\" 'c'"]
)
def test_names_are_text_whatever_they_hold(table, quick, evil, read):
    from sklearn.linear_model import LinearRegression

    X, score = table
    X = X.rename(columns={"age": evil}).iloc[:40]
    model = LinearRegression().fit(X, score.iloc[:40])
    html = build(
        model,
        X,
        score.iloc[:40].rename(evil),
        title=evil,
        facts={evil: evil},
        sections=(Section(evil, (Text(evil),), evil),),
        config=replace(quick, n_boot=20),
    )
    body = thin(html)
    assert "<img" not in body
    assert "<script>alert" not in body
    found = read(html)
    assert found.headings[-3] == evil
    assert any(row[0] == evil for row in found.table("Seats by party"))


def test_a_regression_without_answers(table, quick, read):
    from sklearn.ensemble import RandomForestRegressor

    X, score = table
    model = RandomForestRegressor(n_estimators=5, max_depth=3, random_state=0, n_jobs=1).fit(X, score)
    found = read(build(model, X, config=quick))
    assert "Nothing was measured" in found.html
    assert "permutation votes need y" in found.html.replace("&#x27;", "'")


def test_a_model_without_exact_engine_is_played_against_its_rows(table, quick, read):
    from sklearn.svm import SVC

    X, score = table
    y = pd.cut(score, [-np.inf, -1, 1, np.inf], labels=["low", "mid", "high"]).astype(str).rename("level")
    model = SVC().fit(X, y)
    html = build(model, X, y, output="high", config=quick)
    assert "class high" in html
    assert "coalitions" in html
    assert read(html).table("Seats by party")[1][0] in X.columns


@pytest.mark.parametrize("output", ["probability", "value"])
def test_answers_that_no_exact_routine_explains_are_played_against_rows(binary, table, quick, output):
    import xgboost

    from xai.report import findings
    from xai.report.subject import subject

    model, X, _ = binary
    if output == "value":
        model = xgboost.XGBRegressor(objective="reg:gamma", n_estimators=5, max_depth=2, n_jobs=1).fit(
            X, np.exp(table[1])
        )
    wrapped = xai.wrap_model(model, output)
    config = replace(quick, rows=10, asked=5, background_rows=8)
    about = subject(
        wrapped, X, None, dataset=None, output=None, background=None, rows_are="rows", names=None, facts=None,
        config=config,
    )  # fmt: skip
    order = np.random.default_rng(0).permutation(len(X))
    rows, background = (X.iloc[np.sort(order[:n])] for n in (10, 8))
    expected = xai.explain(wrapped, rows, "exact", background)
    np.testing.assert_allclose(findings.explained(about).values, expected.values, atol=1e-9)
    # The whole report is about these values, whatever else was asked.
    html = build(wrapped, X, config=config)
    assert f"explained here</dt><dd>{about.about}, in {output}" in html


def test_alliances_and_the_law_reach_the_seats(binary, quick, read):
    config = replace(
        quick, alliances={"both": ("age", "dose")}, exclude=("noise",), rule="sainte_lague", threshold=0.02
    )
    html = build(*binary, config=config)
    rows = read(html).table("Seats by party")
    assert rows[0][:2] == ["party", "members"]
    assert ["both", "age, dose"] in [row[:2] for row in rows]
    assert "noise" not in [row[0] for row in rows]
    assert "rule sainte_lague, threshold 2.0%, without noise" in html


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": "one row"}, "at least two rows"),
        ({"y": [1, 2]}, "y has 2 answers"),
        ({"output": "no such"}, "unknown output"),
        ({"dataset": "no such"}, "unknown data set"),
        ({"config": "no background"}, "background_rows must be at least 1"),
    ],
)
def test_what_does_not_fit_is_said(binary, quick, change, message):
    model, X, y = binary
    options = {"X": X, "y": y, "config": quick} | change
    if change.get("X"):
        options |= {"X": X.iloc[:1], "y": None}
    with pytest.raises(xai.XaiError, match=message):
        build(model, **options | ({"config": replace(quick, background_rows=0)} if "config" in change else {}))


def test_a_file_that_cannot_be_written_is_an_error_and_leaves_nothing(html, tmp_path):
    from xai.report.build import write

    with pytest.raises(xai.XaiError, match="cannot be written"):
        write(html, tmp_path / "no" / "report.html")
    write(html, tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == html
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
