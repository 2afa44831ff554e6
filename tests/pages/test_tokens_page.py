"""Tokens: vignettes at first paint, tokens to pick, contrast, edits, methods."""

from __future__ import annotations

import pytest

from xai.core.provenance import hash_bytes

pytest.importorskip("torch")
pytest.importorskip("transformers")


def test_a_vignette_is_answered_and_explained(app):
    visit = app(patience=300, budget=32).open("tokens")
    assert visit.titles == ["Tokens"]
    assert visit.errors == []
    assert set(visit.figures) == {"token-effects", "token-parliament", "token-insertion", "token-deletion"}
    assert visit.text.count("in random order") == 2
    assert "95 % of orders" in visit.text
    assert "Smallest majority: “" in visit.text
    assert "('" not in visit.text
    labels = [button.proto.label for button in visit.at.get("download_button")]
    assert labels == ["HTML", "CSV", "JSON", "JSON"]


def test_the_words_that_ask_stay_unless_somebody_says_otherwise(app):
    visit = app(patience=300, budget=32).open("tokens")
    box = next(box for box in visit.at.text_input if box.label == "Never replaced")
    assert box.value
    assert visit.at.session_state["found"]["words"][1].text.endswith(box.value)
    assert "with" in box.value
    names = visit.at.session_state["found"]["words"][1].units.names
    assert not any(name.startswith("diagnosed") for name in names)
    box.set_value("words that are not there")
    visit.run()
    assert any("does not stand in the prompt" in error for error in visit.errors)
    visit.at.text_input(key=box.key).set_value("")
    visit.run()
    assert visit.errors == []
    assert len(visit.at.session_state["found"]["words"][1].units.names) > len(names)


@pytest.mark.parametrize(
    ("prompt", "fixed"),
    [
        ("A man. He has fever. He is diagnosed with", "He is diagnosed with"),
        ("One line\nAnswer:", "Answer:"),
        ("A man with fever is ill.", ""),
        ("A man with fever has", ""),  # one sentence: who is to say which words only ask
        ("All done. Nothing is left.", ""),
    ],
)
def test_an_unfinished_sentence_asks(prompt, fixed):
    from xai.dashboard.views.tokens import unfinished

    assert unfinished(prompt) == fixed


def test_an_empty_prompt_asks_for_one(app):
    visit = app(patience=300, budget=32).open("tokens").set("selectbox", "vignette", "a prompt of my own")
    assert "Write a prompt" in visit.at.info[0].value


def test_contrast(app):
    visit = app(patience=300, budget=32).open("tokens").set("text_input", "foil", "asthma")
    assert "Difference of the probabilities" in visit.text
    assert any("Probability of" in metric.label for metric in visit.at.metric)


def test_words_struck_out_move_the_probability(app):
    visit = app(patience=300, budget=32).open("tokens")
    found = visit.at.session_state["found"]["words"][1]
    fixed = next(box.value for box in visit.at.text_input if box.label == "Never replaced")
    number = hash_bytes((found.text + found.targets[0] + fixed).encode())[:12]
    session = visit.at.session_state[f"edits:tokens:demo:words:{number}"]
    before = session.outputs.original[0]
    mask = session.mask.copy()
    mask[1:] = 0
    session.edit(mask)
    visit.run()
    assert session.outputs.after[0] < before
    assert "Replaced: " in visit.text


@pytest.mark.slow
def test_methods_side_by_side(app):
    visit = app(patience=300, budget=32).open("tokens").set("toggle", "methods", value=True)
    assert "token-methods" in visit.figures
