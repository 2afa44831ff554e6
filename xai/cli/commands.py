"""What each command does."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import InputError
from .inputs import (
    check_target,
    get_votes,
    names_of,
    open_model,
    read_data,
    read_groups,
    read_rows,
    require_attribution,
    run_explain,
)
from .text import attribution_writers, check_folder, frame_text, print_parliament, table, write

if TYPE_CHECKING:
    from ..datasets.registry import AnyDataset


def datasets(arguments: argparse.Namespace) -> None:
    """List the data sets and demo models, or show one data set's card."""
    from ..datasets import Dataset, available, demo_models, load_dataset

    if arguments.name is None:
        if arguments.csv:
            raise InputError("--csv writes one data set: name it, e.g. `xai datasets pima_diabetes --csv pima.csv`.")
        print("Data sets:")
        print(table([[f"  {name}", line] for name, line in available().items()]))
        print("\nDemo models (use as demo:NAME):")
        print(
            table([[f"  {name}", f"{demo.title}, trained on {demo.dataset}"] for name, demo in demo_models().items()])
        )
        return
    data = load_dataset(arguments.name.removeprefix("demo:"))
    if not isinstance(data, Dataset):
        if arguments.csv:
            raise InputError(f"--csv writes tables, and '{data.name}' holds {data.kind}.")
        print(f"{data.title} ({data.name})\n")
        print(_card([("holds", repr(data)), ("target", data.target_meaning), *_about(data)]))
        return
    n, d = data.X.shape
    names = f" ({', '.join(f'{i} = {name}' for i, name in enumerate(data.target_names))})" if data.target_names else ""
    card = [
        ("rows, columns", f"{n:,} x {d}" + (" (synthetic)" if data.synthetic else "")),
        ("target", f"{data.y.name}{names}: {data.target_meaning}"),
        *_about(data),
    ]
    print(f"{data.title} ({data.name})\n")
    print(_card(card))
    print("\nColumns:")
    print(table([[f"  {name}", data.labels[name], data.units_of.get(name, "")] for name in data.X.columns]))
    if arguments.csv:
        write(Path(arguments.csv), lambda path: data.to_frame().to_csv(path, index=False))
        print(f"\nWrote {arguments.csv}: {n:,} rows, {d} columns and the target '{data.y.name}'.")


def _about(data: AnyDataset) -> list[tuple[str, str]]:
    """What the cards of all kinds of data say alike."""
    return [
        ("about", data.description),
        ("licence", data.licence),
        ("citation", data.citation),
        ("source", data.source),
        *(("trap", trap) for trap in data.traps),
        ("not for", "diagnosis or treatment: these data are for trying out methods"),
    ]


def _card(lines: list[tuple[str, str]]) -> str:
    return "\n".join(f"{key + ':':<15} {value}" for key, value in lines)


def explain(arguments: argparse.Namespace) -> None:
    """Explain rows and write the attribution."""
    out = Path(arguments.out)
    writers = attribution_writers()
    if out.suffix.lower() not in writers:
        raise InputError(f"'{out.name}' must end in {', '.join(writers)}: the suffix chooses the format.")
    check_folder(out)
    X, _ = read_rows(arguments)
    background = None if arguments.background is None else read_data(arguments.background, arguments.target)[0]
    groups = read_groups(arguments.group, "--group", map(str, X.columns))
    a = run_explain(open_model(arguments), X, arguments.method, background, groups)
    a = a if arguments.class_name is None else a.for_output(arguments.class_name)
    write(out, lambda path: writers[out.suffix.lower()](a, path))
    n, d, k = a.values.shape
    print(
        f"Wrote {out}: {n:,} rows, {d} units, {k} output{'s' if k > 1 else ''} ({a.output_space}), method {a.method}."
    )
    for name in a.output_names:
        one = a.for_output(name)
        mean = one.global_votes()
        print(f"\nOutput '{name}', starting from {one.base_values.mean():.4g}. Mean size of the effects:")
        top = sorted(zip(mean, one.units.names, strict=True), reverse=True)[:5]
        print(table([[f"  {unit}", f"{value:.4g}"] for value, unit in top], right=(1,)))
    print(f"\nAdditivity gap: at most {abs(a.additivity_gap).max():.2g} in any row.")


def elect(arguments: argparse.Namespace) -> None:
    """Elect a parliament of features."""
    from .. import dhondt

    out = None if arguments.out is None else Path(arguments.out)
    if out is not None:
        if out.suffix.lower() not in (".csv", ".json"):
            raise InputError(f"'{out.name}' must end in .csv or .json: the suffix chooses the format.")
        check_folder(out)
    votes = get_votes(arguments)
    law = {"rule": arguments.rule, "seats": arguments.seats}
    if arguments.signed:
        if arguments.alliance or arguments.exclude or arguments.threshold or arguments.bootstrap:
            raise InputError(
                "--signed seats single features: leave out --alliance, --exclude, --threshold, --bootstrap."
            )
        chamber = dhondt.elect_signed(require_attribution(votes, "--signed"), **law)
        frame = chamber.to_frame()
        print(frame_text(frame, {"vote_share": "{:.1%}", "seat_share": "{:.1%}", "votes": "{:.4g}"}))
        held = sum(chamber.government.values())
        print(f"\nGovernment (raises the output): {held} of {chamber.house} seats.")
    else:
        law |= {
            "threshold": arguments.threshold,
            "alliances": read_groups(arguments.alliance, "--alliance", names_of(votes)),
            "exclude": tuple(arguments.exclude),
        }
        parliament = dhondt.elect(votes, ties=arguments.ties, seed=arguments.seed, **law)
        frame = parliament.to_frame()
        if arguments.bootstrap:
            a = require_attribution(votes, "--bootstrap")
            sure = dhondt.uncertainty(a, n_boot=arguments.bootstrap, seed=arguments.seed, **law)
            frame = frame.merge(sure.to_frame()[["party", "low", "high", "p_largest"]], on="party")
        print_parliament(parliament, frame)
    if out is not None:
        text = frame.to_csv(index=False) if out.suffix.lower() == ".csv" else frame.to_json(orient="records", indent=1)
        write(out, lambda path: path.write_text(text, encoding="utf-8"))
        print(f"\nWrote {out}.")


def methods(_: argparse.Namespace) -> None:
    """List the methods of explanation, the sources of votes and the electoral laws."""
    from ..dhondt import RULES
    from ..dhondt.sources import SOURCES
    from ..shapley import methods as registered

    print("Methods (xai explain --method):")
    for method in registered():
        needs = f" Needs: {', '.join(method.needs)}." if method.needs else ""
        print(f"  {method.name:<12} {method.description}{needs}")
    print(f"\nSources of votes (xai elect --source): {', '.join(SOURCES)}")
    print(f"Rules (xai elect --rule): {', '.join(RULES)}")


def performance(arguments: argparse.Namespace) -> None:
    """Measure a model on rows with known answers."""
    from ..models.performance import performance as measure

    X, y = read_rows(arguments)
    if y is None:
        raise InputError(f"{arguments.data} does not say which column holds the answers: name it with --target.")
    measured = measure(open_model(arguments), X, y)
    print(f"{measured.task}, {measured.n:,} rows; 95 % intervals by resampling rows.\n")
    rows = [[m.name, f"{m.value:.4f}", f"{m.low:.4f}", f"{m.high:.4f}"] for m in measured.metrics]
    print(table([["metric", "value", "low", "high"], *rows], right=(1, 2, 3)))
    if measured.confusion is not None and measured.classes is not None:
        print("\nRows are true classes, columns predicted ones:")
        counts = [
            [name, *map(str, row)] for name, row in zip(measured.classes, measured.confusion.tolist(), strict=True)
        ]
        print(table([["", *measured.classes], *counts], right=range(1, len(measured.classes) + 1)))


def dashboard(arguments: argparse.Namespace) -> None:
    """Open the dashboard in a browser."""
    from ..dashboard.launch import launch

    if arguments.model is not None and arguments.data is not None:
        _check_own(arguments)
    launch(
        model=arguments.model,
        data=arguments.data,
        target=arguments.target,
        gallery=arguments.gallery,
        port=arguments.port,
        address=arguments.address,
        browser=not arguments.no_browser,
        lm_url=arguments.lm_url,
        lm_name=arguments.lm_name,
        trust_pickle=arguments.trust_pickle,
    )


def _check_own(arguments: argparse.Namespace) -> None:
    """What can be told of a model file and a table at once: a server that started would tell each visitor instead."""
    from ..models import sniff

    if not arguments.trust_pickle:  # whether pickles are trusted is asked once a process, and the server has yet to say
        sniff(arguments.model)
    if arguments.target is not None and Path(arguments.data).is_file():
        check_target(arguments.data, arguments.target)
