"""What a run is: model, data, methods, options and parts. Two runs with equal manifests write equal files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..core.errors import InputError, listing
from .parts import DataFile, Part
from .store import MANIFEST, commit_json, read_json

FORMAT = "hemicycle/batch/1"
_WORDS = {
    "model": "another model",
    "files": "other data",
    "methods": "other methods",
    "options": "other options",
    "key": "other key columns",
    "keep": "other kept columns",
    "parts": "parts of another size",
    "versions": "other versions of the libraries",
}


@dataclass(frozen=True)
class Manifest:
    """What a run is.

    Attributes
    ----------
    model
        Name, hash, framework, output space, output and feature names.
    files
        The data, file by file.
    methods
        Names, in the order asked for.
    options
        Method to its options, with everything that is chosen before the first row (such as the engine) filled in.
    key, keep
        Columns of the data that are carried into the results: those that name a row, and others.
    parts
        The work, in order.
    versions
        Package to version.
    """

    model: Mapping[str, Any]
    files: tuple[DataFile, ...]
    methods: tuple[str, ...]
    options: Mapping[str, Mapping[str, Any]]
    key: tuple[str, ...]
    keep: tuple[str, ...]
    parts: tuple[Part, ...]
    versions: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """JSON types."""
        body = asdict(self)
        return {"format": FORMAT} | {name: list(v) if isinstance(v, tuple) else v for name, v in body.items()}

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Manifest:
        """What :meth:`to_dict` gave.

        Raises
        ------
        InputError
            If it is of another format.
        """
        if body.get("format") != FORMAT:
            raise InputError(f"this run was written in another format: {body.get('format')!r} instead of '{FORMAT}'.")
        try:
            return cls(
                model=body["model"],
                files=tuple(DataFile(**file) for file in body["files"]),
                methods=tuple(body["methods"]),
                options=body["options"],
                key=tuple(body["key"]),
                keep=tuple(body["keep"]),
                parts=tuple(Part(**part) for part in body["parts"]),
                versions=body["versions"],
            )
        except (KeyError, TypeError) as error:
            raise InputError(f"the run's {MANIFEST} is damaged ({error}).") from error

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Of a folder that holds a run."""
        return cls.from_dict(read_json(folder / MANIFEST))

    def settle(self, folder: Path, *, resume: bool) -> None:
        """Write the manifest of a new run, or make sure that the one that is there is the same.

        Raises
        ------
        InputError
            If the folder holds another run, or any run while ``resume`` is false.
        """
        ours = self.to_dict()
        if not (folder / MANIFEST).exists():
            commit_json(folder / MANIFEST, ours)
            return
        if not resume:
            raise InputError(f"{folder} already holds a run: choose another folder, or let it resume.")
        theirs = read_json(folder / MANIFEST)
        differing = [name for name in _WORDS if theirs.get(name) != _json(ours[name])]
        if "files" in differing:  # other rows are other parts: that says nothing more
            differing = [name for name in differing if name != "parts"]
        if differing:
            words = [_WORDS[name] + (_other_files(theirs, ours) if name == "files" else "") for name in differing]
            raise InputError(
                f"{folder} holds a run with {' and '.join(words)}; results of two runs are never mixed: "
                "choose another folder."
            )


def _other_files(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> str:
    """Which files are new, gone or changed since a run, in brackets; empty if its manifest does not say."""
    try:
        before = {file["path"]: file for file in theirs["files"]}
    except (KeyError, TypeError):
        return ""
    now = {file["path"]: file for file in _json(ours["files"])}
    changed = [path for path in now.keys() & before.keys() if now[path] != before[path]]
    said = (("new", now.keys() - before.keys()), ("gone", before.keys() - now.keys()), ("changed", changed))
    return f" ({'; '.join(f'{word}: {listing(sorted(paths))}' for word, paths in said if paths)})"


def _json(value: Any) -> Any:
    """The value as it comes back from JSON: tuples are lists there."""
    if isinstance(value, Mapping):
        return {str(key): _json(item) for key, item in value.items()}
    return [_json(item) for item in value] if isinstance(value, list | tuple) else value
