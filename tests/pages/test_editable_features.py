"""The switch "Edit this row" of the SHAP comparison: the session behind it asks the model itself."""

from __future__ import annotations

import numpy as np
import pytest

from xai.dashboard.views import editable_features as views


def _drawn(frame, n):
    return frame.iloc[np.sort(np.random.default_rng(0).permutation(len(frame))[:n])]


def session_of(page):
    found = [value for key, value in page.at.session_state.items() if key.startswith("edits:features:")]
    assert len(found) == 1, found
    return found[0]


def switched_on(page):
    page.at.toggle(key="edit").set_value(True)
    return page.run()


def test_a_row_is_edited_by_asking_the_model(own, own_files, table):
    import xgboost

    from xai import game
    from xai.models import wrap_model

    model, data, target = own_files["binary"]
    page = own(model, data, target).open("shap_comparison")
    assert "Take features away" in page.text
    switched_on(page)
    assert not page.errors
    session = session_of(page)
    booster = xgboost.Booster()
    booster.load_model(model)
    features = ["age", "dose", "marker", "noise"]
    shown = list(session.game.units.names)
    assert sorted(shown) == sorted(features)
    direct = game(wrap_model(booster), table[features].iloc[[0]], _drawn(table[features], views.BACKGROUND))
    rng = np.random.default_rng(0)
    masks = rng.integers(0, 2, (12, 4)).astype(float)
    order = [shown.index(name) for name in direct.units.names]
    np.testing.assert_allclose(session.game(masks), direct(masks[:, order]), rtol=1e-5, atol=1e-6)
    assert session.decision.threshold == 0
    session.edit([1, 0, 0, 0])
    page.run()
    assert any(warning.value.startswith("Only 1 feature kept") for warning in page.at.warning)
    assert "editable-features" in page.figures


def test_several_classes_and_numbers(own, own_files):
    page = switched_on(own(*own_files["multiclass"]).open("shap_comparison"))
    session = session_of(page)
    assert len(session.game.output_names) == 3
    assert session.original.shape == (3,)
    page = switched_on(own(*own_files["regression"]).open("shap_comparison"))
    session = session_of(page)
    nothing = session.game(np.zeros((1, 4)))[0, 0]
    assert session.decision.threshold == pytest.approx(nothing, rel=0.01)


def test_wide_tables_have_one_line_for_the_rest():
    import pandas as pd

    from xai.core.attribution import Attribution
    from xai.core.provenance import Provenance
    from xai.core.units import Units

    names = tuple(f"f{i}" for i in range(40))
    values = np.arange(40.0)[None, :, None]
    attribution = Attribution(
        values=values, base_values=np.zeros((1, 1)), outputs=values.sum(axis=1), units=Units(names),
        output_names=("y",), method="shap", output_space="value",
        provenance=Provenance(engine="none", versions={}, model_hash="", data_hash="", options={}),
        data=pd.DataFrame(np.zeros((1, 40)), columns=list(names)),
    )  # fmt: skip
    row = views.lines(attribution, "0")
    assert row.units.names[0] == "f39"
    assert row.units.names[-1] == "the other 16 features"
    assert sorted(i for group in row.members for i in group) == list(range(40))
    assert row.notes[0] == "0 · +39"


def test_a_played_game_expands_units_and_plays_nothing_twice(monkeypatch):
    from types import SimpleNamespace

    from xai.core.units import Units
    from xai.dashboard import played as module

    asked = []

    def submit(task, label, *, owner, masks):
        asked.append(masks)
        return SimpleNamespace(
            wait=lambda timeout: True, result=lambda: masks.sum(axis=1, keepdims=True), cancel=lambda: None
        )

    monkeypatch.setattr(module, "pool", lambda: SimpleNamespace(submit=submit))
    game = module.played("any", {}, Units(("a", "bc")), ["sum"], members=[(1,), (0, 2)])
    np.testing.assert_array_equal(game(np.array([[1.0, 0], [0, 1], [1, 0]])), [[1], [2], [1]])
    np.testing.assert_array_equal(asked[0], [[0, 1, 0], [1, 0, 1]])
    game(np.array([[0.0, 1], [1, 1]]))
    np.testing.assert_array_equal(asked[1], [[1, 1, 1]])
