"""``xai.batch.run``: from data to a folder of results."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..core.errors import InputError, WorkerError, XaiError, unknown_names
from ..sandbox import IsolatedModel, Worker, load_model
from .local import TASKS_MODULE, Answer, Engine, in_this_process, in_workers
from .manifest import Manifest
from .methods import OF_THE_MODEL, check_methods, plain_options
from .on_dask import on_dask
from .opened import BatchResult
from .parts import DataFile, Part, check_schemas, cut, find_files, schema_of
from .progress import BatchProgress, Meter
from .store import SUMMARY, commit, commit_json, locked
from .summary import summarise
from .work import Order, settle

if TYPE_CHECKING:
    from ..models import Model
    from ..sandbox import ModelFile

STAGED = "data.parquet"
CSV_BYTES = 1 << 30


def run(
    model: Any,
    data: str | Path,
    out: str | Path,
    methods: Sequence[str] = ("shap", "dhondt"),
    *,
    engine: Literal["local", "dask"] = "local",
    workers: int | None = None,
    scheduler: str | None = None,
    resume: bool = True,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    output: str | None = None,
    key: Sequence[str] = (),
    keep: Sequence[str] = (),
    bad_files: Literal["stop", "skip"] = "stop",
    rows_per_part: int | None = None,
    progress: Callable[[BatchProgress], object] | None = None,
) -> BatchResult:
    """Explain all rows of a data set into a folder.

    Every finished part is a whole file; a run that was stopped, however hard, goes on where it was when it is called
    again, and its files are, byte for byte, those of a run that was never stopped.

    Parameters
    ----------
    model
        A model file's path, an isolated model (:func:`xai.load_model`), or an object :func:`xai.wrap_model` takes;
        an object is asked in this process, the others by worker processes.
    data
        A Parquet file, a folder of Parquet files with the same columns, or a CSV file of up to 1 GiB.
    out
        Folder of the results: one folder a method with one or more Parquet files for each file of ``data``,
        ``manifest.json`` and ``summary.json``.
    methods
        Registered methods (:func:`xai.methods`) and ``"native"``; ``"dhondt"`` adds seats for every row.
    engine
        ``"local"``: this machine. ``"dask"``: a Dask cluster (extra ``dask``).
    workers
        Processes; ``None`` for one a processor.
    scheduler
        Address of an existing Dask cluster, e.g. ``"tcp://10.0.0.1:8786"``; ``None`` starts one on this machine.
    resume
        Go on with a run that is in ``out``; if false, a run in ``out`` is an error.
    options
        Method to its options: ``background`` (path of a table), ``config``; for ``dhondt`` ``seats``, ``rule``, and
        ``source``, the method whose values vote.
    output
        The space a model file answers in.
    key, keep
        Columns of the data carried into the results: those that name a row, and others, e.g. to select by.
    bad_files
        Whether a file that cannot be read or has other columns stops the run or is skipped and reported.
    rows_per_part
        Most rows of a part, instead of what memory suggests.
    progress
        Called after every part.

    Raises
    ------
    InputError
        Before the first row if anything lacks or does not fit; later if the disk is full or a part cannot be read.
    ModelError, WorkerError
        If the model fails on a whole part, or workers die of it three times.
    """
    out, methods, options = Path(out).resolve(), tuple(methods), options or {}
    if engine not in {"local", "dask"}:
        raise InputError(unknown_names("engine", [engine], ("local", "dask")))
    workers = workers or os.cpu_count() or 1
    check_methods(methods, options)
    with locked(out), _opened(model, output) as (facts, file):
        folder, files = _data(Path(data), out)
        files = check_schemas(folder, files)
        skipped = [{"file": f.path, "reason": f.error} for f in files if f.error]
        if skipped and bad_files == "stop":
            raise InputError(f"{skipped[0]['reason']}. To leave such files out and go on: bad_files='skip'.")
        good = [f for f in files if not f.error]
        if not sum(f.rows for f in good):
            raise InputError(f"{data} holds no rows.")
        carried = _check_columns(facts, folder / good[0].path, key, keep)
        k = len(facts.output_names)
        d = facts.n_features or len(schema_of(folder / good[0].path).names)
        parts = cut(good, k * (d + 2), rows_per_part)
        settled = _settled(facts, file, methods, options, sum(f.rows for f in good))
        manifest = Manifest(
            model=_facts(facts, model),
            files=tuple(files),
            methods=methods,
            options=plain_options(settled["options"]),
            key=tuple(key),
            keep=carried,
            parts=parts,
            versions=settled["versions"],
        )
        manifest.settle(out, resume=resume)
        order = Order(str(folder), methods, settled["options"], tuple(key), carried)
        missing = [part for part in parts if not _is_done(out, manifest, part)]
        meter = Meter([p.rows for p in parts], [p.rows for p in parts if p not in set(missing)], progress)
        with _engine(engine, facts, file, order, (out, scheduler), workers) as work_on:
            given_up = _write(out, work_on(missing), meter, stop=bad_files == "stop")
        skipped += given_up
        lost = {part.name for part in missing if not _is_done(out, manifest, part)} - {s["file"] for s in given_up}
        if lost:
            raise WorkerError(f"{len(lost)} parts were not written, {min(lost)} among them: run again to add them.")
        commit_json(out / SUMMARY, summarise(out, manifest, settled["importances"], skipped))
    return BatchResult.read(out)


def _write(out: Path, answers: Iterator[Answer], meter: Meter, *, stop: bool) -> list[dict[str, str]]:
    """Write what comes; the parts that were given up, with the reason."""
    given_up = []
    for part, answer in answers:
        if isinstance(answer, XaiError):
            if stop:
                raise type(answer)(f"{part.name}: {answer}") from answer
            given_up.append({"file": part.name, "reason": str(answer)})
            continue
        for method, content in answer.items():
            commit(out / method / part.name, content.data)
        meter.add(part.rows)
    return given_up


@contextmanager
def _opened(model: Any, output: str | None) -> Iterator[tuple[Model, ModelFile | None]]:
    """The model, and its file if other processes can open that."""
    from ..models import Model, wrap_model

    if isinstance(model, str | Path):
        opened = load_model(model, output)
        try:
            yield opened, opened.model_file if isinstance(opened, IsolatedModel) else None
        finally:
            if isinstance(opened, IsolatedModel):
                opened.close()
        return
    wrapped = model if isinstance(model, Model) else wrap_model(model, output)
    yield wrapped, wrapped.model_file if isinstance(wrapped, IsolatedModel) else None


def _data(data: Path, out: Path) -> tuple[Path, tuple[DataFile, ...]]:
    """Folder and files; a CSV is copied to Parquet inside ``out`` first, with row labels left behind."""
    data = data.resolve()
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
    commit(out / "input" / STAGED, memoryview(sink.getvalue()))
    return out / "input" / STAGED


def _check_columns(model: Model, path: Path, key: Sequence[str], keep: Sequence[str]) -> tuple[str, ...]:
    """``keep`` without ``key``, once all columns are known to be there."""
    present = schema_of(path).names
    wanted = [*(model.feature_names or ()), *key, *keep]
    missing = [name for name in wanted if name not in present]
    if missing:
        raise InputError(f"{path.name} lacks columns. {unknown_names('column', missing, present)}")
    return tuple(name for name in dict.fromkeys(keep) if name not in key)


def _settled(
    model: Model,
    file: ModelFile | None,
    methods: tuple[str, ...],
    options: Mapping[str, Mapping[str, Any]],
    rows: int,
) -> dict[str, Any]:
    absolute = {
        name: {k: str(Path(v).resolve()) if k == "background" else v for k, v in given.items()}
        for name, given in options.items()
    }
    if file is None:
        return settle(model, methods, absolute, rows)
    with Worker() as worker:
        worker.call("warm", modules=[TASKS_MODULE])
        answer: dict[str, Any] = worker.call("batch_settle", model=file, methods=methods, options=absolute, rows=rows)
    return answer


def _facts(model: Model, given: Any) -> dict[str, Any]:
    return {
        "name": Path(given).name if isinstance(given, str | Path) else type(given).__name__,
        "hash": model.hash,
        "framework": model.framework,
        "task": model.task,
        "output": model.output,
        "output_names": list(model.output_names),
        "feature_names": None if model.feature_names is None else list(model.feature_names),
    }


def _is_done(out: Path, manifest: Manifest, part: Part) -> bool:
    return all((out / name / part.name).exists() for name in manifest.methods if name not in OF_THE_MODEL)


@contextmanager
def _engine(  # noqa: PLR0917
    name: str, model: Model, file: ModelFile | None, order: Order, cluster: tuple[Path, str | None], workers: int
) -> Iterator[Engine]:
    if name == "dask":
        if file is None:
            raise InputError("a cluster needs the model as a file that every machine sees: save it and give its path.")
        with on_dask(file, order, *cluster, workers) as engine:
            yield engine
    elif file is None:
        yield in_this_process(model, order)
    else:
        with in_workers(file, order, workers) as engine:
            yield engine
