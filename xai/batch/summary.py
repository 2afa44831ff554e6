"""What a run says as a whole, from the sums of its parts: votes, seats with intervals, agreement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import XaiError
from .manifest import Manifest
from .methods import SEATS, explaining
from .prompts import FORMAT as PROMPTS
from .sums import Sums
from .written import header_of_file

FORMAT = "hemicycle/batch-summary/1"
DRAWS, LEVEL, SEED = 1000, 0.95, 0


def summarise(
    folder: Path, manifest: Manifest, importances: Mapping[str, Any], skipped: Sequence[Mapping[str, str]]
) -> dict[str, Any]:
    """The summary of a finished run, in JSON types."""
    methods: dict[str, Any] = dict(importances)
    failed = 0
    for name in explaining(manifest.methods):
        paths = [path for part in manifest.parts if (path := folder / name / part.name).exists()]
        if not paths:
            continue
        entry, of_method = _of_method(paths, manifest.options.get(SEATS, {}))
        methods[name] = entry
        failed = max(failed, of_method)
    return {
        "format": FORMAT,
        "rows": sum(part.rows for part in manifest.parts),
        "failed_rows": failed,
        "skipped": [dict(entry) for entry in skipped],
        "methods": methods,
        "agreement": _agreement(methods),
    }


def _of_method(paths: Sequence[Path], law: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """What the parts of one method say together, and how many of their rows failed; one part at a time is read."""
    headers = map(header_of_file, paths)
    first = next(headers)
    failed, totals = first["failed"], first["totals"]
    if first["format"] == PROMPTS:
        for header in headers:
            failed, totals = failed + header["failed"], _added(totals, header["totals"])
        shares = {"converged_share": totals["converged"] / max(totals["targets"], 1)}
        return {"method": first["method"], "effect": first["effect"], **totals, **shares}, failed
    sums = Sums.from_dict(first["sums"])
    for header in headers:
        failed, totals = failed + header["failed"], _added(totals, header["totals"])
        sums += Sums.from_dict(header["sums"])
    indices = {
        concept: total / count if count else None for concept, (total, count) in totals.pop("total_index", {}).items()
    }
    return _of_sums(sums, first, law) | totals | ({"total_index": indices} if indices else {}), failed


def _added(a: Any, b: Any) -> Any:
    """Two totals as one: numbers are added, in lists and by name, too."""
    if isinstance(a, Mapping):
        return {
            name: _added(a[name], b[name]) if name in a and name in b else a.get(name, b.get(name))
            for name in {**a, **b}
        }
    if isinstance(a, list):
        return [_added(x, y) for x, y in zip(a, b, strict=True)]
    return a + b


def _of_sums(sums: Sums, header: Mapping[str, Any], law: Mapping[str, Any]) -> dict[str, Any]:
    units = header["units"]["names"]
    outputs = {}
    for i, output in enumerate(header["output_names"]):
        votes = sums.votes(i)
        outputs[output] = {
            "votes": dict(zip(units, votes.tolist(), strict=True)),
            "standard_error": dict(zip(units, sums.standard_error(i).tolist(), strict=True)),
            "mean_value": dict(zip(units, (sums.value[i] / max(sums.rows, 1)).tolist(), strict=True)),
            "seats": _seats(units, votes, sums.covariance(i), law),
        }
    return {"rows": sums.rows, "outputs": outputs}


def _seats(
    units: Sequence[str], votes: np.ndarray, covariance: np.ndarray, law: Mapping[str, Any]
) -> dict[str, list[int]]:
    """Unit to seats and their interval: the election repeated on votes drawn from their sampling distribution.

    Mean sizes over many rows are normal with the covariance that the sums give; a bootstrap of the rows would need
    all of them again. Where only variances are known, votes are drawn independently of each other.
    """
    from ..dhondt import allocate

    if not votes.any():
        return {}
    house, rule = law.get("seats", 100), law.get("rule", "dhondt")
    noise = np.random.default_rng(SEED).standard_normal((DRAWS, len(votes)))
    if covariance.ndim == 1:
        noise *= np.sqrt(covariance.clip(0))
    else:
        scale, directions = np.linalg.eigh(covariance)
        noise = noise * np.sqrt(scale.clip(0)) @ directions.T
    drawn = np.maximum(votes + noise, 0.0)
    seats = np.zeros(drawn.shape, dtype=np.int64)
    voting = drawn.any(axis=1)  # a draw in which nothing has an effect elects nobody
    seats[voting] = allocate(drawn[voting], house, rule)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(seats, [tail, 1 - tail], axis=0, method="inverted_cdf")
    columns = allocate(votes, house, rule), low.astype(int), high.astype(int)
    return {unit: [int(column[j]) for column in columns] for j, unit in enumerate(units)}


def _agreement(methods: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every pair of importances of the same units, output by output."""
    lists: dict[tuple[str, str], Mapping[str, float]] = {}
    for name, entry in methods.items():
        if "votes" in entry:
            lists[name, ""] = entry["votes"]
        for output, content in entry.get("outputs", {}).items():
            lists[name, output] = content["votes"]
    found = []
    for (a, output), (b, other) in combinations(lists, 2):
        if a == b or (output and other and output != other):
            continue
        measured = _compare(lists[a, output], lists[b, other])
        if measured is not None:
            found.append({"first": a, "second": b, "output": output or other, **measured})
    return found


def _compare(a: Mapping[str, float], b: Mapping[str, float]) -> dict[str, Any] | None:
    from ..agreement import compare

    try:
        table = compare(dict(a), dict(b)).to_frame()
    except XaiError as error:  # other units, or a single one: there is nothing to compare, and the reason is kept
        return {"missing": str(error)}
    return {"measures": _plain(table.reset_index().to_dict(orient="records"))}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    return None if isinstance(value, float) and not np.isfinite(value) else value
