"""``xai results``: what ``xai batch`` wrote, read back."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError, unknown_names
from .inputs import choose_rows
from .text import attribution_writers, check_folder, names_text, table, write

if TYPE_CHECKING:
    import pandas as pd

    from ..batch import BatchResult

_NAMED = 3
"""Files and rows that are named one by one where something was left out."""
_TOP = 10
_MEASURES = {"pearson": "Pearson", "spearman": "Spearman", "top_k": "overlap"}


def results(arguments: argparse.Namespace) -> None:
    """What a finished run says: votes and seats, of a segment too, what moved since another run, and single rows."""
    from ..batch import open as open_run

    _check_together(arguments)
    result = open_run(arguments.folder)
    where = _conditions(arguments.where)
    if arguments.out is not None:
        _write_rows(result, arguments, where)
        return
    if arguments.against is not None:
        earlier = open_run(arguments.against)
        _print_drift(result, earlier, arguments, where)
        say_left_out(earlier, f"{arguments.against}: ")
    elif where is not None or arguments.seats is not None:
        house = 100 if arguments.seats is None else arguments.seats
        elected = result.parliament(arguments.method, arguments.output, where, seats=house)
        seats = sorted(elected.seats.items(), key=lambda item: -item[1])
        print(table([[party, str(n)] for party, n in seats], right=(1,)))
    else:
        _chosen(result, arguments.method, arguments.output)
        print(f"{result.folder}: {result.summary['rows']:,} rows, methods {', '.join(result.manifest.methods)}.")
        print_summary(result, arguments.method, arguments.output)
    say_left_out(result, "" if arguments.against is None else f"{result.folder}: ")


def print_summary(result: BatchResult, method: str | None = None, output: str | None = None) -> None:
    """Votes, seats, importances and agreement; of one method or output, if it is named."""
    for name, entry in _chosen(result, method, output).items():
        _print_method(name, entry, output)
    pairs = result.summary["agreement"]
    _print_agreement(
        [
            pair
            for pair in pairs
            if method in (None, pair["first"], pair["second"]) and output in (None, "", pair["output"])
        ]
    )


def _chosen(result: BatchResult, method: str | None, output: str | None) -> dict[str, Mapping[str, Any]]:
    """What the summary says of one method or of all, once there is something of that name."""
    entries = result.summary["methods"]
    if method is not None and method not in entries:
        result.votes(method, output)  # says why there are none
    shown = {name: entry for name, entry in entries.items() if method in (None, name)}
    outputs = dict.fromkeys(name for entry in shown.values() for name in entry.get("outputs", ()))
    if output is not None and output not in outputs:
        raise InputError(unknown_names("output", [output], outputs))
    return shown


def say_left_out(result: BatchResult, of: str = "") -> None:
    """Files that were skipped and rows that failed, on stderr: how many, and why the first ones."""
    from ..batch.methods import explaining

    skipped, failed = result.summary["skipped"], result.summary["failed_rows"]
    lines = [f"Left out {entry['file']}: {entry['reason']}" for entry in skipped[:_NAMED]]
    if len(skipped) > _NAMED:
        lines.append(f"{len(skipped):,} files or parts were left out; {result.folder}/summary.json names all of them.")
    if failed:
        lines.append(f"{failed:,} of {result.summary['rows']:,} rows failed; the column 'error' says why. The first:")
        first = (result.failures(name, limit=_NAMED) for name in explaining(result.manifest.methods))
        lines += next((_reasons(bad) for bad in first if len(bad)), [])
    for line in lines:
        print(f"{of}{line}", file=sys.stderr)


def _reasons(bad: pd.DataFrame) -> list[str]:
    named = bad[:_NAMED]
    places = zip(named["source"], named["row"], named["error"], strict=True)
    return [f"  {source}, row {row}: {error}" for source, row, error in places]


def _check_together(arguments: argparse.Namespace) -> None:
    """Refuse what would be passed over."""
    if arguments.rows is not None and arguments.out is None:
        raise InputError("--rows chooses the rows that are written: name a file with -o, or leave --rows out.")
    for option, other, why in [
        ("--out", "--against", "writes values of rows"),
        ("--out", "--seats", "writes values of rows"),
        ("--against", "--seats", "shows the seats that each run gave"),
    ]:
        given = [getattr(arguments, name[2:]) is not None for name in (option, other)]
        if all(given):
            raise InputError(f"{option} {why}: leave {other} out, or ask for it in a second command.")


def _conditions(given: Sequence[str]) -> dict[str, list[Any]] | None:
    """``COLUMN=VALUE`` texts as values of columns; they stay texts, as only the run knows the columns' types."""
    found: dict[str, list[Any]] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InputError(f"--where takes COLUMN=VALUE, not '{text}'.")
        found.setdefault(name, []).extend(_values(value))
    return found or None


def _values(text: str) -> list[Any]:
    if text in {"null", "NaN"}:
        return [None]
    if not text.startswith(("[", '"')):
        return [text]
    try:
        value = json.loads(text, parse_int=str, parse_float=str, parse_constant=lambda _: None)
    except ValueError:  # a text that starts like JSON
        return [text]
    return value if isinstance(value, list) else [value]


def _write_rows(result: BatchResult, arguments: argparse.Namespace, where: Mapping[str, Any] | None) -> None:
    path, known = Path(arguments.out), attribution_writers()
    if path.suffix.lower() not in known:
        raise InputError(unknown_names("suffix of --out", [path.suffix], known))
    check_folder(path)
    method, rows = arguments.method, None
    if arguments.rows is not None:
        rows = choose_rows(arguments.rows, result.dataset(method).count_rows())
    found = result.attribution(rows, method, where, failed="skip")
    found = found if arguments.output is None else found.for_output(arguments.output)
    write(path, lambda draft: known[path.suffix.lower()](found, draft))
    print(f"Wrote {path}: {len(found.rows):,} rows.")
    if not result.summary["failed_rows"]:
        return
    bad = result.failures(method, rows, where)
    if len(bad):
        print(
            f"Left out {len(bad):,} of {len(found.rows) + len(bad):,} rows, which failed. The first:", file=sys.stderr
        )
        print("\n".join(_reasons(bad)), file=sys.stderr)


def _print_drift(
    result: BatchResult, earlier: BatchResult, arguments: argparse.Namespace, where: Mapping[str, Any] | None
) -> None:
    drift = earlier.compare(result, arguments.method, arguments.output, where)
    rows = f" of rows with {names_text(arguments.where)}" if where else ""
    print(f"{drift.moved:.1%} of the votes{rows} moved since {arguments.against}. z: change over its standard error.")
    body = []
    for row in drift.table.sort_values("share_change", key=abs, ascending=False).to_dict("records"):
        votes = [f"{row['other_votes']:.4g}", f"{row['change']:+.3g}", f"{row['z']:+.1f}"]
        body.append([row["unit"], *votes, str(row["other_seats"]), f"{row['other_seats'] - row['seats']:+d}"])
    print(table([["unit", "votes", "change", "z", "seats", "change"], *body], right=(1, 2, 3, 4, 5)))


def _print_method(method: str, entry: Mapping[str, Any], output: str | None) -> None:
    if "missing" in entry:
        print(f"\n{method}: {entry['missing']}")
    if "votes" in entry:
        _print_importances(method, entry)
    for name, content in entry.get("outputs", {}).items():
        if output in (None, name):
            _print_votes(method, name, content)
    if "labels" in entry:
        print(f"\n{method}: " + ", ".join(f"{names_text([name])} {n:,}" for name, n in entry["labels"].items()))
    if "prompts" in entry:
        print(
            f"\n{method}: {entry['prompts']:,} prompts, {entry['targets']:,} targets "
            f"({entry['converged_share']:.0%} converged), {entry['forwards']:,} rows through the model"
        )


def _top(votes: Mapping[str, float]) -> list[str]:
    return sorted(votes, key=lambda unit: -votes[unit])[:_TOP]


def _print_votes(method: str, output: str, content: Mapping[str, Any]) -> None:
    print(f"\n{method}, output '{output}': mean size of the effects, and seats with their 95 % interval")
    rows = []
    for unit in _top(content["votes"]):
        seats, low, high = content["seats"].get(unit, (0, 0, 0))
        vote, error = content["votes"][unit], content["standard_error"][unit]
        rows.append([f"  {unit}", f"{vote:.4g}", f"± {error:.2g}", str(seats), f"{low} to {high}"])
    print(table(rows, right=(1, 2, 3)))


def _print_importances(method: str, entry: Mapping[str, Any]) -> None:
    """Of the model as a whole; ``xai results --method METHOD --seats N`` elects from them."""
    spread = entry.get("standard_error", {})
    said = ", ".join(part for part in (entry["kind"], "± over the shuffles" if spread else "") if part)
    print(f"\n{method}, importance of the model" + (f": {said}" if said else ""))
    rows = [
        [f"  {unit}", f"{entry['votes'][unit]:.4g}", f"± {spread[unit]:.2g}" if unit in spread else ""]
        for unit in _top(entry["votes"])
    ]
    print(table(rows, right=(1, 2)))


def _print_agreement(pairs: Sequence[Mapping[str, Any]]) -> None:
    if not pairs:
        return
    print("\nAgreement of the votes; 1 is the same, overlap that of the largest five:")
    several = len({pair["output"] for pair in pairs} - {""}) > 1
    rows, missing = [["", *_MEASURES.values()]], []
    for pair in pairs:
        output = f", output '{pair['output']}'" if several and pair["output"] else ""
        names = f"  {pair['first']} and {pair['second']}{output}"
        if "missing" in pair:
            missing.append(f"{names}: {pair['missing']}")
            continue
        measured = {entry["measure"]: entry["value"] for entry in pair["measures"]}
        rows.append([names, *("-" if measured[name] is None else f"{measured[name]:.2f}" for name in _MEASURES)])
    if len(rows) > 1:
        print(table(rows, right=range(1, len(_MEASURES) + 1)))
    for line in missing:
        print(line)
