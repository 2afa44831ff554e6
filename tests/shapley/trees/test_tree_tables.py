"""Tables against brute force and against each library's own exact routine."""

from __future__ import annotations

import catboost
import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn import ensemble

from xai import wrap_model
from xai.shapley.engines import ENGINES
from xai.shapley.trees import READERS
from xai.shapley.trees.forest import Column, Forest, join, obstacle
from xai.shapley.trees.tables import default_threads, prepare


def random_tree(rng, n_features, depth, n_values=1, shares=True):
    """A tree of random splits, features repeated on paths, missing values either way, some branches cut short."""
    nodes = []

    def grow(level, cover):
        node = len(nodes)
        nodes.append(None)
        if level == depth or (level > 1 and rng.random() < 0.2):
            nodes[node] = (-1, -1, 0, 0.0, False, cover, rng.normal(size=n_values))
            return node
        part = rng.choice([0.0, 0.3, 0.5, 0.9]) if shares else 0.5
        split = (int(rng.integers(n_features)), round(float(rng.normal()), 1), bool(rng.random() < 0.5))
        children = grow(level + 1, cover * part), grow(level + 1, cover * (1 - part))
        nodes[node] = (*children, *split, cover, np.zeros(n_values))
        return node

    grow(0, 100.0)
    names = ("left", "right", "column", "threshold", "missing_left", "cover", "values")
    return {name: np.array([node[i] for node in nodes]) for i, name in enumerate(names)}


def random_forest(seed, *, n_features=5, depth=5, n_trees=6, n_values=1, outputs=None):
    rng = np.random.default_rng(seed)
    trees = [random_tree(rng, n_features, depth, n_values) for _ in range(n_trees)]
    k = n_values if outputs is None else max(outputs) + 1
    which = outputs or [-1 if n_values > 1 else 0] * n_trees
    return join(trees, which, [Column(j) for j in range(n_features)], rng.normal(size=k), n_features)


def random_rows(seed, n, d):
    rng = np.random.default_rng(seed)
    # One decimal, so that values meet thresholds exactly.
    return np.where(rng.random((n, d)) < 0.15, np.nan, rng.normal(size=(n, d)).round(1))


def expectation(forest: Forest, node, x, known):
    """Answer below a node when unknown features follow the training rows' coverage."""
    left, right = forest.left[node], forest.right[node]
    if left < 0:
        return forest.values[node]
    feature = forest.feature[node]
    if known >> feature & 1:
        value = forest.entries(x[None])[0, forest.column[node]]
        goes_left = forest.missing_left[node] if np.isnan(value) else value <= forest.threshold[node]
        return expectation(forest, left if goes_left else right, x, known)
    cover = forest.cover[[left, right]]
    total = max(forest.cover[node], 1e-300)
    return sum(c / total * expectation(forest, child, x, known) for c, child in zip(cover, (left, right), strict=True))


def path_game(forest, x):
    """Answers ``(2^d, k)`` of the path-dependent game."""
    worth = np.tile(forest.base, (1 << forest.n_features, 1))
    for mask in range(len(worth)):
        for root, output in zip(forest.roots, forest.tree_output, strict=True):
            answer = expectation(forest, root, x, mask)
            worth[mask] += answer if output < 0 else np.eye(forest.n_outputs)[output] * answer
    return worth


def background_game(forest, x, background):
    """Answers ``(2^d, k)`` of the interventional game."""
    masks = (np.arange(1 << len(x))[:, None] >> np.arange(len(x))) & 1
    mixed = np.where(masks[:, None, :] > 0, x, background[None])
    return forest.predict(mixed.reshape(-1, len(x))).reshape(len(masks), len(background), -1).mean(axis=1)


def power_index(worth, weight):
    """Sum over coalitions without i of weight(|S|, d) times what i adds."""
    d = len(worth).bit_length() - 1
    masks = np.arange(1 << d)
    sizes = np.array([mask.bit_count() for mask in masks])
    values = np.empty((d, worth.shape[1]))
    for i in range(d):
        without = masks[masks >> i & 1 == 0]
        weights = np.array([weight(s, d) for s in sizes[without]])
        values[i] = weights @ (worth[without | 1 << i] - worth[without])
    return values


def shapley(s, d):
    from math import factorial

    return factorial(s) * factorial(d - s - 1) / factorial(d)


def banzhaf(_, d):
    return 2.0 ** (1 - d)


INDICES = {"shapley": shapley, "banzhaf": banzhaf}


def pair_index(worth, index):
    """Half the Shapley (Banzhaf) interaction index of each pair, ``(d, d, k)``; the diagonal is zero."""
    from math import factorial

    d = len(worth).bit_length() - 1
    result = np.zeros((d, d, worth.shape[1]))
    for i in range(d):
        for j in range(i):
            for mask in range(1 << d):
                if mask >> i & 1 or mask >> j & 1:
                    continue
                s = mask.bit_count()
                weight = (
                    factorial(s) * factorial(d - s - 2) / factorial(d - 1) if index == "shapley" else 2.0 ** (2 - d)
                )
                both, one, other = mask | 1 << i | 1 << j, mask | 1 << i, mask | 1 << j
                result[i, j] += weight / 2 * (worth[both] - worth[one] - worth[other] + worth[mask])
            result[j, i] = result[i, j]
    return result


def run(forest, rows, index="shapley", **options):
    out, base = prepare(forest, index, threads=1, **options).keep()(rows)
    return out.reshape(len(rows), -1, forest.n_outputs), base


shapes = pytest.mark.parametrize(
    ("seed", "options"),
    [
        (0, {}),
        (1, {"depth": 3}),
        (2, {"depth": 8, "n_trees": 3}),
        (3, {"n_values": 3}),
        (4, {"outputs": [0, 1, 2, 0, 1, 2]}),
        (5, {"n_features": 2, "depth": 6}),
        (6, {"depth": 0, "n_trees": 2}),
    ],
)


@shapes
@pytest.mark.parametrize("index", ["shapley", "banzhaf"])
def test_path_dependent_values_are_those_of_brute_force(seed, options, index):
    forest = random_forest(seed, **options)
    rows = random_rows(seed, 12, forest.n_features)
    values, base = run(forest, rows, index)
    for x, found in zip(rows, values, strict=True):
        worth = path_game(forest, x)
        assert np.abs(base - worth[0]).max() < 1e-12
        assert np.abs(found - power_index(worth, INDICES[index])).max() < 1e-6 * np.abs(worth).max()


@shapes
@pytest.mark.parametrize("index", ["shapley", "banzhaf"])
@pytest.mark.parametrize("n_background", [1, 9])
def test_interventional_values_are_those_of_brute_force(seed, options, index, n_background):
    forest = random_forest(seed, **options)
    rows = random_rows(seed, 8, forest.n_features)
    background = random_rows(seed + 100, n_background, forest.n_features)
    values, base = run(forest, rows, index, background=background)
    for x, found in zip(rows, values, strict=True):
        worth = background_game(forest, x, background)
        assert np.abs(base - worth[0]).max() < 1e-12
        assert np.abs(found - power_index(worth, INDICES[index])).max() < 1e-6 * np.abs(worth).max()


@shapes
@pytest.mark.parametrize("index", ["shapley", "banzhaf"])
@pytest.mark.parametrize("against", ["paths", "background"])
def test_pairs_are_those_of_brute_force(seed, options, index, against):
    forest = random_forest(seed, **options)
    rows = random_rows(seed, 4, forest.n_features)
    background = random_rows(seed + 100, 5, forest.n_features) if against == "background" else None
    values, _ = run(forest, rows, index, pairs=True, background=background)
    high, low = np.tril_indices(forest.n_features, -1)
    for x, found in zip(rows, values, strict=True):
        worth = path_game(forest, x) if background is None else background_game(forest, x, background)
        assert np.abs(found - pair_index(worth, index)[high, low]).max() < 1e-6 * np.abs(worth).max()


def test_tables_in_turns_and_by_threads_are_the_same():
    forest = random_forest(8, n_features=12, depth=7, n_trees=20)
    rows = random_rows(8, 1000, 12)
    whole = prepare(forest, threads=1)
    narrow = prepare(forest, threads=1, table_bytes=20_000)
    assert len(whole.turns()) == 1 < len(narrow.turns())
    values, base = whole.keep()(rows)
    for other in (narrow, prepare(forest, threads=3)):
        again, other_base = other.keep()(rows)
        assert np.abs(again - values).max() < 1e-6 * np.abs(values).max()
        assert np.allclose(base, other_base, atol=1e-12)
    # No row's values depend on the rows beside it.
    alone = np.concatenate([whole.keep()(rows[i : i + 1])[0] for i in (0, 255, 256, 999)])
    assert np.array_equal(alone, values[[0, 255, 256, 999]])


def test_paths_of_many_features_and_what_is_too_deep():
    def chain(depth):
        inner = np.arange(depth)
        tree = {
            "left": np.r_[2 * inner + 1, np.full(depth + 1, -1)],
            "column": np.r_[inner, np.zeros(depth + 1)],
            "threshold": np.zeros(2 * depth + 1),
            "missing_left": np.zeros(2 * depth + 1),
            "cover": np.ones(2 * depth + 1),
            "values": np.random.default_rng(1).normal(size=2 * depth + 1),
        }
        # Node i < depth: a leaf on the left, the next node on the right.
        left = np.r_[depth + inner, np.full(depth + 1, -1)]
        right = np.r_[inner[:-1] + 1, 2 * depth, np.full(depth + 1, -1)]
        cover = np.r_[2.0**-inner, 2.0 ** -(inner + 1), 2.0**-depth]
        tree |= {"left": left, "right": right, "cover": cover}
        return join([tree], [0], [Column(j) for j in range(depth)], np.zeros(1), depth)

    forest = chain(16)
    rows = np.random.default_rng(0).normal(size=(20, 16))
    values, base = run(forest, rows)
    assert np.abs(values.sum(axis=1) + base - forest.predict(rows)).max() < 1e-6 * np.abs(forest.values).max()
    assert obstacle(forest) == ""
    assert "asks 17 features" in obstacle(chain(17))


def test_threads_obey_the_environment(monkeypatch):
    for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    free = default_threads()
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")
    assert default_threads() == 1 <= free


N = 600


def table(categories):
    rng = np.random.default_rng(21)
    X = pd.DataFrame(rng.normal(size=(N, 8)).round(1), columns=list("abcdefgh"))
    X["b"] = np.where(rng.random(N) < 0.3, 0.0, X["b"])
    X = X.mask(rng.random(X.shape) < 0.1)
    if categories:
        X["h"] = pd.Categorical(rng.choice(list("uvwxyz"), N))
    return X


def labels(X, task):
    raw = (X.a.fillna(1.0) * X.b.fillna(0.5) + X.c.fillna(-1.0) * X.d.fillna(1.0) + X.e.fillna(0.1)).to_numpy()
    if isinstance(X.h.dtype, pd.CategoricalDtype):
        raw = raw + X.h.cat.codes.to_numpy() % 3
    return raw if task == "regression" else np.digitize(raw, [0.0] if task == "binary" else [-0.5, 0.8])


def against_native(fitted, X, tolerance):
    wrapped = wrap_model(fitted)
    frame = wrapped.check(X)
    source = READERS[wrapped.framework].read(wrapped)
    native, native_base = ENGINES[wrapped.framework](wrapped, frame).explain(frame)
    values, base = run(source.forest, source.numbers(frame))
    scale = np.abs(wrapped.predict_checked(frame)).max()
    assert np.abs(values - native).max() < tolerance * scale
    assert np.abs(base - native_base).max() < tolerance * scale


tasks = pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])


@tasks
@pytest.mark.parametrize("booster", ["gbtree", "dart"])
@pytest.mark.parametrize("categories", [False, True])
def test_xgboost_native(task, booster, categories):
    X = table(categories)
    kind = xgboost.XGBRegressor if task == "regression" else xgboost.XGBClassifier
    options = {"rate_drop": 0.4} if booster == "dart" else {}
    fitted = kind(
        n_estimators=30, max_depth=6, booster=booster, n_jobs=1, enable_categorical=True, max_cat_to_onehot=2, **options
    )
    against_native(fitted.fit(X, labels(X, task)), X, 1e-5)


def test_xgboost_native_with_a_base_score():
    X = table(categories=False)
    fitted = xgboost.XGBClassifier(n_estimators=20, base_score=0.2, n_jobs=1).fit(X, labels(X, "binary"))
    against_native(fitted, X, 1e-5)
    against_native(xgboost.XGBRanker(n_estimators=9, n_jobs=1).fit(X, labels(X, "binary"), group=[300, 300]), X, 1e-5)


@tasks
@pytest.mark.parametrize("options", [{}, {"zero_as_missing": True}, {"boosting_type": "dart", "drop_rate": 0.4}])
@pytest.mark.parametrize("categories", [False, True])
def test_lightgbm_native(task, options, categories):
    X = table(categories)
    kind = lightgbm.LGBMRegressor if task == "regression" else lightgbm.LGBMClassifier
    fitted = kind(n_estimators=30, num_leaves=20, n_jobs=1, verbose=-1, min_child_samples=5, **options)
    against_native(fitted.fit(X, labels(X, task)), X, 1e-6)


@tasks
@pytest.mark.parametrize("nan_mode", ["Min", "Max"])
def test_catboost_native(task, nan_mode):
    X = table(categories=False)
    kind = catboost.CatBoostRegressor if task == "regression" else catboost.CatBoostClassifier
    fitted = kind(iterations=30, depth=6, thread_count=1, verbose=0, allow_writing_files=False, nan_mode=nan_mode)
    against_native(fitted.fit(X, labels(X, task)), X, 1e-6)


@tasks
@pytest.mark.parametrize("kind", ["RandomForest", "ExtraTrees", "GradientBoosting", "HistGradientBoosting"])
def test_shap_package(task, kind):
    X = table(categories=False)
    y = labels(X, task)
    if kind in {"ExtraTrees", "GradientBoosting"}:
        X = X.fillna(0.3)
    options = {"max_iter": 6, "early_stopping": False} if kind.startswith("Hist") else {"n_estimators": 6}
    fitted = getattr(ensemble, kind + ("Regressor" if task == "regression" else "Classifier"))(
        random_state=0, max_depth=7, **options
    ).fit(X, y)
    against_native(fitted, X, 1e-6)
