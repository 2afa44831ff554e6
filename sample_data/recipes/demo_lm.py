"""Train the demo language models, one causal and one masked, on synthetic vignettes.

    python sample_data/recipes/demo_lm.py [--out DIR] [--causal-seconds 420] [--masked-seconds 660] [--masked-only]
                                          [--masked-more]

Both are RoBERTa with layer norms before the blocks, so the masked one can start from the causal one's weights: from
scratch it does not learn in this time. Lengths are in processor seconds of one thread. The folders are plain Hugging
Face models; ``training.json`` beside the weights says how they did on vignettes of another seed. With
``--masked-more`` training goes on from the masked model that is there.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch.nn import functional
from transformers import (
    PreTrainedTokenizerFast,
    RobertaPreLayerNormConfig,
    RobertaPreLayerNormForCausalLM,
    RobertaPreLayerNormForMaskedLM,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from xai.datasets.vignettes import generate

MODELS_DIR = Path(__file__).resolve().parents[1] / "models"
TRAIN_SEED, TEST_SEED = 0, 1_000_000
CONTEXT, N_NOTES, N_TEST = 512, 40_000, 240
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
BOS, PAD, EOS, MASK = 0, 1, 2, 4
PEAK_RATE, MASKED_SHARE = 1.5e-3, 0.15


def make_tokenizer(lines: list[str]) -> Tokenizer:
    """A byte-level BPE over the notes; every text starts with ``<s>``."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=2048,
        special_tokens=SPECIAL,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(lines, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", BOS)])
    return tokenizer


def batches(
    notes: list[list[int]], generator: torch.Generator, rows_of: tuple[int, int], every: int
) -> Iterator[torch.Tensor]:
    """Endless batches of rows that start with a note: of 128 tokens, and each ``every``-th of the whole context."""
    step = 0
    while True:
        rows, length = (rows_of[1], CONTEXT) if step % every == every - 1 else (rows_of[0], 128)
        step += 1
        batch = torch.full((rows, length), PAD)
        for row in batch:
            ids = [BOS]
            while len(ids) < length:
                note = notes[int(torch.randint(len(notes), (), generator=generator))]
                ids += [*note, EOS] if torch.rand((), generator=generator) < 0.5 else note
            row[:] = torch.tensor(ids[:length])
        yield batch


def causal_loss(model: torch.nn.Module, ids: torch.Tensor, _: torch.Generator) -> torch.Tensor:
    """Cross-entropy of the next token."""
    logits = model(input_ids=ids[:, :-1]).logits
    return functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())


def masked_loss(model: torch.nn.Module, ids: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Cross-entropy of hidden tokens: 85 % as the mask, 10 % as another token, 5 % as they are."""
    chosen = (torch.rand(ids.shape, generator=generator) < MASKED_SHARE) & (ids != BOS)
    fate = torch.rand(ids.shape, generator=generator)
    seen = torch.where(chosen & (fate < 0.85), MASK, ids)
    other = torch.randint(len(SPECIAL), model.config.vocab_size, ids.shape, generator=generator)
    seen = torch.where(chosen & (fate > 0.85) & (fate < 0.95), other, seen)
    hidden = model.roberta_prelayernorm(input_ids=seen).last_hidden_state
    return functional.cross_entropy(model.lm_head(hidden[chosen]), ids[chosen])


def train(
    model: torch.nn.Module,
    loss: Callable[[torch.nn.Module, torch.Tensor, torch.Generator], torch.Tensor],
    notes: list[list[int]],
    seconds: float,
    *,
    rows_of: tuple[int, int] = (20, 4),
    every: int = 4,
    peak: float = PEAK_RATE,
) -> torch.nn.Module:
    """The model after ``seconds`` of processor time."""
    generator = torch.Generator().manual_seed(TRAIN_SEED)
    optimizer = torch.optim.AdamW(model.parameters(), lr=peak, betas=(0.9, 0.98), weight_decay=0.05)
    model.train()
    started, reported = time.process_time(), 0.0
    for step, ids in enumerate(batches(notes, generator, rows_of, every)):
        spent = time.process_time() - started
        if spent > seconds:
            break
        share = 0.5 * (1 + math.cos(math.pi * spent / seconds))
        for group in optimizer.param_groups:
            group["lr"] = peak * min(1, (step + 1) / 100) * (0.02 + 0.98 * share)
        value = loss(model, ids, generator)
        optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if spent >= reported:
            print(f"{spent:5.0f} s, step {step}: loss {value.item():.3f}", flush=True)
            reported += seconds / 12
    return model.eval()


@torch.no_grad()
def right_diagnoses(model: torch.nn.Module, tokenizer: Tokenizer) -> float:
    """Share of vignettes of another seed whose diagnosis is generated right, greedily."""
    right = 0
    for vignette in generate(N_TEST, TEST_SEED):
        prompt, answer = tokenizer.encode(vignette.prompt).ids, tokenizer.encode(vignette.answer).ids[1:]
        logits = model(input_ids=torch.tensor([prompt + answer])).logits[0]
        # Greedy decoding gives the answer exactly when every one of its tokens is the most probable after those before.
        right += logits[len(prompt) - 1 : -1].argmax(-1).tolist() == answer
    return right / N_TEST


@torch.no_grad()
def right_fillings(model: torch.nn.Module, tokenizer: Tokenizer) -> float:
    """Share of single hidden tokens of vignettes of another seed that are guessed."""
    right = total = 0
    for vignette in generate(40, TEST_SEED):
        ids = torch.tensor(tokenizer.encode(vignette.text).ids)
        places = torch.arange(1, len(ids))
        rows = ids.repeat(len(places), 1)
        rows[torch.arange(len(places)), places] = MASK
        logits = model(input_ids=rows).logits[torch.arange(len(places)), places]
        right += int((logits.argmax(-1) == ids[places]).sum())
        total += len(places)
    return right / total


def save(model: torch.nn.Module, tokenizer: Tokenizer, folder: Path, facts: dict[str, object]) -> None:
    """Weights in half precision, tokenizer and facts."""
    model.half().save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",  # noqa: S106
        pad_token="<pad>",  # noqa: S106
        eos_token="</s>",  # noqa: S106
        unk_token="<unk>",  # noqa: S106
        mask_token="<mask>",  # noqa: S106
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    ).save_pretrained(folder)
    versions = {name: metadata.version(name) for name in ("torch", "transformers", "tokenizers")}
    facts = {"train_seed": TRAIN_SEED, "test_seed": TEST_SEED, **facts, "versions": versions}
    (folder / "training.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{folder.name}: {facts}, {size:,} bytes", flush=True)


def shape(tokenizer: Tokenizer, **more: bool) -> RobertaPreLayerNormConfig:
    """Of both models."""
    return RobertaPreLayerNormConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=192,
        num_hidden_layers=4,
        num_attention_heads=6,
        intermediate_size=768,
        max_position_embeddings=CONTEXT + PAD + 1,  # RoBERTa counts positions from the padding id + 1
        type_vocab_size=1,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        bos_token_id=BOS,
        pad_token_id=PAD,
        eos_token_id=EOS,
        **more,
    )


def main() -> None:
    """Train both, measure and write."""
    parser = argparse.ArgumentParser(description="Train the demo language models.")
    parser.add_argument("--out", type=Path, default=MODELS_DIR, metavar="DIR", help="folder to write into")
    parser.add_argument("--causal-seconds", type=float, default=420, help="processor seconds for the causal model")
    parser.add_argument("--masked-seconds", type=float, default=660, help="processor seconds for the masked model")
    parser.add_argument("--masked-only", action="store_true", help="start from the causal model that is there")
    parser.add_argument("--masked-more", action="store_true", help="go on with the masked model that is there")
    options = parser.parse_args()
    options.masked_only |= options.masked_more
    torch.set_num_threads(1)
    torch.manual_seed(TRAIN_SEED)
    texts = [vignette.text for vignette in generate(N_NOTES, TRAIN_SEED)]
    folder = options.out / "vignettes-causal"
    known = folder / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(known)) if options.masked_only else make_tokenizer(texts[:8000])
    # A note after another one starts with a space, as in running text.
    notes = [encoding.ids[1:] for encoding in tokenizer.encode_batch(texts + [f" {text}" for text in texts])]
    print(f"{tokenizer.get_vocab_size()} tokens, {sum(map(len, notes)) / len(notes):.0f} a note", flush=True)
    if options.masked_only:
        causal = RobertaPreLayerNormForCausalLM.from_pretrained(folder).float()
    else:
        causal = RobertaPreLayerNormForCausalLM(shape(tokenizer, is_decoder=True, use_cache=True))
        train(causal, causal_loss, notes, options.causal_seconds)
    start = {name: weight.clone() for name, weight in causal.state_dict().items()}
    if not options.masked_only:
        facts = {"seconds": options.causal_seconds, "right_diagnoses": right_diagnoses(causal, tokenizer)}
        save(causal, tokenizer, folder, facts)
    folder, seconds = options.out / "vignettes-masked", options.masked_seconds
    if options.masked_more:
        masked = RobertaPreLayerNormForMaskedLM.from_pretrained(folder).float()
        # Smaller batches and more steps: what is left to learn is where to look.
        train(masked, masked_loss, notes, seconds, rows_of=(10, 2), every=6, peak=1e-3)
        seconds += json.loads((folder / "training.json").read_text(encoding="utf-8"))["seconds"]
    else:
        masked = RobertaPreLayerNormForMaskedLM(shape(tokenizer))
        masked.load_state_dict(start)
        train(masked, masked_loss, notes, seconds)
    save(masked, tokenizer, folder, {"seconds": seconds, "right_fillings": right_fillings(masked, tokenizer)})


if __name__ == "__main__":
    main()
