"""``xai batch``: explain any number of rows, pictures or prompts into a folder."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from ..core.errors import InputError, unknown_names
from .results import print_summary, say_left_out

LEFT_OUT = 3
"""Exit code of a run that finished, but had to leave out rows or files."""


def batch(arguments: argparse.Namespace) -> int:
    """Explain all rows of tables, pictures of a folder or prompts of JSON lines; started again, it goes on.

    Exit codes: 0; 2 if something lacks or does not fit, the disk is full, or another run writes to the folder; 3 if it
    finished but left out rows or files; 130 when interrupted. After 2 and 130 finished parts are kept.
    """
    from ..batch import run

    show = sys.stderr.isatty() or arguments.progress
    try:
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
    except KeyboardInterrupt:
        print(_stopped(arguments.out), file=sys.stderr)
        raise
    summary = result.summary
    print(f"Wrote {arguments.out}: {summary['rows']:,} rows, methods {', '.join(result.manifest.methods)}.")
    print_summary(result)
    say_left_out(result)
    return LEFT_OUT if summary["skipped"] or summary["failed_rows"] else 0


def _stopped(out: str) -> str:
    """How far a run came that was interrupted."""
    from ..batch.standing import finished_parts

    done, n = finished_parts(out)
    if not n:
        return "xai: stopped before the first part; the same command starts again."
    return f"xai: stopped; {done:,} of {n:,} parts are finished and kept in {out}. The same command goes on."


def _pairs(option: str, given: list[str]) -> dict[str, Any]:
    """``NAME=VALUE`` texts as a dictionary; a value that is JSON is what it says."""
    pairs: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InputError(f"{option} takes NAME=VALUE, not '{text}'.")
        try:
            pairs[name] = json.loads(value)
        except ValueError:
            pairs[name] = value
    return pairs


def _model(name: str) -> Any:
    from ..datasets import demo_models

    if name == "-":
        return None

    prefix, _, demo = name.partition("demo:")
    if prefix or not demo:
        return name
    if demo not in demo_models():
        raise InputError(unknown_names("demo model", [demo], demo_models()))
    return demo_models()[demo].path


def _options(arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    from ..batch.methods import explaining

    methods = arguments.method or ("shap", "dhondt")
    options: dict[str, dict[str, Any]] = {}
    if "dhondt" in methods:
        options["dhondt"] = {"seats": arguments.seats, "rule": arguments.rule}
    if arguments.background is not None:
        options |= {method: {"background": arguments.background} for method in explaining(methods)}
    for name, value in _pairs("--option", arguments.option).items():
        method, dot, option = name.partition(".")
        if not dot:
            raise InputError(f"--option takes METHOD.NAME=VALUE, e.g. craft.bank=concepts.npz, not '{name}=...'.")
        options.setdefault(method, {})[option] = value
    return options
