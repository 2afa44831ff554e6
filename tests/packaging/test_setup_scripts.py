"""./run, ./test and scripts/setup.sh with stand-ins for Python, uv, apt-get and the dashboard."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ("run", "test", "scripts/setup.sh", ".ci/run")
SH = shutil.which("sh")
#: Programs of the system that the scripts may use; nothing else is on their PATH.
SYSTEM = ("cat", "cmp", "cp", "dirname", "id", "mkdir", "rm", "sed", "sort", "tr")


class Machine:
    """A folder with a copy of the scripts, and a PATH that holds only what a test puts there."""

    def __init__(self, folder):
        self.folder = folder / "checkout"
        self.path = folder / "bin"
        self.log = folder / "log"
        self.path.mkdir()
        for name in ("run", "test", "scripts/setup.sh"):
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.folder / name)
        (self.folder / "pyproject.toml").write_text("first")
        for name in SYSTEM:
            (self.path / name).symlink_to(shutil.which(name))

    def program(self, name, body, place=None):
        """A program on the PATH, or at ``place``; writes its name and arguments into the log."""
        path = self.path / name if place is None else self.folder / place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(f"#!{SH}\necho {name} \"$@\" >> '{self.log}'\n{body}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def python(self, name, major, minor):
        """A Python that is another version than the one we have."""
        code = f"import sys; sys.version_info = ({major}, {minor}, 0, 'final', 0); exec(sys.argv[1])"
        self.program(name, f'[ "$1" = -c ] && exec \'{sys.executable}\' -c "{code}" "$2"')

    def installed(self):
        """An environment as ./run leaves it, of stand-ins."""
        self.program("uv", "", ".venv/bin")
        self.program("xai", "", ".venv/bin")
        self.program("python", "", ".venv/bin")

    def installs(self):
        """What uv was asked to install, without the options that are the same each time."""
        lines = [line for line in self.calls() if line.startswith("uv ")]
        assert all(line.startswith("uv pip install ") for line in lines)
        return [line.partition(" --override .venv/overrides.txt ")[2] for line in lines]

    def calls(self):
        return self.log.read_text().splitlines() if self.log.exists() else []

    def sh(self, code, **environment):
        """Run lines after sourcing the set-up, as ./run and ./test do."""
        return self.start("-euc", f". scripts/setup.sh\n{code}", **environment)

    def start(self, *arguments, **environment):
        return subprocess.run(
            [SH, *arguments],
            cwd=self.folder,
            env={"PATH": str(self.path), "HOME": str(self.folder)} | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


@pytest.mark.parametrize("script", SCRIPTS)
def test_syntax(script):
    done = subprocess.run([SH, "-n", ROOT / script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("script", ["run", "test", ".ci/run"])
def test_commands_can_be_executed(script):
    assert os.access(ROOT / script, os.X_OK)


class TestFindPython:
    def test_takes_the_first_that_is_new_enough(self, machine):
        machine.python("python3", 3, 10)
        machine.python("python3.12", 3, 12)
        machine.python("python3.11", 3, 11)
        done = machine.sh("find_python")
        assert (done.returncode, done.stdout, done.stderr) == (0, "python3.12\n", "")

    def test_takes_a_named_one_first(self, machine):
        machine.python("python3", 3, 12)
        machine.python("mine", 3, 11)
        assert machine.sh("find_python", PYTHON="mine").stdout == "mine\n"

    @pytest.mark.parametrize("version", [(2, 7), (3, 10)])
    def test_refuses_old_ones(self, machine, version):
        machine.python("python3", *version)
        done = machine.sh("find_python\necho still here")
        assert (done.returncode, done.stdout) == (1, "")
        assert "Python 3.11 or newer is needed" in done.stderr
        assert "PYTHON=/path/to/python" in done.stderr

    def test_make_venv_stops_where_there_is_none(self, machine):
        done = machine.sh("make_venv .venv\necho still here")
        assert (done.returncode, done.stdout) == (1, "")
        assert not (machine.folder / ".venv").exists()


class TestNeedPackage:
    LINE = "apt-get update && apt-get install -y chromium"

    def test_prints_the_exact_line_and_stops(self, machine):
        machine.program("apt-get", "")
        done = machine.sh("need_package chromium 'No browser'\necho still here", MAY_APT="no")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"No browser. Run:  sudo sh -c '{self.LINE}'  and try again.\n"
        assert machine.calls() == []

    def test_root_installs_it_where_asked_to(self, machine):
        machine.program("apt-get", "")
        machine.program("id", "echo 0")
        done = machine.sh("need_package chromium 'No browser'\necho still here", MAY_APT="yes")
        assert (done.returncode, done.stdout) == (0, "still here\n")
        assert done.stderr == f"No browser: running  {self.LINE}\n"
        assert machine.calls() == ["id -u", "apt-get update -qq", "apt-get install -y -qq chromium"]

    def test_others_do_not_even_where_asked_to(self, machine):
        machine.program("apt-get", "")
        machine.program("id", "echo 1000")
        done = machine.sh("need_package chromium 'No browser'", MAY_APT="yes")
        assert done.returncode == 1
        assert self.LINE in done.stderr
        assert machine.calls() == ["id -u"]

    def test_without_the_venv_module_the_line_names_this_pythons(self, machine):
        machine.program("python3", 'case "$2" in *ensurepip*) exit 1 ;; *print*) echo 3.12 ;; esac')
        done = machine.sh("make_venv .venv")
        assert done.returncode == 1
        assert "apt-get install -y python3.12-venv" in done.stderr


class TestOnce:
    def test_runs_once_for_one_pyproject(self, machine):
        machine.program("work", "")
        twice = "once .venv job work hard\nonce .venv job work hard"
        (machine.folder / ".venv").mkdir()
        assert machine.sh(twice).returncode == 0
        assert machine.calls() == ["work hard"]
        (machine.folder / "pyproject.toml").write_text("second")
        assert machine.sh(twice).returncode == 0
        assert machine.calls() == ["work hard", "work hard"]

    def test_jobs_have_stamps_of_their_own(self, machine):
        machine.program("work", "")
        (machine.folder / ".venv").mkdir()
        machine.sh("once .venv one work 1\nonce .venv two work 2")
        assert machine.calls() == ["work 1", "work 2"]

    def test_what_failed_runs_again(self, machine):
        machine.program("work", "exit 3")
        (machine.folder / ".venv").mkdir()
        assert machine.sh("once .venv job work\necho still here").returncode == 3
        assert machine.sh("once .venv job work").returncode == 3
        assert machine.calls() == ["work", "work"]


class TestTorch:
    def test_folders_of_wheels_that_pip_knows_are_handed_on(self, machine):
        machine.installed()
        (machine.folder / "wheels").mkdir()
        machine.program("python", "echo \"global.find-links='wheels'\"; echo \"x.find-links='gone'\"", ".venv/bin")
        assert machine.sh("torch_install .venv torch").returncode == 0
        assert machine.installs() == ["--find-links wheels torch"]

    def test_the_cpu_index_comes_first(self, machine):
        machine.installed()
        assert machine.sh("torch_install .venv torch").returncode == 0
        assert machine.installs() == ["--torch-backend cpu torch"]

    def test_without_it_the_ordinary_index_must_do(self, machine):
        machine.installed()
        machine.program("uv", 'case "$*" in *torch-backend*) exit 1 ;; esac', ".venv/bin")
        done = machine.sh("torch_install .venv torch")
        assert done.returncode == 0
        assert "taking torch from PyPI" in done.stderr
        assert machine.installs() == ["--torch-backend cpu torch", "torch"]


class TestRun:
    def test_installs_once_and_hands_its_options_on(self, machine):
        machine.installed()
        for _ in range(2):
            assert machine.start("run", "--port", "9000").returncode == 0
        assert machine.installs() == ["--torch-backend cpu -e .[all]"]
        assert [call for call in machine.calls() if call.startswith("xai")] == ["xai dashboard --port 9000"] * 2
        assert "nvidia-nccl-cu12" in (machine.folder / ".venv" / "overrides.txt").read_text()

    def test_the_environment_of_the_tests_is_enough(self, machine):
        machine.installed()
        shutil.copy(machine.folder / "pyproject.toml", machine.folder / ".venv" / ".installed-test")
        assert machine.start("run").returncode == 0
        assert machine.calls() == ["xai dashboard"]

    def test_an_install_that_fails_starts_nothing(self, machine):
        machine.installed()
        machine.program("uv", "exit 4", ".venv/bin")
        assert machine.start("run").returncode == 4
        assert machine.installs() == ["--torch-backend cpu -e .[all]", "-e .[all]"]
        assert not any(call.startswith("xai") for call in machine.calls())


class TestTest:
    def test_missing_browser_is_one_line_with_the_package(self, machine):
        machine.installed()
        machine.program("id", "echo 1000")
        done = machine.start("test")
        assert done.returncode == 1
        assert done.stderr.endswith(
            "Chromium, which the browser tests drive, is missing. "
            "Run:  sudo sh -c 'apt-get update && apt-get install -y chromium'  and try again.\n"
        )

    def test_arguments_go_to_pytest_with_the_browser_in_the_environment(self, machine):
        machine.installed()
        machine.program("chromium", "")
        machine.program("python", f"echo $CHROMIUM $OMP_NUM_THREADS >> '{machine.log}'", ".venv/bin")
        assert machine.start("test", "-k", "seats").returncode == 0
        on_all_cores = "-n logical --maxprocesses 4 --dist loadfile"
        called = [f"python -m pytest -q {on_all_cores} -k seats", f"{machine.path / 'chromium'} 1"]
        assert machine.calls()[-2:] == called

    def test_all_stops_at_the_first_failure(self, machine):
        machine.installed()
        machine.program("chromium", "")
        machine.program("pre-commit", "exit 1", ".venv/bin")
        assert machine.start("test", "--all").returncode == 1
        assert machine.calls()[-1] == "pre-commit run --all-files"
        assert not (machine.folder / ".venv-lowest").exists()


def test_no_file_names_a_machine_or_a_registry():
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    places = ("/work/", "/opt/", "/root/", "/home/", "pypi.org/simple", "pythonhosted.org", "download.pytorch.org")
    found = []
    for name in filter(None, listed.decode().split("\0")):
        path = ROOT / name
        if path == Path(__file__) or not path.is_file():
            continue
        text = path.read_bytes()
        found += [f"{name}: {place}" for place in places if place.encode() in text]
    assert found == []
