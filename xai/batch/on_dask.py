"""Many machines: one Dask task a part, the model opened once a worker, the same files as on one machine.

Data and output must be on storage that all workers see under the same path.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError, MissingExtraError, WorkerError, XaiError
from .local import Answer, Engine
from .parts import Part
from .store import commit
from .work import Order, work

if TYPE_CHECKING:
    from distributed import Client

    from ..sandbox import ModelFile

WAITING = 4
"""Parts handed to the scheduler at a time, for each worker."""
_LOSSES = 10
"""Workers that may be lost while they hold one part, before the part is given up."""


@contextmanager
def on_dask(model: ModelFile, order: Order, out: Path, scheduler: str | None, workers: int) -> Iterator[Engine]:
    """An engine on the cluster at an address, or on one that is started here for the length of the run."""
    with _client(scheduler, workers) as client:

        def run(parts: Sequence[Part]) -> Iterator[Answer]:
            from distributed import as_completed

            coming = iter(parts)
            held = WAITING * max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
            futures: dict[Any, Part] = {}

            def submit(part: Part) -> Any:
                future = client.submit(
                    _work_and_write, model, order, str(out), part, retries=_LOSSES, pure=False, key=f"part-{part.name}"
                )
                futures[future] = part
                return future

            pending = as_completed([submit(part) for part in islice(coming, held)])
            for future in pending:
                part = futures.pop(future)
                try:
                    message = future.result()
                    yield part, {} if message is None else InputError(message)
                except Exception as error:  # noqa: BLE001 - whatever the cluster says has to reach a person
                    yield part, WorkerError(f"the cluster could not do {part.name}: {error}")
                following = next(coming, None)
                if following is not None:
                    pending.add(submit(following))

        yield run


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


def _work_and_write(model: ModelFile, order: Order, out: str, part: Part) -> str | None:
    """What runs on the cluster: a message if the part cannot be done, however often it is tried."""
    from ..sandbox.tasks import open_cached

    try:
        files = work(open_cached(model), order, part)
    except XaiError as error:
        return str(error)
    for method, content in files.items():
        commit(Path(out) / method / part.name, content.data)
    return None
