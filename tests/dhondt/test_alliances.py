"""Alliances proposed from data whose groups are known by construction."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from xai.core import InputError
from xai.dhondt import elect
from xai.dhondt.alliances import from_one_hot, proposal_stability, propose


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    n = 300
    size, mood = rng.normal(size=(2, n))
    return pd.DataFrame(
        {
            "radius": size,
            "area": np.exp(size),  # the same ranks
            "noise": rng.normal(size=n),
            "shrink": -size + 0.1 * rng.normal(size=n),  # opposite ranks
            "happy": mood,
            "glad": mood + 0.3 * rng.normal(size=n),
            "constant": 1.0,
            "grade": pd.Categorical(pd.cut(size, [-9, -1, 0, 1, 9], labels=["i", "ii", "iii", "iv"]), ordered=True),
            "colour": pd.Categorical(rng.choice(["red", "green"], n)),
            "text": ["x"] * n,
        }
    )


def test_correlated_columns_ally(table):
    proposal = propose(table)
    assert set(proposal.values()) == {("radius", "area", "shrink", "grade"), ("happy", "glad")}
    assert list(proposal) == ["radius + area + shrink + 1 more", "happy + glad"]
    # Fit for an election as it is.
    assert sum(elect(dict.fromkeys(table.columns, 1.0), 100, alliances=proposal).seats.values()) == 100


def test_missing_values_are_left_out_pair_by_pair(table):
    holes = table.copy()
    holes.loc[:100, "radius"] = np.nan
    holes.loc[50:150, "grade"] = np.nan
    assert set(propose(holes).values()) == set(propose(table).values())


def test_few_shared_rows_ally_nobody():
    first, second = np.full(40, np.nan), np.full(40, np.nan)
    first[:25], second[20:] = np.arange(25), np.arange(20)  # known together in five rows, where both rise
    assert propose(pd.DataFrame({"first": first, "second": second})) == {}
    second[12:20] = np.arange(-8, 0)  # in thirteen
    assert list(propose(pd.DataFrame({"first": first, "second": second}))) == ["first + second"]


def test_threshold_is_of_the_mean_correlation():
    x = np.arange(8.0)
    table = pd.DataFrame({"a": x, "b": x, "c": [1.0, 0, 3, 2, 5, 4, 7, 6]})
    rho = table["a"].corr(table["c"], method="spearman")
    assert propose(table, threshold=rho) == {"a + b + c": ("a", "b", "c")}
    assert propose(table, threshold=rho + 1e-6) == {"a + b": ("a", "b")}
    assert propose(table, threshold=1.0) == {"a + b": ("a", "b")}


def test_nothing_to_ally(table):
    assert propose(table[["noise", "happy"]]) == {}
    assert propose(table[["noise"]]) == {}
    assert propose(table[["constant", "text"]]) == {}


def test_stability_tells_firm_pairs_from_loose_ones():
    rng = np.random.default_rng(1)
    x = rng.normal(size=120)
    table = pd.DataFrame(
        {"x": x, "twin": 2 * x, "cousin": x + 0.85 * rng.normal(size=120), "other": rng.normal(size=120)}
    )
    stable = proposal_stability(table, {"all": list(table)}, n_boot=60)["all"]
    assert stable["x", "twin"] == 1.0
    assert 0.05 < stable["x", "cousin"] < 0.95
    assert stable["x", "other"] == 0.0
    assert len(stable) == 6
    assert stable == proposal_stability(table, {"all": list(table)}, n_boot=60)["all"]


def test_one_hot_names():
    names = ["age", "sex_m", "sex_f", "job=a", "job=b", "job=c", "alone_x", "_odd", "tail_"]
    assert from_one_hot(names) == {"sex": ("sex_m", "sex_f"), "job": ("job=a", "job=b", "job=c")}
    assert from_one_hot(["chest_pain_a", "chest_pain_b"]) == {"chest_pain": ("chest_pain_a", "chest_pain_b")}
    assert list(from_one_hot(["sex", "sex_m", "sex_f"])) == ["sex (one-hot)"]


def test_one_hot_is_checked_on_data():
    data = pd.DataFrame(
        {
            "sex_m": [1, 0, 0],
            "sex_f": [0, 1, 0],
            "age_years": [40, 50, 60],
            "age_months": [1, 2, 3],
            "u_a": [1, 1, 0],
            "u_b": [1, 0, 0],
        }
    )
    assert from_one_hot(data.columns, data=data) == {"sex": ("sex_m", "sex_f")}
    assert set(from_one_hot(data.columns)) == {"sex", "age", "u"}
    with pytest.raises(InputError, match="unknown column: 'zip_a'"):
        from_one_hot(["zip_a", "zip_b"], data=data)


def test_bad_input(table):
    with pytest.raises(InputError, match="'correlation'"):
        propose(table, method="magic")
    with pytest.raises(InputError, match="not 70"):
        propose(table, threshold=70)
    with pytest.raises(InputError, match="three rows"):
        propose(table[:2])
    with pytest.raises(InputError, match="unknown member: 'radios'"):
        proposal_stability(table, {"x": ["radios", "area"]})
    with pytest.raises(InputError, match="n_boot"):
        proposal_stability(table, {"x": ["radius", "area"]}, n_boot=0)
