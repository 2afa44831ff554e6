"""Runs over prompts in JSON lines: what is read, and what ReAGent says of each prompt's words.

Prompts have units of their own, so a row holds lists: its units, its targets, and a value for each pair of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError, ModelError, unknown_names
from ..core.provenance import hash_bytes, hash_file
from .parts import DataFile, Part, files_below
from .written import all_failed, arrow, marks

if TYPE_CHECKING:
    import pyarrow as pa

    from ..models.text import LanguageModel
    from ..reagent import TokenAttribution
    from ..reagent.options import AnyConfig
    from .work import Order

A_PART = 16
"""Prompts of one part."""
FORMAT = "hemicycle/prompts/1"
_FIELDS = ("prompt", "target", "foil")
_TEXTS = ("tokens", "units", "targets", "notes")
_BY_TARGET = ("original", "replaced", "repeatability")
_BY_UNIT = ("values", "standard_error", "scores")


def find_prompts(data: Path) -> tuple[Path, tuple[DataFile, ...]]:
    """The folder of JSON-lines files, and the files; lines without anything in them do not count.

    Raises
    ------
    InputError
        If there is nothing at that path, or no ``.jsonl`` file below it.
    """
    if data.is_file():
        return data.parent, (_look_at(data.parent, data),)
    if not data.is_dir():
        raise InputError(f"there is no file or folder {data}.")
    found = files_below(data, ".jsonl")
    if not found:
        raise InputError(f"the folder {data} holds no .jsonl file.")
    return data, tuple(_look_at(data, path) for path in found)


def _look_at(folder: Path, path: Path) -> DataFile:
    name = path.relative_to(folder).as_posix()
    try:
        return DataFile(name, sum(1 for _ in _lines(path)), hash_file(path))
    except (OSError, UnicodeDecodeError) as error:
        return DataFile(name, 0, "", f"{name} cannot be read as JSON lines in UTF-8: {error}")


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as stream:
        yield from (line for line in stream if line.strip())


def fields_of(path: Path) -> tuple[str, ...]:
    """Names of the fields of a file's first line that is one.

    Raises
    ------
    InputError
        If no line is a JSON object.
    """
    for line in islice(_lines(path), 100):
        try:
            return tuple(_record(line))
        except InputError:  # it is marked in the results
            continue
    raise InputError(f'{path.name} has no JSON object in its first 100 lines: write one a line, {{"prompt": "..."}}.')


@dataclass(frozen=True, eq=False)
class PromptTool:
    """A language model and how it is asked."""

    lm: LanguageModel
    config: AnyConfig
    max_new_tokens: int

    def __call__(self, record: Mapping[str, Any]) -> TokenAttribution:
        """What one line of the data asks for."""
        from ..reagent import attribute

        for name in _FIELDS:
            value = record.get(name)
            if value is not None and not isinstance(value, str):
                raise InputError(f"'{name}' must be a text, not {json.dumps(value)[:60]}.")
        if not record.get("prompt"):
            raise InputError("the line has no 'prompt'.")
        return attribute(
            self.lm,
            record["prompt"],
            record.get("target"),
            self.max_new_tokens,
            self.config,
            foil=record.get("foil"),
        )

    def said(self) -> dict[str, Any]:
        """What all its answers have in common: method, scale, provenance."""
        from ..core.provenance import Provenance, versions
        from ..reagent import ESTIMATORS

        method = ESTIMATORS[type(self.config)][0]
        provenance = Provenance(
            engine=f"reagent {method}",
            versions=versions(("numpy", "torch", "transformers")),
            model_hash=self.lm.hash,
            seed=self.config.seed,
            options={"config": asdict(self.config), "model": self.lm.name, **self._beside()},
        )
        return {"method": method, "effect": self.config.effect, "provenance": provenance.to_dict()}

    def facts(self) -> dict[str, Any]:
        """What a manifest says of the model."""
        return {"hash": self.lm.hash, "framework": self.lm.name, "output_names": ["target"], **self._beside()}

    def _beside(self) -> dict[str, str]:
        """What fills the gaps, if that is a model, too."""
        from ..reagent.replacement import asked_beside

        return asked_beside(self.config.replacement, self.lm)


def plain_config(config: Any) -> Any:
    """A configuration as JSON types, with its estimator's name."""
    from ..reagent import ESTIMATORS

    if not is_dataclass(config) or isinstance(config, type):
        return config
    names = {kind: name for kind, (name, _) in ESTIMATORS.items()}
    if type(config) not in names:
        raise InputError(f"config of 'reagent' must be a configuration of xai.reagent, not {type(config).__name__}.")
    return {"method": names[type(config)], **asdict(config)}


def _config(given: Mapping[str, Any] | None) -> AnyConfig:
    from ..reagent import ESTIMATORS

    fields = {name: tuple(map(tuple, v)) if isinstance(v, list) else v for name, v in (given or {}).items()}
    kinds = {name: kind for kind, (name, _) in ESTIMATORS.items()}
    method = fields.pop("method", "adaptive")
    if method not in kinds:
        raise InputError(unknown_names("method of 'reagent'", [method], kinds))
    try:
        config: AnyConfig = kinds[method](**fields)
    except TypeError as error:
        raise InputError(f"config of 'reagent': {error}.") from error
    return config


def open_tool(model: Any, options: Mapping[str, Any]) -> PromptTool:
    """Open the language model.

    Parameters
    ----------
    model
        What :func:`xai.reagent.load_lm` takes, or a language model; ``None``: ``options["model"]``, or the demo.

    Raises
    ------
    InputError, ModelError
        If it cannot be opened or options do not fit.
    """
    from ..reagent import load_lm

    named = options.get("model") if model is None else model
    config = _config(options.get("config"))
    tokens = options.get("max_new_tokens", 1)
    if not isinstance(tokens, int) or tokens < 1:
        raise InputError(f"max_new_tokens must be a whole number of at least 1, not {tokens!r}.")
    lm = load_lm(named or "demo") if named is None or isinstance(named, str | Path) else named
    return PromptTool(lm, config, tokens)


def work_on_prompts(tool: PromptTool, order: Order, part: Part) -> dict[str, pa.Table]:
    """The table of one part; a line that cannot be read or explained is marked."""
    import pyarrow as pa

    lines = list(islice(_lines(Path(order.folder) / part.source), part.start, part.start + part.rows))
    if len(lines) < part.rows:
        raise InputError(f"{part.source} has fewer lines than when the run began.")
    records: list[Mapping[str, Any]] = []
    found: list[TokenAttribution | None] = []
    errors: dict[int, str] = {}
    broken = 0
    for position, line in enumerate(lines):
        record: Mapping[str, Any] = {}
        answer = None
        try:
            record = _record(line)
            answer = tool(record)
        except (InputError, ModelError) as error:
            errors[position] = str(error)
            broken += isinstance(error, ModelError)
        records.append(record)
        found.append(answer)
    good = [answer for answer in found if answer is not None]
    if broken == len(lines):
        raise all_failed(errors, len(lines))
    lead: dict[str, Any] = {
        "row": np.arange(part.start, part.start + part.rows),
        "source": part.source,
    }
    for name in dict.fromkeys((*order.key, *order.keep)):
        lead[f"data/{name}"] = pa.array([_text(record.get(name)) for record in records], pa.string())
    header = {
        "format": FORMAT,
        **tool.said(),
        "failed": len(errors),
        "totals": {
            "prompts": len(good),
            "targets": sum(len(answer.targets) for answer in good),
            "converged": sum(int(answer.converged.sum()) for answer in good),
            "forwards": sum(answer.n_forwards for answer in good),
        },
    }
    return {"reagent": arrow(lead, marks(errors, part.rows), _columns(found), header)}


def _record(line: str) -> Mapping[str, Any]:
    """What a line says.

    Raises
    ------
    InputError
        If it is no JSON object, or one that no result could hold: with half of a character, or too deep.
    """
    try:
        record = json.loads(line)
        json.dumps(record, ensure_ascii=False).encode()
    except RecursionError as error:
        raise InputError("the line is nested too deeply.") from error
    except ValueError as error:
        raise InputError(f"the line is no JSON: {error}") from error
    if not isinstance(record, dict):
        raise InputError("the line is no JSON object.")
    return record


def _text(value: Any) -> str | None:
    """Carried fields are texts, so that all files have one type."""
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _columns(found: Sequence[TokenAttribution | None]) -> dict[str, Any]:
    import pyarrow as pa

    numbers = pa.list_(pa.float64())
    rows = [
        None
        if answer is None
        else answer.to_dict()
        | {"units": list(answer.units.names), "foil": answer.provenance.options.get("foil") or None}
        for answer in found
    ]

    def column(name: str, kind: pa.DataType) -> pa.Array:
        return pa.array([None if row is None else row[name] for row in rows], kind)

    return {
        "text": column("text", pa.string()),
        "foil": column("foil", pa.string()),
        **{name: column(name, pa.list_(pa.string())) for name in _TEXTS},
        "spans": column("spans", pa.list_(pa.list_(pa.int64()))),
        **{name: column(name, pa.list_(numbers)) for name in _BY_UNIT},
        **{name: column(name, numbers) for name in _BY_TARGET},
        "converged": column("converged", pa.list_(pa.bool_())),
        "censored": column("censored", pa.float64()),
        "n_forwards": column("n_forwards", pa.int64()),
    }


def read_back(row: Mapping[str, Any], header: Mapping[str, Any]) -> TokenAttribution:
    """The result of one prompt from its row, as plain Python, and its file's header."""
    from ..reagent import TokenAttribution

    provenance = dict(header["provenance"]) | {"data_hash": hash_bytes(row["text"].encode())}
    provenance["options"] = provenance["options"] | {"foil": row["foil"] or ""}
    record = {name: value for name, value in row.items() if name not in {"units", "row", "source", "error"}}
    return TokenAttribution.from_dict(
        record
        | {
            "names": row["units"],
            "method": header["method"],
            "effect": header["effect"],
            "provenance": provenance,
        }
    )
