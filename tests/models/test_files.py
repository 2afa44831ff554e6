"""Native files: told by content, opened with the same answers, and refused with a reason when damaged."""

from __future__ import annotations

import gzip
import json
import pickle
import re
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import xai
from xai.core.errors import ModelError
from xai.core.provenance import hash_file
from xai.models import open_model, sniff


def table(n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(n, 3)).round(3), columns=["age", "dose", "pulse"])
    X.loc[::7, "dose"] = np.nan
    return X.assign(site=pd.Categorical(rng.choice(["n", "s", "w"], n)))


def labels(X: pd.DataFrame) -> np.ndarray:
    return np.digitize(X.age + 2 * (X.site == "s"), [0.0, 1.5])


@pytest.fixture(scope="module")
def fitted():
    import catboost
    import lightgbm
    import xgboost

    X = table()
    y = labels(X)
    cat = catboost.CatBoostClassifier(
        iterations=4, depth=3, thread_count=1, verbose=0, allow_writing_files=False, cat_features=["site"]
    )
    return {
        "xgboost": xgboost.XGBClassifier(n_estimators=4, max_depth=3, n_jobs=1, enable_categorical=True).fit(X, y),
        "lightgbm": lightgbm.LGBMClassifier(n_estimators=4, num_leaves=5, n_jobs=1, verbose=-1).fit(X, y),
        "catboost": cat.fit(X.astype({"site": str}), np.array(["low", "mid", "high"])[y]),
    }


def write(fitted, kind: str, folder: Path) -> Path:
    """Write under a suffix that says nothing."""
    path = folder / "model.bin"
    if kind == "xgboost-json":
        path.write_bytes(fitted["xgboost"].get_booster().save_raw("json"))
    elif kind == "xgboost-ubj":
        path.write_bytes(fitted["xgboost"].get_booster().save_raw("ubj"))
    elif kind == "lightgbm-txt":
        fitted["lightgbm"].booster_.save_model(str(path))
    elif kind == "catboost-cbm":
        fitted["catboost"].save_model(str(path), format="cbm")
    else:
        import catboost

        X = table().astype({"site": str})
        fitted["catboost"].save_model(str(path), format="json", pool=catboost.Pool(X, cat_features=["site"]))
    return path


KINDS = ["xgboost-json", "xgboost-ubj", "lightgbm-txt", "catboost-cbm", "catboost-json"]


@pytest.mark.parametrize("kind", KINDS)
def test_round_trip(fitted, kind, tmp_path):
    path = write(fitted, kind, tmp_path)
    assert sniff(path) == kind
    model = open_model(path)
    library = kind.partition("-")[0]
    original = xai.wrap_model(fitted[library])
    assert model.framework == library
    assert model.hash == hash_file(path)
    assert (model.task, model.output, model.feature_names) == ("multiclass", "margin", original.feature_names)
    assert model.output_names == (("high", "low", "mid") if library == "catboost" else ("0", "1", "2"))
    X = table()
    for rows in (X, X.astype({"site": str})):
        assert np.allclose(model.predict(rows), original.predict(rows), atol=1e-6)
    probability = open_model(path, "probability")
    assert np.allclose(probability.predict(X).sum(axis=1), 1.0)
    a, b = xai.explain(model, X[:5]), xai.explain(original, X[:5])
    assert np.allclose(a.values, b.values, atol=1e-6)
    assert a.provenance.model_hash == hash_file(path)
    assert np.abs(a.additivity_gap).max() < 1e-5 * np.abs(a.outputs).max()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9, 0.99])
def test_truncated_files_are_refused(fitted, kind, share, tmp_path):
    path = tmp_path / "cut"
    content = write(fitted, kind, tmp_path).read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelError, match="cut"):
        open_model(path)


def test_lightgbm_cut_at_every_line_is_refused(fitted, tmp_path):
    content = write(fitted, "lightgbm-txt", tmp_path).read_text()
    ends = [match.end() for match in re.finditer("\n", content)]
    closed = content.rindex("end of parameters")
    path = tmp_path / "cut.txt"
    for end in [end for end in ends if end < closed]:
        path.write_text(content[:end])
        with pytest.raises(ModelError, match=r"cut\.txt is"):
            open_model(path)


def damaged_xgboost(content: dict, what: str) -> dict:  # noqa: C901, PLR0912 - one branch a damage
    trees = content["learner"]["gradient_booster"]["model"]["trees"]
    tree = next(tree for tree in trees if len(tree["left_children"]) > 3)
    inner = [i for i, child in enumerate(tree["left_children"]) if child >= 0]
    if what == "child out of range":
        tree["left_children"][0] = 10**6
    elif what == "negative child":
        tree["right_children"][0] = -7
    elif what == "cycle":
        tree["left_children"][inner[-1]] = 0
    elif what == "shared child":
        tree["left_children"][0] = tree["right_children"][0]
    elif what == "split out of range":
        tree["split_indices"][0] = 99
    elif what == "short list":
        tree["split_conditions"].pop()
    elif what == "group out of range":
        content["learner"]["gradient_booster"]["model"]["tree_info"][0] = 9
    elif what == "text for a number":
        tree["left_children"][0] = "x"
    elif what == "parent out of range":
        tree["parents"][-1] = 10**9
    elif what == "another parent":
        tree["parents"][-1] = 0
    elif what == "a number of sixty digits":
        tree["parents"][-1] = int("1" * 60)
    elif what == "rounds beyond the trees":
        content["learner"]["gradient_booster"]["model"]["iteration_indptr"][-1] = 10**6
    elif what == "categories beyond their list":
        split = next(tree for tree in trees if tree["categories_nodes"])
        split["categories_sizes"][0] = 10**6
    elif what == "a category of a billion":
        split = next(tree for tree in trees if tree["categories_nodes"])
        split["categories"][0] = 10**9
    elif what == "a trillion columns":
        content["learner"]["learner_model_param"]["num_feature"] = "1000000000000"
    else:
        del content["learner"]["gradient_booster"]["model"]["trees"]
    return content


@pytest.mark.parametrize(
    "what",
    [
        "child out of range",
        "negative child",
        "cycle",
        "shared child",
        "split out of range",
        "short list",
        "group out of range",
        "text for a number",
        "parent out of range",
        "another parent",
        "a number of sixty digits",
        "rounds beyond the trees",
        "categories beyond their list",
        "a category of a billion",
        "a trillion columns",
        "no trees",
    ],
)
def test_damaged_xgboost_trees_are_refused_before_the_library(fitted, what, tmp_path):
    content = json.loads(fitted["xgboost"].get_booster().save_raw("json"))
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(damaged_xgboost(content, what)))
    with pytest.raises(ModelError, match=r"bad\.json is damaged"):
        open_model(path)


@pytest.mark.parametrize(
    ("find", "put"),
    [
        (r"left_child=\S+", "left_child=77"),
        (r"split_feature=\d+", "split_feature=99"),
        (r"num_leaves=\d+", "num_leaves=90"),
        (r"leaf_value=\S+ ", "leaf_value="),
        (r"tree_sizes=\d+ ", "tree_sizes=12 "),
        (r"max_feature_idx=\d+\n", ""),
        (r"num_class=\d+", "num_class=-3"),
        (r"num_tree_per_iteration=3", "num_tree_per_iteration=5"),
        (r"feature_names=\S+", "feature_names="),
        (r"decision_type=\S+", "decision_type=99"),
        (r"num_cat=\d+", "num_cat=7"),
        (r"leaf_count=\S+ ", "leaf_count="),
        (r"is_linear=0", "is_linear=1"),
        (r"shrinkage=\S+", "shrinkage=nan"),
    ],
)
def test_damaged_lightgbm_trees_are_refused_before_the_library(fitted, find, put, tmp_path):
    content = write(fitted, "lightgbm-txt", tmp_path).read_text()
    bad = re.sub(find, put, content, count=1)
    assert bad != content
    if not find.startswith("tree_sizes"):
        trees, _, _ = bad[bad.index("Tree=0\n") :].partition("end of trees")
        sizes = " ".join(str(len(tree)) for tree in re.split(r"(?=^Tree=)", trees, flags=re.MULTILINE)[1:])
        bad = re.sub(r"tree_sizes=.*", f"tree_sizes={sizes}", bad)
    path = tmp_path / "bad.txt"
    path.write_text(bad)
    with pytest.raises(ModelError, match=r"bad\.txt is damaged") as caught:
        open_model(path)
    assert ("is not as long as" in str(caught.value)) == find.startswith("tree_sizes")


@pytest.mark.parametrize("find", [r"(?<=\nshrinkage=)", r"(?s:.*)(?<=\nshrinkage=)"], ids=["first tree", "last tree"])
def test_lightgbm_trees_of_another_length_are_refused_before_the_library(fitted, find, tmp_path):
    content = write(fitted, "lightgbm-txt", tmp_path).read_text()
    path = tmp_path / "bad.txt"
    path.write_text(re.sub(find, lambda found: found.group() + "0", content, count=1))
    with pytest.raises(ModelError, match=r"tree \d+ is not as long as the head of the file says"):
        open_model(path)


def test_damaged_catboost_trees_are_refused_before_the_library(fitted, tmp_path):
    content = json.loads(write(fitted, "catboost-json", tmp_path).read_text())
    path = tmp_path / "bad.json"
    for change in (
        lambda tree: tree["leaf_values"].pop(),
        lambda tree: tree["leaf_weights"].pop(),
        lambda tree: tree["splits"][0].update(split_index=99_999_999),
        lambda tree: tree["splits"][0].update(split_index=-1),
        lambda tree: tree["splits"].extend(tree["splits"] * 20),
    ):
        bad = json.loads(json.dumps(content))
        change(bad["oblivious_trees"][0])
        path.write_text(json.dumps(bad))
        with pytest.raises(ModelError, match=r"bad\.json is damaged: tree 0"):
            open_model(path)


def test_files_that_can_run_code_are_never_opened(tmp_path):
    class Trap:
        def __reduce__(self):
            return (print, ("opened",))

    for name, content in (
        ("plain.pkl", pickle.dumps(Trap())),
        ("plain.ubj", pickle.dumps(Trap(), protocol=2)),
        ("joblib.gz", gzip.compress(pickle.dumps(Trap()))),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ModelError, match="can run code when they are opened, so they are never opened"):
            open_model(tmp_path / name)
    with zipfile.ZipFile(tmp_path / "net.pt", "w") as archive:
        archive.writestr("net/data.pkl", pickle.dumps(Trap()))
    with pytest.raises(ModelError, match=r"a whole torch module.*never opened"):
        open_model(tmp_path / "net.pt")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\x00\x01garbage", "no model file that is known here: accepted are XGBoost"),
        (b"a,b\n1,2\n", "no model file"),
        (b'{"a": 1}', "JSON but holds no XGBoost or CatBoost model"),
        (b'{"learner": ', "cannot be read to its end"),
        (b"{" * 5 + b'"', "cut short"),
        (b'{"a":' + b"[" * 100_000, "cannot be read to its end"),
        (b'{"learner": {}}', "incomplete"),
        (b'{"features_info": {}}', "incomplete"),
        (b"tree\nversion=v4\n", "damaged or cut short"),
        (b"tree\n\xff\xfe", "no text"),
        (b"CBM1\x01", "cut short"),
        (b"{L\x00\x00\x00\x00\x00\x00\x00\x07learner", "cut short"),
    ],
)
def test_garbage(content, message, tmp_path):
    path = tmp_path / "thing.json"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=message):
        open_model(path)


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(ModelError, match="there is no file"):
        open_model(tmp_path / "nothing.ubj")
    with pytest.raises(ModelError, match="is no file"):
        open_model(tmp_path)


def test_large_files_are_refused(fitted, tmp_path, monkeypatch):
    from xai.models import files

    path = write(fitted, "xgboost-ubj", tmp_path)
    monkeypatch.setattr(files, "MAX_BYTES", 100)
    with pytest.raises(ModelError, match="MiB"):
        open_model(path)


def test_odd_but_sound_files_open(tmp_path):
    import lightgbm
    import xgboost

    X = table().drop(columns="site").fillna(0)
    # Pruning leaves nodes that belong to no branch; one-leaf trees have no splits; columns may have any name.
    pruned = xgboost.XGBRegressor(n_estimators=5, max_depth=6, gamma=3.0, tree_method="exact", n_jobs=1).fit(X, X.age)
    (tmp_path / "pruned").write_bytes(pruned.get_booster().save_raw("json"))
    vectors = xgboost.XGBRegressor(n_estimators=3, multi_strategy="multi_output_tree", n_jobs=1)
    vectors.fit(X, X[["age", "dose"]])
    (tmp_path / "vectors").write_bytes(vectors.get_booster().save_raw("json"))
    stumps = lightgbm.LGBMRegressor(n_estimators=3, min_child_samples=150, n_jobs=1, verbose=-1)
    stumps.fit(X.set_axis(["Größe", "b", "c"], axis=1), X.age)
    stumps.booster_.save_model(str(tmp_path / "stumps"))
    for name, native in (("pruned", pruned), ("vectors", vectors), ("stumps", stumps)):
        expected = native.predict(X).reshape(len(X), -1)
        assert np.allclose(open_model(tmp_path / name).predict(X.to_numpy()), expected, atol=1e-6)


def test_linear_and_dart_boosters_open_too(tmp_path):
    import xgboost

    X = table().drop(columns="site").fillna(0)
    for booster in ("gblinear", "dart"):
        native = xgboost.XGBRegressor(n_estimators=3, booster=booster, n_jobs=1).fit(X, X.age)
        path = tmp_path / f"{booster}.json"
        path.write_bytes(native.get_booster().save_raw("json"))
        model = open_model(path)
        assert np.allclose(model.predict(X)[:, 0], native.predict(X), atol=1e-6)
        a = xai.explain(model, X)
        assert np.abs(a.additivity_gap).max() < 1e-5 * np.abs(a.outputs).max()
