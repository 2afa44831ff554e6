from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from xai.core.attribution import Attribution
from xai.core.errors import InputError, WorkerError
from xai.core.provenance import Provenance, hash_frame
from xai.core.units import Units
from xai.sandbox.codec import REGISTERED, TAG, ModelFile, _registered, decode, encode


def through(value):
    tree, blobs = encode(value)
    text = json.dumps(tree, allow_nan=False)  # what the pipe does to it
    return decode(json.loads(text), [bytearray(blob) for blob in blobs])


def same(a, b):
    if isinstance(a, float) and isinstance(b, float) and math.isnan(a):
        return math.isnan(b)
    if type(a) is not type(b):
        return False
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return same(list(a.items()), list(b.items()))
    return a == b and repr(a) == repr(b)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(plain)
@settings(max_examples=150, deadline=None)
def test_plain_values_come_back_with_their_types(value):
    assert same(through(value), value)


@given(
    hnp.arrays(
        st.sampled_from(["f8", "f4", "i8", "u1", "?", "U3", "c16", "M8[ns]", "m8[s]", ">f8"]).map(np.dtype),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    )
)
@settings(max_examples=100, deadline=None)
def test_arrays_come_back_bit_by_bit(array):
    back = through(array)
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()


def test_views_scalars_and_objects():
    array = np.arange(24).reshape(4, 6)
    np.testing.assert_array_equal(through(array.T[::2, ::-1]), array.T[::2, ::-1])
    assert type(through(np.float32(1.5))) is np.float32
    assert type(through(np.int64(3))) is np.int64
    objects = np.array([["a", None], [1.5, (1, 2)]], dtype=object)
    assert through(objects).tolist() == objects.tolist()
    assert through(np.arange(3.0)).flags.writeable
    assert through({1, 2}) == {1, 2}
    assert through(frozenset("ab")) == frozenset("ab")


def test_a_dictionary_that_looks_like_a_tag_stays_a_dictionary():
    value = {TAG: "array", "blob": 0}
    assert through(value) == value


def frame():
    n = 5
    return pd.DataFrame(
        {
            "number": [1.5, np.nan, np.inf, -0.0, 3.0],
            "single": np.arange(n, dtype="float32"),
            "small": np.arange(n, dtype="int8"),
            "flag": [True, False, True, True, False],
            "text": ["a", None, "c", "", "ü"],
            "mixed": ["a", 1, None, 2.5, True],
            "objects": pd.Series(["a", "b", "c", "d", "e"], dtype=object),
            "words": pd.Series(["a", None, np.nan, "d", "e"], dtype=object),
            "category": pd.Categorical(["u", None, "v", "u", "w"], categories=["w", "v", "u", "unused"]),
            "ordered": pd.Categorical([3, 1, 2, 1, 3], categories=[1, 2, 3], ordered=True),
            "mixed category": pd.Categorical(["a", 1, "a", None, 1], categories=pd.Index(["a", 1], dtype=object)),
            "when": pd.date_range("2020-01-01", periods=n),
            "where and when": pd.date_range("2020-01-01", periods=n, tz="Europe/Berlin"),
            "nullable": pd.array([1, None, 3, 4, 5], dtype="Int64"),
            "maybe": pd.array([True, None, False, True, True], dtype="boolean"),
        },
        index=[f"patient {i}" for i in range(n)],
    )


def test_tables_come_back_exactly():
    table = frame()
    back = through(table)
    pd.testing.assert_frame_equal(back, table, check_exact=True)
    assert [type(x) for x in back["words"]] == [type(x) for x in table["words"]]
    assert hash_frame(back) == hash_frame(table)
    for name in ("category", "ordered", "mixed category"):
        assert back[name].cat.categories.dtype == table[name].cat.categories.dtype


@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(3, 9, 2),
        pd.RangeIndex(3, name="row"),
        pd.Index([7, 5, 5]),
        pd.Index(["a", "b", "c"], name="who"),
        pd.Index(["a", 1, None], dtype=object),
        pd.DatetimeIndex(["2020-01-01", "2020-03-01", "2021-01-01"], name="day"),
        pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["site", None]),
        pd.CategoricalIndex(["a", "b", "a"]),
    ],
)
def test_row_and_column_labels_come_back(index):
    rows = pd.DataFrame({"x": [1.0, 2.0, 3.0]}, index=index)
    pd.testing.assert_frame_equal(through(rows), rows)
    pd.testing.assert_index_equal(through(index), index, exact=True)
    if index.is_unique and not isinstance(index, pd.DatetimeIndex | pd.CategoricalIndex | pd.RangeIndex):
        pd.testing.assert_frame_equal(through(rows.T), rows.T)


def test_series_attrs_and_empty_tables():
    series = pd.Series([1, 0, 1], name="target", index=["a", "b", "c"])
    series.attrs = {"unit": "mm"}
    back = through(series)
    pd.testing.assert_series_equal(back, series)
    assert back.attrs == series.attrs
    table = frame()
    table.attrs = {"source": "test", "rows": (1, 2), "function": print}
    assert through(table).attrs == {"source": "test", "rows": (1, 2)}
    for empty in (table.iloc[:0], table[[]], pd.DataFrame()):
        pd.testing.assert_frame_equal(through(empty), empty, check_column_type=False)


def attribution(**changes):
    rng = np.random.default_rng(0)
    options = {
        "values": rng.normal(size=(5, 3, 2)),
        "base_values": rng.normal(size=(5, 2)),
        "outputs": rng.normal(size=(5, 2)),
        "units": Units(("a", "b", "g"), groups=(("g", ("c", "d")),)),
        "output_names": ("0", "1"),
        "method": "shap",
        "output_space": "margin",
        "provenance": Provenance("engine", {"numpy": "2"}, "abc", "def", 3, {"x": [1, 2], "y": None}),
        "rows": tuple(f"patient {i}" for i in range(5)),
        "data": frame(),
        "standard_errors": rng.random(size=(5, 3, 2)),
        "timing": {"explain": 1.5},
    }
    return Attribution(**options | changes)


def test_attributions_come_back_exactly():
    a = attribution()
    b = through(a)
    for field in fields(Attribution):
        x, y = getattr(a, field.name), getattr(b, field.name)
        if isinstance(x, np.ndarray):
            np.testing.assert_array_equal(x, y, strict=True)
        elif isinstance(x, pd.DataFrame):
            pd.testing.assert_frame_equal(x, y)
        else:
            assert x == y, field.name
    assert through(attribution(data=None, standard_errors=None)).data is None


def test_every_registered_class_exists_and_is_frozen():
    for name in REGISTERED:
        assert _registered(name).__dataclass_params__.frozen, name


@dataclass(frozen=True)
class Stranger:
    x: int = 1


@dataclass(frozen=True)
class Units2(Units):
    pass


@pytest.mark.parametrize("value", [object(), print, Stranger(), Units2(("a",)), date(2020, 1, 1), 1 + 2j, b"bytes"])
def test_what_is_not_on_the_list_is_refused(value):
    with pytest.raises(InputError, match=type(value).__name__):
        encode([value])


def test_tables_that_cannot_be_sent_name_the_column():
    with pytest.raises(InputError, match="'a'"):
        encode(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(InputError, match="object"):
        encode(pd.DataFrame({"a": [object()]}))
    with pytest.raises(InputError, match="'a'"):
        encode(pd.DataFrame({"a": pd.arrays.SparseArray([0, 0, 1])}))
    with pytest.raises(InputError, match="array of type"):
        encode(np.zeros(2, dtype=[("x", "f8")]))


@pytest.mark.parametrize(
    "tree",
    [
        {},
        {TAG: "pickle"},
        {TAG: "dataclass", "name": "Popen", "fields": {}},
        {TAG: "dataclass", "name": "Units", "fields": {"nonsense": 1}},
        {TAG: "array", "shape": [2], "scalar": False, "dtype": "O", "blob": 0},
        {TAG: "array", "shape": [3], "scalar": False, "dtype": "<f8", "blob": 0},
        {TAG: "array", "shape": [2], "scalar": False, "dtype": "<f8", "blob": 5},
        {TAG: "frame", "blob": 0},
        {TAG: "float", "text": "one"},
    ],
)
def test_forged_trees_are_refused(tree):
    with pytest.raises(WorkerError, match="over the pipe"):
        decode(tree, [bytearray(16)])


def test_model_files_stand_for_models():
    class Isolated:
        model_file = ModelFile("/m.ubj", "margin", "abc")

    assert through(Isolated()) == Isolated.model_file
