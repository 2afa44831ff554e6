"""Every page shows filled figures for every demo model."""

from __future__ import annotations

import pytest

from xai.datasets import demo_models

TITLES = {"overview": "Overview", "parliament": "Parliament of features", "shap_comparison": "SHAP comparison"}
FIGURES = {
    "overview": {"leans-on"},
    "parliament": {"parliament", "power"},
    "shap_comparison": {
        "beeswarm",
        "mean-effect",
        "dependence",
        "waterfall",
        "seats-against-shap",
        "agreement",
        "vote-sources",
        "obedience",
        "obedience-curves",
        "obedience-agreement",
    },
}
TABS = {
    "How sure": "certainty",
    "Seats and votes": "proportionality",
    "House size": "house-size",
    "Majority": "power",
}


# One of each framework is looked at in every run; the others take longer for the same code.
QUICK = ("breast_cancer_mean-catboost", "breast_cancer_mean-xgboost", "diabetes_progression-lightgbm")


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in demo_models()]
)
def test_every_page_of_a_demo(app, name):
    visit = app(data=name, patience=60 if name in QUICK else 240)
    demo = demo_models()[name]
    for page, title in TITLES.items():
        visit.open(page)
        assert visit.titles == [title]
        assert visit.errors == []
        expected = FIGURES[page] | ({"confusion"} if page == "overview" and demo.positive else set())
        assert set(visit.figures) == expected
        for figure in visit.figures:
            assert visit.figure(figure)["data"], figure
        assert demo.title in visit.text
        assert f"{len(demo.held_out)} held-out rows" in visit.text
        if demo.positive:
            assert f"class {demo.positive}" in visit.text
        # a table and its download stand beside every question that has a figure; the row to edit has its session's file
        if page == "parliament":
            for tab, figure in TABS.items():
                visit.look(tab)
                assert visit.errors == []
                assert set(visit.figures) == {"parliament", figure}
                assert visit.figure(figure)["data"], figure
        labels = [button.proto.label for button in visit.at.get("download_button")]
        assert (
            labels.count("CSV")
            == labels.count("JSON")
            == len(visit.at.subheader) - (page in ("overview", "shap_comparison"))
        )


def test_the_first_page_says_that_this_is_no_medical_advice(app):
    visit = app()
    assert visit.titles == ["Overview"]
    assert "not medical advice" in visit.text


def test_the_score_on_the_overview_is_the_demo_models_own(app):
    visit = app(data="pima_diabetes-lightgbm")
    demo = demo_models()["pima_diabetes-lightgbm"]
    shown = {metric.label: metric.value for metric in visit.at.metric}
    assert shown["accuracy"] == f"{demo.score:.3f}"


def test_the_row_and_feature_chosen_are_the_ones_drawn(app):
    visit = app().open("shap_comparison")
    rows = visit.at.selectbox(key="one").options
    visit.set("selectbox", "one", rows[5])
    assert any(f"row {rows[5]}" in alt or rows[5] in alt for alt in [c.proto.alt for c in visit.at.get("plotly_chart")])
    visit.set("selectbox", "feature", "mean texture").set("selectbox", "by", "mean area")
    assert "mean texture" in str(visit.figure("dependence")["layout"]["xaxis"]["title"])
    assert visit.errors == []
