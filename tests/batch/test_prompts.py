"""Prompts in JSON lines: a row holds what ReAGent says of its prompt, exactly."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from xai import batch
from xai.core.errors import InputError, ModelError

sys.path.append(str(Path(__file__).resolve().parents[1] / "reagent"))
from toy import ToyLM

LINES = [
    {"id": 7, "prompt": "fever cough and rash", "target": " flu"},
    {"id": 8, "prompt": "the old man"},
    {"id": 9, "target": " flu"},
    {"id": 10, "prompt": "old man pain", "target": " gout", "foil": " flu"},
]
OPTIONS = {"reagent": {"config": {"budget": 40, "seed": 3}, "max_new_tokens": 2}}


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    text = "\n\n".join(json.dumps(line) for line in LINES)
    (folder / "a.jsonl").write_text(text + "\nno json\n")
    (folder / "b.jsonl").write_text(json.dumps(LINES[0]) + "\n")
    return folder


@pytest.fixture
def done(data, tmp_path):
    return batch.run(ToyLM(), data, tmp_path / "out", ["reagent"], options=OPTIONS, key=["id"], rows_per_part=2)


def test_rows_read_back_are_what_one_call_gives(done):
    from xai.reagent import ReagentConfig, attribute

    config = ReagentConfig(budget=40, seed=3)
    for row, line in ((0, LINES[0]), (1, LINES[1]), (3, LINES[3]), (5, LINES[0])):
        truth = attribute(ToyLM(), line["prompt"], line.get("target"), 2, config, foil=line.get("foil"))
        found, wanted = done.tokens(row).to_dict(), truth.to_dict()
        assert json.loads(json.dumps(found)) == json.loads(json.dumps(wanted))
        np.testing.assert_array_equal(done.attribution([row]).values, truth.attribution.values)


def test_bad_lines_are_marked(done):
    table = done.dataset().to_table(columns=["row", "source", "error", "data/id"]).to_pandas()
    assert list(table["source"]) == ["a.jsonl"] * 5 + ["b.jsonl"]
    bad = table[table["error"].notna()]
    assert list(bad["row"]) == [2, 4]
    assert "no 'prompt'" in bad["error"].iloc[0]
    assert "no JSON" in bad["error"].iloc[1]
    assert list(table["data/id"].dropna()) == ["7", "8", "9", "10", "7"]
    assert done.summary["failed_rows"] == 2
    with pytest.raises(InputError, match="prompt 2 failed: the line has no 'prompt'"):
        done.tokens(2)


def test_the_summary_counts(done):
    entry = done.summary["methods"]["reagent"]
    found = [done.tokens(row) for row in (0, 1, 3, 5)]
    assert entry["prompts"] == 4
    assert entry["targets"] == sum(len(t.targets) for t in found)
    assert entry["forwards"] == sum(t.n_forwards for t in found)
    assert entry["converged_share"] == sum(t.converged.sum() for t in found) / entry["targets"]
    with pytest.raises(InputError, match="no units in common"):
        done.votes()
    with pytest.raises(InputError, match="ask for one"):
        done.attribution()


def test_a_config_is_the_same_as_its_fields(done, data, tmp_path, digest):
    from xai.reagent import LeaveOneOutConfig, ReagentConfig

    options = {"reagent": {"config": ReagentConfig(budget=40, seed=3), "max_new_tokens": 2}}
    again = batch.run(ToyLM(), data, tmp_path / "again", ["reagent"], options=options, key=["id"], rows_per_part=2)
    shown = again.dataset().to_table(columns=["values", "tokens"]).to_pylist()
    assert shown == done.dataset().to_table(columns=["values", "tokens"]).to_pylist()
    options = {"reagent": {"config": LeaveOneOutConfig(budget=40)}}
    other = batch.run(ToyLM(), data, tmp_path / "other", ["reagent"], options=options)
    assert other.summary["methods"]["reagent"]["method"] == "leave-one-out"
    assert len(digest(other.folder)) == 4


def test_odd_lines_cost_no_other(tmp_path):
    """Depths around what Python can read, half of a character, numbers without end."""
    good = json.dumps(LINES[0])
    deep = ['{"prompt": "fever", "id": ' + "[" * depth + "]" * depth + "}" for depth in range(970, 1010)]
    odd = [
        "[" * 100_000,
        '{"prompt": ' + "[" * 5000 + "]" * 5000 + "}",
        '{"prompt": "\\ud800"}',
        '{"id": 1' + "0" * 5000,
    ]
    (tmp_path / "x.jsonl").write_text("\n".join([odd[0], good, *odd[1:], *deep, good]) + "\n")
    done = batch.run(
        ToyLM(), tmp_path / "x.jsonl", tmp_path / "out", ["reagent"], options=OPTIONS, key=["id"], rows_per_part=60
    )
    told = done.dataset().to_table(columns=["error"])["error"].to_pylist()
    assert told[0] == told[2] == "the line is nested too deeply."
    assert "surrogates" in told[3]
    assert "no JSON" in told[4]
    assert told[1] is told[-1] is None
    assert set(told[5:-1]) <= {None, "the line is nested too deeply."}


def test_a_field_without_values_in_a_part_is_text_all_the_same(tmp_path):
    lines = [json.dumps(LINES[0] | {"ward": ward}) for ward in (None, None, "north", 3)]
    (tmp_path / "x.jsonl").write_text("\n".join(lines))
    done = batch.run(
        ToyLM(), tmp_path / "x.jsonl", tmp_path / "out", ["reagent"], options=OPTIONS, key=["ward"], rows_per_part=2
    )
    assert done.dataset().to_table()["data/ward"].to_pylist() == [None, None, "north", "3"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"config": {"budgets": 3}}, "config of 'reagent'"),
        ({"config": {"method": "guess"}}, "unknown method of 'reagent'"),
        ({"config": {"budget": 1}}, "at least 2"),
        ({"max_new_tokens": 0}, "at least 1"),
        ({"tokens": 1}, "unknown option of 'reagent'"),
    ],
)
def test_what_does_not_fit_is_said_before_the_first_prompt(data, tmp_path, options, words):
    with pytest.raises(InputError, match=words):
        batch.run(ToyLM(), data, tmp_path / "out", ["reagent"], options={"reagent": options})
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_model_that_fails_on_every_prompt_stops_the_run(data, tmp_path):
    class Broken(ToyLM):
        def score(self, rows, targets, positions):
            raise ModelError("the server is gone")

    with pytest.raises(
        ModelError, match=r"b.jsonl|a-0000.*parquet: 2 of 2 rows fail; the last one: the server is gone"
    ):
        batch.run(Broken(), data, tmp_path / "out", ["reagent"], options=OPTIONS, rows_per_part=2)


def test_files_without_a_line_that_can_be_used(tmp_path):
    (tmp_path / "x.jsonl").write_text("no json\n")
    with pytest.raises(InputError, match="no JSON object"):
        batch.run(ToyLM(), tmp_path / "x.jsonl", tmp_path / "out", ["reagent"])
    (tmp_path / "x.jsonl").write_text('{"text": "fever"}\n')
    empty = batch.run(ToyLM(), tmp_path / "x.jsonl", tmp_path / "out", ["reagent"])
    assert empty.summary["failed_rows"] == 1
    assert empty.summary["methods"]["reagent"]["converged_share"] == 0
    with pytest.raises(InputError, match="unknown field: 'id'"):
        batch.run(ToyLM(), tmp_path / "x.jsonl", tmp_path / "out2", ["reagent"], key=["id"])
    with pytest.raises(InputError, match=r"no \.jsonl file"):
        batch.run(ToyLM(), tmp_path / "out", tmp_path / "out3", ["reagent"])


def test_what_fills_the_gaps_is_part_of_what_a_run_is(tmp_path):
    pytest.importorskip("transformers")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "one.jsonl").write_text(json.dumps({"prompt": "A man with fever and a rash."}) + "\n")
    options = {"reagent": {"config": {"replacement": "masked", "budget": 16}, "max_new_tokens": 1}}
    found = batch.run("demo", tmp_path / "in", tmp_path / "out", ["reagent"], options=options, workers=1)
    manifest = json.loads((found.folder / "manifest.json").read_text())
    assert manifest["model"]["masked_model"] == "vignettes-masked"
    assert len(manifest["model"]["masked_model_hash"]) == 64
