"""Names of concepts come back to the concepts they were given to."""

from __future__ import annotations

import json

import numpy as np
import pytest

from xai.core.errors import InputError
from xai.craft.names import branches, names_from, names_record, read

RNG = np.random.default_rng(0)
BANK = RNG.random((4, 30)) * (RNG.random((4, 30)) < 0.4)
NAMES = ("granules", "nucleus", "ink", "nothing")
TEXT = json.dumps(names_record(NAMES, BANK, "map7"))


def test_names_come_back():
    assert names_from(TEXT, BANK, "map7") == dict(enumerate(NAMES))
    assert names_from(json.dumps({"class": "x", "named": json.loads(TEXT)}), BANK, "map7") == dict(enumerate(NAMES))


def test_names_follow_their_concepts():
    order = [2, 0, 3]
    moved = 5 * BANK[order] + 1e-3 * RNG.random((3, 30))
    assert names_from(TEXT, moved, "map7") == {i: NAMES[j] for i, j in enumerate(order)}
    numbered = json.dumps(names_record(("concept 1", "nucleus", "concept 3", "concept 4"), BANK, "map7"))
    assert names_from(numbered, moved, "map7") == {}
    assert names_from(numbered, BANK, "map7") == {1: "nucleus"}
    other = np.vstack([BANK[1], 1 - (BANK[1] > 0)])
    assert names_from(TEXT, other, "map7") == {0: "nucleus"}


@pytest.mark.parametrize(
    ("text", "bank", "layer", "words"),
    [
        ("no json", BANK, "map7", "no file of concept names"),
        ("[1, 2]", BANK, "map7", "no file of concept names"),
        ("[" * 100_000, BANK, "map7", "no file of concept names"),
        ('{"kind": "craft"}', BANK, "map7", "no file of concept names"),
        (TEXT, BANK, "map14", "behind layer 'map7' of a model; these are behind 'map14'"),
        (TEXT, BANK[:, :20], "map7", "behind layer"),
        (TEXT, RNG.random((4, 30)), "map7", "names of other concepts"),
    ],
)
def test_other_files_are_told(text, bank, layer, words):
    with pytest.raises(InputError, match=words):
        names_from(text, bank, layer)


def test_a_tree_is_read_branch_by_branch():
    tree = json.dumps([{"path": [], "named": json.loads(TEXT)}, {"named": {"kind": "craft"}}])
    first, second = branches(tree)
    assert names_from(first, BANK, "map7") == dict(enumerate(NAMES))
    with pytest.raises(InputError, match="no file of concept names"):
        names_from(second, BANK, "map7")
    assert branches(TEXT) == (TEXT,)
    with pytest.raises(InputError, match="no file of concept names"):
        branches("no json")
    with pytest.raises(InputError, match="no file of concept names"):
        branches("[" * 100_000)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read(tmp_path / "missing.json")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x80")
    with pytest.raises(InputError, match="cannot be read"):
        read(tmp_path / "bytes")
