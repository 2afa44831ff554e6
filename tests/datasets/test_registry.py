"""What each bundled table is known to hold."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets as sklearn_datasets

from xai.core.errors import InputError
from xai.core.resources import resource
from xai.datasets import available, load_dataset, load_table, smears, tables
from xai.datasets.pictures import brain_slices
from xai.datasets.tables import as_categories

NAMES = tables()
OTHERS = tuple(name for name in available() if name not in NAMES)

# name: rows, columns, rows of each class, missing values (NaN) by column
FACTS = {
    "breast_cancer": (569, 30, [212, 357], {}),
    "breast_cancer_mean": (569, 10, [212, 357], {}),
    "diabetes_progression": (442, 10, None, {}),
    "heart_cleveland": (303, 13, [164, 139], {"major_vessels": 4}),
    "heart_four_hospitals": (
        919,
        13,
        [410, 509],
        {
            "trestbps": 60,
            "chol": 202,
            "fbs": 90,
            "restecg": 2,
            "thalch": 55,
            "exang": 55,
            "oldpeak": 62,
            "slope": 308,
            "ca": 610,
            "thal": 485,
        },
    ),
    "pima_diabetes": (
        768,
        8,
        [500, 268],
        {"Glucose": 5, "BloodPressure": 35, "SkinThickness": 227, "Insulin": 374, "BMI": 11},
    ),
    "alzheimers_csf": (333, 130, [242, 91], {}),
}


def test_registry_holds_exactly_the_tables():
    assert set(NAMES) == set(FACTS)
    assert OTHERS == ("blood_smear", "chest_xray", "brain_mri", "vignettes")
    assert all(len(line) > 20 for line in available().values())


@pytest.mark.parametrize("name", NAMES)
def test_shape_classes_and_missing(name):
    rows, columns, classes, missing = FACTS[name]
    data = load_dataset(name)
    assert data.name == name
    assert data.X.shape == (rows, columns)
    assert list(data.X.index) == list(data.y.index) == list(range(rows))
    counts = data.X.isna().sum()
    assert counts[counts > 0].to_dict() == missing
    assert not data.y.isna().any()
    if classes is None:
        assert data.task == "regression"
        assert data.target_names == ()
    else:
        assert data.task == "binary"
        assert len(data.target_names) == 2
        assert data.y.dtype == np.int64
        assert np.bincount(data.y).tolist() == classes


@pytest.mark.parametrize("name", NAMES)
def test_columns_are_numbers_or_categories(name):
    data = load_dataset(name)
    for column, dtype in data.X.dtypes.items():
        assert column in data.categorical or dtype.kind in "if", column


@pytest.mark.parametrize("name", NAMES)
def test_card_is_filled(name):
    data = load_dataset(name)
    for text in (data.title, data.target_meaning, data.description, data.licence, data.citation, data.source):
        assert len(text) >= 5
    assert len(data.traps) >= 3
    assert set(data.labels) == set(data.X.columns)
    assert all(len(label) >= 3 for label in data.labels.values())
    assert len(set(data.labels.values())) == len(data.labels)
    assert all(len(members) >= 2 for members in data.groups.values())
    assert not data.synthetic


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("breast_cancer", ["0 is malignant", "1 is benign"]),
        ("breast_cancer_mean", ["0 is malignant", "1 is benign"]),
        ("diabetes_progression", ["scaled=False", "1 and 2"]),
        ("heart_cleveland", ["major_vessels in 4 rows", "thal in 2"]),
        ("heart_four_hospitals", ["not missing at random but by hospital", "304", "chol 202", "610", "485"]),
        ("pima_diabetes", ["zero", "indigenous", "374", "227", "35", "11", "Glucose 5"]),
        ("alzheimers_csf", ["130 columns for 333 rows", "242 controls to 91 impaired", "not in years"]),
    ],
)
def test_traps_warn(name, words):
    text = " ".join(load_dataset(name).traps)
    for word in words:
        assert word in text


@pytest.mark.parametrize("name", NAMES)
def test_card_counts_are_the_counts(name):
    data = load_dataset(name)
    if data.task == "binary":
        for label in (0, 1):
            assert f"{(data.y == label).sum()} rows" in data.target_meaning
    total = int(data.X.isna().sum().sum())
    if name == "heart_cleveland":
        total += int((data.X["thal"] == "missing").sum())
        assert total == 6
    expected = "nothing missing" if total == 0 else f"{total:,} values are missing"
    assert expected in data.description


def test_breast_cancer_is_scikit_learns():
    bunch = sklearn_datasets.load_breast_cancer(as_frame=True)
    full, means = load_dataset("breast_cancer"), load_dataset("breast_cancer_mean")
    pd.testing.assert_frame_equal(full.X, bunch.data)
    assert (full.y == bunch.target).all()
    assert full.target_names == tuple(bunch.target_names) == ("malignant", "benign")
    pd.testing.assert_frame_equal(means.X, bunch.data.iloc[:, :10])
    assert (means.y == bunch.target).all()
    assert full.groups["concave points"] == ("mean concave points", "concave points error", "worst concave points")
    assert full.X[["mean radius", "mean perimeter", "mean area"]].corr().to_numpy().min() > 0.98


def test_diabetes_progression_is_scikit_learns_unscaled():
    data = load_dataset("diabetes_progression")
    bunch = sklearn_datasets.load_diabetes(as_frame=True, scaled=False)
    pd.testing.assert_frame_equal(data.X, bunch.data, rtol=0, atol=1e-6)
    assert (data.y == bunch.target).all()
    assert data.X["age"].between(19, 79).all()
    assert set(data.X["sex"]) == {1.0, 2.0}
    assert (data.y.min(), data.y.max()) == (25, 346)
    assert data.X["s1"].corr(data.X["s2"]) == pytest.approx(0.90, abs=0.005)
    whole = np.isclose(data.X["s4"], (data.X["s1"] / data.X["s3"]).round())
    assert whole.mean() > 0.5


def test_pima_zeros_are_missing_where_zero_is_impossible():
    X = load_dataset("pima_diabetes").X
    assert (X["Pregnancies"] == 0).sum() == 111
    assert not (X.drop(columns="Pregnancies") == 0).any(axis=None)


def test_four_hospitals_keep_the_site_out_of_the_columns():
    data = load_dataset("heart_four_hospitals")
    expected = {"Cleveland": 303, "Hungary": 293, "VA Long Beach": 200, "Switzerland": 123}
    assert data.site.value_counts().to_dict() == expected
    assert not {"dataset", "hospital", "id", "num"} & set(data.X.columns)
    share = data.y.groupby(data.site, observed=True).mean().round(2).to_dict()
    assert share == {"Cleveland": 0.46, "Hungary": 0.36, "Switzerland": 0.93, "VA Long Beach": 0.74}
    at_switzerland = data.X[data.site == "Switzerland"]
    assert at_switzerland["chol"].isna().all()
    assert not (data.X[["chol", "trestbps"]] == 0).any(axis=None)
    assert data.X.assign(site=data.site, y=data.y).duplicated().sum() == 2


def test_cleveland_is_part_of_the_four_hospitals():
    alone, four = load_dataset("heart_cleveland"), load_dataset("heart_four_hospitals")
    there = (four.site == "Cleveland").to_numpy()
    assert (alone.y.to_numpy() == four.y[there].to_numpy()).all()
    pairs = (("age", "age"), ("rest_sbp", "trestbps"), ("cholesterol", "chol"), ("max_hr", "thalch"))
    for ours, theirs in pairs:
        assert (alone.X[ours].to_numpy() == four.X.loc[there, theirs].to_numpy()).all()
    assert (alone.X["sex"] == "male").sum() == 206
    assert (alone.X["thal"] == "missing").sum() == 2


def test_alzheimers_columns():
    data = load_dataset("alzheimers_csf")
    assert data.categorical == ("Genotype",)
    assert data.X["Genotype"].value_counts().to_dict() == {
        "E3E3": 167,
        "E3E4": 106,
        "E2E3": 37,
        "E4E4": 13,
        "E2E4": 8,
        "E2E2": 2,
    }
    correlation = np.triu(data.X.drop(columns="Genotype").corr().abs().to_numpy(), 1)
    assert (correlation > 0.8).sum() == 21
    assert data.X["age"].between(0.983, 0.990).all()


def test_changing_one_copy_reaches_no_other():
    first, second = load_dataset("breast_cancer_mean"), load_dataset("breast_cancer_mean")
    first.X.iloc[:, :] = 0.0
    first.y.iloc[:] = 5
    first.groups.clear()
    for other in (second, load_dataset("breast_cancer_mean")):
        assert other.X.iloc[0, 0] == pytest.approx(17.99)
        assert set(other.y) == {0, 1}
        assert other.groups


def test_unknown_name_offers_the_nearest():
    with pytest.raises(InputError, match=r"'breast_cancr'.*Did you mean 'breast_cancer'\?.*alzheimers_csf"):
        load_dataset("breast_cancr")


def test_unknown_category_is_refused():
    with pytest.raises(InputError, match="'colour' holds 'blue'; known are 'red'"):
        as_categories(pd.DataFrame({"colour": ["red", "blue", None]}), {"colour": ["red"]})


def test_files_are_the_ones_described():
    import hashlib

    readme = resource("sample_data", "README.md").read_text(encoding="utf-8")
    tables = sorted(path for path in resource("sample_data", "tables").iterdir() if path.is_file())
    assert len(tables) == 6
    for path in tables:
        line = next(line for line in readme.splitlines() if f"`tables/{path.name}`" in line)
        assert hashlib.sha256(path.read_bytes()).hexdigest() in line


def test_every_bundled_file_has_its_line_of_provenance():
    root = resource("sample_data")
    readme = (root / "README.md").read_text(encoding="utf-8")
    files = [path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    for path in files:
        name = path.relative_to(root).as_posix()
        assert name == "README.md" or f"| `{name}` |" in readme, name
    assert sum(path.stat().st_size for path in files) < 24_000_000


def test_import_is_light():
    heavy = "{'pandas', 'sklearn', 'xgboost', 'lightgbm', 'catboost', 'shap', 'plotly'}"
    code = f"import sys, xai.datasets; print(sorted({heavy} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=resource("xai"))
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize("name", OTHERS)
def test_pictures_and_texts_carry_their_card(name):
    data = load_dataset(name)
    assert data.name == name
    for text in (data.title, data.target_meaning, data.description, data.licence, data.citation, data.source):
        assert len(text) >= 5
    assert len(data.traps) >= 3
    assert data.synthetic == (name in ("blood_smear", "vignettes"))
    with pytest.raises(InputError, match=f"'{name}' holds {data.kind}, not a table"):
        load_table(name)


@pytest.mark.parametrize(
    ("name", "shape", "counts"),
    [
        ("blood_smear", (48, 112, 112, 3), [12, 12, 12, 12]),
        ("chest_xray", (16, 512, 512, 3), [8, 8]),
        ("brain_mri", (42, 192, 176, 3), [21, 21]),
    ],
)
def test_pictures(name, shape, counts):
    data = load_dataset(name)
    assert (data.kind, data.images.dtype, data.images.shape) == ("images", np.uint8, shape)
    assert np.bincount(data.labels).tolist() == counts
    assert len(data.target_names) == len(counts)
    assert len(set(data.names)) == len(data.names) == len(data.images)
    data.images[:] = 0
    assert load_dataset(name).images.any()


def test_smears_have_the_parts_of_their_class():
    data = load_dataset("blood_smear")
    assert data.masks.shape == data.images.shape[:3]
    granules = (data.masks == data.parts.index("granules")).any(axis=(1, 2))
    assert (granules == (data.labels == smears.CLASSES.index("eosinophil"))).all()
    assert (data.masks == data.parts.index("nucleus")).any(axis=(1, 2)).all()


def test_both_brains_lie_on_one_grid():
    data = load_dataset("brain_mri")
    assert data.spacing_mm == (1.0, 1.0)
    average, person = (data.images[data.labels == i, ..., 0] > 40 for i in (0, 1))
    inside = (average & person).sum(axis=(1, 2)) / (average | person).sum(axis=(1, 2))
    assert inside.min() > 0.75  # one head's outline lies on the other's, slice by slice
    assert np.array_equal(data.images[:21], brain_slices("mni152"))


def test_vignettes_say_what_decides_them():
    data = load_dataset("vignettes")
    assert len(data.prompts) == len(data.answers) == len(data.evidence) == 200
    assert all(answer.startswith(" ") for answer in data.answers)
    for prompt, answer, spans in zip(data.prompts, data.answers, data.evidence, strict=True):
        assert spans
        assert all(prompt[first:last].strip() for first, last in spans)
        assert not prompt.endswith(answer)
