"""A small model, a data set of a few parts, and what one process says about all of it."""

from __future__ import annotations

import hashlib
import shutil

import numpy as np
import pandas as pd
import pytest
import xgboost

from xai import batch


@pytest.fixture(scope="session")
def rows():
    rng = np.random.default_rng(1)
    X = pd.DataFrame(rng.normal(size=(900, 5)), columns=list("abcde"))
    X.insert(0, "id", [f"p{i:04d}" for i in range(900)])
    X["site"] = rng.choice(["north", "south"], 900)
    return X


@pytest.fixture(scope="session")
def model_file(rows, tmp_path_factory):
    y = (rows["a"] + rows["b"] * rows["c"] > 0).astype(int)
    booster = xgboost.XGBClassifier(n_estimators=12, max_depth=3).fit(rows[list("abcde")], y).get_booster()
    path = tmp_path_factory.mktemp("model") / "model.ubj"
    booster.save_model(path)
    return path


@pytest.fixture(scope="session")
def folder(rows, tmp_path_factory):
    """Three files of 400, 400 and 100 rows; nobody changes them."""
    data = tmp_path_factory.mktemp("rows") / "data"
    (data / "later").mkdir(parents=True)
    rows.iloc[:400].to_parquet(data / "one.parquet")
    rows.iloc[400:800].to_parquet(data / "two.parquet")
    rows.iloc[800:].to_parquet(data / "later" / "three.parquet")
    return data


@pytest.fixture
def ordered(rows):
    """The rows in the order of the files' names."""
    return pd.concat([rows.iloc[800:], rows.iloc[:400], rows.iloc[400:800]]).reset_index(drop=True)


ARGUMENTS = {
    "methods": ["shap", "dhondt", "native"],
    "key": ["id"],
    "keep": ["site"],
    "rows_per_part": 150,
    "options": {"dhondt": {"seats": 20}},
}


@pytest.fixture(scope="session")
def finished(model_file, folder, tmp_path_factory):
    """A run by two workers; nobody changes it."""
    return batch.run(model_file, folder, tmp_path_factory.mktemp("finished") / "out", workers=2, **ARGUMENTS)


@pytest.fixture
def arguments():
    """What the finished run was asked for."""
    return dict(ARGUMENTS)


@pytest.fixture
def copied(finished, tmp_path):
    """The folder of the finished run, to be changed."""
    return shutil.copytree(finished.folder, tmp_path / "copied")


@pytest.fixture(scope="session")
def digest():
    """Every finished file of a run by its content; the lock is no result."""

    def of(out):
        files = sorted(p for p in out.rglob("*") if p.is_file() and not p.name.startswith("."))
        return {p.relative_to(out).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}

    return of
