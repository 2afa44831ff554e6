"""What this installation has and how its workers are shut in."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import textwrap
from typing import Any

from .text import table

_LIBRARIES = {
    "the tabular API": (
        "numpy", "pandas", "scipy", "pyarrow", "scikit-learn", "xgboost", "lightgbm", "catboost", "shap", "numba",
        "plotly",
    ),
    "hemicycle[dashboard]": ("streamlit",),
    "hemicycle[formats]": ("skops", "onnx", "onnxruntime", "pydicom", "pillow"),
    "hemicycle[vision], hemicycle[text]": ("torch", "captum", "safetensors", "transformers"),
    "hemicycle[chmcorr]": ("efficientnet-lite-pytorch",),
    "hemicycle[dask]": ("dask", "distributed"),
}  # fmt: skip


def examine() -> dict[str, Any]:
    """Everything the command says, as JSON types."""
    from .. import __version__
    from ..core.provenance import versions
    from ..sandbox.limits import machine_memory
    from ..sandbox.protection import protections

    found = protections()
    disk = shutil.disk_usage(os.environ.get("TMPDIR", "/tmp"))  # noqa: S108 - where workers have their folders
    return {
        "hemicycle": __version__,
        "python": platform.python_version(),
        "platform": found.platform,
        "processors": len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count(),
        "memory_bytes": machine_memory(),
        "temporary_free_bytes": disk.free,
        "libraries": {
            group: {name: versions([name]).get(name) for name in names} for group, names in _LIBRARIES.items()
        },
        "workers": {
            "fork_server": found.fork_server,
            "seccomp": found.seccomp,
            "landlock": found.landlock,
            "limits": found.limits,
            "attempts": found.attempts,
            "complete": found.complete,
            "sentences": list(found.sentences),
        },
    }


def doctor(arguments: argparse.Namespace) -> None:
    """Say what is installed, and let a worker try to get out."""
    found = examine()
    if arguments.json:
        print(json.dumps(found, indent=2))
        return
    from ..sandbox.limits import size_text

    workers = found["workers"]
    facts = [
        ("hemicycle", found["hemicycle"]),
        ("Python", found["python"]),
        ("system", found["platform"]),
        ("processors", str(found["processors"])),
        ("memory", size_text(found["memory_bytes"])),
        ("free for temporary files", size_text(found["temporary_free_bytes"])),
    ]
    print(table([[f"{name}:", value] for name, value in facts]))
    print("\nLibraries:")
    rows = [
        [f"  {name}", version or f"not installed (comes with {group})"]
        for group, names in found["libraries"].items()
        for name, version in names.items()
    ]
    print(table(rows))
    print("\nProtections of workers that open uploads, each tried out just now:")
    layers = [
        ["  system calls filtered (seccomp)", "yes" if workers["seccomp"] else "NO: this kernel or container has none"],
        [
            "  files shut off (Landlock)",
            f"yes, version {workers['landlock']}" if workers["landlock"] else "NO: this kernel or container has none",
        ],
        ["  started by a clean fork server", "yes" if workers["fork_server"] else "no: each starts as a new Python"],
    ]
    print(table(layers))
    print()
    for sentence in workers["sentences"]:
        print(textwrap.fill(sentence, 100, initial_indent="  ", subsequent_indent="    "))
    if not workers["complete"]:
        print("\n  Take files from people you trust only, or run the dashboard in a virtual machine of its own.")


def add(commands: Any, command: Any) -> None:
    """Add the command to a parser's."""
    made = command(
        commands, doctor, "say what is installed and how workers are shut in", ["xai doctor", "xai doctor --json"]
    )
    made.add_argument("--json", action="store_true", help="print everything as JSON")
