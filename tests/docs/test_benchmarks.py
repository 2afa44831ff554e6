"""What the page of benchmarks says of the machine."""

from __future__ import annotations

import importlib.util
import platform
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def suite():
    """The program by its place: installed packages are called `benchmarks`, too."""
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "suite.py"
    spec = importlib.util.spec_from_file_location("suite_of_benchmarks", path)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_a_host_s_own_name_of_its_kernel_is_left_out(suite, monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "release", lambda: "6.18.44-fc-v782")
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.36"))
    assert suite.machine()["system"] == suite.system() == "Linux 6.18, glibc 2.36"
    assert "Linux 6.18, glibc 2.36;" in suite.render({"machine": suite.machine()})


def test_systems_without_a_known_c_library(suite, monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "release", lambda: "23.1.0")
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert suite.system() == "Darwin 23.1"
