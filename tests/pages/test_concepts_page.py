"""The Concepts page on the bundled smears, on pictures of one's own, and on a network of one's own."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import streamlit

pytest.importorskip("torch")

from tests.craft import networks
from xai.core.errors import InputError
from xai.craft import Craft, names_record
from xai.dashboard.conceptual import Question, Subject
from xai.dashboard.workers import pool
from xai.models.vision import ImageModel, Preprocess
from xai.sandbox.concepts import bundled, concept_sweep, concepts, demo_model, image_classes, play_concepts


def quiet(*_):
    """Nobody watches."""


@pytest.fixture
def eosinophils():
    model, images = demo_model(), bundled(80)
    return images[model.predict(images).argmax(axis=1) == model.class_names.index("eosinophil")]


def test_the_page_is_filled_and_names_are_kept(app):
    visit = app(patience=180).open("concepts")
    assert visit.titles == ["Concepts"]
    assert visit.errors == []
    assert set(visit.figures) == {"concept-importance", "concept-parliament", "concept-curves"}
    assert "the network takes for eosinophil · layer map7" in visit.text
    assert sum(visit.seats("concept-parliament").values()) == 100
    first = visit.at.text_input[0]
    first.set_value("granules")
    visit.run()
    shown = visit.figure("concept-importance")["layout"]["yaxis"]["ticktext"]
    assert shown[0] == "granules"
    assert "granules" in visit.at.session_state["found"]["concepts"][1].names  # and in the report
    # An earlier layer tells apart what makes up a concept; a click opens it, a second one closes it.
    node = next(button for button in visit.at.button if button.label.startswith("granules · "))
    node.click()
    visit.run()
    assert visit.errors == []
    assert "**granules** · layer map14" in visit.text
    nodes = [button.label for button in visit.at.button if " · 0." in button.label]
    assert len(nodes) == 8 + 5
    next(button for button in visit.at.button if button.label.startswith("granules · ")).click()
    visit.run()
    assert len([button for button in visit.at.button if " · 0." in button.label]) == 8


def test_names_come_back_from_the_file_that_was_saved(app):
    visit = app(patience=180).open("concepts")
    before = visit.at.session_state["found"]["concepts"][1]
    record = names_record(("granules", *before.names[1:]), before.bank, before.layer)
    upload = next(item for item in visit.at.get("file_uploader") if item.label.startswith("Names"))
    upload.upload("names.json", json.dumps({"class": "eosinophil", "named": record}).encode(), "application/json")
    visit.run()
    assert visit.errors == []
    assert visit.at.session_state["found"]["concepts"][1].names == ("granules", *before.names[1:])
    assert "granules" in [field.value for field in visit.at.text_input]
    upload = next(item for item in visit.at.get("file_uploader") if item.label.startswith("Names"))
    upload.upload("other.json", b"{}", "application/json")
    visit.run()
    assert any("no file of concept names" in error for error in visit.errors)


def test_names_in_a_tree_come_back_when_it_is_opened(app, monkeypatch):
    saved, button = {}, streamlit.download_button

    def download_button(label, data, *args, **options):
        saved[label] = data
        return button(label, data, *args, **options)

    monkeypatch.setattr(streamlit, "download_button", download_button)
    visit = app(patience=180).open("concepts")
    sheet = visit.at.session_state["found"]["concepts"][1]
    first = sheet.names[sheet.importance.order[0]]

    def open_first():
        next(button for button in visit.at.button if button.label.startswith(f"{first} · ")).click()
        visit.run()
        assert visit.errors == []

    open_first()
    part = next(field for field in visit.at.text_input if ":" in (field.key or "") and "." in field.key.split(":")[-2])
    part.set_value("dark grains")
    visit.run()
    tree = saved["Tree (JSON)"]
    assert [record["path"] for record in json.loads(tree)] == [[], [first]]
    assert "dark grains" in json.loads(tree)[1]["named"]["names"]

    visit = app(patience=180).open("concepts")
    upload = next(item for item in visit.at.get("file_uploader") if item.label == "Names from such a tree")
    upload.upload("concept-tree.json", tree.encode(), "application/json")
    visit.run()
    assert "dark grains" not in visit.text
    open_first()
    assert "dark grains" in [field.value for field in visit.at.text_input]
    upload = next(item for item in visit.at.get("file_uploader") if item.label == "Names from such a tree")
    upload.upload("other.json", b"[]", "application/json")
    visit.run()
    assert any("no file of concept names" in error for error in visit.errors)


def test_concepts_of_one_picture_are_edited(app):
    visit = app(patience=180).open("concepts")
    visit.set("toggle", "edit", value=True)
    assert visit.errors == []
    assert "eosinophil" in visit.text
    kept = visit.at.session_state.to_dict()
    (session,) = [value for key, value in kept.items() if key.startswith("edits:")]
    assert session.game.weights == "continuous"
    assert session.game.output_names == demo_model().class_names
    position = session.game.output_names.index("eosinophil")
    before = session.outputs.after[position]
    session.edit(np.eye(len(session.game.units))[-1])  # all but the last are taken out
    assert session.outputs.after[position] < before


def test_another_class_has_other_concepts(app):
    visit = app(patience=180).open("concepts")
    visit.set("selectbox", "image-class", "monocyte")
    assert visit.errors == []
    assert "takes for monocyte" in visit.text
    if len(visit.at.selectbox(key="network").options) > 1:  # the packages of the ImageNet network are there
        visit.set("selectbox", "network", "imagenet")
        assert visit.errors == []
        assert "Add pictures, at least five of one class" in visit.at.info[0].value


def test_the_task_answers_what_craft_does(eosinophils):
    shown = concepts(progress=quiet, class_name="eosinophil", given={"n_images": 80}, n_concepts=4)
    direct = Craft(demo_model(), 4, patch_size=44).fit(eosinophils).importance(None, "eosinophil")
    assert shown.importance.sobol == pytest.approx(direct.sobol)
    assert shown.maps.shape == (8, 4, 112, 112)
    assert max(len(crops) for crops in shown.crops) == 6


def test_a_split_is_what_recursion_finds(eosinophils):
    shown = concepts(progress=quiet, class_name="eosinophil", given={"n_images": 80}, n_concepts=4, split=[2])
    child = Craft(demo_model(), 4, patch_size=44).fit(eosinophils).recurse(2)
    np.testing.assert_array_equal(shown.bank, child.W)
    assert shown.layer == child.layer == "map14"


def test_masks_are_played_as_by_the_game(eosinophils):
    craft = Craft(demo_model(), 4, patch_size=44).fit(eosinophils)
    masks = np.array([[1, 1, 1, 1], [0, 1, 2, 0.5]])
    played = play_concepts(progress=quiet, masks=masks, picture=eosinophils[3], bank=craft.W, layer=craft.layer)
    np.testing.assert_allclose(played, craft.game(eosinophils[3])(masks), rtol=1e-6)


def test_several_numbers_of_concepts():
    found = concept_sweep(progress=quiet, class_name="eosinophil", given={"n_images": 80}, ranks=(2, 4, 8))
    assert found["suggested"] in (2, 4, 8)
    assert (np.diff(found["error"]) < 0).all()


def png(image):
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


def test_pictures_of_ones_own_and_classes_they_are_taken_for(eosinophils):
    files = {f"{i}.png": np.frombuffer(png(image), np.uint8) for i, image in enumerate(eosinophils[:6])}
    files["broken.png"] = np.frombuffer(b"no picture", np.uint8)
    found = image_classes(progress=quiet, images=files)
    assert (found["names"], found["counts"]) == (["eosinophil"], [6])
    assert found["notes"][0].startswith("broken.png was left out")
    sheet = concepts(progress=quiet, class_name="eosinophil", images=files, n_concepts=3)
    assert sheet.n_images == 6
    assert any("broken.png" in note for note in sheet.notes)
    assert any("6 pictures only" in note for note in sheet.notes)
    with pytest.raises(InputError, match=r"takes 0 of these 6 pictures for 'monocyte'.*takes them for: eosinophil 6\."):
        concepts(progress=quiet, class_name="monocyte", images=files)
    with pytest.raises(InputError, match="unknown class: 'daisy'"):
        concepts(progress=quiet, class_name="daisy", images=files)
    with pytest.raises(InputError, match="none of the pictures can be read"):
        image_classes(progress=quiet, images={"a.png": np.zeros(9, np.uint8)})


def test_a_network_of_ones_own(tmp_path):
    pytest.importorskip("onnxruntime")
    from zipfile import ZipFile

    file = networks.as_onnx(networks.colour_net(), tmp_path / "colours.onnx")
    images = networks.squares(12)[0]
    with ZipFile(tmp_path / "squares.zip", "w") as archive:
        for i, image in enumerate(images):
            archive.writestr(f"{i:02}.png", png(image))
    subject = {
        "network": "file", "model": str(file), "pictures": str(tmp_path / "squares.zip"),
        "given": {"preprocess": {"size": [48, 48]}, "class_names": ["red", "green", "blue"]},
    }  # fmt: skip
    # A confined worker may read both files, as the page asks it to.
    found = pool().submit("image_classes", "Asking", **subject).result(120)
    assert found == image_classes(progress=quiet, **subject)
    assert sum(found["counts"]) == 12
    assert set(found["names"]) <= {"red", "green", "blue"}
    name, count = found["names"][0], found["counts"][0]
    sheet = concepts(progress=quiet, class_name=name, n_concepts=3, **subject)
    assert sheet.n_images == count
    direct = ImageModel(file, Preprocess(size=(48, 48)), ["red", "green", "blue"])
    mine = images[direct.predict(images).argmax(axis=1) == direct.class_names.index(name)]
    assert sheet.importance.sobol == pytest.approx(Craft(direct, 3).fit(mine).importance(None, name).sobol)


def test_names_are_kept_under_what_they_are_about():
    smears = Question(Subject(), "eosinophil", 8)
    assert smears.key == "smears:eosinophil:8:positions"
    own = Subject(images={"a.png": b"1"})
    other = Subject(images={"a.png": b"2"})
    assert len({own.key, other.key, Subject("imagenet", images={"a.png": b"1"}).key}) == 3
    json.dumps(own.options)  # what tasks take besides arrays
