"""Long prompts of seven notes, the last one open: whether the sentences that decide are found, and at what cost.

    python benchmarks/long_prompts.py [--n 20] [--no-flat] [--fresh]

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


def measure(lm: LanguageModel, seed: int, *, flat: bool) -> dict[str, object] | None:
    """Figures of one prompt; none if it has another length or the model gives another answer."""
    note = several(NOTES, seed)
    encoding = lm.encode(note.prompt)
    answer = lm.encode(note.answer, start=False).ids
    if not SHORTEST <= len(encoding) <= lm.context - len(answer):
        return None
    if not np.array_equal(list(lm.generate(encoding.ids, len(answer))), answer):
        return None
    found: dict[str, object] = {"seed": seed, "tokens": len(encoding)}
    # Four more forwards give the answer with every unit replaced.
    config = reagent.HierarchicalConfig(budget=len(encoding) // 4 - 4, joint=True, seed=seed)
    found["hierarchical"] = judged(note, reagent.attribute(lm, note.prompt, note.answer, config=config))
    if flat:
        once = reagent.LeaveOneOutConfig(budget=len(encoding), joint=True, seed=seed)
        found["flat"] = judged(note, reagent.attribute(lm, note.prompt, note.answer, config=once))
    return found


def main() -> None:
    """Run and report."""
    parser = argparse.ArgumentParser(description="Are the sentences found that made a diagnosis?")
    parser.add_argument("--n", type=int, default=20, help="prompts (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="first seed (default: %(default)s)")
    parser.add_argument("--no-flat", action="store_true", help="without flat leave-one-out, which takes longest")
    parser.add_argument("--fresh", action="store_true", help="forget the prompts that are done")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    lm = reagent.load_lm("demo")
    kept = options.out.with_suffix(".jsonl")
    if options.fresh:
        kept.unlink(missing_ok=True)
    done = [json.loads(line) for line in kept.read_text().splitlines()] if kept.is_file() else []
    seed, started = max([options.first, *(row["seed"] + 1 for row in done)]), time.process_time()
    while len(done) < options.n:
        row = measure(lm, seed, flat=not options.no_flat)
        seed += 1
        if row is None:
            continue
        done.append(row)
        with kept.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(f"{time.process_time() - started:.0f} s", row, flush=True)
    summary: dict[str, object] = {"n": len(done), "versions": {n: metadata.version(n) for n in ("torch", "numpy")}}
    for method in ("hierarchical", "flat"):
        rows = [row[method] for row in done if method in row]
        if rows:
            summary[method] = {k: float(np.mean([row[k] for row in rows])) for k in ("sentence", "phrase", "forwards")}
    print(summary)
    options.out.write_text(json.dumps({**summary, "prompts": done}, indent=1) + "\n")


if __name__ == "__main__":
    main()
