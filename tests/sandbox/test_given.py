"""Files a call names: those beside a script that runs here, too."""

from __future__ import annotations

import sys

from xai.datasets import demo_models
from xai.sandbox import load_model
from xai.sandbox.given import given_files
from xai.sandbox.profile import strict


def test_a_file_on_this_processs_search_path_is_given(tmp_path, monkeypatch):
    """The folder of a script is on the script's search path, but not on the child's."""
    path = tmp_path / "m.txt"
    path.write_bytes(demo_models()["pima_diabetes-lightgbm"].path.read_bytes())
    monkeypatch.syspath_prepend(str(tmp_path))
    assert str(tmp_path) in sys.path
    assert [file.path for file in given_files("describe", {"model": str(path)}, strict())] == [str(path)]
    model = load_model(path)
    assert model.task == "binary"
    model.close()


def test_bundled_files_need_no_permission_of_their_own():
    path = demo_models()["pima_diabetes-lightgbm"].path
    assert given_files("describe", {"model": str(path)}, strict()) == frozenset()
