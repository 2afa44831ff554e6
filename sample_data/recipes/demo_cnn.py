"""Train the demo network on synthetic blood smears and write its weights.

    python sample_data/recipes/demo_cnn.py [--out DIR]

About two minutes on one processor core. The same versions of numpy, scipy and torch give the same weights on the same
kind of processor; the accuracy on smears it has never seen stands in the file's metadata.
"""

from __future__ import annotations

import argparse
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from xai.datasets.smears import CLASSES, generate
from xai.models.vision import ImageModel
from xai.models.vision.demo import FILE, PREPROCESS, SIZE, network

MODELS_DIR = Path(__file__).resolve().parents[1] / "models"
TRAIN_SEED, TEST_SEED = 0, 1
N_TRAIN, N_TEST = 2400, 600
EPOCHS, BATCH, PEAK_RATE = 10, 48, 5e-3


def train() -> torch.nn.Module:
    """The network after ten passes over 2,400 smears, each turned and mirrored at random."""
    torch.manual_seed(TRAIN_SEED)
    torch.set_num_threads(1)
    smears = generate(N_TRAIN, SIZE, seed=TRAIN_SEED)
    inputs, labels = torch.from_numpy(PREPROCESS.normalise(smears.images)), torch.from_numpy(smears.labels)
    model = network(len(CLASSES))
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=1e-2)
    steps = EPOCHS * (N_TRAIN // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=steps)
    for epoch in range(EPOCHS):
        total = 0.0
        for rows in torch.randperm(N_TRAIN).split(BATCH):
            turns, mirror = int(torch.randint(4, ())), bool(torch.randint(2, ()))
            x = torch.rot90(inputs[rows], turns, (2, 3))
            loss = functional.cross_entropy(model(x.flip(3) if mirror else x), labels[rows], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1}: loss {total * BATCH / N_TRAIN:.3f}", flush=True)
    return model.eval()


def accuracy(model: torch.nn.Module) -> float:
    """Share of 600 smears of another seed that are named right."""
    smears = generate(N_TEST, SIZE, seed=TEST_SEED)
    logits = ImageModel(model, PREPROCESS, CLASSES).predict(smears.images)
    return float(np.mean(logits.argmax(axis=1) == smears.labels))


def main() -> None:
    """Train, measure and write."""
    parser = argparse.ArgumentParser(description="Train the demo network.")
    parser.add_argument("--out", type=Path, default=MODELS_DIR, metavar="DIR", help="folder to write into")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    model = train()
    score = accuracy(model)
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    described = {
        "classes": ",".join(CLASSES),
        "train_seed": str(TRAIN_SEED),
        "test_seed": str(TEST_SEED),
        "accuracy": f"{score:.4f}",
        "torch": metadata.version("torch"),
    }
    save_file(weights, folder / FILE, metadata=described)
    print(f"accuracy {score:.4f} on {N_TEST} smears of another seed; {(folder / FILE).stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
