"""Every page of the installed wheel, in an empty folder: drawn, quiet, asking nobody else, and fit for axe."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path
from types import SimpleNamespace

import pytest

from ..packaging import test_wheel as packaging
from .conftest import Visit
from .test_accessibility import EVERY, address, findings

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(1800)]
wheel = packaging.wheel  # the fixture that builds it


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Address of a dashboard that runs from the wheel with all extras, and the empty folder it was started in.

    The extras are those of this environment: its packages stand behind the wheel's own on the path; the checkout does
    not.
    """
    home = tmp_path_factory.mktemp("wheel")
    python = home / "env" / "bin" / "python"
    packaging.call(sys.executable, "-m", "venv", home / "env")
    packaging.call(python, "-m", "pip", "install", "-q", "--no-deps", "--no-index", wheel)
    place = Path(packaging.call(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    (place / "extras.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    there = packaging.call(python, "-c", "import xai; print(xai.__file__)", cwd=home, env=packaging.clean_environment())
    assert there.startswith(str(home))
    folder = tmp_path_factory.mktemp("empty")
    with packaging.serving(python, folder, home / "server.log") as url:
        yield url, folder, home / "server.log"


def test_every_page_of_the_wheel(installed, browser):
    url, folder, log = installed
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(120_000)
    wrong = {}
    for page in EVERY:
        tab = Visit(context, SimpleNamespace(url=url))
        tab.open(address(page))
        found = {
            "axe": findings(tab.page),
            "console": tab.errors,
            "other hosts": tab.foreign,
            "errors shown": tab.page.locator("[data-testid=stAlertContentError]").all_text_contents(),
        }
        wrong |= {page: {kind: what for kind, what in found.items() if what}} if any(found.values()) else {}
        tab.page.close()
    context.close()
    assert wrong == {}
    assert list(folder.iterdir()) == []
    assert "Traceback" not in log.read_text(encoding="utf-8", errors="replace")
