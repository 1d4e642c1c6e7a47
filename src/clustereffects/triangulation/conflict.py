"""Conflict between estimates: node splits between two streams, and Cochran's Q among all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, erfc

from clustereffects.triangulation.cells import CellModel

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSplit:
    """Difference between what two streams say about the same effect.

    Parameters
    ----------
    first, second : str
        Streams.
    difference, std_error : float
        Pooled estimate of the first less that of the second, after bias adjustment.
    p_raw, p_adjusted : float
        Two-sided p-value of equality before and after bias adjustment.

    Raises
    ------
    TypeError
        If a field is missing.

    Examples
    --------
    >>> NodeSplit(first="economic", second="survey", difference=-0.01, std_error=0.066, p_raw=0.06,
    ...           p_adjusted=0.88).p_adjusted
    0.88
    """

    first: str
    second: str
    difference: float
    std_error: float
    p_raw: float
    p_adjusted: float


def node_splits(model: CellModel) -> tuple[NodeSplit, ...]:
    """Compare the estimates of every two streams.

    Parameters
    ----------
    model : CellModel

    Returns
    -------
    tuple of NodeSplit
        One for each pair of streams that both have estimates.

    Raises
    ------
    numpy.linalg.LinAlgError
        If a covariance matrix is singular.

    Notes
    -----
    Node-splitting after Presanis et al. (2013, *Statistical Science* 28(3)): each stream's estimates are pooled by
    generalised least squares, and the difference is referred to the normal distribution. The raw comparison uses
    values and standard errors only. Proportional bias enters the adjusted one by the delta method. Dependence counts
    within a stream only (see ``adjusted_estimates``).

    Examples
    --------
    >>> from clustereffects.results.evidence import Estimate
    >>> from clustereffects.triangulation.cells import cell_model
    >>> from clustereffects.triangulation.options import Prior
    >>> from clustereffects.triangulation.sorting import CellEvidence
    >>> from clustereffects.triangulation.theory import Claim
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> did = Estimate(id="did", claim="growth", group="K01", stream="economic", value=0.06, std_error=0.025)
    >>> survey = Estimate(id="scale", claim="growth", group="K01", stream="survey", value=0.12, std_error=0.02)
    >>> cell = CellEvidence(estimates=(did, survey))
    >>> split = node_splits(cell_model(claim, "K01", cell, Prior(sceptical_sd=0.05, wide_sd=0.15)))[0]
    >>> round(split.p_raw, 3)
    0.061
    """
    estimates = model.estimates
    adjusted, covariance = adjusted_estimates(model)
    splits = []
    for first, second in combinations(np.unique(estimates.stream).tolist(), 2):
        chosen = np.flatnonzero((estimates.stream == first) | (estimates.stream == second))
        side = np.stack([estimates.stream[chosen] == first, estimates.stream[chosen] == second], axis=1).astype(float)
        raw = _contrast(model.value[chosen], np.diag(model.std_error[chosen] ** 2), side)
        final = _contrast(adjusted[chosen], covariance[np.ix_(chosen, chosen)], side)
        splits.append(
            NodeSplit(
                first=model.streams[first],
                second=model.streams[second],
                difference=final[0],
                std_error=final[1],
                p_raw=_two_sided(*raw),
                p_adjusted=_two_sided(*final),
            )
        )
    return tuple(splits)


def _contrast(value: FloatArray, covariance: FloatArray, side: FloatArray) -> tuple[float, float]:
    weight = np.linalg.solve(covariance, side)
    variance = np.linalg.inv(side.T @ weight)
    means = variance @ (weight.T @ value)
    contrast = np.array([1.0, -1.0])
    return float(contrast @ means), float(np.sqrt(contrast @ variance @ contrast))


def _two_sided(difference: float, std_error: float) -> float:
    return float(erfc(abs(difference) / std_error / math.sqrt(2)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Heterogeneity:
    """Spread of all estimates of a cell beyond what their errors and declared biases explain.

    Parameters
    ----------
    statistic : float
        Cochran's Q after bias adjustment.
    df : int
    i_squared : float
        Share of the spread that errors and declared biases do not explain.
    p_raw, p_adjusted : float
        Of Q before and after bias adjustment.

    Raises
    ------
    TypeError
        If a field is missing.

    Examples
    --------
    >>> Heterogeneity(statistic=2.0, df=2, i_squared=0.0, p_raw=0.01, p_adjusted=0.37).i_squared
    0.0
    """

    statistic: float
    df: int
    i_squared: float
    p_raw: float
    p_adjusted: float


def shared_variance(model: CellModel) -> FloatArray:
    """Covariance matrix of the biases that estimates share, without what each has to itself.

    Parameters
    ----------
    model : CellModel

    Returns
    -------
    array, shape (n, n)

    Raises
    ------
    AttributeError
        If the model is not the arrays of a cell.

    Examples
    --------
    >>> from clustereffects.triangulation.cells import cell_model
    >>> from clustereffects.triangulation.options import Prior
    >>> from clustereffects.triangulation.sorting import CellEvidence
    >>> from clustereffects.triangulation.theory import Claim
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> shared_variance(cell_model(claim, "K01", CellEvidence(), Prior(sceptical_sd=0.05, wide_sd=0.15))).shape
    (0, 0)
    """
    estimates, items = model.estimates, model.items
    inflated = 1 + (items.count[estimates.block].sum(axis=1) - 1) * items.rho[estimates.block]
    return np.asarray(estimates.covariance - np.diag(estimates.own * inflated))


def adjusted_estimates(model: CellModel, *, across: bool = False) -> tuple[FloatArray, FloatArray]:
    """Estimates after bias adjustment, with the covariance matrix of their errors.

    Parameters
    ----------
    model : CellModel
    across : bool
        Let estimates of different streams in one dependence group count as dependent.

    Returns
    -------
    tuple of two arrays, shapes (n,) and (n, n)

    Raises
    ------
    AttributeError
        If the model is not the arrays of a cell.

    Notes
    -----
    Additive bias is exact; proportional bias enters by the delta method (Turner et al. 2009, *Journal of the Royal
    Statistical Society A* 172(1)). Own variances are multiplied by 1 + (n − 1)ρ, where n counts the estimates of the
    stream in the dependence group, and no diagnostics: what other items say must not make two estimates agree. Between
    streams, own errors are independent unless ``across`` is set. A positive correlation would make their difference
    smaller, so the comparison of two streams errs on the side of no conflict.

    Examples
    --------
    >>> from clustereffects.triangulation.cells import cell_model
    >>> from clustereffects.triangulation.options import Prior
    >>> from clustereffects.triangulation.sorting import CellEvidence
    >>> from clustereffects.triangulation.theory import Claim
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> model = cell_model(claim, "K01", CellEvidence(), Prior(sceptical_sd=0.05, wide_sd=0.15))
    >>> [part.shape for part in adjusted_estimates(model)]
    [(0,), (0, 0)]
    """
    estimates, rho = model.estimates, model.items.rho[model.estimates.block]
    group = (estimates.block[:, None] == estimates.block) & (rho > 0)
    together = group if across else group & (estimates.stream[:, None] == estimates.stream)
    own = estimates.own * (1 + np.maximum(together.sum(axis=1) - 1, 0) * rho)
    factor = np.exp(estimates.log_factor)
    adjusted = estimates.residual / factor
    apart = np.where(group & ~together, np.outer(model.own_factor, model.own_factor), 0.0)
    spread = np.exp(estimates.loading @ estimates.loading.T - apart) - 1.0
    covariance = (np.diag(own) + shared_variance(model)) / np.outer(factor, factor)
    return adjusted, covariance + np.outer(adjusted, adjusted) * spread


def heterogeneity(model: CellModel) -> Heterogeneity | None:
    """Test whether all estimates of a cell can be about one effect.

    Parameters
    ----------
    model : CellModel

    Returns
    -------
    Heterogeneity or None
        None with fewer than two estimates.

    Raises
    ------
    numpy.linalg.LinAlgError
        If a covariance matrix is singular.

    Notes
    -----
    Cochran's Q with the full covariance matrix, so that shared bias is no disagreement, and I² = max(0, 1 − df/Q) of
    Higgins & Thompson (2002, *Statistics in Medicine* 21(11)).

    Examples
    --------
    >>> from clustereffects.results.evidence import Estimate
    >>> from clustereffects.triangulation.cells import cell_model
    >>> from clustereffects.triangulation.options import Prior
    >>> from clustereffects.triangulation.sorting import CellEvidence
    >>> from clustereffects.triangulation.theory import Claim
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> two = tuple(Estimate(id=str(y), claim="growth", group="K01", stream="economic", value=y, std_error=0.03)
    ...             for y in (0.0, 0.06))
    >>> model = cell_model(claim, "K01", CellEvidence(estimates=two), Prior(sceptical_sd=0.05, wide_sd=0.15))
    >>> round(heterogeneity(model).statistic, 6), round(heterogeneity(model).i_squared, 6)
    (2.0, 0.5)
    """
    df = model.value.size - 1
    if df < 1:
        return None
    raw = _cochran(model.value, np.diag(model.std_error**2))
    statistic = _cochran(*adjusted_estimates(model))
    return Heterogeneity(
        statistic=statistic,
        df=df,
        i_squared=max(0.0, 1 - df / statistic) if statistic > 0 else 0.0,
        p_raw=float(chdtrc(df, raw)),
        p_adjusted=float(chdtrc(df, statistic)),
    )


def _cochran(value: FloatArray, covariance: FloatArray) -> float:
    weight = np.linalg.solve(covariance, np.ones(value.size))
    rest = value - weight @ value / weight.sum()
    return float(rest @ np.linalg.solve(covariance, rest))


def holm(p_values: Sequence[float]) -> FloatArray:
    """Adjust p-values for their number.

    Parameters
    ----------
    p_values : sequence of float
        NaN stays NaN and does not count.

    Returns
    -------
    array

    Raises
    ------
    TypeError
        If a value is not a number.

    Notes
    -----
    Step-down procedure of Holm (1979, *Scandinavian Journal of Statistics* 6(2)), valid under any dependence. Conflict
    is looked for in every cell, so some small p-values are to be expected (Presanis et al. 2017, arXiv:1702.07304).

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    given = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(given.size, np.nan)
    order = [int(i) for i in np.argsort(given) if not math.isnan(given[i])]
    largest = 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * float(given[i])))
        adjusted[i] = largest
    return adjusted
