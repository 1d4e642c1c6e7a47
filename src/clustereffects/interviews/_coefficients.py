"""Arithmetic of the coefficients of agreement, on counts of values per unit and on contingency tables."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from clustereffects.interviews._private import coding_error, option_error

Level = Literal["nominal", "ordinal", "interval", "ratio"]
Weights = Literal["none", "linear", "quadratic"]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def pairable_counts(counts: Floats) -> Floats:
    """Counts of the units with at least two judgements."""
    return np.asarray(counts[counts.sum(axis=1) >= 2])


def disagreements(counts: Floats, distance: Floats) -> tuple[float, float]:
    """Observed and expected disagreement: means of the distance over pairs within units and over all pairs."""
    pairable = pairable_counts(counts)
    judged = pairable.sum(axis=1)
    total = judged.sum()
    if total == 0:
        return np.nan, np.nan
    within = np.einsum("uc,cd,ud->u", pairable, distance, pairable)
    margin = pairable.sum(axis=0)
    return float((within / (judged - 1)).sum() / total), float(margin @ distance @ margin / (total * (total - 1)))


def distances(categories: Floats, margin: Floats, level: Level) -> Floats:
    """Difference function between every pair of values (Krippendorff 2011, section C)."""
    first, second = categories[:, None], categories[None, :]
    if level == "nominal":
        return 1 - np.eye(len(categories))
    if level == "interval":
        return np.asarray((first - second) ** 2)
    if level == "ordinal":
        rank = np.cumsum(margin) - margin / 2
        return np.asarray((rank[:, None] - rank[None, :]) ** 2)
    if level != "ratio":
        raise option_error("level", level, "nominal, ordinal, interval or ratio")
    if len(categories) and categories.min() < 0:
        raise coding_error("a ratio scale has negative values", "values from zero up", "use the interval level")
    total = first + second
    return np.asarray(((first - second) / np.where(total == 0, 1, total)) ** 2)


def pair_agreement(counts: Floats) -> float:
    """Share of agreeing pairs of judgements, averaged over units."""
    pairable = pairable_counts(counts)
    judged = pairable.sum(axis=1)
    agreeing = (pairable * (pairable - 1)).sum(axis=1) / (judged * (judged - 1))
    return float(agreeing.mean()) if len(agreeing) else np.nan


def fleiss_expected(counts: Floats) -> float:
    """Chance agreement from the pooled shares of all judgements."""
    return float(((counts.sum(axis=0) / counts.sum()) ** 2).sum())


def _shares(counts: Floats) -> Floats:
    judged = counts.sum(axis=1, keepdims=True)
    return np.asarray(counts[judged[:, 0] > 0] / judged[judged[:, 0] > 0])


def ac1_expected(counts: Floats, categories: int) -> float:
    """Gwet's chance agreement from the shares averaged over units."""
    if categories < 2:
        return np.nan
    share = _shares(counts).mean(axis=0)
    return float((share * (1 - share)).sum() / (categories - 1))


def ac1_std_error(counts: Floats, categories: int, value: float, expected: float) -> float:
    """Gwet's linearised standard error over units; a unit judged once contributes to chance agreement only."""
    counts = counts[counts.sum(axis=1) > 0]
    units, judged = len(counts), counts.sum(axis=1)
    if units < 2 or not np.isfinite(value):
        return np.nan
    twice = judged >= 2
    agreeing = (counts * (counts - 1)).sum(axis=1) / np.where(twice, judged * (judged - 1), 1)
    own = np.where(twice, units / twice.sum() * (agreeing - expected) / (1 - expected), 0.0)
    shares = _shares(counts)
    chance = shares @ (1 - shares.mean(axis=0)) / (categories - 1)
    linear = own - 2 * (1 - value) * (chance - expected) / (1 - expected)
    return float(np.sqrt(((linear - value) ** 2).sum() / (units * (units - 1))))


def chance_corrected(observed: float, expected: float) -> float:
    """Agreement beyond chance as a share of what is possible; NaN where chance alone gives full agreement."""
    return (observed - expected) / (1 - expected) if expected < 1 else np.nan


def contingency(pairs: Ints, categories: int) -> Floats:
    """Cross table of the two raters."""
    flat = np.bincount(pairs[:, 0] * categories + pairs[:, 1], minlength=categories**2)
    return flat.reshape(categories, categories).astype(np.float64)


def rank_weights(categories: int, weights: Weights) -> Floats:
    """Agreement weights between ranks: 1 on the diagonal, 0 in the far corners."""
    if weights == "none":
        return np.eye(categories)
    if weights not in {"linear", "quadratic"}:
        raise option_error("weights", weights, "none, linear or quadratic")
    rank = np.arange(categories)
    gap = np.abs(rank[:, None] - rank[None, :]) / max(categories - 1, 1)
    return np.asarray(1 - gap ** (1 if weights == "linear" else 2))


def kappa_of(table: Floats, weight: Floats) -> tuple[float, float, float]:
    """Weighted kappa, observed and expected agreement of a cross table."""
    if not table.sum():
        return np.nan, np.nan, np.nan
    share = table / table.sum()
    observed = float((weight * share).sum())
    expected = float(share.sum(axis=1) @ weight @ share.sum(axis=0))
    return chance_corrected(observed, expected), observed, expected


def kappa_std_error(table: Floats, weight: Floats, kappa: float, expected: float) -> float:
    """Large-sample standard error of weighted kappa (Fleiss, Cohen & Everitt 1969)."""
    if not np.isfinite(kappa):
        return np.nan
    share = table / table.sum()
    rows, columns = weight @ share.sum(axis=0), weight.T @ share.sum(axis=1)
    spread = (share * (weight - (rows[:, None] + columns[None, :]) * (1 - kappa)) ** 2).sum()
    variance = (spread - (kappa - expected * (1 - kappa)) ** 2) / (table.sum() * (1 - expected) ** 2)
    return float(np.sqrt(max(variance, 0.0)))


def as_ratings(ratings: npt.ArrayLike) -> Floats:
    """Array of units × raters, finite or NaN."""
    values = np.asarray(ratings, dtype=np.float64)
    if values.ndim != 2:
        raise coding_error(f"ratings have {values.ndim} dimensions", "units × raters", "pass a two-dimensional array")
    if np.isinf(values).any():
        raise coding_error("ratings are infinite", "finite values, NaN where there is none", "correct the values")
    return values


def judged_by_all(values: Floats) -> npt.NDArray[np.bool_]:
    """Which units were judged by every rater."""
    return np.asarray(~np.isnan(values).any(axis=1))


def value_counts(values: Floats) -> tuple[Floats, Floats]:
    """Values that occur, and how often in each unit."""
    categories = np.unique(values[~np.isnan(values)])
    return categories, np.asarray((values[:, :, None] == categories).sum(axis=1), dtype=np.float64)
