"""Where data and models come from: demos, the operator's own files, and what is wrong with them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from xai.core.errors import InputError
from xai.dashboard import source
from xai.dashboard.launch import DATA, MODEL, TARGET
from xai.datasets import demo_models


@pytest.fixture
def own(monkeypatch, tmp_path):
    """A function that names files of the operator as the server's start does."""
    source.shared.cache_clear()

    def name(text="a,b,died\n1,2,0\n3,4,1\n", target=None):
        model, data = tmp_path / "model.ubj", tmp_path / "rows.csv"
        model.write_bytes(b"not opened here")
        data.write_text(text, encoding="utf-8")
        monkeypatch.setenv(MODEL, str(model))
        monkeypatch.setenv(DATA, str(data))
        if target is None:
            monkeypatch.delenv(TARGET, raising=False)
        else:
            monkeypatch.setenv(TARGET, target)

    yield name
    source.shared.cache_clear()


@pytest.fixture
def only_demos(monkeypatch):
    for variable in (MODEL, DATA, TARGET):
        monkeypatch.delenv(variable, raising=False)
    source.shared.cache_clear()


def test_demos_can_be_chosen_by_their_titles(only_demos):
    assert source.choices() == {name: demo.title for name, demo in demo_models().items()}
    assert source.default() in source.choices()


@pytest.mark.parametrize("name", demo_models())
def test_a_demo_shows_the_rows_its_model_never_saw(only_demos, name):
    loaded, demo = source.load(name), demo_models()[name]
    expected = demo.data().X.iloc[list(demo.held_out)]
    pd.testing.assert_frame_equal(loaded.X, expected)
    assert loaded.y.index.equals(expected.index)
    assert loaded.model == demo.path
    assert loaded.rows_are == "held-out rows"
    assert loaded.title == demo.title


def test_an_unknown_name_is_an_error_that_lists_the_right_ones(only_demos):
    with pytest.raises(InputError, match=r"'breast_cancer-xgbost'.*Did you mean 'breast_cancer-xgboost'"):
        source.load("breast_cancer-xgbost")


def test_own_is_unknown_to_a_server_without_own_files(only_demos):
    with pytest.raises(InputError, match="unknown model: 'mine'"):
        source.load(source.OWN)


def test_own_files_come_first(own):
    own()
    assert next(iter(source.choices().items())) == ("mine", "model.ubj on rows.csv")
    assert source.default() == "mine"
    assert set(source.choices()) == {"mine", *demo_models()}


def test_own_table_without_target_has_no_answers(own):
    own()
    loaded = source.load(source.OWN)
    assert list(loaded.X.columns) == ["a", "b", "died"]
    assert loaded.y is None
    assert loaded.dataset is None
    assert loaded.rows_are == "rows of rows.csv"


def test_own_target_is_taken_out_of_the_columns(own):
    own(target="died")
    loaded = source.load(source.OWN)
    assert list(loaded.X.columns) == ["a", "b"]
    assert loaded.y.tolist() == [0, 1]


def test_a_wrong_target_is_named_with_the_file_and_the_right_columns(own):
    own(target="dead")
    with pytest.raises(
        InputError, match=r"rows\.csv has no target column.*'dead'.*Did you mean 'died'.*'a', 'b', 'died'"
    ):
        source.load(source.OWN)


@pytest.mark.parametrize(("text", "complaint"), [("", "empty"), ("a,b\n", "no rows"), ("a,b\n1\n", "line 2")])
def test_a_bad_table_is_named(own, text, complaint):
    own(text)
    with pytest.raises(InputError, match=rf"rows\.csv.*{complaint}"):
        source.load(source.OWN)


def _source(n):
    X = pd.DataFrame({"a": np.arange(n)}, index=[f"p{i}" for i in range(n)])
    return source.Source("key", "title", demo_models()["breast_cancer-xgboost"].path, X, None, "rows of f.csv")


def test_few_rows_are_all_shown():
    one = _source(1000)
    rows, positions, phrase = one.sample()
    assert rows is one.X
    assert positions.tolist() == list(range(1000))
    assert phrase == "1,000 rows of f.csv"


def test_many_rows_are_sampled_the_same_each_time_and_the_phrase_says_so():
    one = _source(2500)
    rows, positions, phrase = one.sample()
    assert len(rows) == len(set(positions.tolist())) == 1000
    assert positions.tolist() == sorted(positions.tolist())
    assert rows["a"].tolist() == positions.tolist()
    assert phrase == "1,000 of 2,500 rows of f.csv, drawn at random (seed 0)"
    np.testing.assert_array_equal(_source(2500).sample()[1], positions)


def test_a_report_is_about_the_rows_of_the_page():
    from xai.report import ReportConfig
    from xai.report.subject import subject

    one = _source(5000)
    about = subject(
        lambda frame: frame["a"], one.X, None, dataset=None, output=None, background=None, rows_are=one.rows_are,
        names=None, facts=None, config=ReportConfig(),
    )  # fmt: skip
    for limit in (20, 100, 1000, 5000):
        _, positions, phrase = one.sample(limit)
        np.testing.assert_array_equal(positions, about.drawn(limit))
        assert phrase == about.phrase(limit)
    # What is asked on fewer rows is asked on rows that are explained.
    assert set(one.sample(100)[1]) < set(one.sample(1000)[1])


def test_no_limit_means_every_row():
    rows, positions, phrase = _source(2500).sample(None)
    assert len(rows) == len(positions) == 2500
    assert phrase == "2,500 rows of f.csv"


def test_identity_changes_with_rows_and_model():
    first, same, rows = _source(10), _source(10), _source(11)
    assert first.identity == same.identity != rows.identity
    other = source.Source("key", "title", demo_models()["pima_diabetes-lightgbm"].path, first.X, None, "rows")
    assert other.identity != first.identity
    assert first.identity == ":".join(first.hashes)


def test_classes_are_called_by_the_names_of_the_data_set(only_demos):
    loaded = source.load("breast_cancer_mean-catboost")
    assert [loaded.class_label(name) for name in ("0", "1", "2", "margin")] == ["malignant", "benign", "2", "margin"]
    assert _source(3).class_label("1") == "1"


@pytest.mark.parametrize(
    ("named", "foreign"),
    [
        (None, False),
        ("breast_cancer-xgboost", False),
        ("Breast cancer, ten means: CatBoost", False),
        ("mine", True),
        ("mine-0123456789", True),
        ("their.ubj on their.csv", True),
    ],
)
def test_links_to_what_a_session_cannot_have_are_known(only_demos, named, foreign):
    assert source.is_foreign(named) is foreign
