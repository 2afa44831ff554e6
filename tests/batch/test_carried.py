"""Key and kept columns: one type in all parts, every digit as it was, and results that can be read."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import xai
from xai import batch
from xai.batch import parts
from xai.batch.carried import settle_types
from xai.core.errors import InputError

BIG = 2**53 + 1


@pytest.fixture(scope="module")
def explain(tmp_path_factory):
    """Run a model of two columns over tables, each a file."""
    home = tmp_path_factory.mktemp("carried")
    rng = np.random.default_rng(0)
    background = home / "background.parquet"
    pd.DataFrame(rng.normal(size=(8, 2)), columns=["a", "b"]).to_parquet(background)
    model = xai.wrap_model(lambda X: X.to_numpy() @ [1.0, -2.0], feature_names=["a", "b"])

    def run(folder, **files):
        (folder / "data").mkdir()
        for name, columns in files.items():
            n = len(next(iter(columns.values())))
            table = pa.table({"a": rng.normal(size=n), "b": rng.normal(size=n), **columns})
            pq.write_table(table, folder / "data" / f"{name}.parquet")
        options = {"removal": {"background": str(background)}}

        def go(out="out", **more):
            arguments = {"key": ["id"], "rows_per_part": 2, "options": options} | more
            return batch.run(model, folder / "data", folder / out, ["removal"], **arguments)

        return go

    return run


def types(run):
    """Types of a carried column in the parts of a run."""
    return {pq.read_schema(path).field("data/id").type for path in run.folder.rglob("*.parquet")}


def test_a_key_of_many_digits_with_a_gap(explain, tmp_path):
    ids = [BIG, None, BIG + 2, 4]
    done = explain(tmp_path, one={"id": pa.array(ids, pa.int64())})()
    assert types(done) == {pa.int64()}
    assert done.dataset().to_table()["data/id"].to_pylist() == ids
    a = done.attribution()
    assert a.rows == (BIG, "None", BIG + 2, 4)
    assert [None if value is pd.NA else value for value in a.data["id"]] == ids
    assert done.attribution(where={"id": BIG}).rows == (BIG,)
    assert done.attribution(where={"id": [BIG + 2, 4]}).rows == (BIG + 2, 4)
    shown = pd.concat(done.frames(columns=["data/id"]))
    assert [None if pd.isna(value) else int(value) for value in shown["data/id"]] == ids


def test_integers_and_floating_point_numbers_are_one_column(explain, tmp_path, digest):
    files = {"one": {"id": pa.array([1, 2, 3])}, "two": {"id": pa.array([4.0, None, 5.5])}}
    go = explain(tmp_path, **files)
    done = go()
    assert types(done) == {pa.float64()}
    assert done.dataset().to_table()["data/id"].to_pylist() == [1, 2, 3, 4, None, 5.5]
    assert len(done.attribution(where={"id": [1, 5.5]}).rows) == 2
    assert done.votes(where={"id": 4})
    whole = digest(done.folder)
    (done.folder / "removal" / "one-00001.parquet").unlink()
    (done.folder / "summary.json").unlink()
    assert digest(go().folder) == whole


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        (pa.array([1, 2], pa.int8()), pa.array([None, 2**62], pa.int64()), pa.int64()),
        (pa.array([1, 2], pa.uint8()), pa.array([1, 2], pa.uint16()), pa.int64()),
        (pa.array([1, 2], pa.uint8()), pa.array([1, 2**63], pa.uint64()), pa.uint64()),
        (pa.array([1, 2], pa.int32()), pa.array([1, 2], pa.uint64()), pa.int64()),
        (pa.array([1, 2], pa.int32()), pa.array([0.5, 1.5], pa.float32()), pa.float64()),
        (pa.array([1.5, 2], pa.float32()), pa.array([0.5, None], pa.float64()), pa.float64()),
        (pa.array(["x", None]), pa.array(["y", "x"]).dictionary_encode(), pa.string()),
        (pa.array(["x", "y"], pa.large_string()), pa.array([None, None], pa.string()), pa.string()),
        (pa.array([True, None]), pa.array([False, True]), pa.bool_()),
    ],
)
def test_one_type_for_all_files(explain, tmp_path, first, second, kind):
    done = explain(tmp_path, one={"id": first}, two={"id": second})(rows_per_part=1)
    assert types(done) == {kind}
    assert done.dataset().to_table()["data/id"].to_pylist() == [*first.to_pylist(), *second.to_pylist()]
    assert len(done.attribution().rows) == 4


def test_digits_that_would_be_lost_are_told_before_the_first_row(explain, tmp_path):
    go = explain(tmp_path, one={"id": pa.array([0.5])}, two={"id": pa.array([BIG])})
    with pytest.raises(InputError, match=r"two\.parquet: column 'id' has another type.*9007199254740993.*'skip'"):
        go()
    assert not (tmp_path / "out" / "manifest.json").exists()
    done = go(bad_files="skip")
    assert [entry["file"] for entry in done.summary["skipped"]] == ["two.parquet"]
    assert len(done.attribution().rows) == 1
    assert go("other", key=[]).summary["rows"] == 2  # what is not carried may be as it likes


def test_a_file_that_cannot_be_looked_through_is_told(tmp_path):
    pq.write_table(pa.table({"id": [0.5]}), tmp_path / "one.parquet")
    pq.write_table(pa.table({"id": [1] * 2000}), tmp_path / "two.parquet", compression="gzip", use_dictionary=False)
    folder, files = parts.find_files(tmp_path)
    content = bytearray((tmp_path / "two.parquet").read_bytes())
    content[4:60] = b"\0" * 56
    (tmp_path / "two.parquet").write_bytes(content)
    checked, _ = settle_types(folder, files, ["id"])
    assert [file.rows for file in checked] == [1, 0]
    assert "two.parquet cannot be read as Parquet" in checked[1].error


def test_columns_that_the_model_reads_may_be_carried(explain, tmp_path):
    go = explain(tmp_path, one={"id": pa.array([1, 2, 3])})
    frame = pd.read_parquet(tmp_path / "data" / "one.parquet")
    a = go(key=["a"], keep=["id", "b"]).attribution()
    np.testing.assert_array_equal(a.data[["a", "b"]], frame[["a", "b"]])
    np.testing.assert_allclose(a.outputs[:, 0], frame["a"] - 2 * frame["b"])


@pytest.mark.parametrize("value", ["x", 1.5, [1, "x"], 2**70, object()])
def test_a_condition_that_no_row_can_fit(explain, tmp_path, value):
    done = explain(tmp_path, one={"id": pa.array([1, 2])})()
    with pytest.raises(InputError, match="column 'id' holds int64 and never"):
        done.attribution(where={"id": value})
