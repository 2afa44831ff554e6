"""Files cut into parts, and read back as exactly the rows they are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xai.batch import parts
from xai.core.errors import InputError


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    return pd.DataFrame({"a": rng.normal(size=1000), "b": rng.integers(0, 9, 1000), "c": rng.choice(["x", "y"], 1000)})


@pytest.mark.parametrize("row_group", [1000, 130, 1])
@pytest.mark.parametrize(("start", "rows"), [(0, 1000), (0, 1), (999, 1), (129, 262), (400, 333)])
def test_any_slice_of_a_file(tmp_path, table, row_group, start, rows):
    pq.write_table(pa.Table.from_pandas(table), tmp_path / "t.parquet", row_group_size=row_group)
    got = parts.read(tmp_path / "t.parquet", start, rows, ["b", "a"])
    pd.testing.assert_frame_equal(
        got.reset_index(drop=True), table.iloc[start : start + rows][["b", "a"]].reset_index(drop=True)
    )


def test_parts_cover_every_row_once():
    files = [parts.DataFile("a.parquet", 1001, "x"), parts.DataFile("deep/b.parquet", 3, "y")]
    cut = parts.cut(files, 30, rows_per_part=250)
    covered = [(p.source, row) for p in cut for row in range(p.start, p.start + p.rows)]
    assert covered == [("a.parquet", i) for i in range(1001)] + [("deep/b.parquet", i) for i in range(3)]
    assert max(p.rows for p in cut) <= 250
    assert [p.name for p in cut][-1] == "deep/b.parquet"
    assert len({p.name for p in cut}) == len(cut)


def test_wide_rows_make_small_parts():
    file = [parts.DataFile("a.parquet", 10_000_000, "x")]
    narrow, wide = (parts.cut(file, width)[0].rows for width in (30, 3000))
    assert wide < narrow
    assert wide * 3000 * 8 <= parts.PART_BYTES
    assert narrow * 30 * 8 <= parts.PART_BYTES


def checked(folder, needed=None):
    """Files below a folder and what is wrong with them, for a run that needs some columns."""
    where, files = parts.find_files(folder)
    return parts.check_columns(files, parts.columns_of(where, files), needed)


def test_files_are_found_in_order_and_odd_ones_are_told(tmp_path, table):
    (tmp_path / "sub").mkdir()
    table.to_parquet(tmp_path / "b.parquet")
    table.to_parquet(tmp_path / "a.parquet")
    table.drop(columns="c").to_parquet(tmp_path / "sub" / "c.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and nothing else")
    (tmp_path / ".hidden.parquet").write_bytes(b"")
    files = checked(tmp_path, ("a", "c"))
    assert [f.path for f in files] == ["a.parquet", "b.parquet", "broken.parquet", "sub/c.parquet"]
    assert "broken.parquet cannot be read as Parquet" in files[2].error
    assert files[3].error == "sub/c.parquet lacks the column 'c'"
    assert files[0].rows == 1000
    assert not files[0].error
    assert checked(tmp_path)[3].error == "sub/c.parquet has other columns than a.parquet: 'c'"


def test_only_columns_that_are_read_matter(tmp_path):
    pd.DataFrame({"b": [1]}).to_parquet(tmp_path / "a.parquet")
    pd.DataFrame({"a": [1, 2], "b": [3, 4]}).to_parquet(tmp_path / "b.parquet")
    pd.DataFrame({"b": [1.0, None], "a": [None, None], "note": ["x", "y"]}).to_parquet(tmp_path / "c.parquet")
    pd.DataFrame({"a": ["1"], "b": [3]}).to_parquet(tmp_path / "d.parquet")
    errors = [file.error for file in checked(tmp_path, ("a", "b"))]
    assert errors[0] == "a.parquet lacks the column 'a'"  # the first file in order says nothing of the others
    assert errors[1:3] == ["", ""]
    assert errors[3] == "d.parquet has another type in column 'a': text, where b.parquet has number"


def test_columns_that_are_known_by_their_places_keep_them(tmp_path):
    pd.DataFrame({"a": [1], "b": [2.0]}).to_parquet(tmp_path / "a.parquet")
    pd.DataFrame({"b": [1], "a": [2.0]}).to_parquet(tmp_path / "b.parquet")
    assert "b.parquet has its columns in another order than a.parquet" in checked(tmp_path)[1].error
    assert not any(file.error for file in checked(tmp_path, ("a", "b")))


def test_results_of_earlier_runs_are_no_data(tmp_path, table):
    (tmp_path / "x" / "shap").mkdir(parents=True)
    (tmp_path / "own").mkdir()
    for place in ("a", "x/shap/a", "own/b"):
        table.to_parquet(tmp_path / f"{place}.parquet")
    (tmp_path / "x" / "manifest.json").write_text('{\n "format": "hemicycle/batch/1"\n}')
    (tmp_path / "own" / "manifest.json").write_text('{"name": "of somebody else"}')
    assert [file.path for file in parts.find_files(tmp_path)[1]] == ["a.parquet", "own/b.parquet"]


@pytest.mark.parametrize(("start", "rows"), [(900, 100), (600, 350), (0, 1000)])
def test_a_file_that_became_shorter(tmp_path, table, start, rows):
    table[:900].to_parquet(tmp_path / "t.parquet")
    last = start + rows - 1
    with pytest.raises(InputError, match=rf"t\.parquet has changed .* holds 900 rows, and rows {start} to {last} are"):
        parts.read(tmp_path / "t.parquet", start, rows)


def test_a_folder_may_be_called_like_a_file(tmp_path, table):
    (tmp_path / "t.parquet").mkdir()
    table.to_parquet(tmp_path / "t.parquet" / "part-0.parquet")
    _, files = parts.find_files(tmp_path)
    assert [(file.path, file.error) for file in files] == [("t.parquet/part-0.parquet", "")]


def test_nothing_there(tmp_path):
    with pytest.raises(InputError, match="no file or folder"):
        parts.find_files(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"no \.parquet file"):
        parts.find_files(tmp_path)
