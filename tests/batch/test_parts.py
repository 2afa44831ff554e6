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


def test_files_are_found_in_order_and_odd_ones_are_told(tmp_path, table):
    (tmp_path / "sub").mkdir()
    table.to_parquet(tmp_path / "b.parquet")
    table.to_parquet(tmp_path / "a.parquet")
    table.drop(columns="c").to_parquet(tmp_path / "sub" / "c.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and nothing else")
    (tmp_path / ".hidden.parquet").write_bytes(b"")
    folder, files = parts.find_files(tmp_path)
    files = parts.check_schemas(folder, files)
    assert [f.path for f in files] == ["a.parquet", "b.parquet", "broken.parquet", "sub/c.parquet"]
    assert "broken.parquet cannot be read as Parquet" in files[2].error
    assert files[3].error == "sub/c.parquet has other columns or types than a.parquet: 'c'"
    assert files[0].rows == 1000
    assert not files[0].error


def test_integers_with_gaps_are_still_numbers(tmp_path):
    pd.DataFrame({"a": [1, 2]}).to_parquet(tmp_path / "a.parquet")
    pd.DataFrame({"a": [1.0, None]}).to_parquet(tmp_path / "b.parquet")
    assert not any(f.error for f in parts.check_schemas(*parts.find_files(tmp_path)))


def test_nothing_there(tmp_path):
    with pytest.raises(InputError, match="no file or folder"):
        parts.find_files(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"no \.parquet file"):
        parts.find_files(tmp_path)
