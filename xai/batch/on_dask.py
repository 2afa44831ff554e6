"""Many machines: one Dask task a part, the model opened once a worker, the same files as on one machine.

Data and output must be on storage that all workers see under the same path.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ..core.errors import InputError, MissingExtraError, WorkerError, XaiError
from .local import Answer, Engine
from .parts import Part
from .store import commit
from .work import Order, open_subject, work

if TYPE_CHECKING:
    from distributed import Client

    from ..sandbox import ModelFile

WAITING = 4
"""Parts handed to the scheduler at a time, for each thread of the cluster."""
WRITTEN, FAILED, UNWRITTEN = "written", "failed", "unwritten"
"""How a part ends: the last is the fault of the disk, so that other parts need not be tried."""
_RETRIES = 2
"""Times a part is tried again after an error that is none of ours, e.g. of a file system."""


@contextmanager
def on_dask(model: ModelFile | None, order: Order, out: Path, scheduler: str | None, workers: int) -> Iterator[Engine]:
    """An engine on the cluster at an address, or on one that is started here for the length of the run."""
    with _client(scheduler, workers) as client:
        # A run that went on without its driver may still be known to the cluster: nothing of it is taken for ours.
        name = f"xai-batch-{uuid4().hex}"
        client.register_plugin(_plugin(model, order), name=name)

        def run(parts: Sequence[Part]) -> Iterator[Answer]:
            from distributed import as_completed

            futures: dict[Any, Part] = {}
            coming = iter(parts)
            pending = as_completed()

            def fill() -> None:
                """Hand over so much that nobody waits; a cluster may grow meanwhile."""
                wanted = WAITING * max(1, sum(client.nthreads().values()))
                while len(futures) < wanted and (part := next(coming, None)) is not None:
                    future = client.submit(
                        _work_and_write, name, str(out), part, retries=_RETRIES, pure=False, key=f"{name}-{part.name}"
                    )
                    futures[future] = part
                    pending.add(future)

            fill()
            for future in pending:
                part = futures.pop(future)
                try:
                    end, message = future.result()
                except Exception as error:  # noqa: BLE001 - whatever the cluster says has to reach a person
                    end, message = FAILED, f"the cluster could not do {part.name}: {error}"
                if end == UNWRITTEN:
                    raise InputError(message)
                yield part, {} if end == WRITTEN else WorkerError(message)
                fill()

        try:
            yield run
        finally:
            if client.status == "running":
                client.unregister_worker_plugin(name)


@contextmanager
def _client(scheduler: str | None, workers: int) -> Iterator[Client]:
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise MissingExtraError("distributed", "dask") from error
    if scheduler is None:
        with (
            LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
            Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = Client(scheduler, timeout=20)
    except OSError as error:
        raise InputError(f"no Dask scheduler answers at {scheduler}: {error}") from error
    with client:
        yield client


def _plugin(model: ModelFile | None, order: Order) -> Any:
    """What holds the model on every worker, on those that come later, too."""
    from distributed import WorkerPlugin

    class HeldModel(WorkerPlugin):  # type: ignore[misc, unused-ignore]
        """The model, opened for the first part a worker is given and kept for the others.

        Opened when the worker starts, a model that cannot be opened would leave it without a plugin, and the error with
        nobody to read it.
        """

        def __init__(self) -> None:
            self.lock: Any = None
            self.subject: Any = None

        def setup(self, worker: Any) -> None:
            """Called by Dask on the worker."""
            del worker
            self.lock = threading.Lock()

        def work(self, part: Part) -> dict[str, Any]:
            """One part after the other, also on a worker of several threads: libraries differ in what they bear."""
            with self.lock:
                if self.subject is None:
                    self.subject = open_subject(model, order)
                return work(self.subject, order, part)

    return HeldModel()


def _work_and_write(name: str, out: str, part: Part) -> tuple[str, str]:
    """What runs on the cluster; how it ended and why, for what would end so however often it is tried."""
    from distributed import get_worker

    try:
        files = get_worker().plugins[name].work(part)
    except XaiError as error:
        return FAILED, str(error)
    try:
        for method, content in files.items():
            commit(Path(out) / method / part.name, content.data)
    except InputError as error:
        return UNWRITTEN, str(error)
    return WRITTEN, ""
