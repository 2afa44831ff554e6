"""``xai batch``: explain any number of rows into a folder."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from ..core.errors import InputError, unknown_names
from .text import table

LEFT_OUT = 3
"""Exit code of a run that finished, but had to leave out rows or files."""


def batch(arguments: argparse.Namespace) -> int:
    """Explain all rows of a Parquet file, a folder of them, or a CSV file; started again, it goes on where it was."""
    from ..batch import run

    show = sys.stderr.isatty() or arguments.progress
    result = run(
        _model(arguments.model),
        arguments.data,
        arguments.out,
        arguments.method or ("shap", "dhondt"),
        engine=arguments.engine,
        workers=arguments.workers,
        scheduler=arguments.scheduler,
        options=_options(arguments),
        output=arguments.output,
        key=arguments.key,
        keep=arguments.keep,
        bad_files="skip" if arguments.skip_bad_files else "stop",
        progress=(lambda done: print(done, file=sys.stderr)) if show else None,
    )
    summary = result.summary
    print(f"Wrote {arguments.out}: {summary['rows']:,} rows, methods {', '.join(result.manifest.methods)}.")
    for method, entry in summary["methods"].items():
        for output, content in entry.get("outputs", {}).items():
            _print_votes(method, output, content)
    for entry in summary["skipped"]:
        print(f"Left out {entry['file']}: {entry['reason']}", file=sys.stderr)
    if summary["failed_rows"]:
        print(f"{summary['failed_rows']:,} rows failed; the column 'error' says why.", file=sys.stderr)
    return LEFT_OUT if summary["skipped"] or summary["failed_rows"] else 0


def _print_votes(method: str, output: str, content: dict[str, Any]) -> None:
    print(f"\n{method}, output '{output}': mean size of the effects, and seats with their 95 % interval")
    top = sorted(content["votes"], key=content["votes"].get, reverse=True)[:10]
    rows = []
    for unit in top:
        seats, low, high = content["seats"].get(unit, (0, 0, 0))
        vote, error = content["votes"][unit], content["standard_error"][unit]
        rows.append([f"  {unit}", f"{vote:.4g}", f"± {error:.2g}", str(seats), f"{low} to {high}"])
    print(table(rows, right=(1, 2, 3)))


def _model(name: str) -> Any:
    from ..datasets import demo_models

    prefix, _, demo = name.partition("demo:")
    if prefix or not demo:
        return name
    if demo not in demo_models():
        raise InputError(unknown_names("demo model", [demo], demo_models()))
    return demo_models()[demo].path


def _options(arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    methods = arguments.method or ("shap", "dhondt")
    options: dict[str, dict[str, Any]] = {}
    if "dhondt" in methods:
        options["dhondt"] = {"seats": arguments.seats, "rule": arguments.rule}
    if arguments.background is not None:
        for method in methods:
            if method not in {"dhondt", "native"}:
                options[method] = {"background": arguments.background}
    return options
