"""Columns of a table against those of a model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import xai
from xai.core.errors import InputError
from xai.models.columns import check_columns
from xai.models.tables import open_table


def model(names: list[str] | None = None):
    import xgboost

    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(40, 2)), columns=["age", "dose"])
    X["site"] = pd.Categorical(rng.choice(["north", "south"], 40))
    data = X if names is None else X[["age", "dose"]].to_numpy()
    fitted = xgboost.XGBClassifier(n_estimators=2, n_jobs=1, enable_categorical=True).fit(data, X.age > 0)
    return xai.wrap_model(fitted, feature_names=names or None, classes=["no", "yes"])


TABLE = pd.DataFrame({"Age": [1.0, 2.0], "dose": [0.5, None], "SITE ": ["north", "east"], "died": ["yes", "perhaps"]})


def test_names_alike_types_gaps_and_labels():
    fit = check_columns(model(), TABLE, target="died")
    age, dose, site = fit.columns
    assert (age.column, age.how, age.expects, age.holds, age.problem) == ("Age", "alike", "number", "number", "")
    assert (dose.column, dose.how, dose.missing) == ("dose", "exact", 1)
    assert (site.column, site.how, site.expects, site.unseen, site.n_unseen) == (
        "SITE ",
        "alike",
        "category",
        ("east",),
        1,
    )
    assert fit.mapping == {"age": "Age", "dose": "dose", "site": "SITE "}
    assert fit.unused == ()
    assert "perhaps" in fit.problems[0]
    assert "more classes than the data" in fit.notes[0]
    assert not fit.ready
    assert check_columns(model(), TABLE).ready
    assert check_columns(model(), TABLE).unused == ("died",)


def test_missing_columns_and_text_for_numbers():
    fit = check_columns(model(), TABLE.rename(columns={"Age": "years"}).assign(dose=["much", "little"]))
    age, dose, _ = fit.columns
    assert (age.column, age.how) == (None, "none")
    assert "called 'age'" in age.problem
    assert "holds text (e.g. 'much')" in dose.problem
    chosen = check_columns(model(), TABLE.rename(columns={"Age": "years"}), {"age": "years"})
    assert (chosen.columns[0].column, chosen.columns[0].how) == ("years", "given")
    assert chosen.ready
    twice = check_columns(model(), TABLE, {"age": "dose"})
    assert "stands for more than one column" in twice.problems[0]
    with pytest.raises(InputError, match="unknown column"):
        check_columns(model(), TABLE, {"age": "nothing"})
    with pytest.raises(InputError, match="unknown column"):
        check_columns(model(), TABLE, target="nothing")


def test_counted_names_go_by_position():
    rows = TABLE[["dose", "Age"]]
    fit = check_columns(model(["f0", "f1"]), rows)
    assert [(c.column, c.how) for c in fit.columns] == [("dose", "position"), ("Age", "position")]
    unnamed = xai.wrap_model(lambda frame: frame.to_numpy()[:, 0])
    fit = check_columns(unnamed, rows)
    assert [(c.wanted, c.column) for c in fit.columns] == [("column 1", "dose"), ("column 2", "Age")]


def test_no_known_label_at_all():
    site = check_columns(model(), TABLE.assign(**{"SITE ": ["a", "b"]})).columns[2]
    assert "is it the right column" in site.problem


def test_notes_on_how_a_table_was_read(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes("größe;ort\n1,5;Köln\n2,5;Bonn\n".encode("latin-1"))
    table = open_table(path)
    assert table.frame["größe"].tolist() == [1.5, 2.5]
    assert table.format == "CSV"
    assert "Windows-1252" in table.notes[0]
    assert table.notes[1] == "The file was read with semicolons between columns and decimal commas."
    assert table.notes[2] == "Columns that hold text: 'ort'."
    parquet = tmp_path / "t.parquet"
    table.frame.to_parquet(parquet)
    assert open_table(parquet).format == "Parquet"
    path.write_text('[{"a": 1}]')
    with pytest.raises(InputError, match="is JSON, not a table"):
        open_table(path)
    path.write_bytes(b"\x80\x04\x95")
    with pytest.raises(InputError, match="a pickle, which can run code"):
        open_table(path)
    pd.DataFrame({"a": [[1, 2], [3]]}).to_parquet(parquet)
    with pytest.raises(InputError, match="lists or records"):
        open_table(parquet)


def test_wide_tables_are_refused(tmp_path, monkeypatch):
    from xai.models import tables

    monkeypatch.setattr(tables, "MAX_COLUMNS", 3)
    path = tmp_path / "wide.csv"
    path.write_text("a,b,c,d\n1,2,3,4\n")
    with pytest.raises(InputError, match="0 rows and 4 columns; at most"):
        tables.read_table(path)
