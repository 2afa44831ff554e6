"""A fixed set of broken files of every format: each ends in a message, nothing in them runs."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import attack
import corpus
import good
import pytest

from xai.core.errors import XaiError
from xai.models import open_image_model, open_model, recognise
from xai.sandbox import Worker
from xai.sandbox.limits import GIB, for_uploads
from xai.sandbox.profile import Profile

pytestmark = pytest.mark.slow  # a hundred and sixty files, each in a child of its own
PER_FORMAT = 10


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> dict[str, Path]:
    return good.sources(tmp_path_factory.mktemp("good"))


@pytest.fixture(scope="module")
def worker():
    limits = replace(for_uploads(), memory=2 * GIB, cpu=10.0, wall=60.0)
    with Worker(Profile(limits), attack.LIBRARIES) as worker:
        yield worker


@pytest.mark.parametrize("kind", [*corpus.MODELS, *corpus.DATA])
def test_broken_files_end_in_a_message(kind, sources, worker, tmp_path):
    marker = tmp_path / "ran"
    folder = tmp_path / "uploads"
    folder.mkdir()
    for number, one in enumerate(corpus.small(kind, sources[kind].read_bytes(), PER_FORMAT, str(marker))):
        path = folder / f"{number}{one.suffix}"
        path.write_bytes(one.content)
        before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")}
        result = attack.attack(worker, path, sources["png"])
        assert result.outcome != "unclear", (kind, one.what, result.message)
        # What cannot be seen beforehand is contained; a message says so either way.
        assert result.message, (kind, one.what)
        assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")} == before, (kind, one.what)
    assert not marker.exists()


def carriers(sources, marker: Path) -> list[corpus.Broken]:
    """Every file of the corpus that carries code."""
    words = ("pickle", "code", "script", "module", "export", "trap", "made by", "partial", "operator", "method", "os")
    found = [
        one
        for kind in ("skops", "torch-weights", "huggingface-zip", "onnx")
        for one in corpus.broken(kind, sources[kind].read_bytes(), 150, str(marker))
        if any(word in one.what.lower() for word in words) and len(one.content) < 1 << 20
    ]
    assert len(found) > 60
    return found


def test_nothing_runs_even_without_a_child_process(sources, tmp_path):
    """The refusals themselves hold, before any sandbox does."""
    marker = tmp_path / "ran"
    refused: list[str] = []
    for number, one in enumerate(carriers(sources, marker)):
        path = tmp_path / f"{number}{one.suffix}"
        path.write_bytes(one.content)
        for look in (recognise, open_model, open_image_model):
            try:
                look(path)
            except XaiError as error:
                refused.append(str(error))
        assert not marker.exists(), one.what
        path.unlink()
    assert all(refused)
    assert len(refused) > 60


def test_the_traps_are_real(sources, tmp_path):
    """Loaded the way nobody should, the same pickles do run: the corpus is no paper tiger."""
    import pickle

    marker = tmp_path / "ran"
    logging.getLogger(__name__).debug("unpickling our own trap on purpose")
    pickle.loads(pickle.dumps(corpus.Trap(str(marker)), 2))
    assert marker.exists()


@pytest.mark.parametrize("kind", [*corpus.MODELS, *corpus.DATA])
def test_the_corpus_is_the_same_every_time(kind, sources):
    if kind in {"torch-weights", "dicom", "onnx"}:
        content = sources[kind].read_bytes()
        first, second = (corpus.broken(kind, content, 30, "m") for _ in range(2))
        assert [one.what for one in first] == [one.what for one in second]
    assert len({one.what for one in corpus.broken(kind, sources[kind].read_bytes(), 30, "m")}) > 8
