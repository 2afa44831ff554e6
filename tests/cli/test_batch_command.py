"""``xai batch`` and its exit codes."""

from __future__ import annotations

import pandas as pd
import pytest

import xai
from xai import batch
from xai.cli import main
from xai.datasets import demo_models

DEMO = "breast_cancer_mean-xgboost"


@pytest.fixture
def folder(tmp_path):
    X = demo_models()[DEMO].held_out_data()[0].reset_index(drop=True)
    (tmp_path / "rows").mkdir()
    X.iloc[:50].assign(patient=[f"p{i}" for i in range(50)]).to_parquet(tmp_path / "rows" / "a.parquet")
    X.iloc[50:60].assign(patient=[f"p{i}" for i in range(50, 60)]).to_parquet(tmp_path / "rows" / "b.parquet")
    return tmp_path / "rows"


def test_a_folder_and_its_exit_codes(folder, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["batch", f"demo:{DEMO}", str(folder), "-o", str(out), "--key", "patient", "--workers", "1", "--progress"]
    assert main(command) == 0
    said = capsys.readouterr()
    assert "60 rows, methods shap, dhondt" in said.out
    assert "60 of 60 rows, 2 of 2 parts" in said.err
    result = batch.open(out)
    assert result.attribution([59]).rows == ("p59",)
    assert main(command) == 0  # again: nothing is left to do
    (folder / "c.parquet").write_bytes(b"PAR1 broken")
    assert main([*command[:4], str(tmp_path / "other"), *command[5:]]) == 2
    assert "c.parquet cannot be read as Parquet" in capsys.readouterr().err
    assert main([*command[:4], str(tmp_path / "other"), *command[5:], "--skip-bad-files"]) == 3
    assert "Left out c.parquet" in capsys.readouterr().err


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run with a column to select by."""
    home = tmp_path_factory.mktemp("finished")
    X = demo_models()[DEMO].held_out_data()[0].reset_index(drop=True).iloc[:40]
    X.assign(site=["north", "south"] * 20).to_parquet(home / "rows.parquet")
    command = ["batch", f"demo:{DEMO}", str(home / "rows.parquet"), "-o", str(home / "out"), "--keep", "site"]
    assert main([*command, "--workers", "1", "--option", "dhondt.seats=30", "--option", "dhondt.rule=hamilton"]) == 0
    return home / "out"


def test_results_are_read_back(finished, tmp_path, capsys):
    run = batch.open(finished)
    assert run.manifest.options["dhondt"] == {"seats": 30, "rule": "hamilton", "source": "shap"}
    assert main(["results", str(finished)]) == 0
    assert "40 rows, methods shap, dhondt" in capsys.readouterr().out
    assert main(["results", str(finished), "--where", "site=north", "--seats", "50"]) == 0
    shown = dict(line.strip().rsplit(maxsplit=1) for line in capsys.readouterr().out.splitlines() if line.strip())
    seats = run.parliament(where={"site": "north"}, seats=50).seats
    assert {name: int(n) for name, n in shown.items()} == seats
    assert main(["results", str(finished), "--against", str(finished)]) == 0
    assert "0.0% of the votes moved" in capsys.readouterr().out
    file = tmp_path / "a.parquet"
    assert main(["results", str(finished), "--rows", "3:5", "-o", str(file)]) == 0
    assert (xai.Attribution.from_parquet(file).values == run.attribution([3, 4]).values).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--where", "north"], "takes COLUMN=VALUE"),
        (["--where", "age=3"], "Name columns in keep="),
        (["--rows", "a:b", "-o", "x.csv"], "write first:last"),
        (["--rows", "0:5"], "name a file with -o"),
        (["--rows", "40:", "-o", "x.csv"], "selects nothing: there are 40 rows"),
        (["--output", "2"], "unknown output: '2'. The names are: '1'"),
        (["--method", "native"], "unknown method: 'native'"),
        (["--method", "dhondt"], "by the votes of 'shap'"),
        (["--method", "dhondt", "-o", "x.csv"], "an attribution can be made of 'shap'"),
        (["-o", "x.csv", "--seats", "3"], "leave --seats out"),
        (["-o", "x.csv", "--against", "last"], "leave --against out"),
        (["--against", "last", "--seats", "3"], "leave --seats out"),
        (["--seats", "0"], "seats"),
        (["--where", "patient=p1"], "unknown carried column"),
        (["-o", "x.pkl"], "unknown suffix"),
        (["--method", "shop", "--seats", "3"], "Did you mean 'shap'"),
    ],
)
def test_wrong_questions_are_told(finished, capsys, arguments, words):
    assert main(["results", str(finished), *arguments]) == 2
    assert words in capsys.readouterr().err


def test_options_of_methods(folder, tmp_path, capsys):
    command = ["batch", "-", str(folder), "-o", str(tmp_path / "o"), "--method"]
    for rest, words in [
        (["chmcorr"], "needs the folder of a gallery"),
        (["chmcorr", "--option", "gallery=x"], "takes METHOD.NAME=VALUE"),
        (["chmcorr", "--option", "chmcorr.gallery=nowhere"], "a gallery that 'chmcorr' needs is not there"),
        (["shap"], "none is given"),
    ]:
        assert main([*command, *rest]) == 2
        assert words in capsys.readouterr().err


def test_wrong_options_are_told(folder, tmp_path, capsys):
    assert main(["batch", "demo:nothing", str(folder), "-o", str(tmp_path / "o")]) == 2
    assert "unknown demo model" in capsys.readouterr().err
    assert main(["batch", f"demo:{DEMO}", str(tmp_path / "no"), "-o", str(tmp_path / "o")]) == 2
    assert "no file or folder" in capsys.readouterr().err


def test_csv_goes_in(tmp_path, capsys):
    X = demo_models()[DEMO].held_out_data()[0].iloc[:5]
    X.to_csv(tmp_path / "x.csv", index=False)
    assert main(["batch", f"demo:{DEMO}", str(tmp_path / "x.csv"), "-o", str(tmp_path / "o"), "--method", "shap"]) == 0
    table = pd.DataFrame(batch.open(tmp_path / "o").attribution().values[:, :, 0])
    assert table.shape == X.shape
    assert "seats with their 95 % interval" in capsys.readouterr().out
