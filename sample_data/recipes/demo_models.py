"""Train the demo models and write them, with their metadata, in each framework's native format.

    python sample_data/recipes/demo_models.py [--only NAME] [--out DIR]

The same library versions give the same models: splits and seeds are fixed, and one thread adds up in one order.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from catboost import CatBoostClassifier
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split
from xgboost import XGBClassifier

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from xai.core.provenance import hash_file, hash_frame
from xai.datasets import load_dataset

MODELS_DIR = Path(__file__).resolve().parents[1] / "models"
SEED = 42
TEST_SIZE = 0.3


@dataclass(frozen=True)
class ModelSpec:
    """What to train on what, and the suffix of the framework's native format."""

    title: str
    dataset: str
    suffix: str
    estimator: Callable[[], Any]


def _xgboost(**options: Any) -> XGBClassifier:
    return XGBClassifier(
        n_estimators=200,
        learning_rate=0.05,
        subsample=0.8,
        min_child_weight=3,
        tree_method="hist",
        random_state=0,
        n_jobs=1,
        **{"max_depth": 3, "colsample_bytree": 0.8, **options},
    )


_LIGHTGBM = {
    "n_estimators": 200,
    "learning_rate": 0.05,
    "num_leaves": 8,
    "max_depth": 3,
    "min_child_samples": 20,
    "subsample": 0.8,
    "subsample_freq": 1,
    "colsample_bytree": 0.8,
    "random_state": 0,
    "n_jobs": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}

SPECS: dict[str, ModelSpec] = {
    # The settings of the published figure of DhondtXAI: CatBoost's defaults, seed 0 among them.
    "breast_cancer_mean-catboost": ModelSpec(
        "Breast cancer, ten means: CatBoost",
        "breast_cancer_mean",
        "cbm",
        lambda: CatBoostClassifier(verbose=0, eval_metric="Accuracy", allow_writing_files=False, thread_count=1),
    ),
    "breast_cancer_mean-xgboost": ModelSpec(
        "Breast cancer, ten means: XGBoost", "breast_cancer_mean", "json", _xgboost
    ),
    "breast_cancer-xgboost": ModelSpec("Breast cancer, all columns: XGBoost", "breast_cancer", "ubj", _xgboost),
    "diabetes_progression-lightgbm": ModelSpec(
        "Diabetes progression: LightGBM",
        "diabetes_progression",
        "txt",
        lambda: LGBMRegressor(**{**_LIGHTGBM, "n_estimators": 120}),
    ),
    "heart_cleveland-catboost": ModelSpec(
        "Heart disease, Cleveland: CatBoost",
        "heart_cleveland",
        "cbm",
        lambda: CatBoostClassifier(
            iterations=200,
            learning_rate=0.05,
            depth=4,
            l2_leaf_reg=5,
            random_seed=0,
            thread_count=1,
            verbose=0,
            allow_writing_files=False,
        ),
    ),
    "heart_four_hospitals-xgboost": ModelSpec(
        "Heart disease, four hospitals: XGBoost",
        "heart_four_hospitals",
        "ubj",
        lambda: _xgboost(enable_categorical=True),
    ),
    "pima_diabetes-lightgbm": ModelSpec(
        "Pima diabetes: LightGBM",
        "pima_diabetes",
        "txt",
        lambda: LGBMClassifier(**{**_LIGHTGBM, "n_estimators": 120}),
    ),
    "alzheimers_csf-xgboost": ModelSpec(
        "Alzheimer's, spinal fluid: XGBoost",
        "alzheimers_csf",
        "json",
        lambda: _xgboost(enable_categorical=True, colsample_bytree=0.4),
    ),
}


def save(estimator: Any, path: Path) -> None:
    """Write an estimator's native file."""
    if isinstance(estimator, CatBoostClassifier):
        # The clock and a random identifier are the only parts of the file that differ between two runs.
        labels = estimator.get_metadata()
        for key in ("train_finish_time", "model_guid"):
            labels[key] = ""
    (estimator.booster_ if hasattr(estimator, "booster_") else estimator).save_model(str(path))


def train(name: str, out: Path) -> dict[str, Any]:
    """Train one model, write its file into ``out`` and return its entry of models.json."""
    spec = SPECS[name]
    data = load_dataset(spec.dataset)
    framework = name.rsplit("-", 1)[1]
    fitted, held_out = train_test_split(np.arange(len(data.y)), test_size=TEST_SIZE, random_state=SEED)
    X = data.X
    options = {"cat_features": list(data.categorical)} if framework == "catboost" else {}
    estimator = spec.estimator().fit(X.iloc[fitted], data.y.iloc[fitted], **options)
    score_name, score = ("r2", r2_score) if data.task == "regression" else ("accuracy", accuracy_score)
    path = out / f"{name}.{spec.suffix}"
    save(estimator, path)
    return {
        "title": spec.title,
        "dataset": spec.dataset,
        "framework": framework,
        "version": metadata.version(framework),
        "file": path.name,
        "sha256": hash_file(path),
        "target": str(data.y.name),
        "positive": data.target_names[1] if data.task == "binary" else "",
        "seed": SEED,
        "test_size": TEST_SIZE,
        "held_out": held_out.tolist(),
        "score_name": score_name,
        "score": float(score(data.y.iloc[held_out], estimator.predict(X.iloc[held_out]))),
        "data_hash": hash_frame(data.to_frame().iloc[fitted]),
    }


def write_index(entries: dict[str, dict[str, Any]], path: Path) -> None:
    """Write models.json, one line an entry, in the order of the specs; what is there already is kept."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    known |= entries
    lines = [f"  {json.dumps(name)}: {json.dumps(known[name])}" for name in SPECS if name in known]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def main() -> None:
    """Train all models, or the one named."""
    parser = argparse.ArgumentParser(description="Train the demo models.")
    parser.add_argument("--only", choices=SPECS, metavar="NAME", help=f"one of: {', '.join(SPECS)}")
    parser.add_argument("--out", type=Path, default=MODELS_DIR, metavar="DIR", help="folder to write into")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in [arguments.only] if arguments.only else SPECS:
        entry = train(name, arguments.out)
        write_index({name: entry}, arguments.out / "models.json")
        print(f"{name}: {entry['score_name']} {entry['score']:.4f} on {len(entry['held_out'])} held-out rows")


if __name__ == "__main__":
    main()
