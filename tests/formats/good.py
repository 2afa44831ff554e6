"""Good files of every format, made on the spot from small fitted models."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

NAMES = ["age", "dose", "pulse", "weight"]


def table(n: int = 120) -> pd.DataFrame:
    """Four columns of numbers."""
    return pd.DataFrame(np.random.default_rng(0).normal(size=(n, 4)).round(3), columns=NAMES)


def labels(X: pd.DataFrame) -> np.ndarray:
    """Three classes."""
    return np.digitize(X.age + 0.5 * X.dose * X.pulse, [-0.5, 0.7])


@dataclass(frozen=True)
class Good:
    """A good file: where it is, what it holds in memory, and what it is asked with."""

    path: Path
    native: Any
    rows: Any


def tabular(folder: Path) -> dict[str, Good]:
    """One good file of each format of models of tables."""
    return {name: make(folder) for name, make in TABULAR.items()}


def _xgboost(folder: Path, raw: str) -> Good:
    import xgboost

    X = table()
    model = xgboost.XGBClassifier(n_estimators=4, max_depth=3, n_jobs=1).fit(X, labels(X))
    path = folder / f"xgboost.{raw}"
    path.write_bytes(model.get_booster().save_raw(raw))
    return Good(path, model, X)


def xgboost_json(folder: Path) -> Good:
    return _xgboost(folder, "json")


def xgboost_ubj(folder: Path) -> Good:
    return _xgboost(folder, "ubj")


def lightgbm_txt(folder: Path) -> Good:
    import lightgbm

    X = table()
    model = lightgbm.LGBMClassifier(n_estimators=4, num_leaves=5, n_jobs=1, verbose=-1).fit(X, labels(X))
    path = folder / "lightgbm.txt"
    model.booster_.save_model(str(path))
    return Good(path, model, X)


def _catboost(folder: Path, form: str) -> Good:
    import catboost

    X = table()
    model = catboost.CatBoostClassifier(iterations=4, depth=3, thread_count=1, verbose=0, allow_writing_files=False)
    model.fit(X, labels(X))
    path = folder / f"catboost.{form}"
    model.save_model(str(path), format=form)
    return Good(path, model, X)


def catboost_cbm(folder: Path) -> Good:
    return _catboost(folder, "cbm")


def catboost_json(folder: Path) -> Good:
    return _catboost(folder, "json")


def skops_forest(folder: Path) -> Good:
    """A pipeline of columns of numbers and text with a forest behind it."""
    import skops.io
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    X = table().assign(site=np.random.default_rng(1).choice(["north", "south"], 120))
    columns = ColumnTransformer([("numbers", StandardScaler(), NAMES), ("site", OneHotEncoder(), ["site"])])
    forest = RandomForestClassifier(5, max_depth=4, random_state=0, n_jobs=2)
    model = Pipeline([("columns", columns), ("forest", forest)]).fit(X, labels(X))
    path = folder / "forest.skops"
    skops.io.dump(model, path)
    return Good(path, model, X)


def skops_boosting(folder: Path) -> Good:
    import skops.io
    from sklearn.ensemble import HistGradientBoostingClassifier

    X = table()
    model = HistGradientBoostingClassifier(max_iter=4, max_leaf_nodes=5).fit(X, labels(X))
    path = folder / "boosting.skops"
    skops.io.dump(model, path)
    return Good(path, model, X)


def onnx_forest(folder: Path) -> Good:
    import skl2onnx
    from sklearn.ensemble import RandomForestClassifier

    X = table()
    model = RandomForestClassifier(4, max_depth=3, random_state=0).fit(X.to_numpy(), labels(X))
    path = folder / "forest.onnx"
    proto = skl2onnx.to_onnx(model, X.to_numpy(np.float32)[:1], options={"zipmap": False})
    path.write_bytes(proto.SerializeToString())
    return Good(path, model, X)


def onnx_columns(folder: Path) -> Good:
    """One input a column, text among them, and a map of probabilities a row."""
    import skl2onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    X = table().assign(site=np.random.default_rng(1).choice(["north", "south"], 120))
    columns = ColumnTransformer([("numbers", StandardScaler(), NAMES), ("site", OneHotEncoder(), ["site"])])
    answers = np.array(["low", "mid", "high"])[labels(X)]
    model = Pipeline([("columns", columns), ("linear", LogisticRegression())]).fit(X, answers)
    types = [*((name, FloatTensorType([None, 1])) for name in NAMES), ("site", StringTensorType([None, 1]))]
    path = folder / "columns.onnx"
    path.write_bytes(skl2onnx.to_onnx(model, initial_types=types).SerializeToString())
    return Good(path, model, X)


def _network() -> Any:
    import torch
    from torch import nn

    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 3))
    network[1].running_mean.normal_()
    network[1].running_var.uniform_(0.5, 2.0)
    return network.eval()


def mlp_safetensors(folder: Path) -> Good:
    from xai.models.mlp import save_mlp

    path = folder / "mlp.safetensors"
    save_mlp(_network(), path, classes=["low", "mid", "high"], feature_names=NAMES)
    return Good(path, _network(), table())


def mlp_state_dict(folder: Path) -> Good:
    import torch

    path = folder / "mlp.pt"
    torch.save(_network().state_dict(), path)
    return Good(path, _network(), table())


TABULAR = {
    make.__name__: make
    for make in (
        xgboost_json,
        xgboost_ubj,
        lightgbm_txt,
        catboost_cbm,
        catboost_json,
        skops_forest,
        skops_boosting,
        onnx_forest,
        onnx_columns,
        mlp_safetensors,
        mlp_state_dict,
    )
}


def pictures(n: int = 2, size: tuple[int, int] = (40, 48)) -> np.ndarray:
    """Pictures ``(n, H, W, 3)`` uint8."""
    return np.random.default_rng(0).integers(0, 256, (n, *size, 3), dtype=np.uint8)


def demo_cnn(folder: Path) -> Good:
    import torch

    from xai.models.vision import demo

    torch.manual_seed(0)
    network = demo.network(3).eval()
    path = folder / "demo-cnn.pt"
    torch.save(network.state_dict(), path)
    return Good(path, network, pictures())


def efficientnet(folder: Path) -> Good:
    import torch
    from efficientnet_lite_pytorch import EfficientNet
    from safetensors.torch import save_file

    torch.manual_seed(0)
    network = EfficientNet.from_name("efficientnet-lite0", num_classes=3).eval()
    path = folder / "efficientnet.safetensors"
    save_file(network.state_dict(), path, {"classes": "cyst, mole, scar"})
    return Good(path, network, pictures())


def hub_image(folder: Path, family: str) -> Good:
    """A tiny image classifier of transformers, zipped as its folder."""
    import torch
    import transformers

    torch.manual_seed(0)
    names = {0: "cyst", 1: "mole", 2: "scar"}
    options: dict[str, Any] = {"id2label": names, "label2id": {name: i for i, name in names.items()}}
    if family == "resnet":
        options |= {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "basic"}
        config, model = transformers.ResNetConfig(**options), transformers.ResNetForImageClassification
    elif family == "convnext":
        options |= {"hidden_sizes": [8, 16], "depths": [1, 1], "num_stages": 2}
        config, model = transformers.ConvNextConfig(**options), transformers.ConvNextForImageClassification
    else:
        options |= {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
        config = transformers.ViTConfig(image_size=32, patch_size=16, **options)
        model = transformers.ViTForImageClassification
    network = model(config).eval()
    made = folder / family
    network.save_pretrained(made)
    preprocessor = {
        "size": {"height": 32, "width": 32},
        "image_mean": [0.5, 0.4, 0.3],
        "image_std": [0.2, 0.3, 0.4],
        "rescale_factor": 1 / 255,
    }
    (made / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    return Good(pack(made, folder / f"{family}.zip"), network, pictures())


def image_onnx(folder: Path, *, last: bool = False) -> Good:
    """A convolution and a mean as ONNX, channels first or last."""
    import onnx
    from onnx import helper, numpy_helper

    rng = np.random.default_rng(0)
    shape = ["n", 32, 32, 3] if last else ["n", 3, 32, 32]
    start = [helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2])] if last else []
    nodes = [
        *start,
        helper.make_node("Conv", ["t" if last else "x", "w"], ["m"], strides=[4, 4]),
        helper.make_node("Relu", ["m"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "v"], ["y"]),
    ]
    weights = [
        numpy_helper.from_array(rng.normal(size=(4, 3, 4, 4)).astype(np.float32), "w"),
        numpy_helper.from_array(rng.normal(size=(4, 3)).astype(np.float32), "v"),
    ]
    graph = helper.make_graph(
        nodes,
        "pictures",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["n", 3])],
        weights,
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = folder / f"image{'-last' if last else ''}.onnx"
    path.write_bytes(proto.SerializeToString())
    return Good(path, weights, pictures())


def language(folder: Path) -> Good:
    """The bundled causal model, zipped as its folder."""
    from xai.core.resources import resource

    source = resource("sample_data", "models", "vignettes-causal")
    return Good(pack(source, folder / "language.zip"), source, "Patient with fever and")


def pack(source: Path, path: Path) -> Path:
    """A folder as a zip file that holds the folder itself."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(source.iterdir()):
            archive.write(file, f"{source.name}/{file.name}")
    return path


IMAGES = {
    "demo_cnn": demo_cnn,
    "efficientnet": efficientnet,
    "resnet": lambda folder: hub_image(folder, "resnet"),
    "convnext": lambda folder: hub_image(folder, "convnext"),
    "vit": lambda folder: hub_image(folder, "vit"),
    "image_onnx": image_onnx,
    "image_onnx_last": lambda folder: image_onnx(folder, last=True),
}


def data_files(folder: Path) -> dict[str, Path]:
    """One good table or picture of each kind."""
    import pydicom
    from PIL import Image
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

    X = table()
    files = {kind: folder / f"good.{kind}" for kind in ("csv", "parquet", "png", "jpeg", "dicom", "picture-zip")}
    X.to_csv(files["csv"], index=False)
    X.to_parquet(files["parquet"])
    for kind in ("png", "jpeg"):
        Image.fromarray(pictures(1)[0]).save(files[kind], kind.upper())
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.826.0.1.3680043.8.498.1"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    scan = FileDataset("scan", {}, file_meta=meta, preamble=b"\0" * 128)
    scan.PatientName, scan.PatientID = "Doe^Jane", "4711"
    scan.Rows, scan.Columns, scan.SamplesPerPixel, scan.PhotometricInterpretation = 24, 20, 1, "MONOCHROME2"
    scan.BitsAllocated, scan.BitsStored, scan.HighBit, scan.PixelRepresentation = 16, 12, 11, 0
    scan.PixelData = np.arange(480, dtype=np.uint16).tobytes()
    pydicom.dcmwrite(files["dicom"], scan, enforce_file_format=True)
    with zipfile.ZipFile(files["picture-zip"], "w") as archive:
        for name in ("cyst/1.png", "cyst/2.png", "mole/1.png"):
            archive.write(files["png"], name)
    return files


def sources(folder: Path) -> dict[str, Path]:
    """The good file of each kind that the corpus damages."""
    made = {
        "xgboost-json": xgboost_json,
        "xgboost-ubj": xgboost_ubj,
        "lightgbm-txt": lightgbm_txt,
        "catboost-cbm": catboost_cbm,
        "catboost-json": catboost_json,
        "skops": skops_forest,
        "onnx": onnx_forest,
        "safetensors": mlp_safetensors,
        "torch-weights": mlp_state_dict,
        "huggingface-zip": lambda place: hub_image(place, "resnet"),
    }
    return {kind: make(folder).path for kind, make in made.items()} | data_files(folder)
