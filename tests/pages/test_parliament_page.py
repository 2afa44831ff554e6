"""The Parliament answers every control with the seats that xai.elect gives."""

from __future__ import annotations

import pytest

import xai
from xai.datasets import demo_models

NAME = "breast_cancer_mean-catboost"


@pytest.fixture(scope="module")
def attribution():
    demo = demo_models()[NAME]
    return xai.explain(demo.open(), demo.held_out_data()[0], method="shap")


def _expected(votes, **law):
    """Seats of xai.elect, of the parties with a seat."""
    return {name: n for name, n in xai.elect(votes, **law).seats.items() if n}


def _seated(visit, key="parliament"):
    return {name: n for name, n in visit.seats(key).items() if n}


@pytest.fixture
def page(app):
    return app().open("parliament")


@pytest.mark.parametrize("seats", [1, 2, 100, 600, 1000])
def test_seats(page, attribution, seats):
    page.set("number_input", "seats", seats)
    assert _seated(page) == _expected(attribution, seats=seats)
    assert sum(page.seats().values()) == seats


def test_rules_and_more_rules(page, attribution):
    page.set("radio", "rule", "sainte_lague")
    assert _seated(page) == _expected(attribution, rule="sainte_lague")
    page.set("toggle", "more", value=True)
    for rule in ("modified_sainte_lague", "danish", "huntington_hill", "adams", "dean", "imperiali", "hamilton"):
        page.set("radio", "rule", rule)
        assert _seated(page) == _expected(attribution, rule=rule), rule
        assert page.errors == []


def test_a_rule_among_more_falls_back_in_sight_when_more_is_folded_away(page, attribution):
    page.set("toggle", "more", value=True).set("radio", "rule", "adams").set("toggle", "more", value=False)
    assert page.at.radio(key="rule").value in ("dhondt", "sainte_lague")
    assert _seated(page) == _expected(attribution, rule=page.at.radio(key="rule").value)


def test_threshold_bars_and_says_whom(page, attribution):
    page.set("number_input", "threshold", 5.0)
    p = xai.elect(attribution, threshold=0.05)
    assert p.barred
    assert _seated(page) == _expected(attribution, threshold=0.05)
    assert f"Below the threshold: {', '.join(p.barred)}" in page.text
    assert "threshold 5.0%" in page.text


def test_a_threshold_nobody_passes_is_a_message(page):
    page.set("number_input", "threshold", 99.0)
    assert page.errors
    assert all("threshold" in error for error in page.errors)
    assert not page.figures
    page.set("number_input", "threshold", 0.0)
    assert page.errors == []
    assert page.figures


def test_suggested_alliances(page, attribution):
    groups = demo_models()[NAME].data().groups
    page.set("selectbox", "alliances", "suggested")
    assert _seated(page) == _expected(attribution, alliances=groups)
    assert set(groups) & set(page.seats())


def test_correlated_alliances(page, attribution):
    X = demo_models()[NAME].held_out_data()[0]
    page.set("selectbox", "alliances", "correlated")
    for rho in (0.7, 0.9):
        page.set("slider", "rho", rho)
        alliances = xai.dhondt.alliances.propose(X, threshold=rho)
        members = [set(party) for party in xai.elect(attribution, alliances=alliances).members.values()]
        assert any(len(party) > 1 for party in members)
        assert sorted(_seated(page).values()) == sorted(_expected(attribution, alliances=alliances).values())


def test_own_alliances(page, attribution):
    page.set("selectbox", "alliances", "mine")
    assert _seated(page) == _expected(attribution)
    members = ("mean area", "mean radius")
    page.set("multiselect", "a1", list(members))
    assert _seated(page) == _expected(attribution, alliances={" + ".join(members): members})


def test_a_feature_in_two_own_alliances_is_named(page):
    page.set("selectbox", "alliances", "mine").set("number_input", "allied", 2)
    page.set("multiselect", "a1", ["mean area", "mean radius"])
    page.set("multiselect", "a2", ["mean area", "mean texture"])
    assert page.errors
    assert all("'mean area'" in error for error in page.errors)


@pytest.mark.parametrize("members", [["mean area"], ["mean area", "mean radius"]])
def test_the_same_own_alliance_twice_is_an_overlap_too(page, members):
    page.set("selectbox", "alliances", "mine").set("number_input", "allied", 2)
    page.set("multiselect", "a1", members).set("multiselect", "a2", members)
    assert page.errors
    assert all("'mean area'" in error for error in page.errors)


def test_an_excluded_ally_is_a_message_or_leaves_its_alliance(page, attribution):
    page.set("selectbox", "alliances", "suggested")
    groups = demo_models()[NAME].data().groups
    member = next(iter(groups.values()))[0]
    page.set("multiselect", "exclude", [member])
    if page.errors:
        assert all(f"'{member}'" in error for error in page.errors)
    else:
        assert _seated(page) == _expected(attribution, alliances=groups, exclude=[member])


def test_exclusions(page, attribution):
    page.set("multiselect", "exclude", ["mean area", "mean texture"])
    assert _seated(page) == _expected(attribution, exclude=["mean area", "mean texture"])
    assert "without mean area, mean texture" in page.text


def test_leaving_everybody_out_is_a_message(page):
    page.set("multiselect", "exclude", page.at.multiselect(key="exclude").options)
    assert page.errors


def test_one_row(page, attribution):
    label = page.at.selectbox(key="row").options[3].removeprefix("row ")
    position = [str(row) for row in attribution.rows].index(label)
    page.set("selectbox", "row", label)
    assert _seated(page) == _expected(attribution.for_rows([position]))
    assert f"row {label}" in page.text
    # Resampling rows makes no sense for one row: its card says so, and the others go on.
    page.look("How sure")
    assert page.errors == []
    assert ["choose all rows" in info.value for info in page.at.info] == [True]


@pytest.mark.parametrize("source", ["permutation", "native", "removal"])
def test_vote_sources(page, source):
    demo = demo_models()[NAME]
    votes = xai.dhondt.votes(demo.open(), *demo.held_out_data(), source=source)
    page.set("selectbox", "votes", source)
    assert _seated(page) == _expected(votes)
    page.look("How sure")
    assert page.errors == []
    assert ["mean |SHAP|" in info.value for info in page.at.info] == [True]  # the card that resamples rows


def test_other_votes_know_no_rows(page):
    page.set("selectbox", "votes", "native")
    page.set("selectbox", "row", page.at.selectbox(key="row").options[1].removeprefix("row "))
    assert page.errors
    assert all("all rows" in error for error in page.errors)


def test_government_and_opposition(page, attribution):
    page.set("toggle", "sides", value=True)
    signed = xai.dhondt.elect_signed(attribution, 100)
    drawn = [
        trace["name"].rsplit(" — ", 1)
        for trace in page.figure("government-and-opposition")["data"]
        if trace.get("showlegend")
    ]
    seats = [(name, int(n.split()[0])) for name, n in drawn]
    expected = [(name, n) for side in (signed.government, signed.opposition) for name, n in side.items() if n]
    assert sorted(seats) == sorted(expected)
    assert page.errors == []
    page.set("toggle", "sides", value=False)
    assert _seated(page) == _expected(attribution)


def test_ties_are_reported_and_settled_as_chosen(own, tmp_path):
    """Two columns with the same votes: a linear model cannot be shipped, so two equal stumps say it."""
    import numpy as np
    import pandas as pd
    import xgboost

    X = pd.DataFrame([(a, b) for a in (0.0, 1.0) for b in (0.0, 1.0)] * 25, columns=["left", "right"])
    y = X["left"] + X["right"]
    model = xgboost.XGBRegressor(n_estimators=2, max_depth=1, learning_rate=1.0, reg_lambda=0.0, n_jobs=1).fit(X, y)
    model.save_model(tmp_path / "twins.ubj")
    X.to_csv(tmp_path / "twins.csv", index=False)
    votes = np.abs(xai.explain(model, X).values[:, :, 0]).mean(axis=0)
    assert votes[0] == votes[1], "the case is no tie"
    page = own(tmp_path / "twins.ubj", tmp_path / "twins.csv").open("parliament")
    page.set("number_input", "seats", 5)
    assert _seated(page) == {"left": 3, "right": 2}
    assert ["left, right" in warning.value for warning in page.at.warning] == [True]
    for ties in ("largest", "random", "fractional"):
        page.set("selectbox", "ties", ties)
        assert sum(page.seats().values()) == 5
        assert page.errors == []


def test_the_votes_carry_their_faithfulness_beside_chance(app):
    visit = app(patience=120).open("parliament").look("Faithful")
    assert visit.errors == []
    assert "obeyed" in visit.figures
    assert "By SHAP, features move the answer" in visit.text
    assert "better than chance" in visit.text
