from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from xai.core.errors import InputError
from xai.core.table import group_columns, require_frame


def test_arrays_get_names_and_odd_shapes_are_refused():
    assert require_frame(np.zeros((2, 3))).columns.tolist() == ["x0", "x1", "x2"]
    with pytest.raises(InputError, match=r"\(3,\)"):
        require_frame(np.zeros(3))


def test_names_become_text_and_must_not_repeat():
    assert require_frame(pd.DataFrame([[1, 2]], columns=[0, 1])).columns.tolist() == ["0", "1"]
    with pytest.raises(InputError, match="'a'"):
        require_frame(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_group_columns_sums_over_members():
    values = np.arange(6.0).reshape(1, 3, 2)
    assert group_columns(values, [[0, 2], [1]]).tolist() == [[[4.0, 6.0], [2.0, 3.0]]]
