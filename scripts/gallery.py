"""Screenshots of every page for docs/guide/gallery.md: the browser tests' own pictures, made small.

``.venv/bin/python scripts/gallery.py`` starts a dashboard, looks at each page as the browser tests do, and writes WebP
files of at most 3 MB in all into docs/img/gallery. Needs Chromium in CHROMIUM or on the PATH, and Pillow.
"""

from __future__ import annotations

import importlib.util
import io
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "img" / "gallery"
PAGE = ROOT / "docs" / "guide" / "gallery.md"
LARGEST = 3_000_000
_WIDTH = 1000
_HIGHEST = 2600


def browser_tests() -> Any:
    """What the browser tests share."""
    spec = importlib.util.spec_from_file_location("browser_tests", ROOT / "tests" / "browser" / "conftest.py")
    if spec is None or spec.loader is None:
        sys.exit("tests/browser/conftest.py is missing.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def small(png: bytes) -> bytes:
    """A screenshot as WebP of :data:`_WIDTH` pixels."""
    from PIL import Image

    image = Image.open(io.BytesIO(png)).convert("RGB")
    image = image.crop((0, 0, image.width, min(image.height, _HIGHEST)))
    image = image.resize((_WIDTH, round(image.height * _WIDTH / image.width)), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    image.save(stream, "WEBP", quality=72, method=6)
    return stream.getvalue()


def main() -> None:
    """Look at every page and write pictures and the page that shows them."""
    from playwright.sync_api import sync_playwright

    tests = browser_tests()
    pages = re.findall(r'st\.Page\("pages/(\w+)\.py", title="([^"]+)"', (ROOT / "app.py").read_text(encoding="utf-8"))
    FOLDER.mkdir(parents=True, exist_ok=True)
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = tests.Server(Path(folder) / "log.txt")
        try:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            context = browser.new_context(viewport={"width": 1400, "height": 1000})
            context.set_default_timeout(180_000)
            for name, _ in pages:
                tab = tests.Visit(context, server).open("/" if name == pages[0][0] else f"/{name}")
                full = tab.page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
                tab.page.set_viewport_size({"width": 1400, "height": max(1000, min(full + 20, _HIGHEST))})
                tab.settle()
                (FOLDER / f"{name}.webp").write_bytes(small(tab.page.screenshot()))
                tab.page.close()
                print(name)
        finally:
            server.stop()
    size = sum(path.stat().st_size for path in FOLDER.glob("*.webp"))
    if size > LARGEST:
        sys.exit(f"the pictures have {size / 1e6:.1f} MB, more than {LARGEST / 1e6:.0f}.")
    shown = "\n\n".join(f"## {title}\n\n![The page {title}](../img/gallery/{name}.webp)" for name, title in pages)
    PAGE.write_text(
        f"# Gallery\n\nEvery page as it opens, on bundled data. Made by `make gallery`.\n\n{shown}\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
