"""Good files of every format, made once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# The generators beside the tests are plain modules, shared with the benchmark.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def good_tables(tmp_path_factory):
    import good

    return good.tabular(tmp_path_factory.mktemp("tables"))
