"""``xai concepts``."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch")

from PIL import Image

from tests.craft import networks
from xai.cli import main
from xai.craft import load
from xai.models.vision import ImageModel, Preprocess


@pytest.fixture
def folder(tmp_path):
    pictures = tmp_path / "pictures"
    (pictures / "more").mkdir(parents=True)
    for i, image in enumerate(networks.squares(12)[0]):
        Image.fromarray(image).save((pictures / "more" if i % 2 else pictures) / f"{i:02}.png")
    (pictures / "broken.png").write_bytes(b"no picture")
    (pictures / "notes.txt").write_text("no picture either")
    return pictures


def test_bank_importance_and_pieces_are_written(folder, tmp_path, capsys):
    pytest.importorskip("onnxruntime")
    file = networks.as_onnx(networks.colour_net(), tmp_path / "net.onnx")
    out = tmp_path / "found"
    command = [
        "concepts",
        str(file),
        str(folder),
        "-o",
        str(out),
        "--concepts",
        "3",
        "--patch",
        "12",
        "--size",
        "48x48",
    ]
    assert main(command) == 0
    text = capsys.readouterr().out
    assert "Left out broken.png" in text
    assert "of 12 pictures are taken for" in text
    table = pd.read_csv(out / "importance.csv", index_col=0)
    assert table["sobol"].sum() == pytest.approx(1)
    craft = load(out / "concepts.npz", ImageModel(file, Preprocess(size=(48, 48))))
    assert tuple(table.index) == craft.names
    assert np.asarray(Image.open(out / "concept_01-01.png")).shape == (12, 12, 3)
    # The same bank serves any other picture.
    assert craft.transform(networks.squares(2, seed=9)[0]).shape == (2, 4, 4, 3)
    assert main(command) == 2
    assert "is there already" in capsys.readouterr().err


def test_what_is_wrong_is_told(folder, tmp_path, capsys):
    def said(*options):
        assert main(["concepts", *options, "-o", str(tmp_path / "out")]) == 2
        return capsys.readouterr().err

    assert "is no folder" in said("demo", str(tmp_path / "nothing"))
    (tmp_path / "empty").mkdir()
    assert "holds no PNG or JPEG" in said("demo", str(tmp_path / "empty"))
    assert "unknown class: 'eosinophile'. Did you mean 'eosinophil'" in said(
        "demo", str(folder), "--class", "eosinophile"
    )
    assert "need at least 5" in said("demo", str(folder), "--class", _rare(folder))
    assert "write height x width" in said("net.onnx", str(folder), "--size", "224")
    assert "write three numbers" in said("net.onnx", str(folder), "--mean", "0.5")
    assert not (tmp_path / "out").exists()


def _rare(folder):
    from xai.models.vision import demo_cnn, read_images

    model = demo_cnn()
    counts = np.bincount(model.predict(read_images(sorted(folder.rglob("0*.png"))).images).argmax(axis=1), minlength=4)
    return model.class_names[int(counts.argmin())]
