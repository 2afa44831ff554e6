"""The two published methods: reference case A, and closed forms of the projection."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split
from xgboost import XGBClassifier

import xai
from xai.core import InputError
from xai.dhondt import elect, published, uncertainty, votes

SEATS = [37, 121, 42, 51, 54, 31, 70, 124, 44, 26]
MASS = ["mean radius", "mean perimeter", "mean area"]
SHAPE = ["mean compactness", "mean concavity", "mean concave points"]
DIABETES = Path(__file__).parents[3] / "shared" / "data" / "early_stage_diabetes_uci.csv"


# ---- 2024


def test_the_published_figure(case_a):
    result = published(case_a.model, case_a.train, case_a.y_train)
    p = result.parliament
    assert list(p.seats) == list(case_a.train.columns)
    assert list(p.seats.values()) == SEATS
    assert round(p.votes["mean radius"]) == 6_271_130
    assert round(p.votes["mean texture"]) == 20_068_244
    assert sum(p.votes.values()) == pytest.approx(100_000_000)
    assert list(elect(p.votes, 100).seats.values()) == [6, 20, 7, 9, 9, 5, 12, 21, 7, 4]
    # Target 1 is benign, so every bar is red but one.
    assert [name for name, r in result.correlations.items() if r > 0] == ["mean fractal dimension"]
    assert result.correlations["mean radius"] == pytest.approx(
        np.corrcoef(case_a.train["mean radius"], case_a.y_train)[0, 1]
    )
    assert result.to_frame()["seats"].tolist() == SEATS


def test_the_published_threshold_and_alliances(case_a):
    barred = published(case_a.model, case_a.train, case_a.y_train, threshold=0.05)
    assert list(barred.parliament.seats.values()) == [39, 126, 44, 54, 56, 32, 73, 130, 46, 0]
    assert barred.parliament.barred == ("mean fractal dimension",)
    allied = published(case_a.model, case_a.train, case_a.y_train, alliances=[MASS, SHAPE])
    p = allied.parliament
    assert p.seats == {
        " + ".join(MASS): 132,
        " + ".join(SHAPE): 225,
        "mean texture": 120,
        "mean smoothness": 53,
        "mean symmetry": 44,
        "mean fractal dimension": 26,
    }
    assert list(p.bonus.values()) == [2, 0, -1, -1, 0, 0]
    assert allied.correlations[" + ".join(MASS)] == barred.correlations["mean radius"]
    assert sum(p.member_seats[name] for name in MASS) == 132


def test_seats_against_shap(case_a):
    shap = votes(case_a.model, case_a.test)
    assert shap.round(4).tolist() == [0.4520, 1.0405, 0.5294, 0.7134, 0.3458, 0.1581, 0.8206, 1.3664, 0.1517, 0.1078]
    pearson, spearman, kendall = (f(shap, SEATS) for f in (stats.pearsonr, stats.spearmanr, stats.kendalltau))
    assert [round(r.statistic, 4) for r in (pearson, spearman, kendall)] == [0.9096, 0.8303, 0.7333]
    assert f"{pearson.pvalue:.1e}" == "2.6e-04"
    assert [round(r.pvalue, 4) for r in (spearman, kendall)] == [0.0029, 0.0022]


def test_the_leader_of_the_figure_is_not_certain(case_a):
    # Texture against concave points: SHAP votes on 171 rows put the latter first, native importances nearly tie.
    u = uncertainty(xai.explain(case_a.model, case_a.test), 600)
    assert u.largest_probability["mean concave points"] > 0.95
    assert ("mean area", "mean perimeter") not in u.too_close_to_call
    low, high = u.intervals["mean texture"]
    assert low < u.parliament.seats["mean texture"] < high


def test_exclusions_keep_importances_with_their_names(case_a):
    whole = published(case_a.model, case_a.train, case_a.y_train)
    part = published(case_a.model, case_a.train, case_a.y_train, exclude=["mean radius"], votes=1000)
    assert "mean radius" not in part.parliament.seats
    left = sum(v for name, v in whole.importances.items() if name != "mean radius")
    for name, count in part.parliament.votes.items():
        assert count == pytest.approx(1000 * whole.importances[name] / left)
    assert part.importances == whole.importances


def test_bad_input_2024(case_a):
    rows = case_a.train, case_a.y_train
    with pytest.raises(InputError, match="nobody passes"):
        published(case_a.model, *rows, threshold=0.5)
    with pytest.raises(InputError, match=r"write 0\.05"):
        published(case_a.model, *rows, threshold=5)
    with pytest.raises(InputError, match="'2024', '2026'"):
        published(case_a.model, *rows, version="2025")
    with pytest.raises(InputError, match="'mean radios'"):
        published(case_a.model, *rows, exclude=["mean radios"])
    with pytest.raises(InputError, match="one answer a row"):
        published(case_a.model, case_a.train)
    with pytest.raises(InputError, match="votes must be a positive number"):
        published(case_a.model, *rows, votes=0)


def test_text_labels_count_by_class(case_a):
    from sklearn.tree import DecisionTreeClassifier

    labels = np.where(case_a.y_train == 1, "benign", "malignant")
    model = DecisionTreeClassifier(max_depth=2, random_state=0).fit(case_a.train, labels)
    result = published(model, case_a.train, labels)
    # "benign" comes first among the classes, so here malignant is the 1.
    assert result.correlations["mean radius"] == pytest.approx(
        -np.corrcoef(case_a.train["mean radius"], case_a.y_train)[0, 1]
    )
    with pytest.raises(InputError, match="unknown class in y: 'both'"):
        published(model, case_a.train, ["both"] * len(labels))


@pytest.mark.skipif(not DIABETES.exists(), reason="the early-stage diabetes file is not here")
def test_early_stage_diabetes_takes_the_same_path():
    table = pd.read_csv(DIABETES)
    assert len(table) == 520
    table = table.drop_duplicates(ignore_index=True)
    assert len(table) == 251
    y = (table.pop("class") == "Positive").astype(int)
    X = table.replace({"Yes": 1, "No": 0, "Male": 1, "Female": 0}).infer_objects().astype(float)
    assert X.shape[1] == 16
    train, test, y_train, _ = train_test_split(X, y, test_size=0.3, random_state=42)
    model = XGBClassifier(random_state=42).fit(train, y_train)
    p = published(model, train, y_train, seats=600).parliament
    assert sum(p.seats.values()) == 600
    assert p.majority.parties[0] == "Polyuria"
    shap = votes(model, test).sort_values(ascending=False)
    assert {"Polyuria", "Gender", "Polydipsia"} <= set(shap.index[:5])
    q = published(model, test, version="2026", background=train)
    # Known weakness of removal effects: on these data the remainder rivals the whole change it should explain.
    assert q.unexplained_share > 0.5


# ---- 2026


@pytest.fixture(scope="module")
def linear():
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(80, 4)), columns=list("abcd"))
    return LinearRegression().fit(X, X @ [4.0, -2.0, 1.0, 0.5] + 1), X


def test_additive_model_is_recovered(linear):
    model, X = linear
    result = published(model, X, version="2026")
    effects = (X - X.mean()).to_numpy() * [4.0, -2.0, 1.0, 0.5]
    assert result.effects == pytest.approx(effects, abs=1e-9)
    # 5,000 seats share out each channel, so no value is further off than a few seats' worth.
    mass = np.abs(effects).sum(axis=1, keepdims=True)
    assert (np.abs(result.values - effects) <= 5 * mass / 5000).all()
    assert np.abs(result.residual).max() < 1e-9
    assert result.to_frame()["name"].tolist()[:4] == ["a", "b", "c", "d"]
    assert np.abs(result.attribution.additivity_gap).max() < 1e-9
    assert (result.positive_seats.sum(1) + result.negative_seats.sum(1) == 100).all()
    assert not ((result.positive_seats > 0) & (effects < 0)).any()


def test_residual_is_what_interactions_leave():
    # Product of two coins at (1, 1): v = 1/4, 1/2, 1/2, 1. Effects 1/2 each, so the residual is 3/4 - 1.
    coins = pd.DataFrame([[0, 0], [0, 1], [1, 0], [1, 1]], columns=["a", "b"], dtype=float)
    model = xai.wrap_model(lambda t: t["a"] * t["b"], feature_names=["a", "b"])
    result = published(model, coins.iloc[[3]], version="2026", background=coins)
    assert result.values.tolist() == [[0.5, 0.5]]
    assert result.residual.tolist() == pytest.approx([-0.25])
    assert result.residual_ratio.tolist() == pytest.approx([0.25])
    assert result.unexplained_share == pytest.approx(1 / 3)
    # An alliance of both is removed jointly and leaves nothing; its value is split evenly.
    allied = published(model, coins.iloc[[3]], version="2026", background=coins, alliances=[["a", "b"]])
    assert allied.values.tolist() == [[0.75]]
    assert allied.residual.tolist() == pytest.approx([0.0])
    assert allied.attribution.values[0, :, 0] == pytest.approx([0.375, 0.375])
    assert np.abs(allied.attribution.additivity_gap).max() < 1e-12


def test_redundancy_leaves_everything_over():
    coins = pd.DataFrame([[0, 0], [0, 1], [1, 0], [1, 1]], columns=["a", "b"], dtype=float)
    model = xai.wrap_model(lambda t: np.maximum(t["a"], t["b"]), feature_names=["a", "b"])
    result = published(model, coins.iloc[[3]], version="2026", background=coins)
    assert result.values.tolist() == [[0.0, 0.0]]
    assert result.residual.tolist() == pytest.approx([0.25])  # f(x) = 1, mean 3/4
    assert result.unexplained_share == pytest.approx(1.0)
    assert not result.positive_seats.any()


def test_small_residual_is_handed_out():
    # 1.0 of 1.05 is additive: the rest, 4.8 %, goes to the features in proportion.
    coins = pd.DataFrame([[0, 0], [0, 1], [1, 0], [1, 1]], columns=["a", "b"], dtype=float)
    model = xai.wrap_model(lambda t: t["a"] + t["b"] + 0.2 * t["a"] * t["b"], feature_names=["a", "b"])
    result = published(model, coins.iloc[[3]], version="2026", background=coins)
    assert result.residual_ratio[0] == pytest.approx(0.05 / 1.2)
    assert result.residual.tolist() == [0.0]
    assert result.values.sum() == pytest.approx(2.2 - 1.05)


def test_thresholds_and_exclusions_are_accounted_for(linear):
    model, X = linear
    result = published(model, X, version="2026", threshold=0.2, exclude=["b"])
    effects = (X - X.mean()).to_numpy() * [4.0, -2.0, 1.0, 0.5]
    assert result.parties == ("a", "c", "d")
    assert result.excluded == pytest.approx(effects[:, 1], abs=1e-9)
    share = np.abs(effects[:, [0, 2, 3]])
    share /= share.sum(axis=1, keepdims=True)
    assert (result.barred == (share < 0.2)).all()
    assert result.barred.any()
    assert result.below_threshold == pytest.approx(np.where(result.barred, effects[:, [0, 2, 3]], 0).sum(1), abs=1e-9)
    assert (result.values[result.barred] == 0).all()
    gap = result.attribution.additivity_gap[:, 0]
    assert gap == pytest.approx(result.residual + result.excluded + result.below_threshold, abs=1e-9)
    names = result.to_frame()["name"].tolist()
    assert {"__excluded__", "__below_threshold__", "__projection_residual__"} <= set(names)
    survival = result.to_frame().set_index("name")["survival"]
    assert survival["a"] == pytest.approx(1 - result.barred[:, 0].mean())


def test_the_largest_survives_a_threshold_above_all(linear):
    model, X = linear
    result = published(model, X, version="2026", threshold=0.99)
    left = ~result.barred
    assert (left.sum(axis=1) == 1).all()
    assert (left.argmax(axis=1) == np.abs(result.effects).argmax(axis=1)).all()


def test_reference_case_2026(case_a):
    q = published(case_a.model, case_a.test, version="2026", background=case_a.train)
    assert q.attribution.output_space == "probability"
    assert q.attribution.output_names == ("1",)
    # The values are the removal effects but for rounding, and the remainder comes first in the global table.
    kept = q.residual_ratio >= 0.1
    assert np.abs(q.values - q.effects)[kept].max() < 0.002
    assert q.to_frame()["name"].tolist()[0] == "__projection_residual__"
    assert 0.55 < q.unexplained_share < 0.75
    assert sum(elect(q.attribution, 100).seats.values()) == 100


def test_bad_input_2026(linear):
    model, X = linear
    with pytest.raises(InputError, match="not 0"):
        published(model, X, version="2026", seats=0)
    with pytest.raises(InputError, match=r"write 0\.05"):
        published(model, X, version="2026", threshold=5)
    with pytest.raises(InputError, match="unknown name to exclude: 'e'"):
        published(model, X, version="2026", exclude=["e"])
    with pytest.raises(InputError, match="unknown output: 'yes'"):
        published(model, X, version="2026", output="yes")
    with pytest.raises(InputError, match="'d'"):
        published(model, X.drop(columns="d"), version="2026")
