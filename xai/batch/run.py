"""``xai.batch.run``: from data to a folder of results."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from ..core.errors import InputError, WorkerError, XaiError, unknown_names
from ..sandbox import JobPool
from ..sandbox.isolated import library_of
from ..sandbox.profile import reader
from .local import Answer, Engine, in_this_process, in_workers
from .manifest import Manifest
from .methods import OF_THE_MODEL, check_methods, counted, plain_options
from .on_dask import on_dask
from .opened import BatchResult
from .parts import Part
from .plan import Plan, Wanted, plan
from .progress import BatchProgress, Meter
from .store import SUMMARY, commit, commit_json, locked
from .summary import summarise


def run(
    model: Any,
    data: str | Path,
    out: str | Path,
    methods: str | Sequence[str] = ("shap", "dhondt"),
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
    """Explain all rows of a data set, all pictures of a folder, or all prompts of a file, into a folder.

    Every finished part is a whole file; a run that was stopped, however hard, goes on where it was when it is called
    again, and its files are, byte for byte, those of a run that was never stopped.

    Parameters
    ----------
    model
        A model file's path, an isolated model (:func:`xai.load_model`), or an object :func:`xai.wrap_model` takes;
        an object is asked in this process, the others by worker processes. For ``"craft"`` an image model (an ONNX
        file, ``"demo"``, or an object), for ``"reagent"`` what :func:`xai.reagent.load_lm` takes, for ``"chmcorr"``
        ``None``: its gallery names what encoded it.
    data
        Rows: a Parquet file, a folder of Parquet files with the same columns, or a CSV file of up to 1 GiB. Pictures: a
        folder of PNG and JPEG files, with its subfolders. Prompts: a file or a folder of files of JSON lines with
        ``prompt`` and, if wanted, ``target`` and ``foil``.
    out
        Folder of the results, new, empty or of a run that is to go on: one folder a method with one or more Parquet
        files for each file of ``data`` (each folder of pictures), ``manifest.json`` and ``summary.json``.
    methods
        Registered methods (:func:`xai.methods`); ``"dhondt"`` adds seats for every row, ``"native"`` and
        ``"permutation"`` importances for the summary. Pictures: ``"craft"``, ``"chmcorr"``. Prompts: ``"reagent"``.
    engine
        ``"local"``: this machine. ``"dask"``: a Dask cluster (extra ``dask``).
    workers
        Processes; ``None`` for one a processor. Each uses one thread, unless ``OMP_NUM_THREADS`` says otherwise.
    scheduler
        Address of an existing Dask cluster, e.g. ``"tcp://10.0.0.1:8786"``; ``None`` starts one on this machine.
    resume
        Go on with a run that is in ``out``; if false, a run in ``out`` is an error.
    options
        Method to its options. Methods of rows: ``background`` (path of a table), ``config``. ``dhondt``: ``seats``,
        ``rule``, and ``source``, the method whose values vote. ``permutation``: ``target`` (the column of the true
        answers), ``rows`` to sample, ``n_repeats``, ``seed``. ``craft``: ``bank`` (a file of
        :meth:`xai.craft.Craft.save`), ``class`` whose total indices are added, ``estimator``. ``chmcorr``: ``gallery``
        (its folder), ``backbone`` (an ONNX file, where an unnamed one encoded it), ``options`` (of
        :class:`xai.chmcorr.Options`). ``reagent``: ``model``, ``config``, ``max_new_tokens``.
    output
        The space a model file answers in.
    key, keep
        Columns of the data carried into the results: those that name a row, and others, e.g. to select by. Pictures
        have theirs, ``file`` and ``folder``.
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
    if not isinstance(data, str | Path):
        raise InputError(f"data is a path, not {type(data).__name__}: xai.explain takes a table that is in memory.")
    data, out = Path(data).resolve(), Path(out).resolve()
    if data.is_dir() and out.is_relative_to(data):
        raise InputError(f"results in the folder of the data, {data}, would be taken for data: choose another folder.")
    if engine not in {"local", "dask"}:
        raise InputError(unknown_names("engine", [engine], ("local", "dask")))
    if bad_files not in ("stop", "skip"):
        raise InputError(unknown_names("bad_files", [bad_files], ("stop", "skip")))
    workers = (os.cpu_count() or 1) if workers is None else counted("workers", workers)
    wanted = Wanted(
        model=model,
        data=data,
        out=out,
        methods=(methods,) if isinstance(methods, str) else tuple(methods),
        options=options or {},
        output=output,
        key=tuple(key),
        keep=tuple(keep),
        skip_bad_files=bad_files == "skip",
        rows_per_part=None if rows_per_part is None else counted("rows_per_part", rows_per_part),
    )
    check_methods(wanted.methods, wanted.options)
    # The pool's processes have the model's library imported, where they can know which that is.
    library = library_of(Path(model)) if wanted.kind == "rows" and isinstance(model, str | Path) else ()
    cluster = None if engine == "local" else (out, scheduler, workers)
    with locked(out), JobPool(workers if cluster is None else 1, library, profile=reader()) as pool:
        planned = plan(wanted, pool)
        if engine == "dask" and not planned.in_workers:
            raise InputError("a cluster needs the model as a file that every machine sees: save it and give its path.")
        order, parts = planned.order, planned.parts
        manifest = Manifest(
            model=planned.facts,
            files=planned.files,
            methods=order.methods,
            options=plain_options(order.options),
            key=order.key,
            keep=order.keep,
            parts=parts,
            versions=planned.versions,
        )
        manifest.settle(out, resume=resume)
        missing = [part for part in parts if not _is_done(out, manifest, part)]
        meter = Meter([p.rows for p in parts], [p.rows for p in parts if p not in set(missing)], progress)
        given_up = []
        if missing:
            with _engine(planned, pool, cluster) as work_on:
                given_up = _write(out, work_on(missing), meter, stop=not wanted.skip_bad_files)
        lost = {part.name for part in missing if not _is_done(out, manifest, part)} - {s["file"] for s in given_up}
        if lost:
            raise WorkerError(f"{len(lost)} parts were not written, {min(lost)} among them: run again to add them.")
        skipped = [{"file": f.path, "reason": f.error} for f in planned.files if f.error]
        commit_json(out / SUMMARY, summarise(out, manifest, planned.importances, skipped + given_up))
    return BatchResult.read(out)


def _write(out: Path, answers: Iterator[Answer], meter: Meter, *, stop: bool) -> list[dict[str, str]]:
    """Write what comes; the parts that were given up, with the reason."""
    given_up = []
    for part, answer in answers:
        if isinstance(answer, XaiError):
            if stop:
                raise _of_part(part, answer) from answer
            given_up.append({"file": part.name, "reason": str(answer)})
            continue
        for method, content in answer.items():
            commit(out / method / part.name, content.data)
        meter.add(part.rows)
    return given_up


def _of_part(part: Part, error: XaiError) -> XaiError:
    """The same error with the part's name in front; past constructors, which may take something else than a text."""
    named = type(error).__new__(type(error), f"{part.name}: {error}")
    vars(named).update(vars(error))
    return named


def _is_done(out: Path, manifest: Manifest, part: Part) -> bool:
    return all((out / name / part.name).exists() for name in manifest.methods if name not in OF_THE_MODEL)


@contextmanager
def _engine(planned: Plan, pool: JobPool, cluster: tuple[Path, str | None, int] | None) -> Iterator[Engine]:
    if cluster is not None:
        pool.close()  # it has said what it had to: its memory is for the cluster
        with on_dask(planned.file, planned.order, *cluster) as engine:
            yield engine
    elif planned.in_workers:
        yield in_workers(pool, planned.file, planned.order)
    else:
        yield in_this_process(planned.subject, planned.order)
