"""``xai report``: what was found, as one HTML file."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from .inputs import MEMBERS, open_model, read_data, read_groups, read_rows
from .text import Progress, check_folder


def report(arguments: argparse.Namespace) -> None:
    """Write one self-contained HTML file: data, model, performance, seats, SHAP values, faithfulness, limits."""
    from ..report import ReportConfig, build, section_of_file

    out = Path(arguments.out)
    if out.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"'{out.name}' must end in .html.")
    check_folder(out)
    sections = [section_of_file(path) for path in arguments.add]
    X, y = read_rows(arguments)
    background = None if arguments.background is None else read_data(arguments.background, arguments.target)[0]
    dataset, rows_are, facts = _demo(arguments)
    with Progress("reporting") as progress:
        html = build(
            open_model(arguments),
            X,
            y,
            title=arguments.title,
            dataset=dataset,
            output=arguments.class_name,
            background=background,
            rows_are=rows_are,
            facts=facts,
            sections=sections,
            config=ReportConfig(
                seats=arguments.seats,
                rule=arguments.rule,
                threshold=arguments.threshold,
                alliances=read_groups(arguments.alliance, "--alliance", map(str, X.columns)) or {},
                exclude=tuple(arguments.exclude),
                seed=arguments.seed,
            ),
            path=out,
            progress=progress,
        )
    print(f"Wrote {out}: {len(html.encode()) / 1e6:.1f} MB, {len(X):,} rows. Open it in a browser, or print it.")


def _demo(arguments: argparse.Namespace) -> tuple[str | None, str, dict[str, str]]:
    """Name of the bundled data set, what its rows are, and where the model came from."""
    from ..datasets import available, demo_models

    demos = demo_models()
    model = demos.get(str(arguments.model).removeprefix("demo:"))
    facts = {"file": Path(arguments.model).name} if model is None else model.card()
    name = str(arguments.data).removeprefix("demo:")
    if Path(arguments.data).exists():
        return None, f"rows of {Path(arguments.data).name}", facts
    if name in demos:
        return demos[name].dataset, "held-out rows", facts
    return (name if name in available() else None), "rows", facts


def add(commands: Any, command: Callable[..., argparse.ArgumentParser], model_and_data: Callable[..., None]) -> None:
    """Declare the command and its options."""
    one = command(
        commands,
        report,
        "write what was found as one HTML file",
        [
            "xai report demo:breast_cancer_mean-catboost demo:breast_cancer_mean-catboost -o report.html",
            "xai report model.ubj held_out.csv --target died --add tokens.json --add edits.json -o report.html",
        ],
    )
    model_and_data(one)
    one.add_argument("-o", "--out", required=True, metavar="FILE", help="where to write: .html")
    one.add_argument(
        "--class", dest="class_name", metavar="NAME", help="the output to explain, where there are several"
    )
    one.add_argument("--title", help="of the report")
    one.add_argument(
        "--add", action="append", default=[], metavar="FILE", help="JSON of words or edits; repeat for more"
    )
    one.add_argument("--background", metavar="FILE", help="rows that stand for 'feature unknown', as DATA")
    one.add_argument("--seats", type=int, default=100, help="house size (default: %(default)s)")
    one.add_argument("--rule", default="dhondt", help="see `xai methods` (default: %(default)s)")
    one.add_argument(
        "--threshold", type=float, default=0.0, help="share of the votes, e.g. 0.05 (default: %(default)s)"
    )
    one.add_argument(
        "--alliance", action="append", default=[], metavar="NAME=A,B", help=f"units that stand as one; {MEMBERS}"
    )
    one.add_argument(
        "--exclude", action="append", default=[], metavar="NAME", help="a unit that does not stand; repeat for more"
    )
    one.add_argument("--seed", type=int, default=0, help="seed of all that is drawn (default: %(default)s)")
