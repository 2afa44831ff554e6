"""Long prompts of seven notes, the last one open: whether the sentences that decide are found, and at what cost.

    python benchmarks/long_prompts.py [--n 20] [--no-flat] [--fresh] [--quick]

Prompts of 400 to 512 tokens; the target is the whole diagnosis. Compared are the hierarchical estimator with a quarter
of the forwards that leaving out every token takes, and flat leave-one-out, every token once. Right is the sentence (the
token's phrase, too) if the unit with the largest effect before the words that ask for the diagnosis lies in a sentence
with recorded evidence (in the evidence itself). Finished prompts are kept beside the results, and a stopped run goes
on from there.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from importlib import metadata
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from xai import reagent
from xai.datasets.vignettes import Vignette, several
from xai.models.text import LanguageModel
from xai.reagent.units import sentence_spans

RESULTS = Path(__file__).parent / "results" / "long_prompts.json"
NOTES, SHORTEST = 7, 400


def judged(note: Vignette, t: reagent.TokenAttribution) -> dict[str, object]:
    """What the unit with the largest effect before the carrier phrase is, and what it cost."""
    values = np.where(t.spans[:, 1] <= note.carrier[0], np.nan_to_num(t.values[0]), -np.inf)
    start, end = (int(x) for x in t.spans[int(np.argmax(values))])
    start += len(note.prompt[start:end]) - len(note.prompt[start:end].lstrip())
    sentence = next((a, b) for a, b in sentence_spans(note.prompt) if a <= start < b)
    return {
        "sentence": any(sentence[0] <= a < sentence[1] for a, _ in note.evidence),
        "phrase": any(a < end and start < b for a, b in note.evidence),
        "forwards": t.n_forwards,
        "unit": note.prompt[start:end],
    }


def measure(lm: LanguageModel, seed: int, known: dict, *, flat: bool) -> dict[str, object] | None:
    """Figures of one prompt, beside those known; none if it has another length or the model gives another answer."""
    note = several(NOTES, seed)
    encoding = lm.encode(note.prompt)
    answer = lm.encode(note.answer, start=False).ids
    if not SHORTEST <= len(encoding) <= lm.context - len(answer):
        return None
    if not np.array_equal(list(lm.generate(encoding.ids, len(answer))), answer):
        return None
    found: dict[str, object] = {"seed": seed, "tokens": len(encoding), **known}
    # Four more forwards give the answer with every unit replaced.
    if "hierarchical" not in found:
        config = reagent.HierarchicalConfig(budget=len(encoding) // 4 - 4, joint=True, seed=seed)
        found["hierarchical"] = judged(note, reagent.attribute(lm, note.prompt, note.answer, config=config))
    if flat and "flat" not in found:
        once = reagent.LeaveOneOutConfig(budget=len(encoding), joint=True, seed=seed)
        found["flat"] = judged(note, reagent.attribute(lm, note.prompt, note.answer, config=once))
    return found


def main() -> None:
    """Run and report."""
    parser = argparse.ArgumentParser(description="Are the sentences found that made a diagnosis?")
    parser.add_argument("--n", type=int, default=20, help="prompts (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="first seed (default: %(default)s)")
    parser.add_argument("--no-flat", action="store_true", help="without flat leave-one-out, which takes longest")
    parser.add_argument("--quick", action="store_true", help="one prompt without flat leave-one-out, nothing kept")
    parser.add_argument("--fresh", action="store_true", help="forget the prompts that are done")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.quick:
        options.n, options.no_flat = 1, True
    lm = reagent.load_lm("demo")
    kept = options.out.with_suffix(".jsonl")
    if options.fresh:
        kept.unlink(missing_ok=True)
    lines = kept.read_text().splitlines() if kept.is_file() and not options.quick else []
    known = {row["seed"]: row for row in map(json.loads, lines)}
    done: list[dict] = []
    seed, started = options.first, time.process_time()
    while len(done) < options.n:
        row = measure(lm, seed, known.get(seed, {}), flat=not options.no_flat)
        seed += 1
        if row is None:
            continue
        done.append(row)
        known[row["seed"]] = row
        if options.quick:
            print(row)
            continue
        kept.write_text("".join(json.dumps(r) + "\n" for r in known.values()))
        print(f"{time.process_time() - started:.0f} s", row, flush=True)
        report(done, options.out)


def report(done: list[dict], out: Path) -> None:
    """Shares of right sentences and phrases by method, on the screen and written."""
    summary: dict[str, object] = {"versions": {n: metadata.version(n) for n in ("torch", "numpy")}}
    for method in ("hierarchical", "flat"):
        rows = [row[method] for row in done if method in row]
        if rows:
            means = {k: float(np.mean([row[k] for row in rows])) for k in ("sentence", "phrase", "forwards")}
            summary[method] = {"n": len(rows), **means}
            print(f"{method}: {summary[method]}", flush=True)
    out.write_text(json.dumps({**summary, "prompts": done}, indent=1) + "\n")


if __name__ == "__main__":
    main()
