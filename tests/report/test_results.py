"""Sections of what other methods found."""

from __future__ import annotations

import json

import numpy as np
import pytest

import xai
from xai.core.game import Game
from xai.core.units import Units
from xai.editing import EditSession
from xai.reagent import TokenAttribution
from xai.report import Facts, Points, Table, Text, edits_section, section_of_file, section_of_text, tokens_section


@pytest.fixture
def words():
    """Three words of a prompt for one answer; the last one's effect is unknown."""
    return TokenAttribution(
        values=np.array([[0.5, -0.25, np.nan]]),
        standard_error=np.array([[0.01, 0.2, np.nan]]),
        scores=np.array([[0.7, 0.3, 0.0]]),
        tokens=("fever", " <b>no</b>", " flu"),
        spans=np.array([[0, 5], [5, 15], [15, 19]]),
        text="fever <b>no</b> flu",
        targets=(" flu",),
        original=np.array([0.9]),
        replaced=np.array([0.1]),
        converged=np.array([False]),
        repeatability=np.array([0.8]),
        censored=0.0,
        n_forwards=321,
        method="adaptive",
        effect="probability",
        notes=("a note",),
        units=Units(("fever", "<b>no</b>", "flu"), "token"),
    )


@pytest.fixture
def session():
    """An additive game of three units, edited twice, one step undone."""
    weights = np.array([[2.0, -1.0], [0.0, 0.5], [-1.0, 1.0]])
    game = Game(lambda masks: masks @ weights, Units(("a", "b", "c"), "feature"), ("yes", "no"))
    session = EditSession(game)
    session.edit([0, 1, 1], note="without a")
    session.snapshot("bare")
    session.edit([0, 0, 1])
    session.undo()
    return session


def of(section, kind):
    return [block for block in section.blocks if isinstance(block, kind)]


def test_words_by_size_with_their_errors(words):
    section = tokens_section(words)
    (rows,) = of(section, Table)
    assert rows.rows == (("fever", "+0.5000", "0.0100"), ("<b>no</b>", "-0.2500", "0.2000"))
    assert "stopping rule" in " ".join(block.text for block in of(section, Text))
    assert ("method", "adaptive, 321 rows of the language model, seed None") in of(section, Facts)[0].rows
    assert of(section, Points)[0].items == ("a note",)


def test_words_are_escaped(words):
    from xai.report.page import page

    html = page("t", "s", [tokens_section(words)], "f")
    assert "<b>no" not in html
    assert "&lt;b&gt;no&lt;/b&gt;" in html


def test_words_come_back_from_their_file(words, tmp_path):
    words.to_json(tmp_path / "words.json")
    again = section_of_file(tmp_path / "words.json")
    assert of(again, Table)[0].rows == of(tokens_section(words), Table)[0].rows


def test_edits_with_notes_and_the_answer(session, tmp_path):
    section = edits_section(session)
    (steps,) = of(section, Table)
    assert [row[0] for row in steps.rows] == ["0", "1", "2"]
    assert steps.rows[1][3:] == ("no", "saved as 'bare', without a")
    assert steps.rows[2][2] == "1 of 3"
    assert of(section, Text)[0].text == "The answer changed from yes to no."
    assert of(section, Points)[0].items  # how stable it is
    session.to_json(tmp_path / "edits.json")
    again = section_of_file(tmp_path / "edits.json")
    assert of(again, Table)[0].rows == steps.rows
    assert of(again, Text)[0].text == of(section, Text)[0].text
    noted = section_of_text(session.to_json(), "edits.json", ("stable",))
    assert noted.blocks[-1] == Points(("stable",))


def test_concepts_of_the_demo(read):
    pytest.importorskip("torch")
    from xai.report import concepts_section
    from xai.report.page import page
    from xai.sandbox.concepts import concepts, demo_model

    name = demo_model().class_names[0]
    sheet = concepts(progress=lambda *_: None, class_name=name, given={"n_images": 60}, n_concepts=3)
    section = concepts_section(sheet)
    html = page("t", "s", [section], "f")
    found = read(html)
    assert found.headings == [f"Which concepts speak for {name}?"]
    assert len(found.figures) == 2
    assert all(source.startswith("data:image/png;base64,") for source in found.sources)
    assert len(found.sources) == sum(min(4, len(crops)) for crops in sheet.crops)
    areas = {row[0]: row[1] for row in found.table("High insertion")[1:]}
    assert areas["signed"] == f"{sheet.fidelity.insertion_auc['signed']:.4g}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no JSON"),
        ("[1]", "neither words nor edits"),
        ("[" * 100_000, "is no JSON"),
        ('{"steps": ' * 50_000, "is no JSON"),
        ('{"format": "other/1"}', "neither words nor edits"),
        ('{"format": "hemicycle/tokens/1"}', "damaged"),
        ('{"format": "hemicycle/edits/1", "steps": 3}', "damaged"),
    ],
)
def test_files_that_are_no_results(tmp_path, text, message):
    path = tmp_path / "found.json"
    path.write_text(text)
    with pytest.raises(xai.XaiError, match=message):
        section_of_file(path)


def test_edits_without_a_note_for_a_missing_file(tmp_path):
    with pytest.raises(xai.XaiError, match="cannot be read"):
        section_of_file(tmp_path / "none.json")


def test_a_binary_file_is_no_result(tmp_path):
    (tmp_path / "model.ubj").write_bytes(b"{\xff\xfe\x00")
    with pytest.raises(xai.XaiError, match="no text"):
        section_of_file(tmp_path / "model.ubj")


def test_tables_are_rectangular():
    with pytest.raises(xai.XaiError, match="has 1 cells, not 2"):
        Table(("a", "b"), (("1", "2"), ("3",)), "numbers")


def test_the_file_of_words_is_plain_json(words):
    assert json.loads(words.to_json())["format"] == "hemicycle/tokens/1"
