"""Many rows: in parts, on one machine or a Dask cluster, Parquet in and Parquet out.

``run`` explains a table of any length into a folder; a run that was stopped goes on where it was; ``open`` reads the
folder back.
"""

from __future__ import annotations

from .opened import BatchResult, Drift, open  # noqa: A004 - xai.batch.open reads well
from .progress import BatchProgress
from .run import run

__all__ = ["BatchProgress", "BatchResult", "Drift", "open", "run"]
