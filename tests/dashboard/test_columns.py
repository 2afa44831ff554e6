"""Columns proposed for those a model wants, and what a mapping may not be."""

from __future__ import annotations

import pandas as pd
import pytest

from xai.core.errors import InputError
from xai.dashboard.columns import check_mapping, propose, propose_answers, propose_features


@pytest.mark.parametrize(
    ("wanted", "offered", "expected"),
    [
        (["age", "dose"], ["dose", "age"], {"age": "age", "dose": "dose"}),
        (["Age (years)", "DOSE"], ["age_years", "dose", "x"], {"Age (years)": "age_years", "DOSE": "dose"}),
        (["BMI"], ["Body mass (BMI)", "age"], {"BMI": "Body mass (BMI)"}),
        (["BloodPressure"], ["blood pressure mmHg", "age"], {"BloodPressure": "blood pressure mmHg"}),
        (["haemoglobin", "age"], ["hemoglobin", "age"], {"haemoglobin": "hemoglobin", "age": "age"}),
        (["age"], ["colour"], {"age": None}),
        (["f0", "f1"], ["age", "dose", "died"], {"f0": "age", "f1": "dose"}),
        (["Column_0", "Column_1"], ["age"], {"Column_0": None, "Column_1": None}),
        (["x1", "x2"], ["x2", "x1"], {"x1": "x1", "x2": "x2"}),
        # Two that read the same are no clear answer: each is taken by the likeness of its letters, and once.
        (["a b", "ab"], ["ab", "a-b"], {"a b": "a-b", "ab": "ab"}),
        ([], ["a"], {}),
    ],
)
def test_proposals(wanted, offered, expected):
    assert propose(wanted, offered) == expected


def test_no_column_is_proposed_twice():
    found = propose(["glucose", "glucose level", "glucose2"], ["Glucose", "glucose_lvl", "glucose 2", "insulin"])
    assert found == {"glucose": "Glucose", "glucose level": "glucose_lvl", "glucose2": "glucose 2"}


@pytest.mark.parametrize(
    ("offered", "used", "expected"),
    [
        (["a", "b", "died"], ["a", "b"], "died"),
        (["a", "b", "id", "Outcome"], ["a", "b"], "Outcome"),
        (["a", "b", "id", "name"], ["a", "b"], None),
        (["a"], ["a"], None),
    ],
)
def test_proposed_answers(offered, used, expected):
    assert propose_answers(offered, used) == expected


@pytest.mark.parametrize(
    ("mapping", "target", "complaint"),
    [
        ({"a": None, "b": "b"}, None, "choose a column of the table for 'a'"),
        ({"a": "x", "b": "x"}, None, "'x' stands for more than one"),
        ({"a": "a"}, "a", "'a' is a column the model reads"),
    ],
)
def test_bad_mappings_are_named(mapping, target, complaint):
    with pytest.raises(InputError, match=complaint):
        check_mapping(mapping, target)


def test_a_good_mapping_passes():
    check_mapping({"a": "x", "b": "b"}, "y")


@pytest.mark.parametrize(
    ("columns", "n_classes", "expected"),
    [
        ({"died": [0, 1, 0], "a": [1, 2, 3], "b": [4, 5, 6]}, 2, ["a", "b"]),
        ({"a": [1, 2, 3], "b": [4, 5, 6], "died": [0, 1, 0]}, 2, ["a", "b"]),
        # Two columns could be the answers: the last of the table is, not a flag among the features.
        ({"flag": [0, 1, 1], "a": [1, 2, 3], "died": [0, 1, 0]}, 2, ["flag", "a"]),
        ({"a": [1, 2, 3], "outcome": [7, 8, 9], "b": [4, 5, 6]}, None, ["a", "b"]),
        ({"a": [1, 2, 3], "b": [4, 5, 6], "c": [7, 8, 9]}, None, ["a", "b"]),
        ({"a": [1, 2, 3], "b": [0, 1, 0]}, 2, ["a", "b"]),
    ],
)
def test_columns_of_a_model_without_names(columns, n_classes, expected):
    assert propose_features(pd.DataFrame(columns), 2, n_classes) == expected
