"""What the page of benchmarks says of the machine."""

from __future__ import annotations

import platform

from benchmarks import suite


def test_a_host_s_own_name_of_its_kernel_is_left_out(monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "release", lambda: "6.18.44-fc-v782")
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.36"))
    assert suite.machine()["system"] == suite.system() == "Linux 6.18, glibc 2.36"
    assert "Linux 6.18, glibc 2.36;" in suite.render({"machine": suite.machine()})


def test_systems_without_a_known_c_library(monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "release", lambda: "23.1.0")
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert suite.system() == "Darwin 23.1"
