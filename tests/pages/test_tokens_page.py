"""Tokens: vignettes at first paint, tokens to pick, contrast, edits, methods."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")


def test_a_vignette_is_answered_and_explained(app):
    visit = app().open("tokens")
    assert visit.titles == ["Tokens"]
    assert visit.errors == []
    assert set(visit.figures) == {"token-effects", "token-parliament"}
    labels = [button.proto.label for button in visit.at.get("download_button")]
    assert labels == ["HTML", "CSV", "JSON"]


def test_an_empty_prompt_asks_for_one(app):
    visit = app().open("tokens").set("selectbox", "vignette", "a prompt of my own")
    assert "Write a prompt" in visit.at.info[0].value


def test_edit_and_contrast(app):
    visit = app().open("tokens").set("text_input", "foil", "asthma")
    assert "Difference of the probabilities" in visit.text
    removed = visit.at.multiselect[0]
    removed.set_value([removed.options.index(removed.options[4])])
    visit.run()
    assert visit.errors == []
    assert any("Probability of" in metric.label for metric in visit.at.metric)


@pytest.mark.slow
def test_methods_side_by_side(app):
    visit = app().open("tokens").set("toggle", "methods", value=True)
    assert "token-methods" in visit.figures
