"""How far a run came, and what a folder is that holds no finished one."""

from __future__ import annotations

from pathlib import Path

from .manifest import Manifest
from .methods import OF_THE_MODEL
from .store import MANIFEST


def finished_parts(folder: str | Path) -> tuple[int, int]:
    """Parts of a run that are finished, and all that it has; both 0 where none was begun."""
    folder = Path(folder)
    return _counted(folder, Manifest.read(folder)) if (folder / MANIFEST).exists() else (0, 0)


def _counted(folder: Path, manifest: Manifest) -> tuple[int, int]:
    names = [name for name in manifest.methods if name not in OF_THE_MODEL]
    done = sum(all((folder / name / part.name).exists() for name in names) for part in manifest.parts)
    return done, len(manifest.parts)


def no_run(folder: Path) -> str:
    """Why a folder is none of a run."""
    if not folder.exists():
        return f"there is no folder {folder}: name the one that a run was written to."
    if not folder.is_dir():
        return f"{folder} is no folder: name the one that a run was written to."
    return f"{folder} holds no finished run, and none was begun there: name the folder that a run was written to."


def unfinished(folder: Path, manifest: Manifest) -> str:
    """How far a run came, and how it goes on."""
    done, n = _counted(folder, manifest)
    more = f" and {len(manifest.files) - 1:,} more" if len(manifest.files) > 1 else ""
    return (
        f"{folder} holds no finished run: {done:,} of {n:,} parts are there. If it is not running at the moment, start "
        f"it again as it was started (model {manifest.model['name'] or '-'}, data {manifest.files[0].path}{more}, "
        f"methods {', '.join(manifest.methods)}), and it goes on where it was."
    )
