from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from xai.core.errors import InputError
from xai.datasets import load_dataset


@pytest.fixture
def pima():
    return load_dataset("pima_diabetes")


def test_frame_ends_with_the_target(pima):
    frame = pima.to_frame()
    assert list(frame.columns) == [*pima.X.columns, "Outcome"]
    assert (frame["Outcome"] == pima.y).all()


def test_repr_is_short(pima):
    assert repr(pima) == "Dataset('pima_diabetes', table, binary, 768 rows x 8 columns)"


def test_hash_follows_content_and_not_identity(pima):
    assert pima.hash == load_dataset("pima_diabetes").hash
    before = pima.hash
    pima.X.iloc[0, 0] += 1
    assert pima.hash != before
    assert replace(pima, y=1 - pima.y).hash != pima.hash


def test_copy_shares_nothing_that_can_be_changed():
    hearts = load_dataset("heart_four_hospitals")
    other = hearts.copy()
    other.X.loc[0, "age"] = -1
    other.y[0] = 7
    other.site[0] = "Hungary"
    other.labels["age"] = "?"
    other.units_of["age"] = "?"
    other.groups.clear()
    fresh = load_dataset("heart_four_hospitals")
    for kept in (hearts, fresh):
        assert kept.X.loc[0, "age"] == 63
        assert kept.y[0] == 0
        assert kept.site[0] == "Cleveland"
        assert kept.labels["age"] == "age"
        assert kept.units_of["age"] == "years"
        assert kept.groups


@pytest.mark.parametrize(
    ("change", "culprit"),
    [
        ({"y": np.array([])}, "same number of rows"),
        ({"labels": {}}, "Pregnancies"),
        ({"units_of": {"Gluccose": "mg/dl"}}, "'Glucose'"),
        ({"groups": {"a": ("Glucose", "Age"), "b": ("Age", "BMI")}}, "two groups"),
    ],
)
def test_inconsistent_cards_are_refused(pima, change, culprit):
    with pytest.raises(InputError, match=culprit):
        replace(pima, **change)


def test_target_among_the_columns_is_refused(pima):
    with pytest.raises(InputError, match="'Age' is also a column"):
        replace(pima, y=pima.y.rename("Age"))
