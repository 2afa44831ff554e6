"""The one process layer: children that open, predict with and explain model files, and a pool of jobs."""

from __future__ import annotations

from .client import Worker
from .codec import ModelFile
from .isolated import IsolatedModel, load_model
from .jobs import Job, JobPool

__all__ = ["IsolatedModel", "Job", "JobPool", "ModelFile", "Worker", "load_model"]
