"""The one process layer: children that open, predict with and explain model files, and a pool of jobs."""

from __future__ import annotations

from .client import Worker
from .codec import ModelFile
from .isolated import IsolatedModel, load_model
from .jobs import Job, JobPool
from .limits import Limits
from .profile import Profile
from .protection import Protections, protections

__all__ = [
    "IsolatedModel",
    "Job",
    "JobPool",
    "Limits",
    "ModelFile",
    "Profile",
    "Protections",
    "Worker",
    "load_model",
    "protections",
]
