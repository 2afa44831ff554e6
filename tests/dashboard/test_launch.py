"""What can be wrong before the server starts; that it starts is the browser tests' business."""

from __future__ import annotations

import os

import pytest

from xai.core.errors import InputError
from xai.dashboard import launch as module
from xai.dashboard.launch import DATA, MODEL, TARGET, launch


@pytest.fixture
def files(tmp_path):
    model, data = tmp_path / "m.ubj", tmp_path / "d.csv"
    model.write_bytes(b"{}")
    data.write_text("a\n1\n", encoding="utf-8")
    return model, data


@pytest.fixture(autouse=True)
def no_server(monkeypatch):
    """Stop before anything starts: a call that gets past the checks fails the test loudly."""

    def stop(_name):
        raise RuntimeError("past the checks")

    monkeypatch.setattr(module, "find_spec", stop)
    for variable in (MODEL, DATA, TARGET):
        monkeypatch.delenv(variable, raising=False)


def test_a_model_needs_data(files):
    with pytest.raises(InputError, match="--model and --data"):
        launch(files[0])


def test_data_need_a_model(files):
    with pytest.raises(InputError, match="--model and --data"):
        launch(None, files[1])


def test_a_target_needs_data():
    with pytest.raises(InputError, match="--target died needs --data"):
        launch(target="died")


@pytest.mark.parametrize("missing", [0, 1])
def test_a_missing_file_is_named(files, missing):
    files[missing].unlink()
    with pytest.raises(InputError, match=rf"no file .*{files[missing].name}"):
        launch(*files)


def test_a_folder_is_no_file(files, tmp_path):
    with pytest.raises(InputError, match="no file"):
        launch(tmp_path, files[1])


def test_good_files_reach_the_pages_as_absolute_paths(files, monkeypatch):
    monkeypatch.chdir(files[0].parent)
    with pytest.raises(RuntimeError, match="past the checks"):
        launch("m.ubj", "d.csv", "a")
    assert os.environ[MODEL] == str(files[0].resolve())
    assert os.environ[DATA] == str(files[1].resolve())
    assert os.environ[TARGET] == "a"


def test_without_files_nothing_of_an_earlier_start_stays(files, monkeypatch):
    for variable in (MODEL, DATA, TARGET):
        monkeypatch.setenv(variable, "old")
    with pytest.raises(RuntimeError, match="past the checks"):
        launch()
    assert not {MODEL, DATA, TARGET} & set(os.environ)
