"""Code blocks of the documentation: run in order, a page in one namespace, and their outputs.

``python scripts/pages.py docs/notebooks/*.md`` runs pages and writes what each block printed into the ``text`` block
that stands right after it. The tests run the same blocks and compare.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One block of code.

    Attributes
    ----------
    language, code
        What stands behind the opening fence, and the lines between the fences.
    output
        What the page says it prints; ``None`` where the page says nothing.
    line
        Line of the page on which the code begins.
    end
        Position in the page behind the closing fence of the code.
    """

    language: str
    code: str
    output: str | None
    line: int
    end: int


def blocks(text: str) -> list[Block]:
    """All blocks of a page that name their language, outputs aside."""
    found = []
    for match in _BLOCK.finditer(text):
        line = text.count("\n", 0, match.start()) + 2
        found.append(Block(match[1], match[2], match[3], line, match.end(2) + 3))
    return [block for block in found if block.language != "text"]


@contextlib.contextmanager
def _elsewhere() -> Iterator[None]:
    """An empty folder as working directory: pages may write files."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def run(page: Path) -> list[tuple[Block, str]]:
    """Run the Python blocks of a page, top to bottom, from nothing; each with what it printed."""
    import plotly.io

    # `figure.show()` would open a browser.
    plotly.io.renderers.default = "json"
    namespace: dict[str, object] = {"__name__": "__page__"}
    results = []
    found = blocks(page.read_text(encoding="utf-8"))
    with _elsewhere():
        for block in found:
            if block.language != "python":
                continue
            # Lines before the block, so that a traceback names the page's own line.
            code = compile("\n" * (block.line - 1) + block.code, str(page), "exec")
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(code, namespace)  # noqa: S102 - the documentation's own code
            results.append((block, "\n".join(line.rstrip() for line in printed.getvalue().rstrip().split("\n"))))
    return results


def fill(page: Path) -> None:
    """Write what each block printed below it."""
    text = page.read_text(encoding="utf-8")
    for block, printed in reversed(run(page)):
        rest = text[block.end :]
        if block.output is not None:
            rest = re.sub(r"\A\n\n```text\n.*?^```$", "", rest, count=1, flags=re.MULTILINE | re.DOTALL)
        text = text[: block.end] + (f"\n\n```text\n{printed}\n```" if printed else "") + rest
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        fill(Path(name))
