"""The front door: one call for every method."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.attribution import Attribution
from ..core.errors import InputError, unknown_names
from ..core.provenance import Provenance, hash_frame, versions
from ..core.units import check_groups
from ..models import Model, wrap_model
from .coalitions import ExactConfig, RemovalConfig, exact, removal
from .exactshap import banzhaf, shap
from .features import check_background, players
from .request import Explained, Method, Prepared, Progress, Request
from .sampling import OwenConfig, SamplingConfig
from .sampling.method import owen, sampling
from .torchgrad import TorchConfig
from .torchgrad.method import prepare as torch_method
from .trees.engine import TreeConfig

if TYPE_CHECKING:
    import pandas as pd

METHODS = {
    method.name: method
    for method in (
        Method(
            name="shap",
            description="Shapley values by the framework's own exact engine (trees, linear models); of other models "
            "against a background, exact up to 14 features and sampled with standard errors beyond.",
            needs=(),
            config=(TreeConfig, SamplingConfig, ExactConfig),
            joint_groups=False,
            prepare=shap,
        ),
        Method(
            name="exact",
            description="Shapley values of any model by playing all coalitions of up to 14 units against a background.",
            needs=("background",),
            config=ExactConfig,
            joint_groups=True,
            prepare=exact,
        ),
        Method(
            name="sampling",
            description="Shapley values of any model against a background at a given budget of model rows, with "
            "standard errors; exact up to 14 units.",
            needs=("background",),
            config=SamplingConfig,
            joint_groups=True,
            prepare=sampling,
        ),
        Method(
            name="owen",
            description="Owen values: groups of columns enter as one and share their Shapley value among the members.",
            needs=("background", "groups"),
            config=OwenConfig,
            joint_groups=False,
            prepare=owen,
            inner_groups=True,
        ),
        Method(
            name="banzhaf",
            description="Banzhaf values of tree ensembles: the mean of what a feature adds over all coalitions; they "
            "do not add up.",
            needs=(),
            config=TreeConfig,
            joint_groups=False,
            prepare=banzhaf,
        ),
        Method(
            name="removal",
            description="What the answer loses when each unit alone is replaced by background values; does not add "
            "up, and says by how much.",
            needs=("background",),
            config=RemovalConfig,
            joint_groups=True,
            prepare=removal,
        ),
    )
}
"""Registered methods by name."""

for _name, _description in (
    (
        "integrated_gradients",
        "Gradients of a torch module summed along the straight path from the background (Captum).",
    ),
    ("deeplift", "Differences from the background passed back through the layers of a torch module (Captum)."),
    ("gradient_shap", "Gradients of a torch module at random points between background rows and the row (Captum)."),
    (
        "feature_ablation",
        "What a torch module's answer loses when one feature is replaced by the background; does not add up (Captum).",
    ),
):
    METHODS[_name] = Method(
        name=_name,
        description=_description,
        needs=("background", "torch"),
        config=TorchConfig,
        joint_groups=False,
        prepare=torch_method(_name),
    )

_BLOCK_SECONDS = 0.5


def methods() -> tuple[Method, ...]:
    """Registered methods and what they need."""
    return tuple(METHODS.values())


def explain(  # noqa: PLR0917  # the contract's signature
    model: Any,
    X: Any,
    method: str = "shap",
    background: Any = None,
    groups: Mapping[str, Sequence[str]] | None = None,
    config: Any = None,
    progress: Progress | None = None,
) -> Attribution:
    """Explain rows.

    Parameters
    ----------
    model
        A wrapped model, or an object that :func:`xai.wrap_model` takes. A model with an ``explain`` of its
        own gets the whole call.
    X
        Rows to explain, ``(n, d)``.
    method
        Name of a method, see :func:`methods`.
    background
        Rows that stand for "feature unknown", for methods that need them.
    groups
        Group name to column names. ``"shap"`` sums the members' signed values; methods that play games
        remove a group jointly; ``"owen"`` keeps a value for each column.
    config
        The method's configuration, e.g. :class:`RemovalConfig`.
    progress
        Called with the fraction done and a short text whenever a block of rows is finished.

    Returns
    -------
    Attribution
        Values ``(n, d, k)``; ``outputs`` come from the model's own prediction, so that the additivity gap
        is a check.

    Raises
    ------
    InputError
        On an unknown method or configuration, no rows, or a table, background or groups that do not fit.
    ModelError
        If the model cannot predict or be explained.
    """
    if callable(getattr(model, "explain", None)):
        answer: Attribution = model.explain(
            X, method=method, background=background, groups=groups, config=config, progress=progress
        )
        return answer
    entry = METHODS.get(method)
    if entry is None:
        raise InputError(unknown_names("method", [method], METHODS))
    _check_config(entry, config)
    wrapped = model if isinstance(model, Model) else wrap_model(model)
    frame = wrapped.check(X)
    if not len(frame):
        raise InputError("X has 0 rows: give at least one row to explain.")
    table = None if background is None else check_background(wrapped, background)
    if "background" in entry.needs and table is None:
        raise InputError(f"method '{method}' needs background rows: give background=, e.g. 100 rows of training data.")
    start = time.perf_counter()
    outputs = wrapped.predict_checked(frame)
    known = check_groups(groups or {}, frame.columns) if entry.joint_groups or entry.inner_groups else {}
    joint = known if entry.joint_groups else {}
    prepared = entry.prepare(Request(wrapped, frame, table, known, config))
    done = _by_blocks(prepared, progress) if prepared.whole is None else prepared.whole(progress)
    seconds = time.perf_counter() - start
    options = {**prepared.options, **done.options}
    if config is not None:
        options["config"] = asdict(config)
    if table is not None:
        options["background_hash"] = hash_frame(table)
    provenance = Provenance(
        engine=done.engine or prepared.engine,
        versions=versions(dict.fromkeys(("numpy", *prepared.packages))),
        model_hash=wrapped.hash,
        data_hash=hash_frame(frame),
        seed=prepared.seed if done.seed is None else done.seed,
        options=options,
    )
    attribution = Attribution(
        values=done.values,
        base_values=done.base_values,
        outputs=outputs,
        units=players(prepared.frame.columns, joint)[1],
        output_names=wrapped.output_names,
        method=method,
        output_space=wrapped.output,
        provenance=provenance,
        rows=_row_labels(frame.index),
        data=prepared.frame,
        standard_errors=done.standard_errors,
        timing={"explain": seconds},
    )
    return attribution.grouped(groups) if groups and not known else attribution


def _check_config(entry: Method, config: Any) -> None:
    if config is not None and (entry.config is None or not isinstance(config, entry.config)):
        types = entry.config if isinstance(entry.config, tuple) else (entry.config,)
        names = " or ".join(kind.__name__ for kind in types if kind is not None)
        wanted = f"a {names} as configuration" if names else "no configuration"
        raise InputError(f"method '{entry.name}' takes {wanted}, not {type(config).__name__}.")


def _row_labels(index: pd.Index) -> tuple[str | int, ...]:
    if index.inferred_type == "integer":
        return tuple(index.tolist())
    return tuple(str(label) for label in index)


def _by_blocks(prepared: Prepared, progress: Progress | None) -> Explained:
    if prepared.explain is None:
        raise TypeError("a method prepares either explain or whole")
    frame, n = prepared.frame, len(prepared.frame)
    values, bases = [], []
    done, size = 0, prepared.first_block
    while done < n:
        begin = time.perf_counter()
        block = frame.iloc[done : done + size]
        block_values, base = prepared.explain(block)
        values.append(block_values)
        bases.append(base)
        done += len(block)
        if progress is not None:
            progress(done / n, f"explained {done:,} of {n:,} rows")
        pace = len(block) / max(time.perf_counter() - begin, 1e-6)
        size = max(1, min(int(pace * _BLOCK_SECONDS), 8 * size))
    return Explained(np.concatenate(values), np.concatenate(bases))
