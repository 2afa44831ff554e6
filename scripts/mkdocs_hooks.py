"""What the site is made of besides what mkdocs.yml lists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

_OUTSIDE = re.compile(r"\]\((?:\.\./)+((?:benchmarks|sample_data|xai|tests|pages)/[^)#\s]*)\)")


def on_config(config: Any) -> Any:
    """Every page of docs/methods stands in the navigation, by the names of the files."""
    folder = Path(config["docs_dir"])
    pages = sorted(path.relative_to(folder).as_posix() for path in (folder / "methods").glob("*.md"))
    for entry in config["nav"]:
        if "Methods" in entry:
            entry["Methods"] = pages
    return config


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links to files of the repository that are not part of the site become their names."""
    return _OUTSIDE.sub(r"] (`\1`)", markdown)
