"""What a child process can be asked for: one registry of plain functions.

A task takes what :mod:`codec` can carry and ``progress(fraction, text)``, and returns what the codec can carry.
``model`` is a path or a :class:`ModelFile`. Heavy imports happen in the child, when a task first needs them.
"""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError, ModelError, listing, unknown_names
from .codec import ModelFile
from .concepts import concept_sweep, concepts, image_classes, play_concepts
from .editing import play_features
from .galleries import build_gallery, correspond, describe_gallery, occlude
from .kernels import compile_kernels
from .probe import probe
from .reporting import report
from .tokens import lm_attribute, lm_compare, lm_generate, lm_obeyed, lm_play
from .uploaded import look_at_upload, preview_image_model

if TYPE_CHECKING:
    import pandas as pd

    from ..core.attribution import Attribution
    from ..models import Model
    from ..models.performance import Performance
    from ..workflows import Obedience

Progress = Callable[[float, str], None]

KEPT_MODELS = 8
_opened: OrderedDict[tuple[str, str, str | None], Model] = OrderedDict()


@dataclass(frozen=True)
class Task:
    """A function and, for messages, what it does: "predicting", "opening the model".

    ``files`` names the parameters that hold paths, alone or in lists and dictionaries: files and folders the child may
    read for the call. It may read no others of its user's.
    """

    function: Callable[..., Any]
    doing: str
    files: tuple[str, ...] = ("model",)

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Names a caller may pass."""
        return tuple(name for name in inspect.signature(self.function).parameters if name != "progress")


def open_cached(model: str | ModelFile) -> Model:
    """The opened model; opened again only if the file's content or the output space is another."""
    from ..core.provenance import hash_file
    from ..models import open_model

    file = ModelFile(model) if isinstance(model, str) else model
    path = Path(file.path)
    try:
        digest = hash_file(path)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.") from error
    if file.hash and digest != file.hash:
        raise ModelError(f"{path.name} has changed since it was opened: open it again.")
    key = (file.path, digest, file.output)
    if key not in _opened:
        opened = open_model(path, file.output)
        # Asked for its usual output first, it is asked for that by name from then on.
        _opened[key] = _opened[file.path, digest, opened.output] = opened
        while len(_opened) > KEPT_MODELS:
            _opened.popitem(last=False)
    _opened.move_to_end(key)
    return _opened[key]


def warm(modules: Sequence[str], progress: Progress) -> None:
    """Import libraries before somebody waits for them; those that are not installed are left out."""
    for done, name in enumerate(modules):
        progress(done / len(modules), f"importing {name}")
        if find_spec(name.partition(".")[0]) is not None:
            import_module(name)


def describe(model: str | ModelFile, progress: Progress) -> dict[str, Any]:  # noqa: ARG001 - one shape for all tasks
    """What a model is: framework, task, spaces, outputs, features, classes, hash."""
    opened = open_cached(model)
    return {
        "framework": opened.framework,
        "task": opened.task,
        "spaces": dict(opened.spaces),
        "output": opened.output,
        "output_names": opened.output_names,
        "feature_names": opened.feature_names,
        "n_features": opened.n_features,
        "categorical": opened.categorical,
        "classes": opened.classes,
        "hash": opened.hash,
    }


def predict(model: str | ModelFile, X: Any, progress: Progress) -> Any:  # noqa: ARG001
    """Outputs ``(n, k)``."""
    return open_cached(model).predict(X)


def explain(
    model: str | ModelFile,
    X: Any,
    *,
    progress: Progress,
    method: str = "shap",
    background: Any = None,
    groups: Mapping[str, Sequence[str]] | None = None,
    config: Any = None,
) -> Attribution:
    """An attribution by any registered method."""
    from ..shapley import explain as run

    return run(
        open_cached(model), X, method=method, background=background, groups=groups, config=config, progress=progress
    )


def performance(model: str | ModelFile, X: Any, y: Any, progress: Progress) -> Performance:  # noqa: ARG001
    """How good the model is on rows with known answers."""
    from ..models.performance import performance as measure

    return measure(open_cached(model), X, y)


def importance(
    model: str | ModelFile,
    *,
    progress: Progress,
    kind: str = "native",
    X: Any = None,
    y: Any = None,
    n_repeats: int = 10,
    seed: int = 0,
) -> Any:
    """Importances that are no attribution: ``"native"`` or ``"permutation"``."""
    from ..shapley import importance as of

    if kind == "native":
        return of.native(open_cached(model), X)
    if kind == "permutation":
        return of.permutation(open_cached(model), X, y, n_repeats, seed, progress=progress)
    raise InputError(unknown_names("kind of importance", [kind], ("native", "permutation")))


def vote_sources(
    model: str | ModelFile,
    X: Any,
    *,
    progress: Progress,
    y: Any = None,
    background: Any = None,
    output: str | None = None,
    n_repeats: int = 10,
    seed: int = 0,
) -> pd.DataFrame:
    """Votes of all sources side by side; ``output`` is the name of one of the model's outputs."""
    from ..dhondt import vote_sources as ask

    return ask(
        open_cached(model),
        X,
        y,
        background=background,
        output=output,
        n_repeats=n_repeats,
        seed=seed,
        progress=progress,
    )


def believe(
    model: str | ModelFile,
    X: Any,
    importances: Mapping[str, Any],
    *,
    progress: Progress,
    background: Any = None,
    output: str | None = None,
    seed: int = 0,
) -> Obedience:
    """Which of several importances the model obeys."""
    from ..workflows import believe as test

    return test(open_cached(model), X, importances, background=background, output=output, seed=seed, progress=progress)


def compare_models(data: str | tuple[Any, Any], *, progress: Progress, test: float | str = 0.3, seed: int = 0) -> str:
    """Models compared on a bundled data set or on ``(X, y)``; JSON, as fitted models cannot cross."""
    from ..workflows import compare_models as compare

    return compare(_binary_data(data), test=test, seed=seed, progress=progress).to_json()


def rashomon(data: str | tuple[Any, Any], *, progress: Progress, test: float | str = 0.3, seed: int = 0) -> str:
    """Simple models that do nearly as well, on a bundled data set or on ``(X, y)``, as JSON."""
    from ..workflows import rashomon as draw

    return draw(_binary_data(data), test=test, seed=seed, progress=progress).to_json()


def _binary_data(data: str | tuple[Any, Any]) -> Any:
    from ..datasets import load_table

    return load_table(data) if isinstance(data, str) else data


_PICTURED = ("model", "pictures")

TASKS: dict[str, Task] = {
    "warm": Task(warm, "importing libraries"),
    "probe": Task(probe, "trying to get out"),
    "compile_kernels": Task(compile_kernels, "compiling"),
    "describe": Task(describe, "opening"),
    "look_at_upload": Task(look_at_upload, "looking at", files=("path",)),
    "preview_image_model": Task(preview_image_model, "asking", files=("model", "pictures")),
    "predict": Task(predict, "predicting with"),
    "explain": Task(explain, "explaining"),
    "performance": Task(performance, "measuring the performance of"),
    "importance": Task(importance, "asking for importances of"),
    "vote_sources": Task(vote_sources, "asking for votes of"),
    "believe": Task(believe, "testing explanations of"),
    "compare_models": Task(compare_models, "comparing models"),
    "rashomon": Task(rashomon, "drawing simple models"),
    "image_classes": Task(image_classes, "asking for classes of pictures", files=_PICTURED),
    "concepts": Task(concepts, "finding concepts", files=_PICTURED),
    "concept_sweep": Task(concept_sweep, "trying numbers of concepts", files=_PICTURED),
    "play_concepts": Task(play_concepts, "asking with other concepts", files=_PICTURED),
    "report": Task(report, "reporting on"),
    "build_gallery": Task(build_gallery, "encoding the pictures of", files=("path",)),
    "describe_gallery": Task(describe_gallery, "opening", files=("gallery",)),
    "correspond": Task(correspond, "comparing a picture with", files=("gallery",)),
    "occlude": Task(occlude, "painting over a picture beside", files=("gallery",)),
    "play_features": Task(play_features, "asking with other features of"),
    "lm_generate": Task(lm_generate, "generating", files=("file",)),
    "lm_attribute": Task(lm_attribute, "replacing words", files=("file",)),
    "lm_compare": Task(lm_compare, "comparing methods on words", files=("file",)),
    "lm_obeyed": Task(lm_obeyed, "testing an explanation of words", files=("file",)),
    "lm_play": Task(lm_play, "asking with other words", files=("file",)),
}


def check_task(task: str, payload: Mapping[str, Any]) -> None:
    """Whether there is such a task with such parameters.

    Raises
    ------
    InputError
        If there is not; the message lists the right ones.
    """
    if task not in TASKS:
        raise InputError(unknown_names("task", [task], TASKS))
    unknown = [name for name in payload if name not in TASKS[task].parameters]
    if unknown:
        raise InputError(unknown_names(f"parameter of '{task}'", unknown, TASKS[task].parameters))
    function = inspect.signature(TASKS[task].function)
    missing = [
        name
        for name in TASKS[task].parameters
        if name not in payload and function.parameters[name].default is inspect.Parameter.empty
    ]
    if missing:
        raise InputError(f"task '{task}' needs {listing(missing)} as well.")


def model_path(payload: Mapping[str, Any]) -> str | None:
    """Path of the model file a call is about."""
    model = payload.get("model", payload.get("path"))
    model = getattr(model, "model_file", model)
    return model.path if isinstance(model, ModelFile) else model if isinstance(model, str) else None


def asks_server(task: str, payload: Mapping[str, Any]) -> bool:
    """Whether a call goes to the language-model server that the operator named: the one thing the network is for."""
    return task.startswith("lm_") and payload.get("model") == "server"


def describe_call(task: str, payload: Mapping[str, Any]) -> str:
    """A call in words: "predicting with model.ubj"."""
    path = model_path(payload)
    return TASKS[task].doing + ("" if path is None else f" {Path(path).name}")
