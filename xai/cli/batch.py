"""``xai batch``: explain any number of rows, pictures or prompts into a folder; ``xai results`` reads it back."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError, unknown_names
from .text import attribution_writers, table, write

if TYPE_CHECKING:
    from ..batch import BatchResult

LEFT_OUT = 3
"""Exit code of a run that finished, but had to leave out rows or files."""


def batch(arguments: argparse.Namespace) -> int:
    """Explain all rows of tables, pictures of a folder or prompts of JSON lines; started again, it goes on.

    Exit codes: 0; 2 if something lacks or does not fit, the disk is full, or another run writes to the folder; 3 if it
    finished but left out rows or files; 130 when interrupted. After 2 and 130 finished parts are kept.
    """
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
    _print_summary(result)
    for entry in summary["skipped"]:
        print(f"Left out {entry['file']}: {entry['reason']}", file=sys.stderr)
    if summary["failed_rows"]:
        print(f"{summary['failed_rows']:,} rows failed; the column 'error' says why.", file=sys.stderr)
    return LEFT_OUT if summary["skipped"] or summary["failed_rows"] else 0


def results(arguments: argparse.Namespace) -> int:
    """What a finished run says: votes and seats, of a segment too, what moved since another run, and single rows."""
    from ..batch import open as open_run

    result = open_run(arguments.folder)
    where = _pairs("--where", arguments.where) or None
    method, output = arguments.method, arguments.output
    if arguments.out is not None:
        path = Path(arguments.out)
        known = attribution_writers()
        if path.suffix not in known:
            raise InputError(unknown_names("suffix of --out", [path.suffix], known))
        rows = None if arguments.rows is None else _slice(arguments.rows)
        found = result.attribution(rows, method, where)
        write(path, lambda draft: known[path.suffix](found, draft))
        print(f"Wrote {path}: {len(found.rows):,} rows.")
    elif arguments.against is not None:
        drift = open_run(arguments.against).compare(result, method, output)
        print(f"{drift.moved:.1%} of the votes moved since {arguments.against}. z: change over its standard error.")
        body = []
        for row in drift.table.sort_values("share_change", key=abs, ascending=False).to_dict("records"):
            votes = [f"{row['other_votes']:.4g}", f"{row['change']:+.3g}", f"{row['z']:+.1f}"]
            body.append([row["unit"], *votes, str(row["other_seats"]), f"{row['other_seats'] - row['seats']:+d}"])
        print(table([["unit", "votes", "change", "z", "seats", "change"], *body], right=(1, 2, 3, 4, 5)))
    elif where is not None or arguments.seats is not None:
        elected = result.parliament(method, output, where, seats=arguments.seats or 100)
        print(
            table(
                [[party, str(n)] for party, n in sorted(elected.seats.items(), key=lambda item: -item[1])], right=(1,)
            )
        )
    else:
        print(f"{result.folder}: {result.summary['rows']:,} rows, methods {', '.join(result.manifest.methods)}.")
        _print_summary(result)
    return 0


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


def _slice(text: str) -> slice:
    first, colon, last = text.partition(":")
    try:
        return slice(int(first or 0), int(last) if last else None) if colon else slice(int(first), int(first) + 1)
    except ValueError as error:
        raise InputError(f"--rows takes FIRST:LAST, e.g. 0:100, not '{text}'.") from error


def _print_summary(result: BatchResult) -> None:
    for method, entry in result.summary["methods"].items():
        for output, content in entry.get("outputs", {}).items():
            _print_votes(method, output, content)
        if "labels" in entry:
            print(f"\n{method}: " + ", ".join(f"{name} {n:,}" for name, n in entry["labels"].items()))
        if "prompts" in entry:
            print(
                f"\n{method}: {entry['prompts']:,} prompts, {entry['targets']:,} targets "
                f"({entry['converged_share']:.0%} converged), {entry['forwards']:,} rows through the model"
            )


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
