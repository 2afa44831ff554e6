"""Results read back: segments by any value, rows that failed, importances, and folders that hold no run."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest

import xai
from xai import batch
from xai.batch.standing import finished_parts
from xai.core.errors import InputError

N = 40


def weigh(X):
    """A model that cannot answer for large values."""
    values = X.to_numpy(dtype=float)
    if (values[:, 0] > 100).any():
        raise ValueError("a is too large")
    return values @ [1.0, -2.0, 0.5]


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(N, 3))
    values[[5, 7, 31], 0] = 200.0
    return pa.table(
        {
            **{name: values[:, j] for j, name in enumerate("abc")},
            "patient": [f"{i:03d}" for i in range(N)],
            "ward": ["1", "01", None, "north"] * (N // 4),
            "stage": pa.array([0, 1, None, 3] * (N // 4), pa.int64()),
            "dose": [0.5, 1.0, float("nan"), None] * (N // 4),
            "alive": pa.array([True, False, None, True] * (N // 4)),
            "seen": pd.to_datetime([f"2024-01-0{1 + i % 4}" for i in range(N)]),
            "place": pa.array(["x", "y", "z", None] * (N // 4)).dictionary_encode(),
            "died": [0, 1] * (N // 2),
        }
    )


CARRIED = ["ward", "stage", "dose", "alive", "seen", "place"]


def run_of(table, home, **options):
    """A run in parts of 8 rows."""
    home.mkdir(exist_ok=True)
    pq.write_table(table, home / "rows.parquet")
    pq.write_table(table.slice(0, 5), home / "background.parquet")
    model = xai.wrap_model(weigh, feature_names=list("abc"))
    arguments = {
        "methods": ["removal", "dhondt"],
        "key": ["patient"],
        "keep": CARRIED,
        "rows_per_part": 8,
        "options": {"removal": {"background": str(home / "background.parquet")}, "dhondt": {"source": "removal"}},
    }
    return batch.run(model, home / "rows.parquet", home / "out", **arguments | options)


@pytest.fixture(scope="module")
def run(table, tmp_path_factory):
    """Of forty rows, three of which fail; nobody changes it."""
    return run_of(table, tmp_path_factory.mktemp("reading") / "run")


def rows_of(run, **where):
    return {int(name) for name in run.attribution(where=where).rows}


FAILED = {5, 7, 31}


@pytest.mark.parametrize(
    ("column", "value", "places"),
    [
        ("ward", "1", [0]),
        ("ward", 1, [0]),  # a number for a column of text
        ("ward", "01", [1]),
        ("ward", None, [2]),
        ("ward", float("nan"), [2]),
        ("ward", ["north", None], [2, 3]),
        ("ward", {"1", "01"}, [0, 1]),
        ("stage", "1", [1]),
        ("stage", 1.0, [1]),
        ("stage", np.int8(3), [3]),
        ("stage", None, [2]),
        ("stage", np.array([0, 1]), [0, 1]),
        ("dose", "0.5", [0]),
        ("dose", 1, [1]),
        ("dose", "nan", [2, 3]),
        ("dose", pd.NA, [2, 3]),
        ("dose", [1.0, None], [1, 2, 3]),
        ("alive", "true", [0, 3]),
        ("alive", 0, [1]),
        ("alive", np.bool_(True), [0, 3]),  # noqa: FBT003
        ("alive", None, [2]),
        ("seen", "2024-01-02", [1]),
        ("seen", pd.Timestamp("2024-01-02"), [1]),
        ("place", "y", [1]),
        ("place", None, [3]),
    ],
)
def test_values_are_brought_to_the_type_of_the_column(run, column, value, places):
    assert rows_of(run, **{column: value}) == {i for i in range(N) if i % 4 in places} - FAILED


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ({"stage": "x"}, "column 'stage' holds int64 and never 'x'"),
        ({"stage": "true"}, "column 'stage' holds int64 and never 'true'"),
        ({"stage": [1, 1.5]}, "column 'stage' holds int64 and never 1.5"),
        ({"ward": 1.0}, "column 'ward' holds text and never 1.0"),
        ({"ward": True}, "column 'ward' holds text and never True"),
        ({"alive": 2}, "column 'alive' holds bool and never 2"),
        ({"seen": "soon"}, "column 'seen' holds timestamp.* and never 'soon'"),
        ({"ward": []}, "no row is left"),
        ({"ward": "1 "}, "no row is left"),
        ({"a": 1}, "out: unknown carried column: 'a'.*Name columns in keep="),
        ({}, "Name columns in keep="),
        ("ward", "where must be a mapping of carried columns to values.*not str"),
    ],
)
def test_conditions_that_cannot_be_are_told(run, where, words):
    for ask in (run.attribution, run.votes):
        with pytest.raises(InputError, match=words):
            ask(where=where)


def test_an_arrow_expression_is_a_condition(run):
    assert len(run.attribution(where=pads.field("data/stage") >= 1).rows) == len(rows_of(run, stage=[1, 3]))


def test_rows_that_failed_are_never_dropped_in_silence(run):
    with pytest.raises(InputError, match=r"2 of 10 rows failed: row 5: .*too large.*row 7: .*failed='skip'"):
        run.attribution(slice(0, 10))
    assert run.attribution(slice(0, 10), failed="skip").rows == tuple(f"{i:03d}" for i in (0, 1, 2, 3, 4, 6, 8, 9))
    with pytest.raises(InputError, match=r"1 of 1 rows failed: row 5: .*too large"):
        run.attribution(5, failed="skip")  # nothing would be left
    with pytest.raises(InputError, match="Did you mean 'skip'"):
        run.attribution([0], failed="skipp")
    assert len(run.attribution().rows) == N - len(FAILED)  # of all rows those that have values


def test_failures_name_their_places(run):
    bad = run.failures()
    assert list(bad.columns) == ["position", "source", "row", "error"]
    assert list(bad["position"]) == list(bad["row"]) == sorted(FAILED)
    assert set(bad["source"]) == {"rows.parquet"}
    assert bad["error"].str.contains("a is too large").all()
    assert list(run.failures(limit=2)["position"]) == [5, 7]
    assert list(run.failures(rows=[31, 0, 5])["position"]) == [31, 5]
    assert list(run.failures(where={"ward": "north"})["position"]) == [7, 31]
    assert list(run.failures(where={"ward": None})["position"]) == []
    with pytest.raises(InputError, match="either by position or by a condition"):
        run.failures(rows=[1], where={"ward": "1"})


def test_rows_are_positions(run):
    assert run.attribution(3).rows == run.attribution(np.int64(3)).rows == run.attribution([3]).rows == ("003",)
    assert run.attribution(range(2)).rows == ("000", "001")
    for rows, words in [
        (np.zeros(N, dtype=bool), "not a mask: use numpy.flatnonzero"),
        ([0.5], r"whole numbers from 0 .* not \[0.5\]"),
        ("3", "not '3'"),
        (N, "0 to 39"),
        (-1, "0 to 39"),
        ([], "no row is left"),
    ]:
        with pytest.raises(InputError, match=words):
            run.attribution(rows)


def test_drift_within_a_segment(run, table, tmp_path):
    moved = table.set_column(0, "a", pa.array(np.linspace(-3, 3, N)))
    other = run_of(moved, tmp_path / "moved")
    where = {"ward": ["1", "01"]}
    drift = run.compare(other.folder, where=where)  # a folder is as good as a run
    found = drift.table.set_index("unit")
    assert found["votes"].to_dict() == run.votes(where=where)
    assert found["other_votes"].to_dict() == other.votes(where=where)
    sizes = [np.abs(r.attribution(where=where).values[:, :, 0]) for r in (run, other)]
    error = np.hypot(*(v.std(axis=0, ddof=1) / np.sqrt(len(v)) for v in sizes))
    np.testing.assert_allclose(found["z"], (found["other_votes"] - found["votes"]) / error)
    for column, r in (("seats", run), ("other_seats", other)):
        assert found[column].to_dict() == r.parliament(where=where, seats=100).seats
    assert run.compare(other).moved != drift.moved
    with pytest.raises(InputError, match="no row is left: nothing in out fits"):
        run.compare(other, where={"ward": "west"})
    with pytest.raises(InputError, match="not with int"):
        run.compare(3)


def test_a_segment_of_all_rows_is_the_run(run):
    everywhere, whole = run.entry(where={"patient": [f"{i:03d}" for i in range(N)]}), run.entry()
    for name in ("votes", "standard_error", "mean_value"):
        assert everywhere[name] == pytest.approx(whole[name], rel=1e-9)
    assert {u: seats[0] for u, seats in everywhere["seats"].items()} == {u: s[0] for u, s in whole["seats"].items()}


def test_importances_of_the_model_elect(finished, table, tmp_path):
    votes = finished.votes("native")
    assert votes == finished.summary["methods"]["native"]["votes"]
    assert finished.parliament(method="native", seats=10).seats == xai.elect(votes, seats=10).seats
    for ask, words in [
        (lambda: finished.votes("permutation"), "unknown method: 'permutation'"),
        (lambda: finished.votes("native", where={"site": "north"}), "no votes of one output or of some rows"),
        (lambda: finished.votes("native", "1"), "no votes of one output or of some rows"),
        (lambda: finished.attribution(method="native"), "it has votes, and no rows. Rows were explained by 'shap'"),
        (lambda: finished.votes("dhondt"), "ask for 'shap'"),
        (lambda: finished.attribution(method="dhondt"), "an attribution can be made of 'shap'"),
    ]:
        with pytest.raises(InputError, match=words):
            ask()
    alone = run_of(table, tmp_path / "alone", methods=["native"], options={}, keep=[])
    with pytest.raises(InputError, match="explained no rows: it has votes of 'native' alone"):
        alone.attribution()
    with pytest.raises(InputError, match="'native' has no votes: "):
        alone.votes("native")


def test_several_outputs_are_listed(run):
    entry = run.summary["methods"]["removal"]
    outputs = dict.fromkeys(("no", "yes"), next(iter(entry["outputs"].values())))
    two = batch.BatchResult(run.folder, run.manifest, {"methods": {"removal": entry | {"outputs": outputs}}})
    with pytest.raises(InputError, match="there are several outputs, 'no', 'yes': choose one with output="):
        two.parliament()


def test_folders_that_hold_no_finished_run(run, tmp_path):
    copied = shutil.copytree(run.folder, tmp_path / "copied")
    (copied / "summary.json").unlink()
    (copied / "removal" / "rows-00001.parquet").unlink()
    assert finished_parts(copied) == (4, 5)
    with pytest.raises(
        InputError, match=r"holds no finished run: 4 of 5 parts are there.*rows\.parquet.*goes on where"
    ):
        batch.open(copied)
    (tmp_path / "empty").mkdir()
    assert finished_parts(tmp_path / "empty") == (0, 0)
    for name, words in [
        ("empty", "holds no finished run, and none was begun there"),
        ("mistyped", "there is no folder"),
        ("copied/manifest.json", "is no folder"),
    ]:
        with pytest.raises(InputError, match=words):
            batch.open(tmp_path / name)


def test_one_column_by_its_name(run):
    assert list(next(run.frames(columns="row")).columns) == ["row"]
