"""Model comparison: one informative column, two sites with opposite effects, and nothing learned from test rows."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

import xai
from xai import plots
from xai.core.errors import InputError, ModelError
from xai.datasets.base import Dataset
from xai.workflows import MODELS, CompareConfig, compare_models
from xai.workflows.cohort import read_cohort, split_rows
from xai.workflows.comparison import _aspects
from xai.workflows.registry import categorical_columns, numeric_columns
from xai.workflows.transfer import pairs_in_order, site_transfer

QUICK = CompareConfig(sizes=(1, 2), n_background=20, n_repeats=2, n_folds=3, n_boot=100, n_boot_agreement=20)
LIGHT = ("decision_tree", "logistic_regression")


def one_informative(n=160, seed=0):
    """`signal` decides; `echo` repeats `noise`, `kind` is text with gaps, `flat` says nothing at all."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, 2)), columns=["noise", "signal"])
    X["echo"] = X["noise"] + 0.1 * rng.normal(size=n)
    X["kind"] = pd.Categorical(rng.choice(["u", "v", "w"], n))
    X["flat"] = 1.0
    y = (X["signal"] + 0.3 * rng.normal(size=n) > 0).astype(int)
    X.loc[::9, "noise"] = np.nan
    X.loc[::11, "kind"] = np.nan
    return X, y


def as_dataset(X, y, site):
    return Dataset(
        name="made",
        title="made",
        task="binary",
        X=X,
        y=pd.Series(y, index=X.index, name="ill"),
        target_meaning="",
        description="",
        licence="",
        citation="",
        source="",
        traps=(),
        labels=dict.fromkeys(X.columns, ""),
        target_names=("well", "ill"),
        site=pd.Series(site, index=X.index, name="site"),
    )


@pytest.fixture(scope="module")
def all_models():
    steps = []
    X, y = one_informative(120)
    found = compare_models((X, y), n_rows=8, config=QUICK, progress=lambda share, text: steps.append((share, text)))
    return X, y, found, steps


def test_every_model_puts_the_informative_column_first(all_models):
    *_, found, _ = all_models
    assert set(found.models) == set(MODELS)
    table = found.importance_frame()
    assert (table.idxmax() == "signal").all()
    assert list(table.index) == ["noise", "signal", "echo", "kind", "flat"]
    assert (table.loc["flat"].abs() < 1e-12).all()
    assert (found.to_frame()["auc"] > 0.85).all()


def test_an_svm_has_no_native_importance_and_says_so(all_models):
    *_, found, _ = all_models
    assert "native" not in found.models["svm"].importances
    assert "no native importance" in found.models["svm"].notes[0]
    assert set(found.models["xgboost"].importances) == {"shapley", "native", "permutation"}


def test_held_out_auc_is_scikit_learns_on_the_held_out_rows(all_models):
    X, y, found, _ = all_models
    split = split_rows(read_cohort((X, y)), 0.3, 0)
    assert (found.n_train, found.n_test) == (len(split.train), len(split.test))
    assert not set(split.train) & set(split.test)
    for name in ("logistic_regression", "svm"):
        result = found.models[name]
        truth = roc_auc_score(y.iloc[split.test], result.fitted.decision_function(X.iloc[split.test]))
        assert result.auc.value == pytest.approx(truth)
        assert result.auc.low <= result.auc.value <= result.auc.high


def test_native_importance_is_summed_over_one_hot_columns(all_models):
    *_, found, _ = all_models
    model = found.models["logistic_regression"]
    names = list(model.fitted[:-1].get_feature_names_out())
    weights = np.abs(model.fitted[-1].coef_[0])
    kinds = [j for j, name in enumerate(names) if name.startswith("categorical__kind_")]
    assert len(kinds) == 3
    assert model.importances["native"].values["kind"] == pytest.approx(weights[kinds].sum())


def test_aspects_are_the_correlated_columns_and_sums(all_models):
    *_, found, _ = all_models
    assert found.aspects == {"noise + echo": ("noise", "echo")}
    for result in found.models.values():
        for method, importance in result.importances.items():
            total = result.aspect_importances[method]["noise + echo"]
            if importance.attribution is None:
                assert total == pytest.approx(importance.values[["noise", "echo"]].sum())
            else:
                signed = importance.attribution.values[:, :, 0][:, [0, 2]].sum(axis=1)
                assert total == pytest.approx(np.abs(signed).mean())


def test_shapley_values_of_all_models_explain_the_same_rows_and_add_up(all_models):
    *_, found, _ = all_models
    attributions = [result.importances["shapley"].attribution for result in found.models.values()]
    assert len({a.rows for a in attributions}) == 1
    for attribution in attributions:
        assert np.abs(attribution.additivity_gap).max() < 1e-4
    assert found.agreement.pairs["svm / shapley", "xgboost / shapley"].basis == "rows"


def test_forward_selection_starts_with_the_signal_and_refits(all_models):
    X, y, found, _ = all_models
    result = found.models["decision_tree"]
    assert {(curve.importance, curve.units) for curve in result.curves} == {
        (name, units) for name in ("shapley", "native", "permutation") for units in ("columns", "aspects")
    }
    split = split_rows(read_cohort((X, y)), 0.3, 0)
    for curve in result.curves:
        assert [step.n_units for step in curve.steps] == [1, 2]
        assert curve.steps[0].added == ("signal",)
        assert curve.enough().n_units == 1
    alone = DecisionTreeClassifier(random_state=0, **result.hyperparameters).fit(
        X.iloc[split.train][["signal"]], y.iloc[split.train]
    )
    scores = alone.predict_proba(X.iloc[split.test][["signal"]])[:, 1]
    assert result.curves[0].steps[0].auc.value == pytest.approx(roc_auc_score(y.iloc[split.test], scores))


def test_frames_words_and_progress(all_models):
    *_, found, steps = all_models
    assert found.agreement_frame().shape == (14, 14)
    assert set(found.curve_frame()["model"]) == set(MODELS)
    assert found.importance_frame(aspects=True).index[0] == "noise + echo"
    assert "held-out rows" in found.in_words()
    shares = [share for share, _ in steps]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert shares[-2] == 1.0  # the steps were counted right
    assert found.transfer is None
    assert found.to_frame()["auc_across_sites"].isna().all()


def test_test_labels_teach_nothing(monkeypatch):
    """Other labels on the held-out rows: the same hyper-parameters, models, orders, aspects and explanations."""
    X, y = one_informative()
    split = split_rows(read_cohort((X, y)), 0.3, 0)
    turned = y.copy()
    turned.iloc[split.test] = 1 - y.iloc[split.test]
    # A share is drawn class by class: other labels must not move the rows that are held out.
    monkeypatch.setattr(import_module("xai.workflows.comparison"), "split_rows", lambda *_: split)
    one, other = (compare_models((X, labels), LIGHT, n_rows=10, config=QUICK) for labels in (y, turned))
    assert one.aspects == other.aspects
    for name in LIGHT:
        a, b = one.models[name], other.models[name]
        assert a.hyperparameters == b.hyperparameters
        np.testing.assert_array_equal(a.fitted.predict_proba(X), b.fitted.predict_proba(X))
        for method in ("shapley", "native"):
            pd.testing.assert_series_equal(a.importances[method].values, b.importances[method].values)
        for left, right in zip(a.curves, b.curves, strict=True):
            assert [step.added for step in left.steps] == [step.added for step in right.steps]
            assert [step.n_columns for step in left.steps] == [step.n_columns for step in right.steps]
        assert b.auc.value == pytest.approx(1 - a.auc.value)  # the labels were turned, the scores were not


def test_searches_see_training_rows_only():
    """A model that writes down the rows it is fitted on."""
    X, y = one_informative(90)
    X["id"] = np.arange(90.0)
    seen = []

    class Recorder(LogisticRegression):
        def fit(self, X, y):
            seen.extend(X["id"].tolist())
            return super().fit(X[["signal", "id"]], y)

        def decision_function(self, X):
            return super().decision_function(X[["signal", "id"]])

    split = split_rows(read_cohort((X, y)), 0.3, 0)
    found = compare_models((X, y), {"recorder": Recorder()}, ("permutation",), config=QUICK)
    assert set(seen) == set(X["id"].iloc[split.train])
    # It asks for columns by name, which forward selection cannot leave it all of.
    assert "no forward selection by permutation" in found.models["recorder"].notes[0]


def test_sizes_that_are_not_possible_give_no_curve():
    X, y = one_informative(60)
    config = replace(QUICK, sizes=(5, 9))  # five columns, but four aspects
    found = compare_models((X, y), ("decision_tree",), ("native",), config=config)
    assert list(found.aspects) == ["noise + echo"]
    (curve,) = found.models["decision_tree"].curves
    assert (curve.units, [step.n_units for step in curve.steps]) == ("columns", [5])
    assert curve.enough() is curve.steps[0]
    assert len(plots.selection(found, "native").data) == 1
    with pytest.raises(InputError, match="unknown curve"):
        plots.selection(found, "native", "aspects")


def test_without_sizes_nothing_is_selected():
    X, y = one_informative(60)
    found = compare_models((X, y), ("decision_tree",), ("native",), config=replace(QUICK, sizes=()))
    assert found.models["decision_tree"].curves == ()
    assert found.curve_frame().empty


def test_sizes_are_checked_before_anything_is_fitted():
    class Unfitted(LogisticRegression):
        def fit(self, X, y):
            raise AssertionError

    X, y = one_informative(60)
    with pytest.raises(InputError, match="give at least one size of 5 or less"):
        compare_models((X, y), {"mine": Unfitted()}, config=CompareConfig(sizes=(15,)))


def test_repeatable_and_seeded():
    X, y = one_informative(60)
    X = X[["signal", "echo"]]
    runs = [
        compare_models(
            (X, y),
            {"tree": DecisionTreeClassifier(max_depth=2, random_state=0)},
            ("permutation",),
            seed=seed,
            config=QUICK,
        ).importance_frame()
        for seed in (3, 3, 4)
    ]
    pd.testing.assert_frame_equal(runs[0], runs[1])
    assert not runs[0].equals(runs[2])


def test_a_model_of_ones_own_without_an_engine_and_labels_of_text():
    X, y = one_informative(80)
    X = X[["signal", "echo"]]
    found = compare_models((X, np.where(y, "yes", "no")), {"mine": SVC()}, ("shapley",), n_rows=4, config=QUICK)
    assert found.classes == ("no", "yes")
    assert found.importance_frame().idxmax().iloc[0] == "signal"
    assert found.agreement is None
    assert found.agreement_frame().empty
    assert found.models["mine"].hyperparameters == {}


# Sites ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two_sites():
    """The effect of `turned` changes its sign between the sites, that of `steady` does not."""
    rng = np.random.default_rng(0)
    n = 240
    X = pd.DataFrame(rng.normal(size=(n, 2)), columns=["turned", "steady"])
    site = np.where(np.arange(n) < n // 2, "east", "west")
    sign = np.where(site == "east", 1.0, -1.0)
    y = (2 * sign * X["turned"] + X["steady"] + 0.3 * rng.normal(size=n) > 0).astype(int).to_numpy()
    return X, y, site


def test_across_sites_is_worse_than_within(two_sites):
    models = {"linear": LogisticRegression(), "tree": DecisionTreeClassifier(max_depth=4, min_samples_leaf=5)}
    found = compare_models(as_dataset(*two_sites), models, ("native",), config=QUICK)
    frame = found.to_frame()
    assert (frame["auc_within_sites"] > 0.8).all()
    assert (frame["auc_across_sites"] < 0.4).all()
    matrix = found.transfer.matrix("linear")
    assert matrix.shape == (2, 2)
    assert matrix.notna().all(axis=None)
    assert matrix.loc["east", "west"] == pytest.approx(found.transfer.across("linear"), abs=0.2)
    assert len(found.transfer.to_frame()) == 8
    assert "at the others" in found.in_words()


def test_across_auc_is_of_a_model_of_the_other_site(two_sites):
    X, y, site = two_sites
    transfer = site_transfer(read_cohort(as_dataset(X, y, site)), {"plain": LogisticRegression()}, n_folds=3, n_boot=20)
    east = site == "east"
    scores = LogisticRegression().fit(X[east], y[east]).decision_function(X[~east])
    assert transfer.matrix("plain").loc["east", "west"] == pytest.approx(roc_auc_score(y[~east], scores))
    with pytest.raises(InputError, match="unknown model"):
        transfer.matrix("plane")


def test_a_site_of_one_class_is_skipped_and_a_poor_one_only_tested(two_sites):
    X, y, site = two_sites
    site, y = site.astype(object), y.copy()
    site[:20], y[:20] = "north", 1
    site[20:40], y[20:40] = "south", 1
    y[20:24] = 0
    found = compare_models(as_dataset(X, y, site), {"plain": LogisticRegression()}, ("native",), config=QUICK)
    transfer = found.transfer
    assert set(transfer.skipped) == {"north", "south"}
    assert "no row of class 'well'" in transfer.skipped["north"]
    assert "neither" in transfer.skipped["north"]
    assert "4 rows of class 'well': tested there, but not trained" in transfer.skipped["south"]
    matrix = transfer.matrix("plain")
    assert matrix["north"].isna().all()
    assert matrix.loc["south"].isna().all()
    assert np.isfinite(matrix.loc["west", "south"])
    assert any(note.startswith("north: ") for note in found.notes)


def test_pairs_in_order_by_hand_and_against_scikit_learn():
    folds = [(np.array([1, 0, 0]), np.array([2.0, 1.0, 3.0])), (np.array([0, 1]), np.array([5.0, 5.0]))]
    assert pairs_in_order(folds, 10, 0)[0] == pytest.approx((1 + 0 + 0.5) / 3)
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 80)
    scores = y + rng.normal(size=80)
    value, low, high = pairs_in_order([(y, scores)], 500, 0)
    assert value == pytest.approx(roc_auc_score(y, scores))
    assert low < value < high
    assert 0.05 < high - low < 0.4


def pair_by_pair(folds, n_boot, seed):
    """The same by a matrix of all pairs."""
    rng = np.random.default_rng(seed)
    orders = []
    for y, scores in folds:
        above, below = scores[y == 1][:, None], scores[y == 0][None, :]
        orders.append((above > below) + 0.5 * (above == below))
    total = sum(order.size for order in orders)
    drawn = np.zeros(n_boot)
    for order in orders:
        p, q = order.shape
        left = rng.multinomial(p, np.full(p, 1 / p), size=n_boot)
        right = rng.multinomial(q, np.full(q, 1 / q), size=n_boot)
        drawn += ((left @ order) * right).sum(axis=1)
    low, high = np.percentile(drawn / total, [2.5, 97.5]) if n_boot else (np.nan, np.nan)
    return float(sum(order.sum() for order in orders) / total), float(low), float(high)


@pytest.mark.parametrize("levels", [1, 3, 10, 1000])
@pytest.mark.parametrize("block", [1, 100, 10**6])
def test_pairs_in_order_are_those_of_all_pairs_to_the_last_bit(monkeypatch, levels, block):
    monkeypatch.setattr(import_module("xai.workflows.transfer"), "_BLOCK_CELLS", block)
    rng = np.random.default_rng(levels)
    for seed in range(5):
        folds = []
        for n in rng.integers(5, 40, 3):
            y = np.r_[0, 1, rng.integers(0, 2, n)]
            # Few levels are many ties; the highest is infinite, as margins of certain models are.
            scores = rng.integers(0, levels, len(y)).astype(float)
            folds.append((y, np.where(scores == levels - 1, np.inf, scores)))
        assert pairs_in_order(folds, 30, seed) == pair_by_pair(folds, 30, seed)
        np.testing.assert_equal(pairs_in_order(folds, 0, seed), pair_by_pair(folds, 0, seed))


def test_pairs_in_order_of_many_rows_take_no_matrix():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 30_000)
    scores = y + rng.normal(size=len(y))
    tracemalloc.start()
    try:
        value, low, high = pairs_in_order([(y, scores)], 20, 0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert value == pytest.approx(roc_auc_score(y, scores), rel=1e-12)
    assert low < value < high
    assert peak < 2**27  # all pairs: 1.7 GiB


# Bad input -----------------------------------------------------------------------------------------------------------


def bad_inputs():
    X, y = one_informative(60)
    site = np.repeat(["a", "b"], 30)
    made = as_dataset(X, y, site)
    only = as_dataset(X, np.where(site == "b", 1, y), site)
    return {
        "regression data set": (xai.load_dataset("diabetes_progression"), {}, "regression task"),
        "regression pair": ((X, np.linspace(0, 1, 60)), {}, "numbers of a regression"),
        "three classes": ((X, np.arange(60) % 3), {}, "3 different values"),
        "one class": ((X, np.ones(60)), {}, "one class only"),
        "missing target": ((X, np.r_[np.nan, y[1:]]), {}, "missing at position 0"),
        "lengths": ((X, y[:-1]), {}, "one value a row"),
        "few rows": ((X[:12], [0, 1] * 6), {}, "to train on"),
        "few rows to measure on": ((X, y), {"test": 0.01}, "to measure on"),
        "one column": ((X[["signal"]], y), {}, "at least two columns"),
        "dates": ((X.assign(day=pd.Timestamp("2020-01-01")), y), {}, "'day' holds dates"),
        "infinite": ((X.assign(noise=np.inf), y), {}, "'noise' holds infinite"),
        "no data": (3, {}, "a data set, a pair"),
        "short site": ((X, y, ["a", "b"]), {}, "one name a row"),
        "missing site": ((X, y, [None] + ["a"] * (len(X) - 1)), {}, "site is missing at position 0"),
        "model name": ((X, y), {"models": ("xgbost",)}, "Did you mean 'xgboost'"),
        "model twice": ((X, y), {"models": ("svm", "svm")}, "named twice"),
        "no model": ((X, y), {"models": ()}, "no models"),
        "no estimator": ((X, y), {"models": {"mine": 3}}, "'mine' is 3"),
        "a class": ((X, y), {"models": {"mine": SVC}}, "with fit and get_params"),
        "importance": ((X, y), {"importances": ("shap",)}, "unknown importance"),
        "no importance": ((X, y), {"importances": ()}, "The names are"),
        "share": ((X, y), {"test": 1.5}, "share of the rows"),
        "site without sites": ((X, y), {"test": "a"}, "the data have none"),
        "unknown site": (made, {"test": "c"}, "unknown site"),
        "held-out site of one class": (only, {"test": "b"}, "0 rows of class 'well' to measure on"),
        "n_rows": ((X, y), {"n_rows": 1}, "n_rows"),
        "sizes": ((X, y), {"config": CompareConfig(sizes=(15, 6))}, "sizes are 15, 6, but these data have 5 columns"),
    }


@pytest.mark.parametrize("case", list(bad_inputs()))
def test_bad_input(case):
    data, options, message = bad_inputs()[case]
    with pytest.raises(InputError, match=message):
        compare_models(data, **options)


@pytest.mark.parametrize("options", [{"n_repeats": 0}, {"n_folds": 1}, {"sizes": (0,)}, {"n_boot": 0}])
def test_bad_configuration(options):
    with pytest.raises(InputError, match=next(iter(options))):
        CompareConfig(**options)


def test_models_that_cannot_be_used():
    X, y = one_informative(60)
    with pytest.raises(ModelError, match="model 'plain' could not be fitted"):
        compare_models((X, y), {"plain": LogisticRegression()})  # text and gaps
    numbers = X[["signal", "echo"]]
    with pytest.raises(ModelError, match="regression"):
        compare_models((numbers, y), {"ridge": Ridge()})


def test_a_model_that_ignores_everything_is_flagged_not_ranked():
    X, y = one_informative(60)
    found = compare_models(
        (X[["signal", "echo"]], y),
        {"dummy": DummyClassifier(), "tree": DecisionTreeClassifier(max_depth=2)},
        ("permutation",),
        config=QUICK,
    )
    assert found.models["dummy"].auc.value == 0.5
    pair = found.agreement.pairs["dummy / permutation", "tree / permutation"]
    assert np.isnan(pair.spearman.value)
    assert "the same for all units" in pair.notes[-1]


def test_columns_with_few_values_form_no_aspect():
    X, y = one_informative(60)
    X["rare"] = X["signal"].where(np.arange(60) % 3 == 0)
    found = compare_models((X, y), ("decision_tree",), ("native",), config=QUICK)
    assert found.aspects == {"noise + echo": ("noise", "echo")}
    assert _aspects(X[["rare", "signal"]].assign(rare=X["signal"]), 0.7) == {"rare + signal": ("rare", "signal")}


def test_columns_that_teach_nothing_are_left_out():
    X = pd.DataFrame(
        {
            "empty": [np.nan, np.nan, np.nan],
            "flat": [1.0, np.nan, 1.0],
            "good": [1.0, 2.0, np.nan],
            "one": pd.Categorical(["u", "u", None], categories=["u", "v"]),
            "two": pd.Categorical(["u", "v", None]),
        }
    )
    assert numeric_columns(X) == ["good"]
    assert categorical_columns(X) == ["two"]


@pytest.mark.slow
def test_alzheimers():
    data = xai.load_dataset("alzheimers_csf")
    config = CompareConfig(sizes=(1, 3), n_repeats=1, n_boot=200, n_boot_agreement=20)
    found = compare_models(data, ("xgboost", "logistic_regression"), ("shapley", "native"), n_rows=20, config=config)
    assert (found.to_frame()["auc"] > 0.8).all()
    top = found.models["xgboost"].importances["shapley"].values.nlargest(5).index
    assert {"tau", "p_tau", "Ab_42"} & set(top)
    assert any({"tau", "p_tau"} <= set(members) for members in found.aspects.values())


@pytest.mark.slow
def test_four_hospitals():
    data = xai.load_dataset("heart_four_hospitals")
    config = CompareConfig(sizes=(1, 3), n_repeats=1, n_folds=3, n_boot=200, n_boot_agreement=20)
    found = compare_models(data, LIGHT, ("native",), test="Cleveland", config=config)
    assert found.n_test == 303
    assert "chol" not in numeric_columns(data.X[data.site == "Switzerland"])
    frame = found.to_frame()
    assert (frame["auc"] > 0.7).all()
    assert (frame["auc_across_sites"] < frame["auc_within_sites"] + 0.05).all()
    assert len(found.transfer.sites) == 4
