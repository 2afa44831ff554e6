"""A run says what one process says, whatever happens on the way."""

from __future__ import annotations

import json
import shutil
import time

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import xai
from xai import batch
from xai.batch.parts import Part
from xai.batch.run import _of_part
from xai.core.errors import CancelledError, InputError, MissingExtraError, ModelError, WorkerError, XaiError

COLUMNS = list("abcde")


def test_values_seats_and_summary_are_those_of_one_process(finished, model_file, ordered):
    model = xai.load_model(model_file, isolated=False)
    truth = xai.explain(model, ordered[COLUMNS])
    a = finished.attribution()
    np.testing.assert_allclose(a.values, truth.values, atol=1e-6)
    np.testing.assert_allclose(a.outputs, truth.outputs, atol=1e-12)
    assert a.rows == tuple(ordered["id"])
    assert a.units.names == truth.units.names
    seats = finished.dataset("dhondt").to_table().to_pandas()
    expected = xai.dhondt.allocate(np.abs(a.values[:, :, 0]), 20)
    np.testing.assert_array_equal(seats[[f"seats/1/{u}" for u in COLUMNS]].to_numpy(), expected)
    votes = finished.summary["methods"]["shap"]["outputs"]["1"]["votes"]
    np.testing.assert_allclose(list(votes.values()), a.global_votes(), rtol=1e-12)
    assert finished.parliament(seats=50).seats == xai.elect(a, seats=50).seats
    error = np.abs(a.values[:, :, 0]).std(axis=0, ddof=1) / np.sqrt(900)
    np.testing.assert_allclose(
        list(finished.summary["methods"]["shap"]["outputs"]["1"]["standard_error"].values()), error, rtol=1e-9
    )
    native = xai.dhondt.votes(model, ordered[COLUMNS], source="native")
    assert finished.summary["methods"]["native"]["votes"] == pytest.approx(dict(native))
    assert finished.summary["rows"] == 900
    assert finished.summary["failed_rows"] == 0


def test_files_lie_as_the_data_lay(finished):
    shap = finished.folder / "shap"
    names = sorted(path.relative_to(shap).as_posix() for path in shap.rglob("*.parquet"))
    assert names == ["later/three.parquet", *(f"{stem}-{i:05d}.parquet" for stem in ("one", "two") for i in range(3))]


def test_intervals_of_seats_cover_the_bootstrap(finished):
    a = finished.attribution()
    boot = xai.dhondt.uncertainty(a, seats=20, n_boot=400)
    for unit, (seats, low, high) in finished.summary["methods"]["shap"]["outputs"]["1"]["seats"].items():
        b_low, b_high = boot.intervals[unit]
        assert low <= seats <= high
        assert abs(low - b_low) <= 1
        assert abs(high - b_high) <= 1


def test_rows_by_position_and_by_condition(finished, ordered):
    some = finished.attribution([3, 850])
    assert some.rows == (ordered["id"][3], ordered["id"][850])
    assert list(some.data["site"]) == [ordered["site"][3], ordered["site"][850]]
    north = finished.attribution(where={"site": "north"})
    assert len(north.rows) == (ordered["site"] == "north").sum()
    assert finished.votes(where={"site": "north"}) == pytest.approx(
        dict(zip(COLUMNS, north.global_votes(), strict=True)), rel=1e-12
    )
    assert len(finished.attribution(where={"site": ["north", "south"]}).rows) == 900
    with pytest.raises(InputError, match="Name columns in keep="):
        finished.attribution(where={"age": 3})
    with pytest.raises(InputError, match="0 to 899"):
        finished.attribution([900])
    with pytest.raises(InputError, match="no row is left"):
        finished.votes(where={"site": "west"})


def test_the_number_of_workers_changes_no_byte(finished, model_file, folder, tmp_path, digest, arguments):  # noqa: PLR0917
    batch.run(model_file, folder, tmp_path / "again", workers=1, **arguments)
    assert digest(tmp_path / "again") == digest(finished.folder)


def test_a_run_goes_on_and_loses_nothing(finished, copied, model_file, folder, digest, arguments):  # noqa: PLR0917
    (copied / "shap" / "one-00001.parquet").unlink()
    (copied / "summary.json").unlink()
    told = []
    batch.run(model_file, folder, copied, workers=1, progress=told.append, **arguments)
    assert digest(copied) == digest(finished.folder)
    assert [p.parts for p in told] == [6, 7]
    assert "900 of 900 rows" in str(told[-1])


def test_two_runs_never_mix(finished, copied, model_file, folder, digest, arguments):  # noqa: PLR0917
    for changes, words in [
        ({"options": {"dhondt": {"seats": 21}}}, "other options"),
        ({"methods": ["shap", "native"], "options": {}}, "other methods and other options"),
        ({"keep": []}, "other kept columns"),
        ({"rows_per_part": 100}, "parts of another size"),
        ({"resume": False}, "already holds a run"),
    ]:
        with pytest.raises(InputError, match=words):
            batch.run(model_file, folder, copied, workers=1, **arguments | changes)
    assert digest(copied) == digest(finished.folder)


def test_changed_data_are_another_run(copied, model_file, folder, rows, tmp_path, arguments):  # noqa: PLR0917
    data = shutil.copytree(folder, tmp_path / "data")
    rows.iloc[1:401].to_parquet(data / "one.parquet")
    with pytest.raises(InputError, match="other data"):
        batch.run(model_file, data, copied, **arguments)


def test_changed_background_rows_are_another_run(logistic, folder, rows, tmp_path):
    place = tmp_path / "background.parquet"
    rows[COLUMNS].iloc[:20].to_parquet(place)
    options = {"shap": {"background": str(place)}}
    batch.run(logistic, folder, tmp_path / "out", ["shap"], options=options)
    rows[COLUMNS].iloc[20:40].to_parquet(place)
    with pytest.raises(InputError, match="other options"):
        batch.run(logistic, folder, tmp_path / "out", ["shap"], options=options)


def test_permutation_importance_on_a_sample_of_the_rows(logistic, folder, ordered, tmp_path):
    data = shutil.copytree(folder, tmp_path / "data")
    for path in data.rglob("*.parquet"):
        table = pd.read_parquet(path)
        table.assign(outcome=(table["a"] > 0).astype(int)).to_parquet(path)
    with pytest.raises(InputError, match="needs the column of the true answers"):
        batch.run(logistic, data, tmp_path / "out", ["permutation"])
    options = {"permutation": {"target": "outcome", "rows": 900, "n_repeats": 2}}
    done = batch.run(logistic, data, tmp_path / "out", ["permutation", "native"], options=options)
    X = ordered[COLUMNS].reset_index(drop=True)
    truth = xai.shapley.importance.permutation(xai.wrap_model(logistic), X, (X["a"] > 0).astype(int), 2)["mean"]
    found = done.summary["methods"]["permutation"]
    assert found["votes"] == pytest.approx(dict(truth.clip(lower=0)))
    assert "900 rows, 2 shuffles" in found["kind"]
    assert [(pair["first"], pair["second"]) for pair in done.summary["agreement"]] == [("permutation", "native")]


class Fragile:
    """A callable that cannot answer for some rows."""

    def __call__(self, X):
        values = X.to_numpy(dtype=float)
        if (values[:, 0] > 2).any():
            raise ValueError("a is too large")
        return 1 / (1 + np.exp(-values @ np.array([1.0, -1, 0.5, 0, 0])))


def test_rows_that_fail_are_marked_and_the_others_are_not_hurt(folder, tmp_path, ordered, rows):
    background = rows.loc[rows["a"] < 1].iloc[:20]
    background.to_parquet(tmp_path / "background.parquet")
    model = xai.wrap_model(Fragile(), feature_names=COLUMNS)
    done = batch.run(
        model,
        folder,
        tmp_path / "out",
        ["removal"],
        options={"removal": {"background": str(tmp_path / "background.parquet")}},
    )
    bad = set(np.flatnonzero(ordered["a"] > 2))
    table = done.dataset().to_table(columns=["error"]).to_pandas()
    assert bad
    assert set(np.flatnonzero(table["error"].notna())) == bad
    assert table["error"].dropna().str.contains("a is too large").all()
    assert done.summary["failed_rows"] == len(bad)
    assert len(done.attribution().rows) == 900 - len(bad)


@pytest.fixture(scope="session")
def logistic(rows):
    """A model that lives in this process."""
    return LogisticRegression().fit(rows[COLUMNS], (rows["a"] > 0).astype(int))


def test_a_model_of_this_process(folder, tmp_path, logistic, ordered):
    ordered[COLUMNS].iloc[:50].to_parquet(tmp_path / "background.parquet")
    options = {"shap": {"background": str(tmp_path / "background.parquet")}}
    with pytest.raises(InputError, match="start from background rows, and all parts must share them"):
        batch.run(logistic, folder, tmp_path / "out", ["shap"])
    done = batch.run(logistic, folder, tmp_path / "out", ["shap"], options=options)
    truth = xai.explain(logistic, ordered[COLUMNS], background=ordered[COLUMNS].iloc[:50])
    np.testing.assert_allclose(done.attribution().values, truth.values, atol=1e-12)
    with pytest.raises(InputError, match="save it and give its path"):
        batch.run(logistic, folder, tmp_path / "dask", ["native"], engine="dask")


def test_csv_is_read_once_and_kept_beside_the_results(logistic, rows, tmp_path):
    rows.to_csv(tmp_path / "rows.csv", index=False)
    options = {"removal": {"background": str(tmp_path / "rows.csv")}}
    done = batch.run(logistic, tmp_path / "rows.csv", tmp_path / "out", ["removal"], key=["id"], options=options)
    assert done.attribution().rows == tuple(rows["id"])


def test_bad_files_stop_or_are_skipped(folder, tmp_path, logistic):
    data = shutil.copytree(folder, tmp_path / "data")
    (data / "broken.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(InputError, match=r"broken\.parquet cannot be read.*bad_files='skip'"):
        batch.run(logistic, data, tmp_path / "out", ["native"])
    done = batch.run(logistic, data, tmp_path / "out", ["native"], bad_files="skip")
    assert [entry["file"] for entry in done.summary["skipped"]] == ["broken.parquet"]
    assert done.summary["rows"] == 900


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"methods": ["shop"]}, "Did you mean 'shap'"),
        ({"methods": ["dhondt"]}, "add it to the methods"),
        ({"methods": ["shap", "shap"]}, "only once"),
        ({"methods": ["removal"]}, "needs background rows"),
        ({"methods": ["shap"], "options": {"dhondt": {}}}, "not among the methods"),
        ({"methods": ["shap", "dhondt"], "options": {"dhondt": {"seat": 3}}}, "Did you mean 'seats'"),
        ({"methods": ["shap"], "key": ["patient"]}, "unknown column: 'patient'"),
        ({"methods": ["shap"], "engine": "ray"}, "unknown engine"),
        ({"methods": ["shap"], "rows_per_part": -5}, "rows_per_part must be a whole number of at least 1, not -5"),
        ({"methods": ["shap"], "rows_per_part": 0}, "rows_per_part must be"),
        ({"methods": ["shap"], "rows_per_part": 1.5}, "rows_per_part must be"),
        ({"methods": ["shap"], "rows_per_part": True}, "rows_per_part must be"),
        ({"methods": ["shap"], "workers": 0}, "workers must be a whole number of at least 1, not 0"),
        ({"methods": ["shap"], "bad_files": "skipp"}, "unknown bad_files: 'skipp'. Did you mean 'skip'"),
        ({"methods": ["shap"], "options": {"shap": {"background": pd.DataFrame()}}}, "path of a table, not DataFrame"),
        ({"methods": ["shap"], "options": {"shap": {"background": None}}}, "path of a table, not NoneType"),
        ({"methods": ["integrated_gradients"], "options": {"integrated_gradients": {"background": "x"}}}, "in memory"),
    ],
)
def test_what_lacks_is_said_before_the_first_row(logistic, folder, tmp_path, arguments, words):
    with pytest.raises(InputError, match=words):
        batch.run(logistic, folder, tmp_path / "out", **arguments)
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_model_that_needs_other_columns(logistic, tmp_path):
    pd.DataFrame({"a": [1.0], "b": [2.0]}).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(InputError, match=r"x.parquet lacks columns"):
        batch.run(logistic, tmp_path / "x.parquet", tmp_path / "out", ["shap"])


def test_drift_between_two_runs(finished, model_file, rows, tmp_path):
    moved = rows.assign(a=0.0)
    moved.to_parquet(tmp_path / "moved.parquet")
    other = batch.run(model_file, tmp_path / "moved.parquet", tmp_path / "other", ["shap"], workers=1)
    drift = finished.compare(other)
    table = drift.table.set_index("unit")
    assert table["votes"].to_dict() == finished.votes()
    assert table["other_votes"].to_dict() == other.votes()
    assert table["change"].idxmin() == "a"
    assert table["z"]["a"] < -5
    assert 0 < drift.moved < 1
    assert finished.compare(finished).moved == 0


def test_a_part_that_kills_its_workers_is_given_up(monkeypatch, model_file, folder, tmp_path):
    from xai.sandbox import Job

    tried, result = [], Job.result

    def dead(self, timeout=None):
        if self.task != "batch_part":
            return result(self, timeout)
        tried.append(self.label)
        raise WorkerError("the child process was killed")

    monkeypatch.setattr(Job, "result", dead)
    with pytest.raises(WorkerError, match=r"later/three\.parquet: the child process was killed"):
        batch.run(model_file, folder, tmp_path / "out", ["shap"], workers=1)
    assert len(tried) == 3


def test_an_extra_that_lacks_is_named(monkeypatch, logistic, folder, rows, tmp_path):
    def work(*_):
        raise MissingExtraError("shap", "plots")

    monkeypatch.setattr("xai.batch.local.work", work)
    rows[COLUMNS].iloc[:5].to_parquet(tmp_path / "background.parquet")
    options = {"removal": {"background": str(tmp_path / "background.parquet")}}
    with pytest.raises(MissingExtraError, match=r"later/three\.parquet: shap is not .*'hemicycle\[plots\]'") as told:
        batch.run(logistic, folder, tmp_path / "out", ["removal"], options=options)
    assert (told.value.package, told.value.extra) == ("shap", "plots")


@pytest.mark.parametrize("kind", [InputError, ModelError, WorkerError, CancelledError, XaiError])
def test_errors_of_a_part_keep_their_class(kind):
    named = _of_part(Part("x.parquet", 0, 3, "x-00000.parquet"), kind("it is odd."))
    assert type(named) is kind
    assert str(named) == "x-00000.parquet: it is odd."


def test_summary_is_plain_json(finished):
    text = (finished.folder / "summary.json").read_text()
    assert json.loads(text) == finished.summary
    assert "NaN" not in text
    assert [entry["second"] for entry in finished.summary["agreement"]] == ["shap"]


def test_opening_what_is_no_run(tmp_path):
    with pytest.raises(InputError, match="holds no finished run"):
        batch.open(tmp_path)


def test_a_model_that_fails_on_all_rows(folder, tmp_path):
    def broken(X):
        raise ValueError("never")

    rows = pd.read_parquet(folder / "one.parquet")[COLUMNS].iloc[:5]
    rows.to_parquet(tmp_path / "background.parquet")
    model = xai.wrap_model(broken, feature_names=COLUMNS)
    with pytest.raises(ModelError, match=r"later/three.parquet: 100 of 100 rows fail; the last one: .*never"):
        batch.run(
            model,
            folder,
            tmp_path / "out",
            ["removal"],
            options={"removal": {"background": str(tmp_path / "background.parquet")}},
        )


def test_time_is_in_no_file(finished):
    today = time.strftime("%Y-%m-%d")
    assert not any(today in p.read_text() for p in finished.folder.glob("*.json"))


def test_results_among_the_data_are_refused(model_file, folder, tmp_path):
    for out in (folder, folder / "results"):
        with pytest.raises(InputError, match="would be taken for data: choose another folder"):
            batch.run(model_file, folder, out, ["shap"])
    assert not (folder / "results").exists()
    with pytest.raises(InputError, match=r"data is a path, not DataFrame: xai\.explain takes a table"):
        batch.run(model_file, pd.read_parquet(folder / "one.parquet"), tmp_path / "out")


def test_a_file_that_came_later_is_named(model_file, folder, tmp_path):
    data = shutil.copytree(folder, tmp_path / "data")
    batch.run(model_file, data, tmp_path / "out", "shap", workers=1)
    shutil.copy(data / "one.parquet", data / "new.parquet")
    (data / "two.parquet").unlink()
    with pytest.raises(
        InputError, match=r"a run with other data \(new: 'new\.parquet'; gone: 'two\.parquet'\); results"
    ):
        batch.run(model_file, data, tmp_path / "out", "shap", workers=1)


def test_a_month_without_a_value_and_a_file_without_a_column(model_file, folder, rows, tmp_path):
    """A column that has no value in one file has no type there; what lacks one that is needed is left out."""
    data = tmp_path / "data"
    data.mkdir()
    rows.iloc[:50].drop(columns="a").to_parquet(data / "0.parquet")
    rows.iloc[:100].to_parquet(data / "1.parquet")
    rows.iloc[100:200].assign(a=None, extra=1).to_parquet(data / "2.parquet")
    with pytest.raises(InputError, match=r"0\.parquet lacks the column 'a'\. To leave such files out"):
        batch.run(model_file, data, tmp_path / "out", ["shap"], workers=1)
    found = batch.run(model_file, data, tmp_path / "out", ["shap"], workers=1, bad_files="skip")
    assert [entry["file"] for entry in found.summary["skipped"]] == ["0.parquet"]
    assert found.summary["rows"] == 200
    expected = xai.explain(
        xai.load_model(model_file, isolated=False), rows.iloc[100:200].assign(a=np.nan)[list("abcde")]
    )
    np.testing.assert_allclose(found.attribution(range(100, 200)).values, expected.values, atol=1e-6)
