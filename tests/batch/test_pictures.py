"""Folders of pictures: what a run writes is what the methods say of each picture."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from xai import batch
from xai.batch.pictures import find_pictures
from xai.core.errors import InputError, ModelError

pytest.importorskip("torch")

CLASS = "neutrophil"


@pytest.fixture(scope="module")
def smears():
    from xai.datasets.smears import generate

    return generate(18, seed=5)


@pytest.fixture(scope="module")
def network():
    from xai.models.vision import demo_cnn

    return demo_cnn()


@pytest.fixture(scope="module")
def material(tmp_path_factory, smears, network):
    """A folder with two classes, one damaged file and one that is no picture; a bank; a gallery."""
    from PIL import Image

    from xai.chmcorr import Gallery
    from xai.craft import Craft

    home = tmp_path_factory.mktemp("pictures")
    for i, (picture, label) in enumerate(zip(smears.images, smears.labels, strict=True)):
        folder = home / "data" / ("even" if label % 2 == 0 else "odd")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / f"{i:02d}.png")
    (home / "data" / "odd" / "damaged.jpg").write_bytes(b"\xff\xd8 no more")
    (home / "data" / "odd" / "notes.txt").write_text("not a picture")
    Craft(network, 3).fit(smears.images).save(home / "bank.npz")
    Gallery.build(smears.images, [str(i % 2) for i in smears.labels], "demo").save(home / "gallery")
    return home


@pytest.fixture(scope="module")
def options(material):
    return {
        "craft": {"bank": material / "bank.npz", "class": CLASS},
        "chmcorr": {"gallery": material / "gallery", "options": {"k": 5, "n_candidates": 8}},
        "dhondt": {"seats": 30, "source": "craft"},
    }


@pytest.fixture(scope="module")
def done(material, network, options, tmp_path_factory):
    return batch.run(
        network,
        material / "data",
        tmp_path_factory.mktemp("out") / "out",
        ["craft", "chmcorr", "dhondt"],
        options=options,
        rows_per_part=5,
    )


@pytest.fixture
def files(material):
    """Readable pictures in the order of a run."""
    return sorted((material / "data").rglob("*.png"))


def test_concepts_of_each_picture_are_those_of_all_at_once(done, material, network, files):
    from xai.craft import load
    from xai.models.vision import read_image

    pictures = [read_image(file) for file in files]
    truth = load(material / "bank.npz", network).importance(pictures, CLASS)
    a = done.attribution(method="craft")
    assert a.rows == tuple(f"{file.parent.name}/{file.name}" for file in files)
    np.testing.assert_allclose(a.values, truth.attribution.values, atol=1e-5)
    np.testing.assert_allclose(a.outputs, network.predict(pictures), atol=1e-4)
    table = done.dataset("craft").to_table().to_pandas()
    table = table[table["error"].isna()]
    assert list(table["label"]) == [network.class_names[i] for i in network.predict(pictures).argmax(axis=1)]
    indices = table[[f"total_index/{name}" for name in truth.names]].to_numpy()
    np.testing.assert_allclose(indices, truth.per_image, atol=1e-5)
    said = done.summary["methods"]["craft"]["total_index"]
    np.testing.assert_allclose([said[name] for name in truth.names], truth.sobol, atol=1e-5)
    seats = done.dataset("dhondt").to_table().to_pandas()[f"seats/{CLASS}/concept 1"]
    assert seats.isna().sum() == 1


def test_correspondence_of_each_picture(done, material, files, options):
    from xai.chmcorr import CorrespondenceClassifier, Gallery, Options
    from xai.models.vision import read_image

    classifier = CorrespondenceClassifier(Gallery.open(material / "gallery"), Options(**options["chmcorr"]["options"]))
    table = done.dataset("chmcorr").to_table().to_pandas().set_index("source")
    a = done.attribution(method="chmcorr")
    for file in (files[0], files[-1]):
        row = table.loc[f"{file.parent.name}/{file.name}"]
        truth = classifier.explain(read_image(file))
        assert row["label"] == truth.label
        assert list(row["exemplars"]) == [exemplar.name for exemplar in truth.exemplars]
        assert [row[f"shares/{name}"] for name in ("0", "1")] == pytest.approx(list(truth.shares))
        values = a.values[a.rows.index(row.name), :, 0]
        np.testing.assert_allclose(values, truth.attribution.for_output(truth.label).values[0, :, 0], rtol=1e-6)
    assert a.units.layout == (7, 7)
    counts = done.summary["methods"]["chmcorr"]["labels"]
    assert counts == {str(k): int(v) for k, v in table["label"].value_counts().sort_index().items()}


def test_a_damaged_picture_is_marked_and_hurts_no_other(done):
    for method in ("craft", "chmcorr", "dhondt"):
        table = done.dataset(method).to_table(columns=["source", "error"]).to_pandas()
        bad = table[table["error"].notna()]
        assert list(bad["source"]) == ["odd/damaged.jpg"]
        assert "cannot be read as PNG or JPEG" in bad["error"].iloc[0]
        assert len(table) == 19
    assert done.summary["failed_rows"] == 1


def test_folders_are_segments_and_parts(done, files):
    n = sum(file.parent.name == "even" for file in files)
    assert len(done.attribution(method="craft", where={"folder": "even"}).rows) == n
    names = {path.relative_to(done.folder).as_posix() for path in (done.folder / "craft").rglob("*.parquet")}
    assert names == {f"craft/{folder}-{i:05d}.parquet" for folder in ("even", "odd") for i in range(2)}


@pytest.mark.slow
def test_workers_open_what_they_need_themselves(material, options, tmp_path, done):
    """By names and paths alone; numbers are those of this process."""
    there = batch.run(
        "demo", material / "data", tmp_path / "out", ["craft"], options={"craft": options["craft"]}, workers=1
    )
    np.testing.assert_allclose(there.attribution().values, done.attribution(method="craft").values, atol=1e-5)
    bank = material / "bank.npz"
    moved = tmp_path / "bank.npz"
    moved.write_bytes(bank.read_bytes())
    with pytest.raises(InputError, match="other options"):
        batch.run("demo", material / "data", tmp_path / "out", ["craft"], options={"craft": {"bank": moved}})


@pytest.mark.parametrize(
    ("methods", "changes", "words"),
    [
        (["craft"], {"craft": {}}, r"needs concepts saved by xai.craft.Craft.save: options=\{'craft': \{'bank'"),
        (["craft"], {"craft": {"bank": "nowhere.npz"}}, "saved concepts that 'craft' needs is not there"),
        (["chmcorr"], {"chmcorr": {}}, "needs the folder of a gallery"),
        (["craft", "shap"], {}, "'craft' explains pictures, 'shap' explains rows"),
        (["craft"], {"key": ["file"]}, "leave key and keep out"),
        (["craft"], {"craft": {"class": "nobody"}}, "unknown class"),
        (["chmcorr"], {"chmcorr": {"options": {"kk": 3}}}, "options of 'chmcorr'"),
    ],
)
def test_what_lacks_is_said_before_the_first_picture(  # noqa: PLR0917
    material, network, options, tmp_path, methods, changes, words
):
    given = {name: dict(options.get(name, {})) for name in methods if name in options}
    for name in methods:
        if name in changes:
            given[name] = (given[name] | changes[name]) if changes[name] else {}
    rest = {name: value for name, value in changes.items() if name == "key"}
    with pytest.raises(InputError, match=words):
        batch.run(network, material / "data", tmp_path / "out", methods, options=given, **rest)
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_concepts_of_another_model(material, options, tmp_path):
    from torch import nn

    other = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    with pytest.raises(ModelError, match="learned from another model"):
        batch.run(other, material / "data", tmp_path / "out", ["craft"], options={"craft": options["craft"]})


def test_no_pictures(network, options, tmp_path, tmp_path_factory):
    empty = tmp_path_factory.mktemp("empty")
    given = {"craft": options["craft"]}
    with pytest.raises(InputError, match="no PNG or JPEG"):
        batch.run(network, empty, tmp_path / "out", ["craft"], options=given)
    with pytest.raises(InputError, match="no folder"):
        batch.run(network, Path(sys.executable), tmp_path / "out", ["craft"], options=given)


def test_a_folder_may_be_called_like_a_picture(tmp_path, smears):
    from PIL import Image

    (tmp_path / "scan.png").mkdir()
    Image.fromarray(smears.images[0]).save(tmp_path / "a.png")
    Image.fromarray(smears.images[1]).save(tmp_path / "scan.png" / "b.png")
    _, found = find_pictures(tmp_path)
    assert [(file.path, file.rows, file.error) for file in found] == [(".", 1, ""), ("scan.png", 1, "")]


def test_a_picture_that_is_gone_is_told(network, options, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(InputError, match=r"a\.png cannot be read: No such file"):
        batch.run(network, tmp_path / "data", tmp_path / "out", ["craft"], options={"craft": options["craft"]})


def test_a_folder_in_which_nothing_can_be_read(network, options, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.png").write_bytes(b"no")
    with pytest.raises(ModelError, match=r"pictures.parquet: 1 of 1 rows fail"):
        batch.run(network, tmp_path / "data", tmp_path / "out", ["craft"], options={"craft": options["craft"]})
