"""Models whose file is opened, asked and explained in a child process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.attribution import Attribution
from ..core.errors import ModelError
from ..models.base import Model
from .child import ProgressCallback
from .client import Worker
from .codec import ModelFile
from .profile import own_files

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, kw_only=True)
class IsolatedModel(Model):
    """A model that lives in a child process: a damaged file ends that process, not this one.

    The child is started again for the call after a crash, and ends when the last model that uses it is dropped.

    Attributes
    ----------
    model_file
        The file, the output space and the hash it must keep.
    worker
        The child; shared by the models that :meth:`with_output` makes.
    """

    native: Any = field(init=False, repr=False)
    model_file: ModelFile
    worker: Worker = field(repr=False)

    def __getattr__(self, name: str) -> Any:
        if name == "native":
            raise ModelError(
                "this model lives in a child process, so its native object is not here: "
                "open the file with isolated=False if you trust where it comes from."
            )
        raise AttributeError(f"'{type(self).__name__}' has no attribute '{name}'")

    def with_output(self, space: str) -> Model:
        """The same model, in the same child, answering in another space."""
        output = self._space(space)
        return replace(self, output=output, model_file=replace(self.model_file, output=output))

    def explain(  # noqa: PLR0917 - the signature of xai.explain
        self,
        X: Any,
        method: str = "shap",
        background: Any = None,
        groups: Mapping[str, Sequence[str]] | None = None,
        config: Any = None,
        progress: ProgressCallback | None = None,
    ) -> Attribution:
        """What :func:`xai.explain` returns, computed in the child."""
        attribution: Attribution = self.worker.call(
            "explain",
            progress,
            model=self.model_file,
            X=X,
            method=method,
            background=background,
            groups=groups,
            config=config,
        )
        return attribution

    def importance(self, kind: str, **options: Any) -> Any:
        """What ``xai.shapley.importance.native`` or ``permutation`` returns, computed in the child."""
        return self.worker.call(
            "importance", options.pop("progress", None), model=self.model_file, kind=kind, **options
        )

    def close(self) -> None:
        """End the child process now; the next call starts another."""
        self.worker.close()

    def _predict(self, frame: pd.DataFrame) -> np.ndarray:
        outputs: np.ndarray = self.worker.call("predict", model=self.model_file, X=frame)
        return outputs


def library_of(file: Path) -> tuple[str, ...]:
    """The library that reads a file, for the child to find it imported."""
    from ..models import sniff

    try:
        return (sniff(file).partition("-")[0],)
    except ModelError:  # the child says it again, to whoever waits for it
        return ()


def load_model(path: str | Path, output: str | None = None, *, isolated: bool = True) -> Model:
    """Open a native XGBoost, LightGBM or CatBoost file; its content decides, not its name.

    Parameters
    ----------
    path
        The file.
    output
        ``"margin"``, ``"probability"`` or ``"value"``; ``None`` for margin where there is one, else probability,
        else value.
    isolated
        Open, predict and explain in a child process, so that a damaged or malicious file ends in an error and never
        in a dead program. ``False``: in this process, after structural checks.

    Raises
    ------
    ModelError
        If there is no such file, it is no model of a known format, or it has no such output.
    WorkerError
        If reading it crashed the child.
    """
    from ..models import open_model

    if not isolated:
        return open_model(path, output)
    file = Path(path).resolve()
    worker = Worker(own_files(), library_of(file))
    try:
        facts = worker.call("describe", model=ModelFile(str(file), output))
    except BaseException:
        worker.close()
        raise
    names = ("framework", "task", "spaces", "output", "feature_names", "n_features", "categorical", "classes")
    return IsolatedModel(
        **{name: facts[name] for name in names},
        known_hash=facts["hash"],
        model_file=ModelFile(str(file), facts["output"], facts["hash"]),
        worker=worker,
    )
