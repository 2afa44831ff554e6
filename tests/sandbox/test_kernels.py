"""Compiled code: used by workers that may not add to it, and made by one that opens nothing of anybody's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from xai.core.errors import XaiError
from xai.sandbox import kernels

SCRIPT = """
import os, sys
sys.path.insert(0, os.environ["PLACE"])
import numba
with numba.core.event.install_recorder("numba:compile") as seen:
    import small
    assert small.double(3) == 6
    if len(sys.argv) > 1:
        assert small.double(1.5) == 3.0   # types nobody has compiled for
print(len(seen.buffer))
"""


@pytest.mark.slow
def test_code_that_is_kept_is_used_where_nothing_can_be_written(tmp_path):
    """As another user's folder, the folder is read only; root writes anywhere, so its power is dropped first."""
    (tmp_path / "small.py").write_text(
        "from xai.shapley.trees.compiled import compiled\n\n@compiled\ndef double(x):\n    return x + x\n"
    )
    cache = tmp_path / "__pycache__"
    environment = {**os.environ, "PLACE": str(tmp_path), "HOME": str(tmp_path / "nowhere" / "home")}
    environment.pop("NUMBA_CACHE_DIR", None)

    def run(*arguments, confined=False):
        inside = (
            "from xai.sandbox.confine import confine; from xai.sandbox.profile import strict; "
            f"confine(strict(), {os.devnull!r}, ({str(tmp_path)!r},))\n"
        )
        program = (inside if confined else "") + SCRIPT
        command = [sys.executable, "-c", program, *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, cwd=Path.cwd(), check=False)

    first = run()
    assert first.returncode == 0, first.stderr
    assert int(first.stdout) > 0
    kept = sorted(cache.glob("*.nb?"))
    assert kept
    again = run(confined=True)
    assert again.returncode == 0, again.stderr
    assert int(again.stdout) == 0  # nothing was compiled
    more = run("other types", confined=True)
    assert more.returncode == 0, more.stderr
    assert int(more.stdout) > 0
    assert sorted(cache.glob("*.nb?")) == kept


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(kernels, "_FOLDER", tmp_path / "__pycache__")
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    (tmp_path / "__pycache__").mkdir()
    return tmp_path / "__pycache__"


def test_nothing_is_done_where_code_is_or_cannot_be(place, monkeypatch):
    asked = []
    monkeypatch.setattr(kernels, "_compile", lambda: asked.append(1))
    kernels.compile_in_background().join(10)
    assert asked == [1]
    (place / "kernel.accumulate-40.py311.nbi").write_bytes(b"")
    assert kernels.are_compiled()
    assert kernels.compile_in_background() is None
    (place / "kernel.accumulate-40.py311.nbi").unlink()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(place.parent / "elsewhere" / "numba"))
    assert not kernels.are_compiled()
    kernels.compile_in_background().join(10)
    assert asked == [1, 1]
    elsewhere = place.parent / "elsewhere" / "numba" / "trees_0"
    elsewhere.mkdir(parents=True)
    (elsewhere / "kernel.accumulate-40.py311.nbi").write_bytes(b"")
    assert kernels.compile_in_background() is None
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setattr(kernels.os, "access", lambda *_: False)
    assert kernels.compile_in_background() is None
    monkeypatch.undo()


def test_a_failure_to_compile_is_nobodys_error(place, monkeypatch):
    class Failing:
        def __init__(self, *_):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def call(self, task):
            raise XaiError(task)

    monkeypatch.setattr("xai.sandbox.client.Worker", Failing)
    kernels.compile_in_background().join(10)
    assert not kernels.are_compiled()
