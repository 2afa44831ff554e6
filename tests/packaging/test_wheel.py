"""The wheel: what it carries, and that it works in an empty environment and an empty folder."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: What is beside the package in a checkout and inside it in a wheel.
BUNDLE = ("app.py", "pages", "sample_data", ".streamlit")
LARGEST = 14 * 2**20  # half of it the two demo language models

BASE = """
import json
from importlib.util import find_spec

import numpy as np
import xai

answers = {"there": [name for name in ("torch", "streamlit", "transformers") if find_spec(name)], "file": xai.__file__}
X = xai.load_dataset("breast_cancer_mean").X
for isolated in (True, False):
    model = xai.load_model(xai.datasets.demo_models()["breast_cancer_mean-catboost"].path, isolated=isolated)
    a = xai.explain(model, X)
    parliament = xai.elect(a, seats=600)
    answers["isolated" if isolated else "here"] = {
        "shape": a.values.shape,
        "gap": float(np.abs(a.additivity_gap).max() / np.abs(a.outputs).max()),
        "seats": parliament.seats,
    }
print(json.dumps(answers))
"""


def uv():
    """The uv that ./test brought along, or another one."""
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.exists() else shutil.which("uv")


def call(*command, **options):
    """Output of a command; what it said is in the failure if it fails."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)
    if done.returncode:
        pytest.fail(f"{' '.join(map(str, command))}\nended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def clean_environment():
    """This environment without what would lead an installed package back to the checkout."""
    leads = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "HEMICYCLE_MODEL", "HEMICYCLE_DATA", "HEMICYCLE_TARGET")
    return {name: value for name, value in os.environ.items() if name not in leads}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Wheel of the checkout; with uv it is built from the source archive, as an installer without a wheel would."""
    out = tmp_path_factory.mktemp("dist")
    # An environment without hatchling (the lowest versions) lets the builder fetch it, as an installer does.
    here = importlib.util.find_spec("hatchling") is not None
    if uv():
        call(
            uv(), "build", "-q", "--python", sys.executable, *(["--no-build-isolation"] * here), "--out-dir", out, ROOT
        )
    else:
        pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", *(["--no-build-isolation"] * here)]
        call(*pip, "--wheel-dir", out, ROOT)
    (found,) = out.glob("*.whl")
    return found


def in_checkout():
    """Files of the checkout that the wheel must carry, under their names in the wheel."""
    files = {path.relative_to(ROOT).as_posix(): path for path in (ROOT / "xai").rglob("*") if path.is_file()}
    for name in BUNDLE:
        place = ROOT / name
        for path in [place] if place.is_file() else place.rglob("*"):
            if path.is_file():
                files[f"xai/_bundle/{path.relative_to(ROOT).as_posix()}"] = path
    return {name: path for name, path in files.items() if "__pycache__" not in name}


def test_wheel_carries_the_package_and_its_bundle_byte_for_byte(wheel):
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
        expected = in_checkout()
        assert inside == set(expected)
        assert {"xai/py.typed", "xai/dashboard/logo.svg", "xai/_bundle/app.py"} <= inside
        assert "xai/_bundle/.streamlit/config.toml" in inside
        assert [name for name, path in expected.items() if archive.read(name) != path.read_bytes()] == []


def test_wheel_carries_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        paths = [PurePosixPath(name) for name in archive.namelist()]
    tops = {path.parts[0] for path in paths}
    assert len(tops) == 2
    assert "xai" in tops
    suffixes = {".py", ".typed", ".svg", ".toml", ".md", ".csv", ".json", ".ubj", ".cbm", ".txt", ""}
    suffixes |= {".npz", ".jpg", ".png", ".html", ".css", ".js", ".safetensors"}
    assert {path.suffix for path in paths} <= suffixes
    assert [str(path) for path in paths if {"tests", "benchmarks", "__pycache__"} & set(path.parts)] == []


def test_wheel_is_small_and_says_what_it_needs(wheel):
    assert wheel.stat().st_size < LARGEST
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("/METADATA")]
        metadata = archive.read(name).decode().partition("\n\n")[0].splitlines()
    needed = [line.removeprefix("Requires-Dist: ") for line in metadata if line.startswith("Requires-Dist: ")]
    base = [line for line in needed if "extra ==" not in line]
    assert {line for line in base if line.startswith(("torch", "streamlit", "transformers"))} == set()
    assert all(">=" in line and "<" in line for line in base)
    extras = {line.removeprefix("Provides-Extra: ") for line in metadata if line.startswith("Provides-Extra: ")}
    assert extras == {"formats", "dashboard", "vision", "text", "chmcorr", "dask", "all"}
    assert "License-Expression: Apache-2.0" in metadata


def environment(folder, requirement):
    """Python of a fresh environment that holds a requirement and nothing else."""
    overrides = folder / "overrides.txt"
    overrides.write_text("nvidia-nccl-cu12 ; sys_platform == 'never'\n")  # 470 MB for GPUs that nothing here uses
    python = folder / "env" / "bin" / "python"
    if uv():
        call(uv(), "venv", "-q", "--python", sys.executable, folder / "env")
        call(uv(), "pip", "install", "-q", "--python", python, "--override", overrides, requirement)
    else:
        call(sys.executable, "-m", "venv", folder / "env")
        call(python, "-m", "pip", "install", "-q", requirement)
    return python


@pytest.fixture(scope="module")
def base(wheel, tmp_path_factory):
    """Python with the wheel and no extras."""
    return environment(tmp_path_factory.mktemp("base"), f"hemicycle @ {wheel.as_uri()}")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_base_install_explains_and_elects_in_an_empty_folder(base, tmp_path):
    answers = json.loads(call(base, "-c", BASE, cwd=tmp_path, env=clean_environment()))
    assert answers["there"] == []
    assert Path(answers["file"]).is_relative_to(base.parents[1])
    for answer in (answers["isolated"], answers["here"]):
        assert answer["shape"] == [569, 10, 1]
        assert answer["gap"] < 1e-5
        assert sum(answer["seats"].values()) == 600
    assert answers["isolated"] == answers["here"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_dashboard_without_its_extra_is_one_line_that_names_it(base, tmp_path):
    command = [base.with_name("xai"), "dashboard", "--no-browser"]
    done = subprocess.run(
        command, cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "hemicycle[dashboard]" in line
    assert "streamlit" in line


@contextmanager
def serving(python, folder, log):
    """Address of a dashboard that this Python serves from a folder; it ends with the block."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    command = [python.with_name("xai"), "dashboard", "--no-browser", "--port", str(port)]
    with log.open("w") as sink:
        server = subprocess.Popen(
            command, cwd=folder, env=clean_environment(), stdout=sink, stderr=sink, start_new_session=True
        )
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 240  # the first start compiles every module
        while True:
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the dashboard did not start: {log.read_text()[-3000:]}")
            try:
                with urllib.request.urlopen(f"{url}/_stcore/health", timeout=10) as answer:
                    assert answer.status == 200
                    break
            except OSError:
                time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(20)


@pytest.fixture(scope="module")
def dashboard(wheel, tmp_path_factory):
    """Address of a dashboard that runs from an installed wheel in an empty folder, and that folder."""
    python = environment(tmp_path_factory.mktemp("dashboard"), f"hemicycle[dashboard] @ {wheel.as_uri()}")
    folder = tmp_path_factory.mktemp("empty")
    with serving(python, folder, python.parents[2] / "server.log") as url:
        yield url, folder


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.timeout(900)
def test_installed_dashboard_draws_the_parliament_in_an_empty_folder(dashboard, browser):
    url, folder = dashboard
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    foreign = []
    page.on("request", lambda r: None if r.url.startswith((url, "data:", "blob:")) else foreign.append(r.url))
    page.goto(f"{url}/parliament")
    page.locator(".js-plotly-plot .legendtext", has_text=" — ").first.wait_for(timeout=120_000)
    legend = page.locator(".js-plotly-plot .legendtext").all_text_contents()
    context.close()
    seats = [int(text.rsplit(" — ", 1)[1].split()[0]) for text in legend if " — " in text]
    assert sum(seats) == 100
    assert foreign == []
    assert list(folder.iterdir()) == []
