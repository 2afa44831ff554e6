"""The Concepts page on the bundled smears, and on pictures of one's own."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from xai.craft import Craft
from xai.sandbox.concepts import bundled, concepts, demo_model


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
    # An earlier layer tells apart what makes up a concept.
    split = next(box for box in visit.at.selectbox if box.label == "Split")
    split.set_value(0)
    visit.run()
    assert visit.errors == []
    assert "**Layer map14**" in visit.text


def test_another_class_has_other_concepts(app):
    visit = app(patience=180).open("concepts")
    visit.set("selectbox", "image-class", "monocyte")
    assert visit.errors == []
    assert "takes for monocyte" in visit.text


def test_the_task_answers_what_craft_does():
    shown = concepts(progress=lambda *_: None, class_name="eosinophil", n_images=80, n_concepts=4)
    model, images = demo_model(), bundled(80)
    mine = images[model.predict(images).argmax(axis=1) == model.class_names.index("eosinophil")]
    direct = Craft(model, 4, patch_size=44).fit(mine).importance(None, "eosinophil")
    assert shown.importance.sobol == pytest.approx(direct.sobol)
    assert shown.maps.shape == (8, 4, 112, 112)
