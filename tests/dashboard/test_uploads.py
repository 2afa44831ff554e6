"""Files of a session: kept once, within limits, under safe names, and on record where pickles are trusted."""

from __future__ import annotations

import logging

import pytest

from xai.core.errors import InputError
from xai.core.provenance import hash_bytes
from xai.dashboard import limits, sessions, uploads


@pytest.fixture(autouse=True)
def _own_session(tmp_path, monkeypatch):
    monkeypatch.setenv(sessions.UPLOADS, str(tmp_path))
    sessions.sessions.cache_clear()
    yield
    sessions.sessions().close()
    sessions.sessions.cache_clear()


def test_a_file_is_kept_once_and_its_folder_goes_with_it():
    first = uploads.add("rows.csv", b"a\n1\n")
    assert first.path.read_bytes() == b"a\n1\n"
    assert first.hash == hash_bytes(b"a\n1\n")
    assert uploads.add("rows.csv", b"a\n1\n") == first
    other = uploads.add("rows.csv", b"a\n2\n")
    assert list(uploads.files().values()) == [first, other]
    uploads.remove(first.key)
    assert not first.path.parent.exists()
    assert list(uploads.files().values()) == [other]


@pytest.mark.parametrize("name", ["../../etc/passwd", "C:\\models\\passwd", "/passwd", "pass\u202e\x00wd"])
def test_names_cannot_leave_the_folder(name):
    upload = uploads.add(name, b"x")
    assert upload.name == "passwd"
    assert upload.path.parent.parent == sessions.current().folder


@pytest.mark.parametrize(
    ("settings", "content", "message"),
    [
        ({}, b"", "m.bin is empty"),
        ({"max_model_mb": 1, "max_data_mb": 1}, b"x" * 1_000_001, "files of up to 1 MB"),
        ({"max_files": 1}, b"x", "a session may have 1 files"),
        ({"max_uploads_mb": 1}, b"x" * 1_000_000, "fill this server's limit"),
    ],
)
def test_limits_are_told(settings, content, message, monkeypatch):
    uploads.add("first.csv", b"a\n1\n")
    monkeypatch.setattr(uploads, "limits", lambda: limits.Limits(**settings))
    with pytest.raises(InputError, match=message):
        uploads.add("m.bin", content)
    assert [upload.name for upload in uploads.files().values()] == ["first.csv"]


@pytest.mark.parametrize("trusted", [True, False])
def test_where_pickles_are_trusted_every_file_is_on_record(trusted, monkeypatch, caplog):
    monkeypatch.setattr(uploads, "is_trusted", lambda: trusted)
    with caplog.at_level(logging.WARNING):
        upload = uploads.add("model.pkl", b"\x80\x04.")
    assert caplog.messages == (
        [f"uploaded while pickles are trusted: model.pkl, 3 bytes, SHA-256 {upload.hash}"] if trusted else []
    )
