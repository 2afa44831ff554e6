"""How results lie in their files."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xai.batch.written import as_parquet


@pytest.fixture
def encodings():
    """Parquet's columns and how their values are stored."""

    def of(table):
        file = pq.ParquetFile(pa.BufferReader(as_parquet(table)))
        assert file.read().equals(table)
        group = file.metadata.row_group(0)
        columns = map(group.column, range(group.num_columns))
        return {column.path_in_schema: set(column.encodings) for column in columns}

    return of


def test_numbers_are_split_and_what_repeats_has_a_dictionary(encodings):
    n = 3000
    rng = np.random.default_rng(0)
    found = encodings(
        pa.table(
            {
                "row": np.arange(n),
                "source": pa.array(["x.parquet"] * n).dictionary_encode(),
                "values/1/a.b": rng.normal(size=n),
                "seats/1/a": pa.array(rng.integers(0, 9, n), pa.int32()),
                "tokens": [["fever", "cough"]] * n,
                "values": pa.array([[[0.25, float(i)], [0.5]] for i in range(n)], pa.list_(pa.list_(pa.float64()))),
                "repeatability": pa.array([[0.1 * i] for i in range(n)], pa.list_(pa.float64())),
                "spans": pa.array([[[0, 5], [6, 11]]] * n, pa.list_(pa.list_(pa.int64()))),
                "converged": pa.array([[True]] * n),
                "data/record": [{"age": 3.5, "site": "north"}] * n,
            }
        )
    )
    split = {name for name, kinds in found.items() if "BYTE_STREAM_SPLIT" in kinds}
    assert {name.partition(".list")[0] for name in split} == {
        "values/1/a.b",
        "values",
        "repeatability",
        "data/record.age",
    }
    repeating = {name.partition(".list")[0] for name, kinds in found.items() if "RLE_DICTIONARY" in kinds}
    assert repeating == {"source", "seats/1/a", "tokens", "spans", "data/record.site"}
