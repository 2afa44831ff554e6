"""Published ReAGent beside inseq 0.7.1: forwards, rows and processor time for the same number of perturbations.

    .venv/bin/python benchmarks/reagent.py [--n 5] [--chains 8] [--steps 20] [--answer 4] [--answers 5]
        [--pointing 20] [--parts target answer pointing] [--quick] [--peer-env DIR]

The demo model, vignettes it has not seen, replacement by part of speech on both sides, r = .3, 5 units kept, top 3.
Each side runs in a process of its own on one thread, in single precision; loading the model and its table of kinds of
words is not counted.

* one target: the first token of the diagnosis; the same chains and most steps on both sides;
* an answer: its first tokens, each explained;
* NaN: prompts for which a score is no number;
* pointing: rows until three of four prompts have their largest score outside the carrier phrase in recorded evidence,
  ours being the default method. The peer is given up to ``--peer-rows`` rows.

Each part is written as soon as it is done, and can be run alone.

The peer lives in an environment of its own (``--peer-env``, made if it is not there). It downloads a tagger of words
when it starts; without a network a rule by endings, given here, takes that one's place.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "reagent.json"
MODEL = ROOT / "sample_data" / "models" / "vignettes-causal"
SEED, PEER = 2_500_000, "inseq==0.7.1"
KEEP, TOP, RATE = 5, 3, 0.3
PARTS = ("target", "answer", "pointing")


class Counted:
    """A model's forward that counts calls, rows and tokens."""

    def __init__(self, model: object) -> None:
        self.forward = model.forward
        self.reset()
        model.forward = self

    def reset(self) -> None:
        """Start again."""
        self.calls = self.rows = self.tokens = 0

    def __call__(self, *args: object, **options: object) -> object:
        """Count and go on."""
        given = options.get("input_ids")
        given = options.get("inputs_embeds") if given is None else given
        given = args[0] if given is None else given
        self.calls += 1
        self.rows += given.shape[0]
        self.tokens += given.shape[0] * given.shape[1]
        return self.forward(*args, **options)


def measured(work: object, counted: Counted) -> dict[str, object]:
    """What a call costs."""
    counted.reset()
    started = time.process_time()
    scores = work()
    return {
        "seconds": time.process_time() - started,
        "forwards": counted.calls,
        "rows": counted.rows,
        "tokens": counted.tokens,
        "scores": np.asarray(scores, dtype=float).tolist(),
    }


def run_peer(order: dict) -> dict:
    """In the peer's environment: every prompt, and scores a target over the prompt's tokens."""
    import inseq
    import nltk
    import torch

    torch.set_num_threads(1)
    nltk.download = lambda *_, **__: True
    endings = (("ly", "RB"), ("ing", "VBG"), ("ed", "VBD"), ("s", "NNS"), ("al", "JJ"), ("ic", "JJ"), ("tion", "NN"))

    def tag(words: list[str]) -> list[tuple[str, str]]:
        word = words[0]
        if not any(c.isalpha() for c in word):
            return [(word, "CD" if any(c.isdigit() for c in word) else ".")]
        return [(word, next((kind for end, kind in endings if word.endswith(end)), "NN"))]

    nltk.pos_tag = tag
    model = inseq.load_model(
        str(MODEL),
        "reagent",
        keep_top_n=KEEP,
        stopping_condition_top_k=TOP,
        replacing_ratio=RATE,
        max_probe_steps=order["steps"],
        num_probes=order["chains"],
    )
    # The file holds half precision, in which a processor is several times slower; both sides compute in single.
    model.model.float()
    counted = Counted(model.model)
    found = []
    for i, (prompt, answer) in enumerate(order["prompts"]):
        torch.manual_seed(i)
        length = len(model.tokenizer(prompt)["input_ids"])

        def work(prompt: str = prompt, answer: str = answer) -> np.ndarray:
            out = model.attribute(prompt, prompt + answer, show_progress=False)
            return out.sequence_attributions[0].target_attributions.mean(-1).numpy().T

        found.append(measured(work, counted) | {"prompt_tokens": length})
    return {"found": found, "versions": {n: metadata.version(n) for n in ("inseq", "torch", "transformers")}}


def run_ours(order: dict) -> dict:
    """The published mode of xai on the same prompts."""
    sys.path.insert(0, str(ROOT))
    import torch

    from xai import reagent
    from xai.reagent.problem import make_problem
    from xai.reagent.published import published
    from xai.reagent.replacement import make_sampler

    torch.set_num_threads(1)
    lm = reagent.load_lm("demo")
    counted = Counted(lm.model)
    found = []
    for i, (prompt, answer) in enumerate(order["prompts"]):
        config = reagent.PublishedConfig(
            chains=order["chains"],
            steps=order["steps"],
            rate=RATE,
            keep=KEEP,
            top=TOP,
            replacement="part_of_speech",
            seed=i,
        )
        problem = make_problem(lm, prompt, answer, None, 1, config)
        make_sampler(config.replacement, lm, problem.ids)  # the table of kinds, which the peer makes while loading
        found.append(measured(lambda p=problem, c=config: published(p, c).values, counted))
    return {"found": found, "versions": {n: metadata.version(n) for n in ("torch", "transformers")}}


def ask(python: str, side: str, order: dict) -> dict:
    """One side's answers, from a process of its own."""
    command = [python, __file__, "--side", side]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        command, input=json.dumps(order), capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode:
        raise SystemExit(f"{side} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.rpartition("\n@")[2])


def peer_python(folder: Path) -> str:
    """The peer's interpreter; its environment is made if it is not there."""
    python = folder / "bin" / "python"
    if not python.is_file():
        uv = str(ROOT / ".venv" / "bin" / "uv")
        subprocess.run([uv, "venv", "-q", str(folder)], check=True)
        subprocess.run([uv, "pip", "install", "-q", "--python", str(python), PEER, "nltk"], check=True)
    return str(python)


def points(vignette: object, spans: np.ndarray, scores: np.ndarray) -> bool:
    """Whether the largest score outside the carrier phrase lies in evidence."""
    last = [a + len(vignette.prompt[a:b].rstrip()) - 1 for a, b in spans]
    inside = [k for k, place in enumerate(last) if place < vignette.carrier[0]]
    best = last[inside[int(np.argmax(np.nan_to_num(scores)[inside]))]]
    return any(a <= best < b for a, b in vignette.evidence)


def pointing(options: argparse.Namespace, peer: str) -> dict[str, object]:
    """Rows until three of four prompts point right: ours by its default, the peer by its chains' steps."""
    sys.path.insert(0, str(ROOT))
    from xai import reagent
    from xai.datasets.vignettes import generate

    lm = reagent.load_lm("demo")
    notes = generate(options.pointing, SEED + 1)
    prompts, spans = [], []
    for note in notes:
        first = lm.decode(lm.encode(note.answer, start=False).ids[:1])
        encoding = lm.encode(note.prompt)
        prompts.append((note.prompt, first))
        spans.append(encoding.spans[~encoding.protected])
    table: dict[str, dict[int, float]] = {"ours": {}, "inseq": {}}
    for budget in (8, 16, 32, 64):
        right = []
        for i, (note, (prompt, first)) in enumerate(zip(notes, prompts, strict=True)):
            t = reagent.attribute(lm, prompt, first, config=reagent.ReagentConfig(budget=budget, seed=i))
            right.append(points(note, spans[i], t.values[0]))
        table["ours"][budget] = float(np.mean(right))
        if table["ours"][budget] >= 0.75:
            break
    steps = 4
    while (1 + 2 * steps) * options.chains <= options.peer_rows:
        answered = ask(peer, "peer", {"prompts": prompts, "chains": options.chains, "steps": steps})
        right = []
        for i, note in enumerate(notes):
            scores = np.array(answered["found"][i]["scores"])[0]
            right.append(points(note, spans[i], scores[1 : 1 + len(spans[i])]))
        table["inseq"][(1 + 2 * steps) * options.chains] = float(np.mean(right))
        if table["inseq"][(1 + 2 * steps) * options.chains] >= 0.75:
            break
        steps *= 2
    return table


def main() -> None:
    """Run both sides and report."""
    parser = argparse.ArgumentParser(description="Published ReAGent beside inseq.")
    parser.add_argument("--n", type=int, default=5)
    parser.add_argument("--chains", type=int, default=8)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--answer", type=int, default=4, help="tokens of the answer")
    parser.add_argument("--answers", type=int, default=5, help="prompts whose answer is explained")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--pointing", type=int, default=20, help="prompts for pointing; 0: leave it out")
    parser.add_argument("--peer-rows", type=int, default=4096)
    parser.add_argument("--peer-env", type=Path, default=ROOT / "benchmarks" / ".env-inseq")
    parser.add_argument("--quick", action="store_true", help="two prompts, few steps, no pointing; nothing is written")
    parser.add_argument("--side", choices=("ours", "peer"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        order = json.load(sys.stdin)
        print("\n@" + json.dumps(run_peer(order) if options.side == "peer" else run_ours(order)))
        return
    if options.quick:
        options.n, options.answers, options.steps, options.pointing = 2, 2, 5, 0
    sys.path.insert(0, str(ROOT))
    from xai.datasets.vignettes import generate
    from xai.reagent import load_lm

    peer, lm = peer_python(options.peer_env), load_lm("demo")
    notes = generate(max(options.n, options.answers), SEED)
    parts = (("target", "one target", options.n, 1), ("answer", "answer", options.answers, options.answer))
    for part, what, n, length in parts:
        if part not in options.parts:
            continue
        prompts = []
        for note in notes[:n]:
            whole = note.text[len(note.prompt) :]
            prompts.append((note.prompt, lm.decode(lm.encode(whole, start=False).ids[:length])))
        order = {"prompts": prompts, "chains": options.chains, "steps": options.steps}
        sides = {
            "inseq": ask(peer, "peer", order),
            "ours": ask(sys.executable, "ours", order),
        }
        row: dict[str, object] = {"n": len(prompts), "chains": options.chains, "steps": options.steps}
        for name, side in sides.items():
            found = side["found"]
            nan = sum(not np.isfinite(np.array(f["scores"])[:, : f.get("prompt_tokens")]).all() for f in found)
            row[name] = {k: float(np.sum([f[k] for f in found])) for k in ("seconds", "forwards", "rows", "tokens")}
            row[name] |= {"prompts_with_nan": int(nan), "versions": side["versions"]}
            print(f"{what:12s} {name:6s}", {k: v for k, v in row[name].items() if k != "versions"})
        row["seconds_ratio"] = row["inseq"]["seconds"] / row["ours"]["seconds"]
        row["seconds_a_row_ratio"] = (row["inseq"]["seconds"] / row["inseq"]["rows"]) / (
            row["ours"]["seconds"] / row["ours"]["rows"]
        )
        print(f"{what:12s} inseq / ours: {row['seconds_ratio']:.2f} in seconds, {row['seconds_a_row_ratio']:.2f} a row")
        write(options, what, row)
    if options.pointing and "pointing" in options.parts:
        found = pointing(options, peer)
        print("pointing by rows:", found)
        write(options, "pointing", {"n": options.pointing, **found})


def write(options: argparse.Namespace, part: str, found: dict[str, object]) -> None:
    """Put one part into the file of results."""
    if not options.quick:
        known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
        RESULTS.write_text(json.dumps({**known, part: found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
