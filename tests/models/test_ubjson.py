from __future__ import annotations

import json

import numpy as np
import pytest

from xai.core.errors import ModelError
from xai.models.ubjson import decode


def plain(value):
    """Numpy arrays as lists, single precision as JSON prints it."""
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    return [plain(entry) for entry in value] if isinstance(value, list | np.ndarray) else value


@pytest.fixture(scope="module")
def booster():
    import xgboost

    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4))
    y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
    return xgboost.XGBClassifier(n_estimators=4, max_depth=3, n_jobs=1).fit(X, y).get_booster()


def test_a_model_reads_as_its_json_does(booster):
    binary = plain(decode(bytes(booster.save_raw("ubj")), "m.ubj"))
    text = json.loads(bytes(booster.save_raw("json")))
    assert binary["learner"]["learner_model_param"] == text["learner"]["learner_model_param"]
    trees = [model["learner"]["gradient_booster"]["model"]["trees"] for model in (binary, text)]
    for ours, theirs in zip(*trees, strict=True):
        assert ours["left_children"] == theirs["left_children"]
        assert ours["split_indices"] == theirs["split_indices"]
        assert ours["tree_param"] == theirs["tree_param"]
        assert np.allclose(ours["split_conditions"], theirs["split_conditions"], rtol=1e-6)


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"Z", None),
        (b"i\xff", -1),
        (b"U\xff", 255),
        (b"I\x01\x00", 256),
        (b"SU\x03abc", "abc"),
        (b"[i\x01T]", [1, True]),
        (b"[$U#i\x03\x01\x02\x03", [1, 2, 3]),
        (b"[#i\x02i\x01F", [1, False]),
        (b"{i\x01a[]i\x01bZ}", {"a": [], "b": None}),
        (b"{$i#i\x01i\x01a\x07", {"a": 7}),
        (b"d\x3f\x80\x00\x00", 1.0),
        (b"Cx", "x"),
    ],
)
def test_known_bytes(content, value):
    assert plain(decode(content, "x")) == value


def test_every_cut_is_refused(booster):
    content = bytes(booster.save_raw("ubj"))
    for end in range(0, len(content), 7):
        with pytest.raises(ModelError, match=r"m\.ubj is damaged or cut short"):
            decode(content[:end], "m.ubj")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"?",
        b"[$d#L\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"[$d#i\xff",
        b"[$Z#L\x00\x00\x00\xff\xff\xff\xff\xff",
        b"[$ii\x01",
        b"SL\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"SU\x02\xff\xfe",
        b"[" * 200,
        b"i\x01i\x01",
        b"{S",
    ],
)
def test_lies_about_lengths_are_refused(content):
    with pytest.raises(ModelError, match="x is damaged or cut short"):
        decode(content, "x")
