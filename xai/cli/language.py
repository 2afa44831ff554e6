"""``xai tokens``: what made a language model give its answer."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from .text import Progress, check_folder, table, write

_METHODS = ("adaptive", "hierarchical", "masked_difference", "leave_one_out", "published")


def tokens(arguments: argparse.Namespace) -> None:
    """Explain a language model's answer by the words of its prompt."""
    from ..reagent import attribute, load_lm

    out = None if arguments.out is None else Path(arguments.out)
    if out is not None:
        if out.suffix.lower() not in (".json", ".csv", ".html"):
            raise InputError(f"'{out.name}' must end in .json, .csv or .html: the suffix chooses the format.")
        check_folder(out)
    prompt = sys.stdin.read() if arguments.prompt == "-" else arguments.prompt
    lm = load_lm(arguments.lm, chat=arguments.chat, device=arguments.device)
    with Progress("replacing words") as progress:
        found = attribute(
            lm,
            prompt.rstrip("\n"),
            arguments.target,
            arguments.max_new_tokens,
            _config(arguments),
            foil=arguments.foil,
            progress=progress,
        )
    for g, target in enumerate(found.targets):
        scale = found.effect.replace("_", " ")
        print(f"'{target.strip()}': {scale} {found.original[g]:.4f}, {found.replaced[g]:.4f} with all replaced")
        rows = [["unit", "effect", "standard error"]]
        index = {name: i for i, name in enumerate(found.units.names)}
        for name, value in found.top(arguments.top, g):
            rows.append([f"  {name}", f"{value:+.4f}", f"{found.standard_error[g, index[name]]:.4f}"])
        print(table(rows, right=(1, 2)) + "\n")
    for note in found.notes:
        print(f"Note: {note}.")
    print(f"{found.n_forwards:,} forwards of {lm.name}, method {found.method}.")
    if out is not None:
        write(out, lambda path: path.write_text(_file(found, out.suffix.lower()), encoding="utf-8"))
        print(f"Wrote {out}.")


def _config(arguments: argparse.Namespace) -> Any:
    from .. import reagent

    shared = {"seed": arguments.seed, "replacement": arguments.replacement, "fixed": tuple(arguments.fixed)}
    if arguments.units is not None:
        shared["units"] = arguments.units
    if arguments.method == "published":
        if arguments.effect != "probability" or arguments.joint:
            raise InputError(
                "the published method explains probabilities, token by token: leave out --effect, --joint."
            )
        config = reagent.PublishedConfig()
        # An update and its stopping test cost one forward a chain each.
        steps = max(1, (arguments.budget - 1) // (2 * config.chains))
        return reagent.PublishedConfig(steps=steps, **shared)
    kinds = {
        "adaptive": reagent.ReagentConfig,
        "hierarchical": reagent.HierarchicalConfig,
        "masked_difference": reagent.MaskedDifferenceConfig,
        "leave_one_out": reagent.LeaveOneOutConfig,
    }
    options = {"budget": arguments.budget, "effect": arguments.effect, "joint": arguments.joint}
    return kinds[arguments.method](**shared, **options, precision=arguments.precision)


def _file(found: Any, suffix: str) -> str:
    if suffix == ".json":
        text: str = found.to_json()
    elif suffix == ".csv":
        text = found.to_frame().to_csv(index=False)
    else:
        from ..plots.tokens import token_document

        text = token_document(found)
    return text


def add(commands: Any, command: Any) -> None:
    """Add the command to the parser."""
    parser = command(
        commands,
        tokens,
        "explain a language model's answer by the words of its prompt",
        [
            'xai tokens "A 30-year-old man with fever and neck stiffness. The most likely diagnosis is"',
            'xai tokens "..." --target " migraine" --foil " asthma" -o words.html',
            "xai tokens - --lm ./model --chat --method hierarchical < letter.txt",
        ],
    )
    parser.add_argument("prompt", metavar="PROMPT", help="the text, or - for the standard input")
    parser.add_argument(
        "--lm",
        default="demo",
        metavar="MODEL",
        help="demo, a folder in the Hugging Face format, a GGUF file, a name of the hub, or server for the one that "
        "HEMICYCLE_LM_URL names (default: %(default)s)",
    )
    parser.add_argument("--device", metavar="NAME", help="where the model computes, e.g. cuda; default: the processor")
    parser.add_argument("--chat", action="store_true", help="put the prompt into the model's chat template")
    parser.add_argument("--target", metavar="TEXT", help="the answer to explain, with its space (default: generated)")
    parser.add_argument("--foil", metavar="TEXT", help="another answer: explain the target rather than it")
    parser.add_argument(
        "--fixed",
        action="append",
        default=[],
        metavar="TEXT",
        help="a piece of the prompt that is never replaced, such as the words that ask; may be given again",
    )
    parser.add_argument("--max-new-tokens", type=int, default=1, metavar="N", help="(default: %(default)s)")
    parser.add_argument("--method", choices=_METHODS, default="adaptive", help="(default: %(default)s)")
    parser.add_argument("--units", choices=("tokens", "words", "sentences"), help="what is replaced together")
    parser.add_argument("--replacement", default="uniform", help="what stands in (default: %(default)s)")
    parser.add_argument("--effect", choices=("probability", "log_probability", "logit"), default="probability")
    parser.add_argument("--joint", action="store_true", help="explain the whole answer instead of each token")
    parser.add_argument("--budget", type=int, default=256, metavar="N", help="forwards (default: %(default)s)")
    parser.add_argument("--precision", type=float, default=0.0, help="stop at this share of the largest effect")
    parser.add_argument("--top", type=int, default=8, metavar="N", help="units to print (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    parser.add_argument("-o", "--out", metavar="FILE", help="write .json (exact), .csv or .html")
