"""How far two importances agree, and how sure that is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..core import Attribution, InputError, as_votes
from ..core.errors import listing
from . import measures
from .results import MEASURES, Agreement, AgreementTable, Estimate

_CORRELATIONS = ("pearson", "spearman", "kendall")
_BLOCK = 1 << 22  # resampling weights held at a time


def compare(
    a: Any, b: Any, n_boot: int = 1000, seed: int = 0, *, k: int = 5, p: float = 0.9, level: float = 0.95
) -> Agreement:
    """Compare two importances of the same units.

    Global importances (mean absolute values of an attribution) are compared unit by unit. Two attributions over the
    same rows are resampled by row, both sides with the same draw: the intervals say how far the agreement depends on
    which rows were explained. Otherwise units are resampled, which treats them as a sample of all units there
    could be. Importances equal up to 1e-12 of the largest count as tied.

    Parameters
    ----------
    a, b
        Attributions with one output, or mappings or Series of name to importance. Units are matched by name.
    n_boot
        Resamples.
    seed
        Same seed, same intervals.
    k
        For the overlap of the k largest.
    p
        Persistence of rank-biased overlap, in (0, 1): the first 10 ranks carry 86 % of the weight at 0.9.
    level
        Of the percentile intervals, in (0, 1).

    Raises
    ------
    InputError
        If the units differ (the message lists which), there are fewer than two, a value is not finite, an attribution
        has several outputs, or an option is out of range.
    """
    _check_options(n_boot, k, p, level)
    (names, x), (names_b, y) = as_votes(a), as_votes(b)
    order = _match(names, names_b)
    y = y[order]
    _check_values(names, x, y)
    d = len(names)
    notes = [f"k = {k} covers all {d} units: their overlap is 1 by definition."] if k >= d else []
    rng = np.random.default_rng(seed)
    rows = _same_rows(a, b)
    sign, equal = _signs(a, b, rows, order)
    if sign is None:
        notes.append("no sign agreement: it needs two signed attributions of the same rows, or two signed lists.")
    if rows is not None:
        left = np.abs(a.values[:, :, 0])
        right = np.abs(b.values[rows][:, order, 0])
        boot_x, boot_y, boot_sign = _resample_rows(left, right, equal, n_boot, rng)
    else:
        draw = rng.integers(0, d, (n_boot, d))
        boot_x, boot_y = x[draw], y[draw]
        boot_sign = np.full(n_boot, np.nan) if equal is None else equal[draw].mean(axis=1)

    point = _measure(x[None], y[None], k, p)
    boot = _measure(boot_x, boot_y, k, p)
    point["sign"], boot["sign"] = np.array([np.nan if sign is None else sign]), boot_sign
    flat = [side for side, values in (("first", x), ("second", y)) if np.ptp(_tie(values[None])) == 0]
    notes += [f"the {side} importance is the same for all units: it has no correlation." for side in flat]
    undefined = int(np.isnan(boot["pearson"]).sum())
    if undefined and not flat:
        notes.append(f"{undefined} of {n_boot} resamples have no correlation (all equal) and are left out.")
    return Agreement(
        **{name: _estimate(point[name][0], boot[name], level) for name in MEASURES},
        p_values=_p_values(x, y, known=not flat),
        n_rows=0 if rows is None else len(rows),
        n_units=d,
        basis="units" if rows is None else "rows",
        k=k,
        p=p,
        level=level,
        n_boot=n_boot,
        seed=seed,
        notes=tuple(notes),
    )


def compare_many(
    importances: Mapping[str, Any],
    n_boot: int = 1000,
    seed: int = 0,
    *,
    k: int = 5,
    p: float = 0.9,
    level: float = 0.95,
) -> AgreementTable:
    """Compare every pair of several importances of the same units, each pair as :func:`compare` does.

    Raises
    ------
    InputError
        If there are fewer than two, or a pair cannot be compared; the message names the pair.
    """
    names = tuple(str(name) for name in importances)
    if len(names) < 2:
        raise InputError(f"comparing needs at least two importances, but {len(names)} were given.")
    values = list(importances.values())
    pairs = {}
    for i, one in enumerate(names):
        for j in range(i + 1, len(names)):
            try:
                pairs[one, names[j]] = compare(values[i], values[j], n_boot, seed, k=k, p=p, level=level)
            except InputError as error:
                raise InputError(f"'{one}' and '{names[j]}': {error}") from None
    return AgreementTable(names, pairs)


def _check_options(n_boot: int, k: int, p: float, level: float) -> None:
    if n_boot < 1:
        raise InputError(f"n_boot must be at least 1, not {n_boot}.")
    if k < 1:
        raise InputError(f"k must be at least 1, not {k}.")
    if not 0 < p < 1:
        raise InputError(f"p is a probability in (0, 1), not {p:g}.")
    if not 0 < level < 1:
        raise InputError(f"level is a probability in (0, 1), not {level:g}: write 0.95 for 95 %.")


def _match(names: tuple[str, ...], others: tuple[str, ...]) -> np.ndarray:
    """Positions in ``others`` of ``names``."""
    lost = [name for name in names if name not in set(others)]
    extra = [name for name in others if name not in set(names)]
    if lost or extra:
        parts = [f"only in the first: {listing(lost)}"] * bool(lost)
        parts += [f"only in the second: {listing(extra)}"] * bool(extra)
        raise InputError(f"the two importances are of different units; {'; '.join(parts)}. Compare the same units.")
    if len(names) < 2:
        raise InputError(f"agreement needs at least two units, but there is only '{names[0]}'.")
    place = {name: i for i, name in enumerate(others)}
    return np.array([place[name] for name in names])


def _check_values(names: tuple[str, ...], *sides: np.ndarray) -> None:
    for side, values in zip(("first", "second"), sides, strict=True):
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            raise InputError(f"'{names[bad[0]]}' is {values[bad[0]]} in the {side} importance: give finite numbers.")


def _same_rows(a: Any, b: Any) -> np.ndarray | None:
    """Positions in ``b`` of the rows of ``a`` if both are attributions over the same rows, else ``None``."""
    if not (isinstance(a, Attribution) and isinstance(b, Attribution)) or len(a.rows) < 2:
        return None
    if a.rows == b.rows:
        return np.arange(len(a.rows))
    # In another order rows can be matched only where each label stands for one row.
    if Counter(a.rows) != Counter(b.rows) or len(set(a.rows)) < len(a.rows):
        return None
    place = {row: i for i, row in enumerate(b.rows)}
    return np.array([place[row] for row in a.rows])


def _signs(a: Any, b: Any, rows: np.ndarray | None, order: np.ndarray) -> tuple[float | None, np.ndarray | None]:
    """Share of equal signs, and the same by row (or by unit, for two signed lists)."""
    if rows is not None:
        left, right = a.values[:, :, 0], b.values[rows][:, order, 0]
    elif isinstance(a, Attribution) or isinstance(b, Attribution):
        return None, None
    else:
        left, right = as_votes(a)[1][:, None], as_votes(b)[1][order][:, None]
    if not ((left < 0).any() and (right < 0).any()):
        return None, None
    equal = (np.sign(left) == np.sign(right)).mean(axis=1)
    return float(equal.mean()), equal


def _resample_rows(
    left: np.ndarray, right: np.ndarray, equal: np.ndarray | None, n_boot: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean importances of both sides, and the share of equal signs, in each resample of the rows."""
    n = len(left)
    table = np.column_stack([left, right, np.zeros(n) if equal is None else equal])
    result = np.empty((n_boot, table.shape[1]))
    step = max(1, _BLOCK // n)
    for start in range(0, n_boot, step):
        size = min(step, n_boot - start)
        draw = rng.integers(0, n, (size, n)) + n * np.arange(size)[:, None]
        counts = np.bincount(draw.ravel(), minlength=size * n).reshape(size, n)
        result[start : start + size] = counts @ table / n
    d = left.shape[1]
    return result[:, :d], result[:, d : 2 * d], np.full(n_boot, np.nan) if equal is None else result[:, -1]


def _tie(x: np.ndarray) -> np.ndarray:
    """Values on the scale of the largest, rounded, so that what is equal but for rounding is tied."""
    top = np.abs(x).max(axis=1, keepdims=True)
    return np.asarray((x / np.where(top > 0, top, 1.0)).round(12))


def _measure(x: np.ndarray, y: np.ndarray, k: int, p: float) -> dict[str, np.ndarray]:
    x, y = _tie(x), _tie(y)
    correlations: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]]
    correlations = {name: getattr(measures, name) for name in _CORRELATIONS}
    result = {name: function(x, y) for name, function in correlations.items()}
    shared = measures.overlap(x, y)
    result["rbo"] = measures.rbo(shared, p)
    result["top_k"] = shared[:, min(k, shared.shape[1]) - 1]
    return result


def _estimate(value: float, boot: np.ndarray, level: float) -> Estimate:
    known = boot[np.isfinite(boot)]
    if not np.isfinite(value) or not len(known):
        return Estimate(float(value), float("nan"), float("nan"))
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(float(value), float(low), float(high))


def _p_values(x: np.ndarray, y: np.ndarray, *, known: bool) -> dict[str, float]:
    from scipy import stats

    if not known:
        return dict.fromkeys(_CORRELATIONS, float("nan"))
    x, y = _tie(x[None])[0], _tie(y[None])[0]
    tests = zip(_CORRELATIONS, (stats.pearsonr, stats.spearmanr, stats.kendalltau), strict=True)
    return {name: float(test(x, y).pvalue) for name, test in tests}
