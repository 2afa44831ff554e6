"""``xai gallery`` and ``xai correspond``."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from xai.chmcorr import CorrespondenceClassifier, Gallery, Options
from xai.cli import main
from xai.datasets import smears


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """24 smears in folders by class, and four more."""
    folder = tmp_path_factory.mktemp("smears")
    made = smears.generate(28, 112, 5)
    for i, (image, label) in enumerate(zip(made.images, made.labels, strict=True)):
        place = folder / "known" / smears.CLASSES[label] if i < 24 else folder / "new"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def built(pictures):
    """The gallery that the command writes."""
    out = pictures / "built"
    assert main(["gallery", str(pictures / "known"), "-o", str(out), "--backbone", "demo"]) == 0
    return out


def test_a_gallery_is_written_and_opens(built, pictures, capsys):
    opened = Gallery.open(built)
    assert len(opened) == 24
    assert opened.maps.dtype == np.float16
    assert isinstance(opened.maps, np.memmap)
    assert set(opened.class_names) == {path.name for path in (pictures / "known").iterdir()}
    assert main(["gallery", str(pictures / "known"), "-o", str(built), "--backbone", "demo"]) != 0
    assert "is not empty" in capsys.readouterr().err


def test_pictures_are_explained_as_from_python(built, pictures, tmp_path, capsys):
    files = sorted(map(str, (pictures / "new").glob("*.png")))
    out = tmp_path / "why.json"
    assert main(["correspond", str(built), *files, "--candidates", "20", "--k", "5", "-o", str(out)]) == 0
    said = capsys.readouterr().out
    record = json.loads(out.read_text())
    classifier = CorrespondenceClassifier(Gallery.open(built), Options(20, 5))
    for file, told in zip(files, record["pictures"], strict=True):
        e = classifier.explain(np.asarray(Image.open(file)))
        assert told["answer"] == e.label
        assert told["votes"] == dict(e.votes)
        assert told["exemplars"][0]["picture"] == e.exemplars[0].name
        assert tuple(told["exemplars"][0]["pairs"][0]["query"]) == e.exemplars[0].pairs[0].query
        assert e.exemplars[0].name in said


def test_a_mask_takes_the_place_of_the_models_map(built, pictures, tmp_path, capsys):
    file = next((pictures / "new").glob("*.png"))
    mask = np.zeros((7, 7))
    mask[2:5, 2:5] = 1
    path = tmp_path / "mask.json"
    path.write_text(json.dumps(mask.tolist()))
    out = tmp_path / "why.json"
    options = ["--candidates", "20", "--k", "5"]
    assert main(["correspond", str(built), str(file), *options, "--mask", str(path), "-o", str(out)]) == 0
    told = json.loads(out.read_text())["pictures"][0]
    e = CorrespondenceClassifier(Gallery.open(built), Options(20, 5)).explain(np.asarray(Image.open(file))).edit(mask)
    assert (told["answer"], told["edited"], told["patch_map"]) == (e.label, True, mask.tolist())
    path.write_text(json.dumps(np.zeros((7, 7)).tolist()))
    assert main(["correspond", str(built), str(file), *options, "--mask", str(path)]) != 0
    assert "ignores all 49 patches" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gallery", "nowhere", "-o", "out", "--backbone", "demo"], "is no folder"),
        (["gallery", ".", "-o", "out", "--backbone", "demo", "--grid", "7"], "write ROWSxCOLUMNS"),
        (["correspond", "nowhere", "a.png"], "holds no gallery"),
    ],
)
def test_what_is_wrong_is_said(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) != 0
    assert message in capsys.readouterr().err
