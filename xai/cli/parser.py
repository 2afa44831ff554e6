"""The options of the commands, and their help."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from .. import __version__
from . import concepts, doctor, gallery, language, report, workflows
from .batch import batch
from .commands import dashboard, datasets, elect, explain, methods, performance
from .inputs import MEMBERS
from .results import results

MODEL = "a model file (XGBoost, LightGBM, CatBoost, skops, ONNX, safetensors), or demo:NAME (see `xai datasets`)"
DATA = (
    "a CSV or Parquet file, the name of a bundled data set, demo:DATASET, or demo:MODEL for the rows that demo model "
    "has not seen"
)


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="xai",
        description="Why a model decided: explain it, and seat the explanation as a parliament.",
        epilog="`xai COMMAND --help` shows a command's options and examples. Start with: xai dashboard",
    )
    parser.add_argument("--version", action="version", version=f"hemicycle {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    _add_dashboard(commands)

    command = _command(
        commands,
        datasets,
        "list bundled data sets and demo models, or show one data set",
        ["xai datasets", "xai datasets pima_diabetes --csv pima.csv"],
    )
    command.add_argument("name", nargs="?", metavar="NAME", help="show this data set's card")
    command.add_argument("--csv", metavar="FILE", help="write its columns and target as CSV")

    command = _command(
        commands,
        explain,
        "explain rows and write the attribution",
        [
            "xai explain demo:breast_cancer_mean-catboost demo:breast_cancer_mean -o a.parquet",
            "xai explain model.ubj patients.csv --target died --rows 0:100 -o a.csv",
        ],
    )
    _add_model_and_data(command)
    command.add_argument(
        "-o",
        "--out",
        required=True,
        metavar="FILE",
        help="where to write: .parquet or .json (exact), or .csv (values only)",
    )
    command.add_argument("--method", default="shap", help="see `xai methods` (default: %(default)s)")
    command.add_argument("--class", dest="class_name", metavar="NAME", help="keep this output only (default: all)")
    command.add_argument(
        "--background",
        metavar="FILE",
        help="rows that stand for 'feature unknown', for methods that need them; as DATA",
    )
    command.add_argument(
        "--group", action="append", default=[], metavar="NAME=A,B", help=f"sum these columns into one; {MEMBERS}"
    )

    command = _command(
        commands,
        elect,
        "elect a parliament of features",
        [
            "xai elect votes.csv --seats 600 --threshold 0.05",
            "xai elect a.parquet --alliance size=radius,area --bootstrap 1000",
            "xai elect demo:breast_cancer_mean-catboost demo:breast_cancer_mean --source native",
        ],
    )
    command.add_argument(
        "model",
        metavar="VOTES|MODEL",
        help=f"a CSV of names and votes, a JSON object, an attribution (.parquet, .json), or, with DATA, {MODEL}",
    )
    command.add_argument("data", nargs="?", metavar="DATA", help=f"with a model, its rows: {DATA}")
    _add_choice_of_rows(command)
    command.add_argument("--seats", type=int, default=100, help="house size (default: %(default)s)")
    command.add_argument("--rule", default="dhondt", help="see `xai methods` (default: %(default)s)")
    command.add_argument(
        "--threshold",
        type=float,
        default=0.0,
        help="share of the votes below which a party gets no seat, e.g. 0.05 (default: %(default)s)",
    )
    command.add_argument(
        "--alliance", action="append", default=[], metavar="NAME=A,B", help=f"units that stand as one; {MEMBERS}"
    )
    command.add_argument(
        "--exclude", action="append", default=[], metavar="NAME", help="a unit that does not stand; repeat for more"
    )
    command.add_argument("--ties", default="order", help="order, largest, random or fractional (default: %(default)s)")
    command.add_argument(
        "--source", default="shap", help="with a model: shap, removal, native or permutation (default: %(default)s)"
    )
    command.add_argument(
        "--class", dest="class_name", metavar="NAME", help="the output that is voted on, where there are several"
    )
    command.add_argument(
        "--bootstrap",
        type=int,
        default=0,
        metavar="N",
        help="95 %% intervals of the seats from N resamples of the rows",
    )
    command.add_argument("--signed", action="store_true", help="seat positive effects against negative ones")
    command.add_argument("--seed", type=int, default=0, help="seed of lots and resamples (default: %(default)s)")
    command.add_argument("-o", "--out", metavar="FILE", help="write the table as .csv or .json")

    command = _command(
        commands,
        performance,
        "measure a model on rows with known answers",
        [
            "xai performance model.ubj held_out.csv --target died",
            "xai performance demo:pima_diabetes-lightgbm demo:pima_diabetes-lightgbm",
        ],
    )
    _add_model_and_data(command)

    workflows.add(commands, _command, _add_model_and_data)
    language.add(commands, _command)
    gallery.add(commands, _command)
    concepts.add(commands, _command)
    report.add(commands, _command, _add_model_and_data)
    _add_batch(commands)
    _command(commands, methods, "list methods, sources of votes and electoral rules", ["xai methods"])
    doctor.add(commands, _command)
    return parser


def _add_dashboard(commands: Any) -> None:
    command = _command(
        commands,
        dashboard,
        "open the dashboard in a browser",
        ["xai dashboard", "xai dashboard --model m.ubj --data d.csv --target died"],
    )
    command.add_argument("--model", metavar="FILE", help="a model file to show beside the demos; needs --data")
    command.add_argument("--data", metavar="FILE", help="its rows, CSV or Parquet")
    command.add_argument("--target", metavar="COLUMN", help="column of --data that holds the answers")
    command.add_argument("--gallery", metavar="FOLDER", help="a gallery that `xai gallery` wrote, for the editable map")
    command.add_argument("--port", type=int, default=8501, help="port to listen on (default: %(default)s)")
    command.add_argument(
        "--address", default="127.0.0.1", help="address to listen on (default: %(default)s, this machine only)"
    )
    command.add_argument(
        "--trust-pickle",
        action="store_true",
        help="open uploaded pickle and joblib files, which can run any code: only where you trust every user",
    )
    command.add_argument("--no-browser", action="store_true", help="do not open a browser")
    command.add_argument(
        "--lm-url",
        metavar="URL",
        help="an OpenAI-compatible server for the page Tokens, e.g. http://localhost:8080/v1; its key, if it wants "
        "one, is read from HEMICYCLE_LM_KEY",
    )
    command.add_argument("--lm-name", metavar="NAME", help="name of the model at that server")


def _add_batch(commands: Any) -> None:
    command = _command(
        commands,
        batch,
        "explain any number of rows, pictures or prompts into a folder",
        [
            "xai batch model.ubj rows/ -o results --key patient --workers 4",
            "xai batch model.ubj rows.parquet -o results --method shap --engine dask --scheduler tcp://10.0.0.1:8786",
            "xai batch network.onnx pictures/ -o results --method craft --option craft.bank=concepts.npz",
            "xai batch - pictures/ -o results --method chmcorr --option chmcorr.gallery=gallery/",
            "xai batch demo prompts.jsonl -o results --method reagent --option reagent.max_new_tokens=4",
        ],
    )
    command.add_argument("model", metavar="MODEL", help=f"{MODEL}; an ONNX file, a language model, or - for none")
    command.add_argument(
        "data",
        metavar="DATA",
        help="a Parquet file or a folder of them, a CSV file, a folder of pictures, or JSON lines with prompts",
    )
    command.add_argument("-o", "--out", required=True, metavar="FOLDER", help="where to write; a stopped run goes on")
    command.add_argument(
        "--method", action="append", default=[], help="repeat for more (default: shap, and dhondt for seats a row)"
    )
    command.add_argument("--key", action="append", default=[], metavar="COLUMN", help="names a row; repeat for more")
    command.add_argument(
        "--keep", action="append", default=[], metavar="COLUMN", help="carried into the results; repeat for more"
    )
    command.add_argument("--background", metavar="FILE", help="rows that stand for 'feature unknown'")
    command.add_argument(
        "--option", action="append", default=[], metavar="METHOD.NAME=VALUE", help="of a method; repeat for more"
    )
    command.add_argument("--output", choices=("margin", "probability", "value"), help="what the model answers")
    command.add_argument("--seats", type=int, default=100, help="seats a row (default: %(default)s)")
    command.add_argument("--rule", default="dhondt", help="see `xai methods` (default: %(default)s)")
    command.add_argument("--workers", type=int, metavar="N", help="processes (default: one a processor)")
    command.add_argument("--engine", choices=("local", "dask"), default="local", help="(default: %(default)s)")
    command.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster (default: one on this machine)")
    command.add_argument("--skip-bad-files", action="store_true", help="leave out files that cannot be read")
    command.add_argument("--progress", action="store_true", help="print progress even where nobody watches")
    _add_results(commands)


def _add_results(commands: Any) -> None:
    command = _command(
        commands,
        results,
        "read back what xai batch wrote",
        [
            "xai results results",
            "xai results results --against last_month --where site=north",
            "xai results results --where site=north --seats 100",
            "xai results results --method permutation --seats 100",
            "xai results results --rows 0:100 -o a.parquet",
        ],
    )
    command.add_argument("folder", metavar="FOLDER", help="of a finished run")
    command.add_argument("--against", metavar="FOLDER", help="an earlier run: what moved since")
    command.add_argument("--method", help="(default: all; where one is needed, the first that explains rows)")
    command.add_argument("--output", metavar="NAME", help="the output, where there are several")
    command.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="COLUMN=VALUE",
        help="rows to take, by carried columns: a value, null for missing ones, or a JSON list; several columns must "
        "all fit, and of several values of one column any",
    )
    command.add_argument("--seats", type=int, metavar="N", help="elect a parliament of so many seats")
    command.add_argument("--rows", metavar="FIRST:LAST", help="with --out: rows to write, counted from 0")
    command.add_argument("-o", "--out", metavar="FILE", help="write rows as an attribution: .parquet, .json or .csv")


def _command(commands: Any, run: Any, what: str, examples: Sequence[str]) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        run.__name__,
        help=what,
        description=run.__doc__,
        epilog="examples:\n" + "\n".join(f"  {example}" for example in examples),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=run)
    return command


def _add_model_and_data(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", metavar="MODEL", help=MODEL)
    command.add_argument("data", metavar="DATA", help=DATA)
    _add_choice_of_rows(command)


def _add_choice_of_rows(command: argparse.ArgumentParser) -> None:
    command.add_argument("--target", metavar="COLUMN", help="column of DATA that holds the answers; no feature then")
    command.add_argument(
        "--rows", metavar="FIRST:LAST", help="rows to take, counted from 0 without the last, e.g. 0:100 (default: all)"
    )
    command.add_argument(
        "--output",
        choices=("margin", "probability", "value"),
        help="what the model answers (default: the first it has)",
    )
