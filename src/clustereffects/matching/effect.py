"""Effects from a weighted cross-section: difference of means, g-computation, and their standard errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustereffects.errors import EstimationError, Problem
from clustereffects.matching._symmetric import pseudo_inverse
from clustereffects.matching.weights import WeightModel

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_CONSTANT = 1e-12
_BEYOND = 1e-7
_ERRORS = ("HC0", "HC1", "HC3", "CR0", "CR1", "M")


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Outcome, treatment and weights of a cross-section.

    Parameters
    ----------
    outcome : array (n,)
    treated : array (n,) of bool
    weight : array (n,)
        Units with weight 0 take no part.

    Raises
    ------
    ValueError
        If the shapes differ, a weight is negative, or a side has no weight.

    Examples
    --------
    >>> Sample(np.array([1.0, 2.0]), np.array([True, False]), np.ones(2)).used.tolist()
    [True, True]
    """

    outcome: FloatArray
    treated: BoolArray
    weight: FloatArray

    def __post_init__(self) -> None:
        if not self.outcome.shape == self.treated.shape == self.weight.shape:
            raise ValueError(f"shapes differ: {self.outcome.shape}, {self.treated.shape}, {self.weight.shape}")
        if self.weight.min(initial=0.0) < 0 or not all(
            (self.used & side).any() for side in (self.treated, ~self.treated)
        ):
            raise ValueError("weights must not be negative, and treated units and controls must have some")

    @property
    def used(self) -> BoolArray:
        """Units with weight."""
        return self.weight > 0


@dataclass(frozen=True, slots=True, eq=False)
class Effect:
    """An effect with what its standard errors are made of.

    Parameters
    ----------
    value : float
    influence : array (n,)
        Estimate − truth ≈ mean of the rows, with weights and target taken as known; 0 for units without weight.
    correction : array (n,)
        What estimated weights and a sampled target add to ``influence``.
    leverage : array (n,)
        Diagonal of the weighted hat matrix.
    used : array (n,) of bool
        Units with weight.
    rank : int
        Coefficients of the regression.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> sample = Sample(np.array([3.0, 5.0, 1.0, 2.0]), np.array([True, True, False, False]), np.ones(4))
    >>> weighted_difference(sample).value
    2.5
    """

    value: float
    influence: FloatArray
    correction: FloatArray
    leverage: FloatArray
    used: BoolArray
    rank: int

    def contributions(self, errors: str = "HC1") -> FloatArray:
        """Rows whose mean is estimate − truth under these errors, before ``factor``.

        Raises
        ------
        ValueError
            If the errors are unknown.
        """
        if errors not in _ERRORS:
            raise ValueError(f"errors are one of {', '.join(_ERRORS)}, got {errors!r}")
        if errors == "M":
            return self.influence + self.correction
        return _leave_out(self.influence, self.leverage) if errors == "HC3" else self.influence

    def factor(self, errors: str = "HC1", groups: int = 0) -> float:
        """Factor of the variance for small samples, with the number of clusters for CR1.

        Raises
        ------
        EstimationError
            If HC1 or CR1 find as many coefficients as units.
        """
        if errors not in {"HC1", "CR1"}:
            return 1.0
        n = int(self.used.sum())
        if n <= self.rank:
            raise EstimationError(f"no degrees of freedom are left: {n} units with weight, {self.rank} coefficients")
        return n / (n - self.rank) if errors == "HC1" else groups / (groups - 1) * (n - 1) / (n - self.rank)

    def standard_error(self, errors: str = "HC1", clusters: IntArray | None = None) -> float:
        """Standard error of the effect.

        Parameters
        ----------
        errors : {"HC0", "HC1", "HC3", "CR0", "CR1", "M"}
            HC0: White; HC1: times n/(n − k); HC3: residuals over 1 − leverage. CR0: cluster sums; CR1: times
            G/(G − 1) · (n − 1)/(n − k), as Stata and R's ``sandwich::vcovCL``. M: M-estimation, with the error of
            estimated weights and of a sampled target, without small-sample factor. n: units with weight, k: rank.
        clusters : array (n,) of int, optional
            Matched sets or firms; required by CR0 and CR1, possible with M.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If clusters are missing, superfluous or fewer than two.
        EstimationError
            As ``factor``.
        """
        rows = self.contributions(errors)
        if (clusters is None and errors in {"CR0", "CR1"}) or (clusters is not None and errors.startswith("HC")):
            raise ValueError("CR0 and CR1 need clusters, HC0, HC1 and HC3 have none")
        groups = 0
        if clusters is not None:
            # Under M units without weight count too: they had a part in estimating the weights.
            part = self.used | (rows != 0)
            codes = np.unique(clusters[part], return_inverse=True)[1]
            rows = np.bincount(codes, rows[part]).astype(np.float64)
            groups = len(rows)
            if groups < 2:
                raise ValueError("a clustered error needs at least two clusters")
        return float(np.linalg.norm(rows)) / len(self.used) * float(np.sqrt(self.factor(errors, groups)))


def weighted_difference(sample: Sample, model: WeightModel | None = None) -> Effect:
    """Difference of weighted means: weighted least squares of the outcome on treatment.

    Parameters
    ----------
    sample : Sample
    model : WeightModel, optional
        Of estimated weights; without it they are taken as known.

    Returns
    -------
    Effect

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    ``lm(y ~ treat, weights = w)`` with ``sandwich::vcovHC`` or ``vcovCL`` in R; with ``model`` and errors M,
    ``WeightIt::lm_weightit``.

    References
    ----------
    White (1980), *Econometrica* 48(4), 817–838; MacKinnon & White (1985), *Journal of Econometrics* 29(3), 305–325
    (HC3); Abadie & Spiess (2022), *Journal of the American Statistical Association* 117(538), section 3 (clusters are
    matched sets); Stefanski & Boos (2002), *The American Statistician* 56(1), 29–38 (M).

    Examples
    --------
    >>> sample = Sample(np.array([3.0, 5.0, 1.0, 2.0]), np.array([True, True, False, False]), np.ones(4))
    >>> round(weighted_difference(sample).standard_error("HC0"), 6)
    0.790569
    """
    none = np.empty((len(sample.outcome), 0))
    return g_computation(sample, none, sample.treated.astype(np.float64), model=model)


def g_computation(
    sample: Sample,
    covariates: FloatArray,
    target: FloatArray,
    *,
    model: WeightModel | None = None,
    sampled: bool = False,
) -> Effect:
    """Mean difference between predictions with and without treatment, from regressions on each side.

    Parameters
    ----------
    sample : Sample
    covariates : array (n, p)
        May be collinear.
    target : array (n,)
        Weights of the population over which the difference is averaged: treated × weight for the ATT.
    model : WeightModel, optional
        Of estimated weights; without it they are taken as known.
    sampled : bool
        Whether errors M count the target's covariate means as those of a sample.

    Returns
    -------
    Effect

    Raises
    ------
    EstimationError
        If the covariates of a side are collinear and the target is not in the same way, so that the prediction is not
        determined.
    ValueError
        If the shapes do not fit.

    Notes
    -----
    ``lm(y ~ treat * X, weights = w)`` followed by ``marginaleffects::avg_comparisons(variables = "treat", newdata =
    target, wts = w)``; that takes target means as given. Each side is centred at its own weighted means.

    References
    ----------
    Robins (1986), *Mathematical Modelling* 7, 1393–1512; Lin (2013), *Annals of Applied Statistics* 7(1), 295–318; Ho,
    Imai, King & Stuart (2007), *Political Analysis* 15(3), 199–236.

    Examples
    --------
    >>> x = np.array([[0.0], [1.0], [2.0], [0.0], [1.0], [2.0]])
    >>> treated = np.array([True, True, True, False, False, False])
    >>> sample = Sample(np.array([2.0, 4.0, 6.0, 1.0, 2.0, 3.0]), treated, np.ones(6))
    >>> round(g_computation(sample, x, np.array([0.0, 0.0, 1.0, 0.0, 0.0, 0.0])).value, 9)
    3.0
    """
    n = len(sample.outcome)
    if len(covariates) != n or len(target) != n or not target.sum() > 0:
        raise ValueError("covariates and target need one row per unit, and the target some weight")
    point = target @ covariates / target.sum()
    one, other = (_predict(sample, side, covariates, point) for side in (sample.treated, ~sample.treated))
    rows = one.rows - other.rows
    correction = np.zeros(n)
    if model is not None:
        correction += model.influence @ (rows @ model.slope)
    if sampled:
        correction += n * target / target.sum() * ((covariates - point) @ (one.slope - other.slope))
    return Effect(
        one.value - other.value,
        n * sample.weight * rows,
        correction,
        one.leverage + other.leverage,
        sample.used,
        one.rank + other.rank,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Prediction:
    """Prediction of one side at the target: value and slope, derivative with respect to weights, leverage, rank."""

    value: float
    slope: FloatArray
    rows: FloatArray
    leverage: FloatArray
    rank: int


def _predict(sample: Sample, side: BoolArray, covariates: FloatArray, point: FloatArray) -> _Prediction:
    take = side & sample.used
    x, y, w = covariates[take], sample.outcome[take], sample.weight[take]
    total = w.sum()
    middle = w @ x / total
    centred = x - middle
    gram = centred.T @ (w[:, None] * centred)
    # A covariate that does not vary on this side is no coefficient, whatever rounding leaves of it.
    varies = np.sqrt(np.diag(gram) / total) > _CONSTANT * np.maximum(np.abs(middle), 1e-300)
    gram *= np.outer(varies, varies)
    inverse = pseudo_inverse(gram)
    distance = point - middle
    _refuse_beyond(distance, gram, inverse, np.where(varies, np.sqrt(np.diag(gram) / total), np.abs(middle)))
    slope = inverse @ (centred.T @ (w * (y - w @ y / total)))
    direction = 1.0 / total + centred @ (inverse @ distance)
    residual = y - w @ y / total - centred @ slope
    rows, leverage = np.zeros(len(side)), np.zeros(len(side))
    rows[take] = direction * residual
    leverage[take] = w * (1.0 / total + np.einsum("ij,ij->i", centred @ inverse, centred))
    rank = 1 + round(float(np.trace(inverse @ gram)))
    return _Prediction(float(w @ y / total + distance @ slope), slope, rows, leverage, rank)


def _refuse_beyond(distance: FloatArray, gram: FloatArray, inverse: FloatArray, size: FloatArray) -> None:
    """A difference in a direction without variation cannot be predicted."""
    missing = np.abs(distance - gram @ (inverse @ distance)) > _BEYOND * np.maximum(size, np.abs(distance)).clip(1e-300)
    if missing.any():
        raise EstimationError(
            Problem(
                what="the outcome of the target cannot be predicted",
                where=f"covariate {int(np.argmax(missing)) + 1} does not vary on one side, or only together with others",
                expected="covariates that vary among treated units and among controls",
                remedy="leave the covariate out of the outcome model",
            )
        )


def _leave_out(influence: FloatArray, leverage: FloatArray) -> FloatArray:
    """HC3; a unit that determines a coefficient alone has residual 0 and leverage 1 and contributes nothing."""
    alone = leverage > 1.0 - 1e-12
    return np.where(alone, 0.0, influence / np.where(alone, 1.0, 1.0 - leverage))
