"""``xai compare``, ``xai rashomon`` and ``xai believe``."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from xai.cli import main
from xai.workflows import ModelComparison, Obedience, Rashomon

DEMO = "demo:breast_cancer_mean-xgboost"


@pytest.fixture
def patients(tmp_path):
    """Two hospitals; the answer is the sign of a column, and the hospital's name says nothing."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(120, 3)), columns=["a", "b", "c"])
    path = tmp_path / "patients.csv"
    table.assign(died=(table["a"] > 0).astype(int), hospital=np.tile(["north", "south"], 60)).to_csv(path, index=False)
    return path


@pytest.mark.slow
def test_compare_holds_a_hospital_out_and_writes(patients, tmp_path, capsys):
    out = tmp_path / "found.json"
    model = ["--model", "decision_tree", "--model", "logistic_regression"]
    options = ["--target", "died", "--site", "hospital", "--test", "south", *model, "-o", str(out)]
    assert main(["compare", str(patients), *options]) == 0
    said = capsys.readouterr().out
    found = ModelComparison.from_json(out)
    assert found.columns == ("a", "b", "c")  # the hospital is no feature
    assert found.n_test == 60
    assert found.transfer is not None
    assert f"{found.models['decision_tree'].auc.value:.3f}" in said
    assert found.in_words() in said


def test_rashomon_draws_and_writes(patients, tmp_path, capsys):
    out = tmp_path / "simple.json"
    options = ["--target", "died", "--site", "hospital", "--models", "3", "-o", str(out)]
    assert main(["rashomon", str(patients), *options]) == 0
    found = Rashomon.from_json(out)
    assert found.share.of == 3
    assert found.in_words() in capsys.readouterr().out


def test_believe_tests_all_four_sources(tmp_path, capsys):
    out = tmp_path / "obeyed.json"
    assert main(["believe", DEMO, DEMO, "--rows", "0:30", "-o", str(out)]) == 0
    found = Obedience.from_json(out)
    assert set(found.gains) == {"SHAP", "SHAP of each row", "removal", "native", "permutation"}
    said = capsys.readouterr().out
    assert all(f"{gain.value:.3f}" in said for gain in found.gains.values())


def test_a_source_that_cannot_be_had_is_named(tmp_path, capsys):
    from xai.datasets import demo_models

    X, _ = demo_models()[DEMO.removeprefix("demo:")].held_out_data()
    X.iloc[:20].to_csv(tmp_path / "rows.csv", index=False)
    assert main(["believe", DEMO, str(tmp_path / "rows.csv")]) == 0
    assert "Left out 'permutation'" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["compare", "pima_diabetes", "--site", "x"], "by itself"),
        (["compare", "pima_diabetes", "-o", "found.csv"], "must end in .json"),
        (["compare", "PATIENTS"], "--target"),
        (["compare", "PATIENTS", "--target", "died", "--site", "hospitl"], "Did you mean"),
        (["compare", "PATIENTS", "--target", "died", "--site", "hospital", "--test", "west"], "unknown site"),
        (["rashomon", "diabetes_progression"], "compares two classes"),
    ],
)
def test_mistakes_are_told(patients, capsys, command, message):
    assert main([str(patients) if word == "PATIENTS" else word for word in command]) == 2
    assert message in capsys.readouterr().err
