from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

from xai.core.provenance import hash_array, hash_bytes, hash_file, hash_frame, versions


def test_hashes_are_those_of_the_content(tmp_path):
    (tmp_path / "f").write_bytes(b"abc")
    assert hash_file(tmp_path / "f") == hash_bytes(b"abc") == hashlib.sha256(b"abc").hexdigest()


def test_tables_hash_by_names_types_and_values_only():
    frame = pd.DataFrame({"a": [1.0, np.nan], "b": ["x", "y"]})
    assert hash_frame(frame) == hash_frame(frame.set_axis([5, 6]))
    assert hash_frame(frame) != hash_frame(frame.rename(columns={"a": "c"}))
    assert hash_frame(frame) != hash_frame(frame.astype({"a": "float32"}))
    assert hash_frame(frame) != hash_frame(frame.assign(a=[1.0, 2.0]))


def test_arrays_hash_by_shape_too():
    assert hash_array(np.zeros((2, 3))) != hash_array(np.zeros((3, 2)))


def test_versions_leave_out_what_is_not_installed():
    found = versions(["numpy", "no-such-package-here"])
    assert found["numpy"] == np.__version__
    assert "no-such-package-here" not in found
