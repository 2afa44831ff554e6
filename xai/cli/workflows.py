"""``xai compare``, ``xai rashomon`` and ``xai believe``: several methods in one command."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..core.errors import InputError, unknown_names
from .inputs import open_model, read_data, read_rows, run_explain
from .text import Progress, check_folder, frame_text, table, write

TABLE = "the name of a bundled data set, or a CSV or Parquet file with --target"


def compare(arguments: argparse.Namespace) -> None:
    """Compare five models on one table: how good they are, what they go by, and how far they agree."""
    from ..workflows import compare_models

    out, data = _out(arguments), _table(arguments)
    options = {"models": arguments.model} if arguments.model else {}
    with Progress("comparing") as progress:
        found = compare_models(data, test=_test(arguments), seed=arguments.seed, progress=progress, **options)
    print(f"Held out: {found.held_out} ({found.n_test:,} rows). Trained on {found.n_train:,}.\n")
    scores = found.to_frame().dropna(axis=1, how="all").reset_index()
    print(frame_text(scores, dict.fromkeys(("auc", "low", "high", "auc_within_sites", "auc_across_sites"), "{:.3f}")))
    _finish(found, out)


def rashomon(arguments: argparse.Namespace) -> None:
    """Draw simple models and count those that do nearly as well as a complex one."""
    from ..workflows import rashomon as run

    out, data = _out(arguments), _table(arguments)
    with Progress("drawing models") as progress:
        found = run(data, n_models=arguments.models, test=_test(arguments), seed=arguments.seed, progress=progress)
    print(f"Held out: {found.held_out} ({found.n_test:,} rows). Trained on {found.n_train:,}.\n")
    print(f"The best simple model:\n{found.description}")
    _finish(found, out)


def believe(arguments: argparse.Namespace) -> None:
    """Put SHAP and the other sources of votes to one test, to see which the model obeys."""
    from .. import dhondt
    from ..workflows import believe as run

    out = _out(arguments)
    X, y = read_rows(arguments)
    model = open_model(arguments)
    a = run_explain(model, X, "shap", None)
    importances: dict[str, Any] = {"SHAP": a if arguments.class_name is None else a.for_output(arguments.class_name)}
    for source in ("removal", "native", "permutation"):
        try:
            importances[source] = dhondt.votes(model, X, y, source=source, output=arguments.class_name)
        except InputError as error:
            print(f"Left out '{source}': {error}")
    with Progress("testing") as progress:
        found = run(model, X, importances, output=arguments.class_name, seed=arguments.seed, progress=progress)
    gains = [
        [name, f"{g.value:.3f}", f"{g.low:.3f} to {g.high:.3f}", f"{g.insertion:.3f}", f"{g.deletion:.3f}"]
        for name, g in found.gains.items()
    ]
    head = ["importance", "gain over chance", "95 % interval", "insertion", "deletion"]
    print(table([head, *gains], right=(1, 3, 4)))
    _finish(found, out)


def add(commands: Any, command: Callable[..., argparse.ArgumentParser], model_and_data: Callable[..., None]) -> None:
    """Declare the three commands and their options."""
    one = command(
        commands,
        compare,
        "compare five models on one table",
        [
            "xai compare heart_four_hospitals --test Cleveland -o comparison.json",
            "xai compare patients.csv --target died --site hospital --model xgboost --model logistic_regression",
        ],
    )
    _add_table(one)
    one.add_argument("--model", action="append", default=[], metavar="NAME", help="repeat for more (default: all five)")

    one = command(
        commands,
        rashomon,
        "see whether a simple model does as well",
        ["xai rashomon alzheimers_csf", "xai rashomon patients.csv --target died -o simple.json"],
    )
    _add_table(one)
    one.add_argument("--models", type=int, default=200, metavar="N", help="how many to draw (default: %(default)s)")

    one = command(
        commands,
        believe,
        "which explanation does the model obey",
        [
            "xai believe demo:pima_diabetes-lightgbm demo:pima_diabetes-lightgbm",
            "xai believe model.ubj held_out.csv --target died -o obedience.json",
        ],
    )
    model_and_data(one)
    one.add_argument("--class", dest="class_name", metavar="NAME", help="the output to follow, where there are several")
    _add_seed_and_out(one)


def _add_table(command: argparse.ArgumentParser) -> None:
    command.add_argument("data", metavar="DATA", help=TABLE)
    command.add_argument("--target", metavar="COLUMN", help="column of DATA that holds the two classes")
    command.add_argument("--site", metavar="COLUMN", help="column of DATA that names the place a row comes from")
    command.add_argument(
        "--test",
        default="0.3",
        metavar="SHARE|SITE",
        help="to hold out: a share, or a site (default: %(default)s)",
    )
    _add_seed_and_out(command)


def _add_seed_and_out(command: argparse.ArgumentParser) -> None:
    command.add_argument("--seed", type=int, default=0, help="seed of all that is drawn (default: %(default)s)")
    command.add_argument("-o", "--out", metavar="FILE", help="write the whole result as .json")


def _out(arguments: argparse.Namespace) -> Path | None:
    if arguments.out is None:
        return None
    out = Path(arguments.out)
    if out.suffix.lower() != ".json":
        raise InputError(f"'{out.name}' must end in .json.")
    check_folder(out)
    return out


def _table(arguments: argparse.Namespace) -> Any:
    """A bundled data set, or columns, answers and sites of a file."""
    from ..datasets import load_table, tables

    name = str(arguments.data).removeprefix("demo:")
    if name in tables() and not Path(arguments.data).exists():
        if arguments.site is not None:
            raise InputError(f"{name} knows its sites by itself: leave --site out.")
        return load_table(name)
    if arguments.target is None:
        raise InputError("name the column of the two classes with --target.")
    X, y = read_data(arguments.data, arguments.target)
    if arguments.site is None:
        return X, y
    if arguments.site not in X:
        raise InputError(unknown_names("site column", [arguments.site], X.columns))
    site = X.pop(arguments.site)
    return X, y, site


def _test(arguments: argparse.Namespace) -> float | str:
    try:
        return float(arguments.test)
    except ValueError:
        return str(arguments.test)


def _finish(found: Any, out: Path | None) -> None:
    print(f"\n{found.in_words()}")
    if out is not None:
        write(out, found.to_json)
        print(f"\nWrote {out}.")
