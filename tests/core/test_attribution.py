from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from xai.core import Attribution, InputError, Provenance, Units, as_votes


def make(n=4, d=3, k=2, *, data=None, rows=(), seed=0, **more):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, d, k))
    base = rng.normal(size=(n, k))
    return Attribution(
        values=values,
        base_values=base,
        outputs=base + values.sum(axis=1),
        units=Units(tuple("abcdefghij"[:d])),
        output_names=tuple(f"class {i}" for i in range(k)),
        method="shap",
        output_space="margin",
        provenance=Provenance("engine", {"numpy": "2"}, "m", "d", 7, {"x": [1, "y"]}),
        rows=rows,
        data=data,
        **more,
    )


def mixed_frame():
    return pd.DataFrame(
        {
            "a": np.array([1.5, np.nan, -np.inf, 0.1], dtype="float32"),
            "b": pd.Categorical(["x", None, "z", "x"], categories=["z", "x"], ordered=True),
            "c": ["u", None, "w", "ü"],
            "flag": [True, False, True, True],
            "count": pd.array([1, None, 3, 4], dtype="Int64"),
        },
        index=[10, 11, 12, 13],
    )


def same(a, b):
    for name in ("values", "base_values", "outputs"):
        assert np.array_equal(getattr(a, name), getattr(b, name)), name
    for name in ("units", "output_names", "method", "output_space", "provenance", "rows"):
        assert getattr(a, name) == getattr(b, name), name
    if a.data is None:
        assert b.data is None
    else:
        pd.testing.assert_frame_equal(a.data.reset_index(drop=True), b.data)
    assert (a.standard_errors is None) == (b.standard_errors is None)


@pytest.mark.parametrize("rows", [(), ("p1", "p2", "p3", "p4"), (9, 8, 7, 6)])
@pytest.mark.parametrize("data", [None, mixed_frame()])
def test_round_trips_are_exact(tmp_path, rows, data):
    a = make(rows=rows, data=data, standard_errors=np.full((4, 3, 2), 0.1), timing={"explain": 1.0})
    a.to_json(tmp_path / "a.json")
    same(a, Attribution.from_json(tmp_path / "a.json"))
    a.to_parquet(tmp_path / "a.parquet")
    same(a, Attribution.from_parquet(tmp_path / "a.parquet"))


@settings(max_examples=30, deadline=None)
@given(values=hnp.arrays(float, (2, 2, 1), elements=st.floats(allow_nan=False, width=64)))
def test_every_float_survives_json(values, tmp_path_factory):
    path = tmp_path_factory.mktemp("json") / "a.json"
    a = Attribution(values, np.zeros((2, 1)), np.zeros((2, 1)), Units(("a", "b")), ("y",), "shap")
    a.to_json(path)
    assert np.array_equal(Attribution.from_json(path).values, values)


def test_files_of_equal_results_are_equal(tmp_path):
    slow, quick = make(timing={"explain": 9.0}), make(timing={"explain": 0.1})
    assert slow.to_json() == quick.to_json()
    json.loads(slow.to_json())
    slow.to_parquet(tmp_path / "slow")
    quick.to_parquet(tmp_path / "quick")
    assert (tmp_path / "slow").read_bytes() == (tmp_path / "quick").read_bytes()


def test_missing_values_are_no_invalid_json(tmp_path):
    values = np.array([[[np.nan]], [[np.inf]]])
    a = Attribution(values, np.zeros((2, 1)), np.zeros((2, 1)), Units(("a",)), ("y",), "reagent")
    assert "NaN" not in a.to_json().replace('"nan"', "")
    a.to_json(tmp_path / "a.json")
    assert np.array_equal(Attribution.from_json(tmp_path / "a.json").values, values, equal_nan=True)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": "other"}', "not json"])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "x").write_text(content)
    with pytest.raises(InputError):
        Attribution.from_json(tmp_path / "x")
    with pytest.raises(InputError):
        Attribution.from_parquet(tmp_path / "x")
    with pytest.raises(InputError, match="cannot be read"):
        Attribution.from_json(tmp_path / "absent")


def test_the_gap_is_what_values_do_not_explain():
    a = make()
    assert np.abs(a.additivity_gap).max() < 1e-12
    b = Attribution(a.values, a.base_values, a.outputs + 0.5, a.units, a.output_names, "shap")
    assert np.allclose(b.additivity_gap, 0.5)


def test_votes_need_one_output():
    with pytest.raises(InputError, match="'class 0', 'class 1'"):
        make().votes()
    one = make().for_output("class 1")
    assert np.array_equal(one.votes("abs"), np.abs(make().values[:, :, 1]))
    assert np.array_equal(one.votes("positive") - one.votes("negative"), one.values[:, :, 0])
    assert np.allclose(one.global_votes(), one.votes().mean(axis=0))
    with pytest.raises(InputError, match="abs"):
        one.votes("square")


def test_outputs_are_found_by_name_and_position():
    a = make()
    assert np.array_equal(a.for_output(-1).values, a.for_output("class 1").values)
    with pytest.raises(InputError, match="class 0"):
        a.for_output("class 9")
    with pytest.raises(InputError, match="no output 5"):
        a.for_output(5)


def test_groups_sum_signed_values_before_anyone_takes_a_size():
    a = Attribution(np.array([[[2.0], [-2.0], [1.0]]]), [[0.0]], [[1.0]], Units(("red", "blue", "age")), ("y",), "shap")
    grouped = a.grouped({"colour": ["red", "blue"]})
    assert grouped.units.names == ("colour", "age")
    assert grouped.values[0, :, 0].tolist() == [0.0, 1.0]
    assert grouped.units.members("colour") == ("red", "blue")
    again = grouped.grouped({"all": ["colour", "age"]})
    assert again.units.members("all") == ("red", "blue", "age")


def test_rows_are_chosen_by_position_or_mask():
    a = make(rows=("p", "q", "r", "s"), data=mixed_frame())
    assert a.for_rows([3, 0]).rows == ("s", "p")
    assert a.for_rows(np.array([True, False, True, False])).data.index.tolist() == [10, 12]
    with pytest.raises(InputError, match="there are 4"):
        a.for_rows([4])


@pytest.mark.parametrize(
    "wrong",
    [
        {"values": np.zeros((4, 3))},
        {"base_values": np.zeros((3, 2))},
        {"outputs": np.zeros(4)},
        {"units": Units(("a",))},
        {"output_names": ("x", "x")},
        {"rows": (1, 2)},
        {"standard_errors": np.zeros((4, 3, 1))},
        {"data": mixed_frame().iloc[:2]},
    ],
)
def test_shapes_must_agree(wrong):
    a = make()
    fields = {name: getattr(a, name) for name in ("values", "base_values", "outputs", "units", "output_names")}
    with pytest.raises(InputError):
        Attribution(**{**fields, "method": "shap", **wrong})


def test_frames_have_a_column_a_unit_or_an_output_and_unit():
    assert make(k=1).to_frame().columns.tolist() == ["a", "b", "c"]
    frame = make().to_frame()
    assert np.array_equal(frame["class 1"]["b"].to_numpy(), make().values[:, 1, 1])


def test_votes_come_from_mappings_series_and_attributions():
    assert as_votes({"a": 1, "b": 2.5})[1].tolist() == [1.0, 2.5]
    names, votes = as_votes(pd.Series([3, 4], index=["x", "y"]))
    assert names == ("x", "y")
    assert votes.tolist() == [3.0, 4.0]
    one = make(k=1)
    assert np.array_equal(as_votes(one)[1], one.global_votes())
    with pytest.raises(InputError, match="'x'"):
        as_votes(pd.Series([1, 2], index=["x", "x"]))
    with pytest.raises(InputError, match="'a' has 'many'"):
        as_votes({"a": "many"})
    with pytest.raises(InputError, match="list has no names"):
        as_votes([1, 2])
