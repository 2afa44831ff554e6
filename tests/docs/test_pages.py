"""Documentation that runs: every block of code, every command, every link."""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_SPEC = importlib.util.spec_from_file_location("documentation_pages", ROOT / "scripts" / "pages.py")
pages = sys.modules[_SPEC.name] = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(pages)

PAGES = sorted([ROOT / "README.md", ROOT / "benchmarks" / "README.md", *(ROOT / "docs").rglob("*.md")])
NAMES = {path.relative_to(ROOT).as_posix(): path for path in PAGES}
#: Read by many, run by the default suite; the others take longer and run with the slow tests.
QUICK = ("README.md", "docs/start.md", "docs/contributing/method.md", "docs/contributing/model_format.md")
WITH_CODE = [name for name, path in NAMES.items() if "```python" in path.read_text(encoding="utf-8")]
#: Commands that are no business of ours, and are not run here.
FOREIGN = ("pip", "docker", "sudo", "git", "kubectl", "sbatch", "export", "dask", "helm", "llama-server", "curl")
needs = {
    "torch": ("craft", "concepts", "evidence", "reagent", "chmcorr", "editing"),
    "transformers": ("evidence", "reagent"),
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in WITH_CODE]
)
def test_code_runs_and_prints_what_the_page_says(name):
    for library, words in needs.items():
        if any(word in name for word in words):
            pytest.importorskip(library)
    for block, printed in pages.run(NAMES[name]):
        if block.output is not None:
            assert printed == block.output.rstrip(), f"{name}, line {block.line}"


def commands():
    """Every line of a shell block, continued lines joined: page, line."""
    for name, path in NAMES.items():
        for block in pages.blocks(path.read_text(encoding="utf-8")):
            if block.language in ("sh", "bash", "shell"):
                for line in block.code.replace("\\\n", " ").splitlines():
                    if line.strip() and not line.lstrip().startswith("#"):
                        yield name, line.strip()


@pytest.mark.parametrize(("name", "line"), list(dict.fromkeys(commands())))
def test_commands_are_those_there_are(name, line):
    words = shlex.split(re.split(r"\s[|>&]", line)[0], comments=True)
    while words and re.fullmatch(r"\w+=.*", words[0]):
        words = words[1:]  # an environment variable before the command
    program, *arguments = words
    if program in FOREIGN:
        return
    if Path(program).name == "xai":
        from xai.cli.parser import build_parser

        build_parser().parse_args(arguments)  # a wrong option ends the test
    elif program == "./run":
        from xai.cli.parser import build_parser

        build_parser().parse_args(["dashboard", *arguments])
    elif program == "./test":
        assert (ROOT / "test").is_file()
    elif program == "make":
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        assert set(arguments) <= set(targets)
    elif Path(program).name.startswith("python") or program.endswith("mkdocs"):
        scripts = [word for word in arguments if word.endswith(".py")]
        assert all((ROOT / script).is_file() for script in scripts), line
    else:
        pytest.fail(f"{name} names a command nobody knows: {line}")


def anchors(path):
    """Anchors of the headings of a page, as the site makes them."""
    headings = re.findall(r"^#{1,6} (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {
        re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", heading.replace("`", "")).strip().lower())
        for heading in headings
    }


@pytest.mark.parametrize("name", NAMES)
def test_links_inside_lead_somewhere(name):
    path = NAMES[name]
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.exists(), f"{name} links to {target}"
        if anchor and there.suffix == ".md":
            assert anchor in anchors(there), f"{name} links to {target}"


def test_every_method_and_every_path_has_its_page():
    config = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert sorted(re.findall(r"notebooks/(\w+)\.md", config)) == sorted(
        p.stem for p in (ROOT / "docs/notebooks").glob("*.md")
    )
    for page in (ROOT / "docs" / "methods").glob("*.md"):
        text = page.read_text(encoding="utf-8").lower()
        assert "mislead" in text, f"{page.name} does not say where the method misleads"
