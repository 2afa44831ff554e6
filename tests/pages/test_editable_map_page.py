"""The page "Editable map" without a browser: bundled stories, the operator's gallery, and what is wrong with either."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from PIL import Image

from xai.chmcorr import CorrespondenceClassifier, Gallery, Options
from xai.chmcorr.stories import STORIES, story
from xai.datasets import smears


@pytest.fixture(scope="module")
def gallery_folder(tmp_path_factory):
    """A gallery of 24 smears."""
    made = smears.generate(24, 112, 5)
    folder = tmp_path_factory.mktemp("gallery") / "smears"
    Gallery.build(made.images, [smears.CLASSES[i] for i in made.labels], "demo", path=folder)
    return folder


def now(page):
    return next(metric for metric in page.at.metric if metric.label == "Now")


@pytest.mark.parametrize("key", STORIES)
def test_every_story_shows_its_answer_and_all_figures(app, key):
    page = app(story=key).open("editable_map")
    e = story(key).explanations[0]
    assert not page.errors
    assert now(page).value == e.label
    assert now(page).delta == f"{e.shares.max():.0%}"
    assert {"editable-votes", "editable-pairs", "editable-cells", "editable-ranks"} <= set(page.figures)
    assert {"editable-insertion", "editable-deletion"} <= set(page.figures)
    assert page.text.count("in random order") == 2
    assert "That does not tell whether it is right" in page.text


def test_an_edit_reaches_every_card(app):
    page = app(story="stained_smears").open("editable_map")
    e = story("stained_smears").explanations[0]
    session = page.at.session_state["edits:stained_smears:0"]
    mask = np.zeros((7, 7))
    mask[3, 3:5] = 1
    session.edit(mask, note="two cells")
    page.run()
    edited = e.edit(mask)
    assert now(page).value == edited.label
    shown = page.figure("editable-cells")["data"][0]["customdata"]
    values = np.frombuffer(base64.b64decode(shown["bdata"]), shown["dtype"])
    from xai.chmcorr import compare

    assert values.sum() == pytest.approx(compare(e, edited).contributions.sum())
    assert any(warning.value.startswith("Only 2 patches kept") for warning in page.at.warning)
    record = json.loads(session.to_json())
    assert record["steps"][1]["note"] == "two cells"


def test_the_operators_gallery_answers_as_from_python(app, gallery_folder, monkeypatch):
    from xai.dashboard.launch import GALLERY
    from xai.dashboard.views.editable_own import OPERATORS

    monkeypatch.setenv(GALLERY, str(gallery_folder))
    page = app(story=OPERATORS).open("editable_map")
    assert not page.errors
    opened = Gallery.open(gallery_folder)
    wanted = Options(23, 23 // len(opened.class_names))
    e = CorrespondenceClassifier(opened, wanted).explain_member(0)
    assert now(page).value == e.label
    assert now(page).delta == f"{e.shares.max():.0%}"


def test_a_gallery_that_another_network_encoded_is_refused(app, gallery_folder, tmp_path, monkeypatch):
    from xai.dashboard.launch import GALLERY
    from xai.dashboard.views.editable_own import OPERATORS

    broken = tmp_path / "broken"
    broken.mkdir()
    for file in gallery_folder.iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    head = json.loads((broken / "gallery.json").read_text())
    head["backbone"]["hash"] = "0" * 64
    (broken / "gallery.json").write_text(json.dumps(head))
    monkeypatch.setenv(GALLERY, str(broken))
    page = app(story=OPERATORS).open("editable_map")
    assert "build the gallery again" in page.errors[0]


def test_without_pictures_the_page_asks_for_them(app):
    from xai.dashboard.views.editable_own import MINE

    page = app(story=MINE).open("editable_map")
    assert not page.errors
    assert any("one folder a class" in info.value for info in page.at.info)


def test_an_archive_becomes_a_gallery(tmp_path):
    """Of an uploaded archive: classes from folders, equal pictures once, files that are no pictures named."""
    import io
    import zipfile

    from xai.core.errors import InputError
    from xai.sandbox.galleries import build_gallery

    made = smears.generate(8, 112, 6)
    archive = tmp_path / "mine.zip"
    with zipfile.ZipFile(archive, "w") as out:
        for i, (image, label) in enumerate(zip(made.images, made.labels, strict=True)):
            stream = io.BytesIO()
            Image.fromarray(image).save(stream, "PNG")
            out.writestr(f"{smears.CLASSES[label]}/{i}.png", stream.getvalue())
            if i == 0:
                out.writestr(f"{smears.CLASSES[label]}/again.png", stream.getvalue())
        out.writestr(f"{smears.CLASSES[made.labels[0]]}/notes.png", b"no picture")
    facts = build_gallery(str(archive), lambda *_: None, backbone="demo")
    assert len(facts["labels"]) == 8
    assert facts["repeated"] == 1
    assert [name.rpartition("/")[2] for name in facts["problems"]] == ["notes.png"]
    flat = tmp_path / "flat.zip"
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(flat, "w") as out:
        for i, name in enumerate(old.namelist()[:3]):
            out.writestr(f"{i}.png", old.read(name))
    with pytest.raises(InputError, match="no folders to tell classes by"):
        build_gallery(str(flat), lambda *_: None, backbone="demo")
