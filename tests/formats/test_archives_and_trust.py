"""Zip files are looked at before they are opened; pickles open only where the operator says so."""

from __future__ import annotations

import io
import logging
import pickle
import zipfile

import corpus
import good
import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import xai
from xai.core.errors import InputError, ModelError
from xai.core.provenance import hash_file
from xai.models import open_model, recognise, sniff, trust, trusted
from xai.models.archives import ZipLimits, checked_zip, read_entry
from xai.models.pickles import imports

SOUND = corpus.zipped({"a/one.txt": b"one", "a/two.txt": b"two" * 1000})


def opened(content: bytes, tmp_path, limits: ZipLimits | None = None) -> dict[str, bytes]:
    path = tmp_path / "some.zip"
    path.write_bytes(content)
    with checked_zip(path, limits) as archive:
        return {name: read_entry(archive, name, 1 << 20) for name in archive.namelist()}


def test_sound_files_open(tmp_path):
    assert opened(SOUND, tmp_path) == {"a/one.txt": b"one", "a/two.txt": b"two" * 1000}
    # What stands before the first entry is no part of the zip file (self-extracting ones have a program there).
    assert opened(b"prefix" + SOUND, tmp_path)["a/one.txt"] == b"one"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (corpus.zipped({"../evil": b""}), "leads out of its folder"),
        (corpus.zipped({"/etc/evil": b""}), "leads out of its folder"),
        (corpus.zipped({"C:\\evil": b""}), "leads out of its folder"),
        (corpus.zipped({"a\\..\\..\\evil": b""}), "leads out of its folder"),
        (corpus.zipped({"zeros": bytes(8 << 20)}, zipfile.ZIP_DEFLATED), "times its size"),
        (corpus.zipped({"inner.zip": SOUND}), "an archive inside an archive"),
        (SOUND[:-30], "list of entries"),
        (SOUND[: len(SOUND) // 2], "list of entries"),
    ],
)
def test_what_is_refused(content, message, tmp_path):
    with pytest.raises(InputError, match=message):
        opened(content, tmp_path)


def test_links_repeats_overlaps_and_encryption(tmp_path):
    damaged = {one.what: one.content for one in corpus.SPECIAL["picture-zip"](SOUND, "m", np.random.default_rng(0))}
    for what, message in {
        "a link to a secret": "a link or a device",
        "an entry twice": "twice",
        "overlapping entries": "overlaps",
        "encrypted, it says": "encrypted",
        "30,000 entries": "30,002 entries",
        "a zip bomb beside": "times its size",
        "another way of packing": "damaged|unpacked",
        "a checksum that is wrong": "is damaged",
    }.items():
        with pytest.raises(InputError, match=message):
            opened(damaged[what], tmp_path)


def test_limits_on_number_and_total(tmp_path):
    with pytest.raises(InputError, match="holds 2 entries; at most 1"):
        opened(SOUND, tmp_path, ZipLimits(entries=1))
    with pytest.raises(InputError, match="would unpack to"):
        opened(SOUND, tmp_path, ZipLimits(total=100))
    path = tmp_path / "some.zip"
    with checked_zip(path) as archive, pytest.raises(InputError, match="at most 2 bytes"):
        read_entry(archive, "a/one.txt", 2)


@pytest.fixture
def model(tmp_path):
    X = good.table()
    fitted = LogisticRegression().fit(X, good.labels(X) > 0)
    path = tmp_path / "model.joblib"
    joblib.dump(fitted, path, compress=3)
    return fitted, path, X


@pytest.fixture
def operator(monkeypatch):
    """An operator who switched trust on; what was read once is forgotten before and afterwards."""
    trust.is_trusted.cache_clear()
    monkeypatch.setenv(trust.VARIABLE, "1")
    yield
    trust.is_trusted.cache_clear()


def test_pickles_stay_shut_by_default(model):
    _, path, _ = model
    for opens in (sniff, open_model, recognise):
        with pytest.raises(ModelError, match="never opened here"):
            opens(path)
    with pytest.raises(ModelError, match="only whoever starts the server can allow"):
        trusted.open_trusted(path)


def test_an_operator_may_trust(model, operator, caplog):
    fitted, path, X = model
    with caplog.at_level(logging.WARNING):
        opened_model = open_model(path)
    assert np.allclose(opened_model.predict(X), xai.wrap_model(fitted).predict(X))
    assert sniff(path) == "pickle"
    assert hash_file(path) in caplog.text
    assert "sklearn.linear_model._logistic.LogisticRegression" in caplog.text
    note = recognise(path).notes[0]
    assert hash_file(path) in note
    assert "LogisticRegression" in note


def test_children_know_that_the_operator_trusts(model, operator):
    fitted, path, X = model
    isolated = xai.load_model(path)
    try:
        assert np.allclose(isolated.predict(X), xai.wrap_model(fitted).predict(X))
    finally:
        isolated.close()


def test_trust_is_for_pickles_alone(operator, tmp_path):
    marker = tmp_path / "ran"
    for what, content in {
        "module": corpus.torch_zip({"data.pkl": pickle.dumps(corpus.Trap(str(marker)), 2), "version": b"3"}),
        "script": corpus.torch_zip({"code/x.py": b"", "data.pkl": b"", "constants.pkl": b""}),
        "exported": corpus.zipped({"archive_version": b"0", "models/model.json": b"{}"}),
    }.items():
        path = tmp_path / what
        path.write_bytes(content)
        with pytest.raises(ModelError, match="never opened"):
            open_model(path)
    assert not marker.exists()


@pytest.mark.parametrize("protocol", range(6))
def test_imports_are_found_without_running(protocol, tmp_path):
    marker = tmp_path / "ran"
    found = imports(pickle.dumps(corpus.Trap(str(marker)), protocol), "x")
    assert found & {"builtins.exec", "__builtin__.exec", "exec"}
    assert not marker.exists()
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps(corpus.Trap(str(marker)), protocol))
    said = trusted.contents(path)
    assert said.complete
    assert hash_file(path) in said.text()


def test_arrays_inside_joblib_files_hide_no_names_before_them(tmp_path):
    out = io.BytesIO()
    joblib.dump({"a": np.arange(1000.0), "b": LogisticRegression()}, out)
    path = tmp_path / "x"
    path.write_bytes(out.getvalue())
    said = trusted.contents(path)
    assert "joblib.numpy_pickle.NumpyArrayWrapper" in said.names
    assert "sklearn.linear_model._logistic.LogisticRegression" in said.names


def test_only_the_command_line_switches_trust_on():
    from xai.cli.parser import build_parser

    assert build_parser().parse_args(["dashboard", "--trust-pickle"]).trust_pickle
    assert not build_parser().parse_args(["dashboard"]).trust_pickle


@pytest.mark.parametrize("shape", [[1, 2**31], [2**40, 4]])
def test_a_graph_of_two_billion_columns_makes_no_list_of_their_names(shape, tmp_path):
    import onnx

    proto = onnx.load_model_from_string(good.onnx_forest(tmp_path).path.read_bytes())
    sizes = proto.graph.input[0].type.tensor_type.shape
    del sizes.dim[:]
    for size in shape:
        sizes.dim.add().dim_value = size
    path = tmp_path / "wide.onnx"
    path.write_bytes(proto.SerializeToString())
    for opens in (open_model, recognise):
        with pytest.raises(ModelError, match="rows at a time; at most"):
            opens(path)
