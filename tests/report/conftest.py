"""Small models with known answers, and a reader of reports."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from xai.report import ReportConfig

QUICK = ReportConfig(seats=40, rows=60, asked=30, followed=5, n_boot=50)


class Reader(HTMLParser):
    """Headings, tables, ids, links and figures of a report."""

    def __init__(self, html):
        super().__init__()
        self.html = html
        self.headings, self.ids, self.links, self.sources, self.tables, self.figures = [], [], [], [], {}, {}
        self._tag, self._row, self._caption, self._data = "", None, "", None
        # Plotly's own script is no part of what was written here.
        scripts = re.findall(r"<script>.*?</script>", html, re.DOTALL)
        self.feed(html.replace(max(scripts, key=len), "") if scripts else html)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self._tag = tag
        if "id" in values:
            self.ids.append(values["id"])
        self.links += [values[name] for name in ("href",) if name in values]
        self.sources += [values[name] for name in ("src", "srcset", "data", "action", "poster") if values.get(name)]
        if tag == "h2":
            self.headings.append("")
        if tag == "caption":
            self._caption = ""
        if tag == "tr":
            self._row = []
        if tag in ("td", "th"):
            self._row.append("")
        if tag == "script" and values.get("type") == "application/json":
            self._data = values["id"]

    def handle_data(self, data):
        if self._tag == "h2":
            self.headings[-1] += data
        elif self._tag == "caption":
            self._caption += data
        elif self._tag in ("td", "th") and self._row is not None and self._row:
            self._row[-1] += data
        elif self._data is not None:
            self.figures[self._data] = data

    def handle_endtag(self, tag):
        self._tag, self._data = "", None
        if tag == "tr":
            self.tables.setdefault(self._caption, []).append(self._row)
            self._row = None

    def table(self, start):
        """Rows of the table whose caption starts so, headings first."""
        (found,) = [rows for caption, rows in self.tables.items() if caption.startswith(start)]
        return found


@pytest.fixture(scope="session")
def table():
    """120 rows; the answer is a known function of two of four columns."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(120, 4)), columns=["age", "dose", "marker", "noise"])
    return X, 2 * X["age"] - X["dose"]


@pytest.fixture(scope="session")
def binary(table):
    """A classifier of the sign."""
    import xgboost

    X, score = table
    y = (score > 0).astype(int).rename("died")
    return xgboost.XGBClassifier(n_estimators=12, max_depth=3, n_jobs=1).fit(X, y), X, y


@pytest.fixture(scope="session")
def quick():
    """A configuration that costs little."""
    return QUICK


@pytest.fixture(scope="session")
def html(binary):
    """A report of the classifier."""
    from xai.report import build

    return build(*binary, config=QUICK, facts={"file": "died.ubj"})


@pytest.fixture(scope="session")
def read():
    """Parse a report."""
    return Reader
