"""`import xai` must cost next to nothing and every public name must resolve."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "pandas",
    "torch",
    "shap",
    "catboost",
    "xgboost",
    "lightgbm",
    "sklearn",
    "streamlit",
    "plotly",
    "pyarrow",
    "numba",
)


@pytest.mark.parametrize("statement", ["import xai", "import xai.core", "import xai.dhondt", "import xai.cli"])
def test_importing_pulls_in_nothing_heavy(statement):
    code = f"{statement}; import sys; print([name for name in {HEAVY} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_every_public_name_resolves():
    import xai

    for name in xai.__all__:
        assert getattr(xai, name) is not None
    assert set(xai.__all__) <= set(dir(xai))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        xai.nonsense  # noqa: B018
