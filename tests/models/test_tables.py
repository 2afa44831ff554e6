from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xai.core.errors import InputError
from xai.models.tables import MISSING, read_table


@pytest.fixture
def write(tmp_path):
    def make(content, name="table.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return make


EXPECTED = pd.DataFrame({"age": [50, 61], "dose": [1.5, -0.25], "site": ["north", "süd"]})


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_usual_dialects_read_alike(write, separator, mark, end):
    lines = ["age,dose,site", "50,1.5,north", "61,-0.25,süd"]
    text = mark + end.join(line.replace(",", separator) for line in lines) + end
    pd.testing.assert_frame_equal(read_table(write(text)), EXPECTED)


@pytest.mark.parametrize("separator", [";", "\t"])
def test_decimal_commas(write, separator):
    text = separator.join(["age", "dose", "site"]) + "\n50;1,5;north\n61;-0,25;süd\n".replace(";", separator)
    pd.testing.assert_frame_equal(read_table(write(text)), EXPECTED)


def test_commas_that_are_no_decimals_stay_text(write):
    frame = read_table(write("a;b\n1.5;1,2\n2.5;3,4\n"))
    assert frame["b"].tolist() == ["1,2", "3,4"]
    assert frame["a"].tolist() == [1.5, 2.5]


def test_quotes_may_hold_separators_and_line_ends(write):
    frame = read_table(write('name,note\n"a, b","two\nlines; indeed"\nc,d\n'))
    assert frame["name"].tolist() == ["a, b", "c"]
    assert frame["note"].tolist() == ["two\nlines; indeed", "d"]


def test_missing_values_and_the_answer_none(write):
    rows = "".join(f"{word},{word}\n" for word in MISSING if word)
    frame = read_table(write("number,text\n1,None\n" + rows + ",\n"))
    assert frame["number"].isna().tolist() == [False] + [True] * len(MISSING)
    assert frame["text"].iloc[0] == "None"
    assert frame["text"].isna().sum() == len(MISSING)


def test_long_whole_numbers_keep_their_digits_beside_gaps(write):
    ids = ["9007199254740993", "", "-9007199254740995"]
    found = read_table(write("id,x,far\n" + "".join(f"{i},1e300,{i or 7}0000\n" for i in ids)))
    assert found["id"].tolist()[::2] == [9007199254740993, -9007199254740995]
    assert found["id"].isna().tolist() == [False, True, False]
    assert found["x"].dtype == float
    # More than 64 bits hold: the nearest numbers, or text, as the version of pandas has it.
    assert float(found["far"].tolist()[1]) == 70000


def test_row_labels_in_a_first_column_without_a_name(write):
    frame = pd.DataFrame({"x": [1.0, 2.0]}, index=["p1", "p2"])
    pd.testing.assert_frame_equal(read_table(write(frame.to_csv())), frame, check_column_type=False)


def test_one_column_and_blank_lines(write):
    assert read_table(write("x\n1\n\n2\n"))["x"].tolist() == [1, 2]


def test_parquet_by_content(tmp_path):
    frame = pd.DataFrame(
        {"x": [1.0, np.nan], "c": pd.Categorical(["u", "v"], categories=["v", "u"])}, index=["p1", "p2"]
    )
    path = tmp_path / "table.csv"  # the suffix lies
    frame.to_parquet(path)
    pd.testing.assert_frame_equal(read_table(path), frame)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("", "table.csv is empty"),
        (" \n\n", "table.csv is empty"),
        ("a,b\n", "table.csv has column names but no rows"),
        ("a,b,a\n1,2,3\n", "table.csv has repeated column names: 'a'"),
        ("a,,c\n1,2,3\n", "table.csv has columns without a name: 2"),
        ("a,b\n1,2\n1,2,3\n", "table.csv, line 3, has 3 cells, but there are 2 columns"),
        ("a,b,c\n1,2\n1,2,3\n", "table.csv, line 2, has 2 cells, but there are 3 columns"),
        ("name\nMüller\n".encode("latin-1"), r"byte 0xfc at position 6 \(line 2\)"),
        ("a,b\n1,2\n".encode("utf-16"), "UTF-16"),
        (b"a,b\n1,\x00\n", "neither CSV nor Parquet"),
        (b"PK\x03\x04rest", "Excel or zip file: .* save it as CSV"),
        (b"\xd0\xcf\x11\xe0rest", "an Excel file: .* save it as CSV"),
        (b"\x1f\x8brest", "compressed"),
        (b"PAR1 and no more", "cannot be read as Parquet"),
    ],
)
def test_what_cannot_be_read_names_the_file_and_the_place(write, content, text):
    with pytest.raises(InputError, match=text) as caught:
        read_table(write(content))
    assert "table.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_none(tmp_path):
    with pytest.raises(InputError, match=r"there is no file .*absent\.csv"):
        read_table(tmp_path / "absent.csv")
    with pytest.raises(InputError, match="is a folder"):
        read_table(tmp_path)


def test_parquet_without_rows_or_with_repeated_names(tmp_path):
    path = tmp_path / "t.parquet"
    pd.DataFrame({"x": [1.0]}).iloc[:0].to_parquet(path)
    with pytest.raises(InputError, match="no rows"):
        read_table(path)
    pq.write_table(pa.table([pa.array([1]), pa.array([2])], names=["x", "x"]), path)
    with pytest.raises(InputError, match="repeated column names: 'x'"):
        read_table(path)
