"""Files are there whole or not at all, and one run at a time."""

from __future__ import annotations

import errno
import os

import pytest

from xai.batch import store
from xai.core.errors import InputError


def test_a_full_disk_leaves_nothing_half_written(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    store.commit(tmp_path / "a" / "x.parquet", b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"No space left on device. Make room and start the run again"):
        store.commit(tmp_path / "a" / "x.parquet", b"new")
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["x.parquet"]
    assert (tmp_path / "a" / "x.parquet").read_bytes() == b"old"


def test_one_run_at_a_time_and_what_died_is_swept(tmp_path):
    (tmp_path / "shap").mkdir()
    (tmp_path / "shap" / ".unfinished-1-x.parquet").write_bytes(b"half")
    (tmp_path / store.MANIFEST).write_text("{}")
    with store.locked(tmp_path):
        assert not list((tmp_path / "shap").iterdir())
        with pytest.raises(InputError, match="another run is writing"), store.locked(tmp_path):
            pass
    with store.locked(tmp_path):
        pass


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="cannot be written"), store.locked(tmp_path / "file" / "out"):
        pass


def test_damaged_json(tmp_path):
    (tmp_path / "summary.json").write_text("[1]")
    with pytest.raises(InputError, match=r"is no summary\.json"):
        store.read_json(tmp_path / "summary.json")
    with pytest.raises(InputError, match="holds no finished run"):
        store.read_json(tmp_path / "nothing.json")


def test_a_folder_with_other_things_is_refused(tmp_path):
    (tmp_path / "rows.parquet").write_bytes(b"")
    with (
        pytest.raises(InputError, match=r"holds other things \('rows\.parquet'\): choose a new or an empty folder"),
        store.locked(tmp_path),
    ):
        pass
