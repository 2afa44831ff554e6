from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import xai
from xai.cli import main
from xai.cli.text import Progress
from xai.datasets import demo_models, load_dataset
from xai.models import open_model

DEMO = "breast_cancer_mean-xgboost"
MODEL = ["demo:" + DEMO, "demo:breast_cancer_mean"]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def attribution():
    demo = demo_models()[DEMO]
    return xai.explain(open_model(demo.path), load_dataset(demo.dataset).X.iloc[:40])


@pytest.fixture(scope="module")
def attribution_file(attribution, tmp_path_factory):
    path = tmp_path_factory.mktemp("attribution") / "a.parquet"
    attribution.to_parquet(path)
    return path


@pytest.fixture
def votes_file(tmp_path):
    path = tmp_path / "votes.csv"
    path.write_text("party;votes\nA;100000\nB;80000\nC;30000\nD;20000\n")
    return path


def seats_of(text):
    """Party to seats of the printed table."""
    lines = text.splitlines()
    column = [line.split() for line in lines[: lines.index("")]]
    place = column[0].index("seats")
    return {row[0]: int(row[place]) for row in column[1:]}


def run(*arguments, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "xai", *arguments],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        **options,
    )


# --- elections -------------------------------------------------------------------------------------------------------


def test_elect_prints_a_known_election(votes_file, capsys):
    # The textbook case of D'Hondt: 100,000, 80,000, 30,000 and 20,000 votes for 8 seats.
    assert main(["elect", str(votes_file), "--seats", "8"]) == 0
    out = capsys.readouterr().out
    assert seats_of(out) == {"A": 4, "B": 3, "C": 1, "D": 0}
    assert "Smallest majority (7 seats): A, B." in out
    assert main(["elect", str(votes_file), "--seats", "8", "--rule", "sainte_lague"]) == 0
    assert seats_of(capsys.readouterr().out) == {"A": 3, "B": 3, "C": 1, "D": 1}


def test_elect_applies_the_whole_law(votes_file, tmp_path, capsys):
    out = tmp_path / "seats.json"
    options = ["--seats", "20", "--threshold", "0.15", "--alliance", "left=B, C", "--exclude", "D", "-o", str(out)]
    assert main(["elect", str(votes_file), *options]) == 0
    expected = xai.elect(
        {"A": 1e5, "B": 8e4, "C": 3e4, "D": 2e4}, 20, threshold=0.15, alliances={"left": ["B", "C"]}, exclude=["D"]
    )
    rows = {row["party"]: row for row in json.loads(out.read_text())}
    assert {party: row["seats"] for party, row in rows.items()} == expected.seats
    assert rows["left"]["members"] == "B, C"
    assert {party: row["bonus"] for party, row in rows.items()} == expected.bonus
    assert "threshold 15.0%" in capsys.readouterr().out


@pytest.mark.parametrize("content", ['{"A": 3, "B": 1}', "name,votes\nA,3\nB,1\n", ",votes\nA,3\nB,1\n"])
def test_elect_reads_votes_by_content(tmp_path, capsys, content):
    path = tmp_path / "votes.dat"
    path.write_text(content)
    assert main(["elect", str(path), "--seats", "4"]) == 0
    assert seats_of(capsys.readouterr().out) == {"A": 3, "B": 1}


@pytest.mark.parametrize("suffix", [".parquet", ".json"])
def test_elect_reads_attributions(attribution, tmp_path, capsys, suffix):
    path = tmp_path / f"a{suffix}"
    attribution.to_parquet(path) if suffix == ".parquet" else attribution.to_json(path)
    out = tmp_path / "seats.csv"
    assert main(["elect", str(path), "--bootstrap", "50", "-o", str(out)]) == 0
    table = pd.read_csv(out)
    assert dict(zip(table["party"], table["seats"], strict=True)) == xai.elect(attribution).seats
    sure = xai.dhondt.uncertainty(attribution, n_boot=50).to_frame()
    assert table["low"].tolist() == sure["low"].tolist()
    assert table["high"].tolist() == sure["high"].tolist()
    assert "low" in capsys.readouterr().out


def test_elect_signed(attribution, attribution_file, tmp_path, capsys):
    out = tmp_path / "seats.csv"
    assert main(["elect", str(attribution_file), "--signed", "--seats", "10", "-o", str(out)]) == 0
    expected = xai.dhondt.elect_signed(attribution, 10)
    table = pd.read_csv(out).set_index(["party", "side"])["seats"]
    assert table.sum() == 10
    assert {name: table.get((name, "government"), 0) for name in expected.government} == expected.government
    assert f"{sum(expected.government.values())} of 10 seats" in capsys.readouterr().out


@pytest.mark.parametrize("source", ["native", "permutation"])
def test_elect_asks_a_model(source, tmp_path, capsys):
    out = tmp_path / "seats.csv"
    assert main(["elect", *MODEL, "--rows", "0:60", "--source", source, "-o", str(out)]) == 0
    demo = demo_models()[DEMO]
    data = load_dataset(demo.dataset)
    votes = xai.dhondt.votes(open_model(demo.path), data.X[:60], data.y[:60], source=source)
    table = pd.read_csv(out)
    assert dict(zip(table["party"], table["seats"], strict=True)) == xai.elect(votes).seats
    assert capsys.readouterr().err == ""


def test_names_with_a_comma(tmp_path, capsys):
    path = tmp_path / "votes.json"
    path.write_text('{"age": 5, "dose, mg": 4, "bmi": 2}')
    assert main(["elect", str(path), "--seats", "3", "--alliance", 'drug="dose, mg",  bmi']) == 0
    assert seats_of(capsys.readouterr().out) == {"drug": 2, "age": 1}
    assert main(["elect", str(path), "--seats", "8"]) == 0
    assert 'Smallest majority (7 seats): age, "dose, mg".' in capsys.readouterr().out
    for given, words in [
        (
            "drug=dose, mg,bmi",
            "there is no 'dose', 'mg'. A name that holds a comma stands in double quotes: \"dose, mg\"",
        ),
        ('drug="dose, mg', "from its start to its end"),
        ('drug="dose", mg', "stands in double quotes"),
    ]:
        assert main(["elect", str(path), "--alliance", given]) == 2
        assert words in capsys.readouterr().err


# --- explanations and performance ------------------------------------------------------------------------------------


def test_explain_writes_what_explain_returns(attribution, tmp_path, capsys):
    out = tmp_path / "out.parquet"
    assert main(["explain", *MODEL, "-o", str(out), "--rows", "0:40"]) == 0
    back = xai.Attribution.from_parquet(out)
    np.testing.assert_array_equal(back.values, attribution.values)
    assert back.provenance == attribution.provenance
    printed = capsys.readouterr().out
    assert "40 rows, 10 units, 1 output (margin), method shap" in printed
    top = attribution.units.names[attribution.global_votes().argmax()]
    assert printed.split("effects:\n")[1].startswith(f"  {top} ")
    assert "Additivity gap: at most" in printed
    assert [path.name for path in tmp_path.iterdir()] == ["out.parquet"]


def test_explain_takes_files_groups_classes_and_backgrounds(tmp_path, capsys):
    data = load_dataset("breast_cancer_mean")
    table, out = tmp_path / "rows.csv", tmp_path / "out.json"
    data.to_frame().iloc[:6].to_csv(table, index=False)
    options = ["--method", "removal", "--background", "breast_cancer_mean", "--group", "size=mean radius,mean area"]
    options += ["--output", "probability", "--class", "0", "--target", "target"]
    assert main(["explain", str(demo_models()[DEMO].path), str(table), "-o", str(out), *options]) == 0
    a = xai.Attribution.from_json(out)
    model = open_model(demo_models()[DEMO].path, "probability")
    groups = {"size": ["mean radius", "mean area"]}
    expected = xai.explain(model, data.X.iloc[:6], method="removal", background=data.X, groups=groups).for_output("0")
    np.testing.assert_array_equal(a.values, expected.values)
    assert a.units.names[0] == "size"
    assert a.output_names == ("0",)
    assert "(probability), method removal" in capsys.readouterr().out


def test_performance_of_the_rows_a_demo_has_not_seen(capsys):
    assert main(["performance", "demo:" + DEMO, "demo:" + DEMO]) == 0
    out = capsys.readouterr().out
    demo = demo_models()[DEMO]
    accuracy = next(line for line in out.splitlines() if line.startswith("accuracy"))
    assert float(accuracy.split()[1]) == pytest.approx(demo.score, abs=1e-4)
    assert f"{len(demo.held_out):,} rows" in out


def test_a_target_that_is_a_feature(tmp_path, capsys):
    table = tmp_path / "rows.csv"
    load_dataset("breast_cancer_mean").to_frame().iloc[:9].to_csv(table, index=False)
    for command in (["performance"], ["explain", "-o", str(tmp_path / "o.csv")]):
        assert main([*command, MODEL[0], str(table), "--target", "mean area"]) == 2
        assert "--target mean area takes that column away from the features" in capsys.readouterr().err
    assert main(["performance", "demo:" + DEMO, "demo:" + DEMO, "--target", "mean area"]) == 2
    assert "is 'target', not 'mean area'" in capsys.readouterr().err


def test_missing_answers_are_counted(tmp_path, capsys):
    table = tmp_path / "rows.csv"
    frame = load_dataset("breast_cancer_mean").to_frame().iloc[:9].astype({"target": object})
    frame.loc[[2, 5], "target"] = None
    frame.to_csv(table, index=False)
    assert main(["performance", MODEL[0], str(table), "--target", "target"]) == 2
    assert "2 of 9 rows have no answer in column 'target', the first of them at position 2" in capsys.readouterr().err


def test_fewer_rows_than_were_asked_for(tmp_path, capsys):
    for rows, note in [("560:600", "there are 569 rows, and 9 of them are taken"), ("560:569", ""), ("560:", "")]:
        assert main(["explain", *MODEL, "-o", str(tmp_path / "o.csv"), "--rows", rows]) == 0
        said = capsys.readouterr()
        assert "9 rows" in said.out
        assert said.err == (f"--rows {rows}: {note}.\n" if note else "")


# --- lists -----------------------------------------------------------------------------------------------------------


def test_datasets_are_listed_shown_and_exported(tmp_path, capsys):
    assert main(["datasets"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in (*xai.datasets.available(), *demo_models()))
    path = tmp_path / "pima.csv"
    assert main(["datasets", "pima_diabetes", "--csv", str(path)]) == 0
    out = capsys.readouterr().out
    data = load_dataset("pima_diabetes")
    assert data.licence in out
    assert data.citation in out
    assert all(trap in out for trap in data.traps)
    pd.testing.assert_frame_equal(pd.read_csv(path), data.to_frame(), check_dtype=False)


def test_methods_lists_all_of_every_registry(capsys):
    assert main(["methods"]) == 0
    out = capsys.readouterr().out
    assert all(method.name in out for method in xai.methods())
    assert all(name in out for name in (*xai.dhondt.RULES, "shap", "native", "permutation", "removal"))


@pytest.fixture
def launched(monkeypatch):
    """The options of a server that does not start."""
    import xai.dashboard.launch as module

    seen = {}
    monkeypatch.setattr(module, "launch", lambda **options: seen.update(options))
    return seen


def test_dashboard_hands_its_options_over(launched, tmp_path):
    model, data = str(demo_models()[DEMO].path), str(tmp_path / "d.csv")
    Path(data).write_text("a,y\n1,0\n")
    options = [
        "--model",
        model,
        "--data",
        data,
        "--target",
        "y",
        "--port",
        "9",
        "--address",
        "::1",
        "--no-browser",
    ]
    assert main(["dashboard", *options]) == 0
    assert launched == {"model": model, "data": data, "target": "y", "port": 9, "address": "::1", "browser": False} | {
        "gallery": None,
        "lm_url": None,
        "lm_name": None,
        "trust_pickle": False,
    }


@pytest.mark.parametrize(
    ("table", "target", "found"),
    [
        ("a;y,z\n1;2\n", "y,z", True),
        ('a,"y,z"\n1,2\n', "y,z", True),
        ("a,died\n1,2\n", "dead", False),
        ("parquet", "died", True),
        ("parquet", "dead", False),
    ],
)
def test_the_dashboard_does_not_start_without_the_target(launched, tmp_path, capsys, table, target, found):  # noqa: PLR0917
    path = tmp_path / "held"
    path.write_text(table)
    if table == "parquet":
        pd.DataFrame({"a": [1.0], "died": [0]}).to_parquet(path)
    options = ["--model", str(demo_models()[DEMO].path), "--data", str(path), "--target", target]
    assert main(["dashboard", *options]) == (0 if found else 2)
    assert bool(launched) == found
    if not found:
        told = capsys.readouterr().err
        assert main(["performance", MODEL[0], str(path), "--target", target]) == 2
        assert capsys.readouterr().err == told


def test_the_dashboard_does_not_start_without_a_model(launched, tmp_path, capsys):
    (tmp_path / "text.ubj").write_text("no model")
    (tmp_path / "d.csv").write_text("a,y\n1,0\n")
    assert main(["dashboard", "--model", str(tmp_path / "text.ubj"), "--data", str(tmp_path / "d.csv")]) == 2
    assert "text.ubj is no model file" in capsys.readouterr().err
    assert not launched


def test_a_missing_extra_is_one_line(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "streamlit", None)
    assert main(["dashboard"]) == 2
    assert capsys.readouterr().err == "xai: streamlit is not installed: run pip install 'hemicycle[dashboard]'\n"


def test_pictures_and_texts_show_their_card(capsys):
    assert main(["datasets", "vignettes"]) == 0
    out = capsys.readouterr().out
    assert "200 prompts" in out
    assert "licence:" in out
    assert main(["datasets", "vignettes", "--csv", "x.csv"]) == 2
    assert "'vignettes' holds text" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["datasets", "explain", "elect", "methods", "performance", "dashboard"])
def test_every_help_has_examples(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    assert f"  xai {command}" in capsys.readouterr().out.split("examples:")[1]


# --- bad input -------------------------------------------------------------------------------------------------------


def bad_file(name, content):
    def write(folder):
        (folder / name).write_bytes(content)
        return str(folder / name)

    return write


COLUMNS = "mean radius,mean texture"
BAD = {
    "absent votes": (["elect", "no_such_file.csv"], "no_such_file.csv"),
    "empty csv": (["elect", bad_file("v.csv", b"")], "v.csv is empty"),
    "no rows": (["elect", bad_file("v.csv", b"party,votes\n")], "no rows"),
    "not text": (["elect", bad_file("v.csv", b"party,votes\nM\xfcller,3\n")], "byte 0xfc at position 13 (line 2)"),
    "excel": (["elect", bad_file("v.xlsx", b"PK\x03\x04....")], "save it as CSV"),
    "three columns": (["elect", bad_file("v.csv", b"a,b,c\n1,2,3\n")], "has 3 columns"),
    "a text for votes": (["elect", bad_file("v.csv", b"party,votes\nA,many\n")], "'A' has 'many'"),
    "duplicate names": (["elect", bad_file("v.csv", b"party,votes\nA,1\nA,2\n")], "names 'A' twice"),
    "broken json": (["elect", bad_file("v.json", b'{"A": ')], "v.json starts like JSON"),
    "negative votes": (["elect", bad_file("v.json", b'{"A": 1, "B": -2}')], "'B' has -2 votes"),
    "nan votes": (["elect", bad_file("v.json", b'{"A": 1, "B": NaN}')], "'B' has nan votes"),
    "missing votes": (["elect", bad_file("v.csv", b"p,v\nA,1\nB,\n")], "'B' has nan votes"),
    "zero votes": (["elect", bad_file("v.json", b'{"A": 0}')], "all votes are zero"),
    "no seats": (["elect", "VOTES", "--seats", "0"], "seats"),
    "threshold in percent": (["elect", "VOTES", "--threshold", "5"], "write 0.05"),
    "threshold above all": (["elect", "VOTES", "--threshold", "0.9"], "nobody passes the threshold of 0.9"),
    "unknown rule": (["elect", "VOTES", "--rule", "dhont"], "Did you mean 'dhondt'"),
    "unknown member": (["elect", "VOTES", "--alliance", "x=A,Z"], "'Z'"),
    "overlapping alliances": (["elect", "VOTES", "--alliance", "x=A,B", "--alliance", "y=B,C"], "'B'"),
    "malformed alliance": (["elect", "VOTES", "--alliance", "A,B"], "--alliance A,B"),
    "unknown exclusion": (["elect", "VOTES", "--exclude", "Z"], "'Z'"),
    "bootstrap of votes": (["elect", "VOTES", "--bootstrap", "10"], "--bootstrap needs the effects of single rows"),
    "signed votes": (["elect", "VOTES", "--signed"], "--signed needs the effects"),
    "output format": (["elect", "VOTES", "-o", "seats.xlsx"], "seats.xlsx"),
    "unknown demo": (["explain", "demo:nonsense", "demo:pima_diabetes", "-o", "a.csv"], "demo model: 'nonsense'"),
    "unknown data set": (["datasets", "pima_diabets"], "Did you mean 'pima_diabetes'"),
    "output folder": (["explain", *MODEL, "-o", "no/such/folder/a.csv"], "no folder no/such/folder"),
    "attribution format": (["explain", *MODEL, "-o", "a.txt"], ".parquet"),
    "rows that do not exist": (["explain", *MODEL, "-o", "OUT", "--rows", "900:"], "there are 569 rows"),
    "rows that are none": (["explain", *MODEL, "-o", "OUT", "--rows", "all"], "write first:last"),
    "unknown method": (["explain", *MODEL, "-o", "OUT", "--method", "shapp"], "Did you mean 'shap'"),
    "unknown class": (["explain", *MODEL, "-o", "OUT", "--rows", "3", "--class", "2"], "output: '2'"),
    "wrong columns": (
        ["explain", MODEL[0], "demo:pima_diabetes", "-o", "OUT"],
        "lacks 10 of the xgboost model's columns",
    ),
    "unknown target": (["performance", MODEL[0], "TABLE", "--target", "dead"], "'dead'"),
    "no target": (["performance", MODEL[0], "TABLE"], "--target"),
    "no model": (["performance", bad_file("m.ubj", b"not a model"), "TABLE", "--target", "y"], "m.ubj is no model"),
    "pickle": (["performance", bad_file("m.pkl", b"\x80\x04x"), "TABLE", "--target", "y"], "m.pkl is a pickle file"),
    "empty model": (["performance", bad_file("m.ubj", b""), "TABLE", "--target", "y"], "m.ubj is empty"),
    "model without data": (["dashboard", "--model", "m.ubj"], "give both --model and --data"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_paragraph_and_exit_code_2(case, tmp_path, votes_file, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = bad_file("table.csv", b"mean radius,y\n1,0\n2,1\n")(tmp_path)
    names = {"VOTES": str(votes_file), "TABLE": table, "OUT": str(tmp_path / "out.csv")}
    arguments, culprit = BAD[case]
    before = {path.name for path in tmp_path.iterdir()}
    given = [argument(tmp_path) if callable(argument) else names.get(argument, argument) for argument in arguments]
    assert main(given) == 2
    out, err = capsys.readouterr()
    assert err.startswith("xai: ")
    assert err.count("\n") == 1
    assert culprit in err
    assert "Traceback" not in out + err
    assert {path.name for path in tmp_path.iterdir()} - before <= {"v.csv", "v.json", "v.xlsx", "m.ubj", "m.pkl"}


def test_a_text_where_numbers_belong_names_the_column(tmp_path, capsys):
    frame = load_dataset("breast_cancer_mean").X.iloc[:3].astype({"mean area": str})
    frame["mean area"] = ["large", "small", "large"]
    frame.to_csv(tmp_path / "t.csv", index=False)
    assert main(["explain", MODEL[0], str(tmp_path / "t.csv"), "-o", str(tmp_path / "o.csv")]) == 2
    assert "column 'mean area' holds" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["explainn"], ["explain", "m"], ["elect", "v", "--seats", "many"]])
def test_usage_errors_exit_2(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "usage: xai" in capsys.readouterr().err


# --- as a process ----------------------------------------------------------------------------------------------------


def test_python_m_xai(votes_file):
    assert run("--version").stdout == f"hemicycle {xai.__version__}\n"
    good = run("elect", str(votes_file), "--seats", "8")
    assert (good.returncode, good.stderr) == (0, "")
    bad = run("elect", str(votes_file), "--seats", "-1")
    assert bad.returncode == 2
    assert bad.stdout == ""
    assert bad.stderr.startswith("xai: ")
    assert bad.stderr.count("\n") == 1


def test_help_starts_without_heavy_libraries():
    script = (
        "import sys; from xai.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: print([m for m in ('pandas', 'pyarrow', 'scipy', 'xgboost', 'shap') if m in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True)
    assert out.stdout.splitlines()[-1] == "[]"


def test_a_reader_that_leaves_early_is_no_error(votes_file):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "xai", "methods"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


def test_interrupts_end_quietly_with_130(monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("xai.shapley.methods", interrupt)
    assert main(["methods"]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_progress_is_a_bar_on_a_terminal_and_rare_lines_elsewhere(monkeypatch, capsys):
    with Progress("explaining") as progress:
        progress(0.5, "explained 50 of 100 rows")
    assert capsys.readouterr().err == ""  # too soon for a line
    monkeypatch.setattr(Progress, "interval", 0.0)
    with Progress("explaining") as progress:
        time.sleep(0.01)
        progress(0.5, "explained 50 of 100 rows")
    assert capsys.readouterr().err == "explaining:  50%, explained 50 of 100 rows, 0 s left\n"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with Progress("explaining") as progress:
        progress(0.5, "explained 50 of 100 rows")
    assert "[##########..........] explaining:  50%" in capsys.readouterr().err
