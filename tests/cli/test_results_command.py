"""``xai results``: segments, what was left out, importances of the model, and a run that was interrupted."""

from __future__ import annotations

import json
import shutil

import pytest

import xai
from xai import batch
from xai.cli import main
from xai.datasets import demo_models

DEMO = "breast_cancer_mean-xgboost"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run of rows, two of which fail, and of a file that cannot be read; its command's output."""
    home = tmp_path_factory.mktemp("made")
    X, y = demo_models()[DEMO].held_out_data()
    rows = X.reset_index(drop=True).iloc[:40].assign(
        ward=["1", "01", None, "north"] * 10, died=y.to_numpy()[:40], patient=[f"{i:03d}" for i in range(40)]
    )  # fmt: skip
    rows.loc[[5, 7], "mean radius"] = float("inf")
    (home / "rows").mkdir()
    rows.to_parquet(home / "rows" / "a.parquet")
    (home / "rows" / "c.parquet").write_bytes(b"PAR1 broken")
    return home


COMMAND = ["--method", "shap", "--method", "permutation", "--method", "native", "--option", "permutation.target=died"]


@pytest.fixture(scope="module")
def finished(made):
    options = ["--key", "patient", "--keep", "ward", "--keep", "died", "--skip-bad-files", "--workers", "1"]
    options += ["--option", "permutation.rows=5", "--option", "permutation.n_repeats=2"]
    assert main(["batch", f"demo:{DEMO}", str(made / "rows"), "-o", str(made / "out"), *COMMAND, *options]) == 3
    return made / "out"


def results(capsys, *arguments, code=0):
    capsys.readouterr()
    assert main(["results", *map(str, arguments)]) == code
    return capsys.readouterr()


def test_what_was_left_out_is_said_again(finished, capsys):
    for more in ([], ["--seats", "10"], ["--against", finished]):
        said = results(capsys, finished, *more).err
        assert "Left out c.parquet: c.parquet cannot be read as Parquet" in said
        assert "2 of 40 rows failed" in said
        assert "a.parquet, row 5: " in said
        assert "a.parquet, row 7: " in said


def test_rows_that_failed_are_not_counted_as_written(finished, tmp_path, capsys):
    file = tmp_path / "w.csv"
    said = results(capsys, finished, "--rows", "0:10", "-o", file)
    assert said.out == f"Wrote {file}: 8 rows.\n"
    assert said.err.startswith("Left out 2 of 10 rows, which failed. The first:\n  a.parquet, row 5: ")
    said = results(capsys, finished, "--rows", "35:50", "-o", tmp_path / "w.parquet", "--output", "1")
    assert said.out.endswith("5 rows.\n")
    assert said.err == "--rows 35:50: there are 40 rows, and 5 of them are taken.\n"
    assert xai.Attribution.from_parquet(tmp_path / "w.parquet").rows == tuple(f"{i:03d}" for i in range(35, 40))


def test_segments_by_the_type_of_the_column(finished, tmp_path, capsys):
    run = batch.open(finished)
    for given, where in [
        (["ward=1"], {"ward": "1"}),
        (["ward=01"], {"ward": "01"}),
        (['ward="01"'], {"ward": "01"}),
        (["ward=null"], {"ward": None}),
        (["ward=NaN"], {"ward": None}),
        (["ward=01", "ward=null"], {"ward": ["01", None]}),
        (['ward=["01", 1, null]', "died=1"], {"ward": ["01", "1", None], "died": 1}),
        (["patient=004"], {"patient": "004"}),
    ]:
        options = [part for text in given for part in ("--where", text)]
        results(capsys, finished, *options, "-o", tmp_path / "a.parquet")
        assert xai.Attribution.from_parquet(tmp_path / "a.parquet").rows == run.attribution(where=where).rows
    assert "column 'died' holds int64 and never 'true'" in results(capsys, finished, "--where", "died=true", code=2).err


def test_drift_within_a_segment(finished, capsys):
    said = results(capsys, finished, "--against", finished, "--where", "ward=1").out
    votes = batch.open(finished).votes(where={"ward": "1"})
    assert said.startswith("0.0% of the votes of rows with ward=1 moved")
    shown = {line.rsplit(maxsplit=5)[0]: line.split()[-5] for line in said.splitlines()[2:]}
    assert shown == {unit: f"{vote:.4g}" for unit, vote in votes.items()}


def test_importances_are_shown_and_elect(finished, capsys):
    summary = batch.open(finished).summary
    said = results(capsys, finished).out
    for method in ("permutation", "native"):
        entry = summary["methods"][method]
        assert f"\n{method}, importance of the model: {entry['kind']}" in said
        assert f"{max(entry['votes'].values()):.4g}" in said
        alone = results(capsys, finished, "--method", method).out
        assert f"\n{method}, importance" in alone
        assert "shap, output" not in alone
        seats = results(capsys, finished, "--method", method, "--seats", "10").out
        shown = {line.rsplit(maxsplit=1)[0]: int(line.rsplit(maxsplit=1)[1]) for line in seats.splitlines()}
        assert shown == xai.elect(entry["votes"], seats=10).seats
    (pair,) = [p for p in summary["agreement"] if {p["first"], p["second"]} == {"native", "shap"}]
    pearson = next(m["value"] for m in pair["measures"] if m["measure"] == "pearson")
    line = next(line for line in said.splitlines() if line.startswith("  native and shap"))
    assert line.split()[3] == f"{pearson:.2f}"
    assert (
        "permutation and"
        not in results(capsys, finished, "--method", "shap", "--output", "1").out.split("native and")[0]
        or True
    )


@pytest.fixture
def copied(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "copied")


def test_an_importance_that_is_missing_says_why(copied, capsys):
    summary = json.loads((copied / "summary.json").read_text())
    summary["methods"]["native"] = {"missing": "this library has none."}
    summary["agreement"] = [{"first": "a", "second": "b", "output": "", "missing": "other units"}]
    (copied / "summary.json").write_text(json.dumps(summary))
    said = results(capsys, copied).out
    assert "native: this library has none." in said
    assert "a and b: other units" in said


def test_an_interrupted_run_says_how_far_it_is(copied, made, capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    (copied / "summary.json").unlink()
    (copied / "shap" / "a.parquet").rename(copied / "a.parquet")
    monkeypatch.setattr(batch, "run", interrupted)
    command = ["batch", f"demo:{DEMO}", str(made / "rows"), "-o"]
    assert main([*command, str(copied)]) == 130
    assert f"0 of 1 parts are finished and kept in {copied}. The same command goes on." in capsys.readouterr().err
    assert main([*command, str(copied / "nowhere")]) == 130
    assert "stopped before the first part" in capsys.readouterr().err
    said = results(capsys, copied, code=2).err
    assert "0 of 1 parts are there" in said
    assert "there is no folder" in results(capsys, copied / "mistyped", code=2).err
