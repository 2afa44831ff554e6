"""Report: one file to download, results of other pages in it, and views that are saved and opened."""

from __future__ import annotations

import json
import re

import pytest

from xai.dashboard.view_file import View


class Report:
    """The page, with what it is given."""

    def __init__(self, app):
        self.visit = app.open("report")

    def give(self, label, name, content):
        (place,) = [one for one in self.visit.at.file_uploader if one.label == label]
        place.set_value(
            [(name, content, "application/json")] if place.proto.multiple_files else (name, content, "application/json")
        )
        self.visit.run()
        return self


@pytest.fixture
def report(app):
    """A function that opens the page."""
    return lambda **state: Report(app(patience=150, **state))


def test_a_report_is_ready_and_says_what_is_in_it(report):
    visit = report().visit
    assert visit.titles == ["Report"]
    assert visit.errors == []
    labels = [button.proto.label for button in visit.at.get("download_button")]
    assert labels == ["Download the report", "Save this view"]
    size = re.search(r"One HTML file of (\d+\.\d) MB", visit.text)
    assert 1 < float(size[1]) < 10  # Plotly's script is most of it, and differs from version to version
    assert "seats, and how sure they are" in visit.text


def test_a_file_that_is_no_result_is_said_and_the_view_can_still_be_saved(report):
    visit = report().give("Results of earlier visits", "rows.json", b"[1, 2]").visit
    (error,) = visit.errors
    assert error.startswith("rows.json holds neither words nor edits")
    assert [button.proto.label for button in visit.at.get("download_button")] == ["Save this view"]


def test_a_saved_view_is_opened_with_its_controls(report):
    from xai.dashboard.source import load
    from xai.dashboard.view_file import take

    saved = take({"seats": 321, "rule": "sainte_lague"}, load("pima_diabetes-lightgbm"), {}, {"k": "nuclei"})
    page = report().give("Open a saved view", "view.json", saved.to_json().encode())
    visit = page.visit
    assert visit.errors == []
    visit.at.button(key="open-view").click()
    visit.at.run()
    while "Writing the report" not in "".join(bar.proto.text for bar in visit.at.get("progress")):
        visit.at.run()  # another model is opened first; then another report is under way
    (cancel,) = [button for button in visit.at.button if button.label == "Cancel"]
    cancel.click()
    visit.run()
    assert any("Cancelled" in info.value for info in visit.at.info)
    assert visit.at.session_state["data"] == "pima_diabetes-lightgbm"
    assert visit.at.session_state["concept-names"] == {"k": "nuclei"}
    assert visit.at.session_state["seats"] == 321
    assert visit.at.session_state["rule"] == "sainte_lague"


def test_other_files_than_those_of_the_view_are_said(report):
    from dataclasses import replace

    from xai.dashboard.source import DEFAULT, load
    from xai.dashboard.view_file import take

    page = report()
    view = take({}, load(DEFAULT), {}, {})
    other = page.give("Open a saved view", "view.json", replace(view, rows_hash="0" * 64).to_json().encode()).visit
    assert any("the rows' SHA-256" in warning.value for warning in other.at.warning)
    gone = page.give("Open a saved view", "view.json", replace(view, data="mine-3", title="a on b").to_json().encode())
    assert any("put the same files on the page Your model" in error for error in gone.visit.errors)
    bad = page.give("Open a saved view", "view.json", b"{}").visit
    assert any("no saved view" in error for error in bad.errors)


def test_edits_of_this_visit_go_into_report_and_view(report, app):
    pytest.importorskip("torch")
    import numpy as np

    from xai.core.game import Game
    from xai.core.units import Units
    from xai.editing import EditSession

    weights = np.array([[2.0, -1.0], [-1.0, 1.0]])
    session = EditSession(Game(lambda masks: masks @ weights, Units(("a", "b"), "feature"), ("yes", "no")))
    session.edit([0, 1], note="without a")
    visit = report(**{"edits:own": session}).visit
    assert visit.errors == []
    assert [box.label for box in visit.at.checkbox] == ["Edits of own: 1 step"]
    assert "Edits of own: 1 step" in visit.text
    assert "1 edit sessions" in visit.text


def test_views_are_plain_json():
    from xai.dashboard.source import DEFAULT, load
    from xai.dashboard.view_file import take

    assert json.loads(take({"seats": 5}, load(DEFAULT), {}, {}).to_json())["controls"] == {"seats": 5}
    assert isinstance(View.from_json(take({}, load(DEFAULT), {}, {}).to_json()), View)
