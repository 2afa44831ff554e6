"""What a run is going to do, settled before the first row: data, parts, model, options."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError, unknown_names
from ..core.provenance import versions
from ..sandbox import IsolatedModel, JobPool, ModelFile
from . import pictures, prompts
from .carried import settle_types
from .methods import Kind, kind_of, located, settle_options
from .parts import DataFile, Part, check_columns, columns_of, cut, find_files, read, schema_of
from .store import INPUT, commit
from .tasks import OPEN, SETTLE
from .work import PERMUTATION, Order, settle, subject_of

if TYPE_CHECKING:
    import pandas as pd

    from ..models import Model

STAGED = "data.parquet"
CSV_BYTES = 1 << 30
_BLOCKS = 32


@dataclass(frozen=True, eq=False)
class Plan:
    """What a run is going to do.

    Attributes
    ----------
    files
        All of the data; those with an error are left out.
    parts
        The work.
    order
        What all parts have in common.
    facts
        About the model, for the manifest.
    importances
        What was asked of the model as a whole.
    versions
        Package to version.
    file
        The model as other processes open it.
    subject
        What explains in this process, where other processes cannot open it; else ``None``.
    """

    files: tuple[DataFile, ...]
    parts: tuple[Part, ...]
    order: Order
    facts: Mapping[str, Any]
    importances: Mapping[str, Any]
    versions: Mapping[str, str]
    file: ModelFile | None
    subject: Any = None

    @property
    def in_workers(self) -> bool:
        """Whether other processes can do the work."""
        return self.subject is None


@dataclass(frozen=True)
class Wanted:
    """What was asked for, by the names of :func:`xai.batch.run`; ``data`` and ``out`` are absolute."""

    model: Any
    data: Path
    out: Path
    methods: tuple[str, ...]
    options: Mapping[str, Mapping[str, Any]]
    output: str | None
    key: tuple[str, ...]
    keep: tuple[str, ...]
    skip_bad_files: bool
    rows_per_part: int | None

    @property
    def kind(self) -> Kind:
        """What is explained."""
        return kind_of(self.methods)


def plan(wanted: Wanted, pool: JobPool) -> Plan:
    """Look at data and model.

    Parameters
    ----------
    wanted
        What was asked for.
    pool
        The processes that will do the work: a model file is opened by them, and stays open.

    Raises
    ------
    InputError, ModelError
        If anything is missing or does not fit.
    WorkerError
        If opening the model ended a process.
    """
    return _plan_rows(wanted, pool) if wanted.kind == "rows" else _plan_items(wanted, pool)


def _sound(wanted: Wanted, files: Sequence[DataFile]) -> list[DataFile]:
    """The files that can be used.

    Raises
    ------
    InputError
        If some cannot and are not to be skipped, or nothing is left.
    """
    bad = [file.error for file in files if file.error]
    if bad and not wanted.skip_bad_files:
        raise InputError(
            f"{bad[0].rstrip('.')}. To leave such files out and go on: bad_files='skip', or --skip-bad-files."
        )
    good = [file for file in files if not file.error]
    if not sum(file.rows for file in good):
        raise InputError(f"{wanted.data} holds no {wanted.kind}.")
    return good


def _plan_rows(wanted: Wanted, pool: JobPool) -> Plan:
    opened = _open(wanted, pool)
    # Another process imports the model's library; meanwhile this one reads all of the data, for their hash.
    folder, files = _tables(wanted.data, wanted.out)
    model = opened()
    facts, options = model.facts, {name: located(given) for name, given in wanted.options.items()}
    columns = columns_of(folder, files)
    needed = _needed(wanted, facts, columns)
    files, types = settle_types(folder, check_columns(files, columns, needed), (*wanted.key, *wanted.keep))
    good = _sound(wanted, files)
    keep = _without_key(wanted.keep, wanted.key)
    d = facts["n_features"] or len(schema_of(folder / good[0].path).names)
    parts = cut(good, len(facts["output_names"]) * (d + 2), wanted.rows_per_part)
    sample = None
    if PERMUTATION in wanted.methods:
        sample = _sample(folder, good, wanted, facts, options[PERMUTATION])
    order = Order(str(folder), wanted.methods, options, wanted.key, keep, types=types)
    n = sum(f.rows for f in good)
    if model.file is None:
        settled = settle(model.subject, order.methods, options, n, sample)
    else:
        settled = pool.submit(SETTLE, "preparing", model=model.file, order=order, rows=n, sample=sample).result()
    return Plan(
        files=tuple(files),
        parts=parts,
        order=replace(order, options=settled["options"]),
        facts=_said(facts, wanted.model),
        importances=settled["importances"],
        versions=settled["versions"],
        file=model.file,
        subject=model.subject,
    )


@dataclass(frozen=True)
class _Opened:
    """What is known of a model of rows, its file if other processes can open it, and else the model."""

    facts: Mapping[str, Any]
    file: ModelFile | None = None
    subject: Model | None = None


def _open(wanted: Wanted, pool: JobPool) -> Callable[[], _Opened]:
    """Begin to open the model; what is returned waits for it."""
    from ..models import Model, wrap_model

    given = wanted.model
    if given is None:
        raise InputError("rows of a table are explained with a model: none is given.")
    if isinstance(given, str | Path):
        file = ModelFile(str(Path(given).resolve()), wanted.output)
        job = pool.submit("describe", f"opening {Path(given).name}", model=file)

        def wait() -> _Opened:
            facts = job.result()
            return _Opened(facts, replace(file, output=facts["output"], hash=facts["hash"]))

        return wait
    model = given if isinstance(given, Model) else wrap_model(given, wanted.output)
    known = {name: getattr(model, name) for name in (*_FACTS, "n_features")}
    if isinstance(model, IsolatedModel):
        return lambda: _Opened(known, model.model_file)
    return lambda: _Opened(known, subject=model)


def _tables(data: Path, out: Path) -> tuple[Path, tuple[DataFile, ...]]:
    """Folder and files; a CSV is copied to Parquet inside ``out`` first, with row labels left behind."""
    if data.is_file():
        with data.open("rb") as stream:
            is_parquet = stream.read(4) == b"PAR1"
        if not is_parquet and not data.name.endswith(".parquet"):
            return find_files(_staged(data, out))
    return find_files(data)


def _staged(data: Path, out: Path) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from ..models.tables import read_table

    if data.stat().st_size > CSV_BYTES:
        raise InputError(f"{data.name} is larger than 1 GiB: store it as Parquet, which can be read in parts.")
    frame = read_table(data)
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), sink)
    commit(out / INPUT / STAGED, memoryview(sink.getvalue()))
    return out / INPUT / STAGED


def _needed(
    wanted: Wanted, facts: Mapping[str, Any], columns: Mapping[str, Mapping[str, str]]
) -> tuple[str, ...] | None:
    """Columns that are read of each file; ``None`` where the model takes all that are there.

    Raises
    ------
    InputError
        If no file has one of them.
    """
    target = [wanted.options[PERMUTATION]["target"]] if PERMUTATION in wanted.methods else []
    asked = tuple(dict.fromkeys((*(facts["feature_names"] or ()), *wanted.key, *wanted.keep, *target)))
    present = list(dict.fromkeys(name for file in columns.values() for name in file))
    missing = [name for name in asked if name not in present]
    if missing and columns:
        raise InputError(f"{wanted.data.name} lacks columns. {unknown_names('column', missing, present)}")
    return None if facts["feature_names"] is None else asked


def _without_key(keep: Sequence[str], key: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in dict.fromkeys(keep) if name not in key)


def _sample(
    folder: Path, files: Sequence[DataFile], wanted: Wanted, facts: Mapping[str, Any], options: Mapping[str, Any]
) -> pd.DataFrame:
    """Rows with answers, in blocks that are spread over the data."""
    import pandas as pd

    target = options["target"]
    names = None if facts["feature_names"] is None else list(dict.fromkeys((*facts["feature_names"], target)))
    carried = {*wanted.key, *wanted.keep} - {target}
    chosen = _in_files(files, spread(sum(file.rows for file in files), options.get("rows", 10_000)))
    frame = pd.concat([read(folder / path, start, rows, names) for path, start, rows in chosen], ignore_index=True)
    return frame if names is not None else frame.drop(columns=[name for name in frame if name in carried])


def spread(n: int, most: int) -> list[tuple[int, int]]:
    """First row and length of blocks, from the first row to the last with equal gaps between: ``min(n, most)`` rows."""
    if n <= most:
        return [(0, n)]
    blocks = min(_BLOCKS, most)
    ends = [i * most // blocks for i in range(blocks + 1)]
    gaps = [i * (n - most) // max(blocks - 1, 1) for i in range(blocks)]
    return [(ends[i] + gaps[i], ends[i + 1] - ends[i]) for i in range(blocks)]


def _in_files(files: Sequence[DataFile], blocks: Sequence[tuple[int, int]]) -> Iterator[tuple[str, int, int]]:
    """Blocks of rows counted through all files as file, first row in it, number of rows."""
    before = 0
    for file in files:
        for start, rows in blocks:
            first, last = max(start - before, 0), min(start + rows - before, file.rows)
            if first < last:
                yield file.path, first, last - first
        before += file.rows


_FACTS = ("hash", "framework", "task", "output", "output_names", "feature_names")


def _said(facts: Mapping[str, Any], given: Any) -> dict[str, Any]:
    """What the manifest says of a model of rows, in JSON types."""
    name = Path(given).name if isinstance(given, str | Path) else type(given).__name__
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in facts.items()}
    return {"name": name} | {key: plain[key] for key in _FACTS}


_FIND: dict[str, Callable[[Path], tuple[Path, tuple[DataFile, ...]]]] = {
    "pictures": pictures.find_pictures,
    "prompts": prompts.find_prompts,
}
_A_PART = {"pictures": pictures.A_PART, "prompts": prompts.A_PART}
_PACKAGES = {
    "pictures": ("numpy", "pyarrow", "torch", "onnxruntime", "pillow"),
    "prompts": ("numpy", "pyarrow", "torch", "transformers"),
}


def _plan_items(wanted: Wanted, pool: JobPool) -> Plan:
    """Of pictures or prompts."""
    if wanted.output is not None:
        raise InputError("output chooses what a model of a table answers: leave it out here.")
    folder, files = _FIND[wanted.kind](wanted.data)
    good = _sound(wanted, files)
    key, keep = _carried(wanted, folder, good)
    options = {name: _plain(located(given)) for name, given in wanted.options.items()}
    settled = settle_options(wanted.methods, options, None, sum(file.rows for file in good))
    order = Order(str(folder), wanted.methods, settled, key, keep, wanted.kind)
    model = wanted.model if wanted.model is not None else options.get("reagent", {}).get("model")
    file = _item_file(model)
    subject = None
    if file is None and model is not None:
        subject = subject_of(model, order)
        facts, name = subject.facts(), type(model).__name__
    else:
        facts = pool.submit(OPEN, "opening", model=file, order=order).result()
        name = "" if file is None else Path(file.path).name
        file = None if file is None else replace(file, hash=facts["hash"])
    return Plan(
        files=files,
        parts=cut(good, 1, wanted.rows_per_part or _A_PART[wanted.kind]),
        order=order,
        facts={"name": name} | facts,
        importances={},
        versions=versions(_PACKAGES[wanted.kind]),
        file=file,
        subject=subject,
    )


def _item_file(model: Any) -> ModelFile | None:
    """A model named by its path, or by the name of one that comes with the package."""
    if not isinstance(model, str | Path):
        return None
    return ModelFile(str(Path(model).resolve()) if Path(model).exists() else str(model))


def _carried(wanted: Wanted, folder: Path, good: Sequence[DataFile]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Key and kept columns: of pictures their file and folder, of prompts fields of the lines."""
    if wanted.kind == "pictures":
        if wanted.key or wanted.keep:
            raise InputError("pictures are named by their file and kept with their folder: leave key and keep out.")
        return (pictures.FILE,), (pictures.FOLDER,)
    present = prompts.fields_of(folder / good[0].path)
    missing = [name for name in (*wanted.key, *wanted.keep) if name not in present]
    if missing:
        raise InputError(f"{good[0].path}: {unknown_names('field', missing, present)}")
    return wanted.key, _without_key(wanted.keep, wanted.key)


def _plain(given: Mapping[str, Any]) -> dict[str, Any]:
    """Options as JSON types, so that they cross to other processes and stand in the manifest as they are."""
    plain: dict[str, Any] = {}
    for name, value in given.items():
        is_config = is_dataclass(value) and not isinstance(value, type)
        plain[name] = (prompts.plain_config(value) if name == "config" else asdict(value)) if is_config else value
    return plain
