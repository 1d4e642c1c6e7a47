"""The normal–normal model given the standard deviation between organisations: everything is Gaussian."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_FLOOR = 1e-12  # eigenvalues of V below this share of the largest are rounding errors


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spectrum:
    """The estimates in the directions in which their errors are independent.

    Parameters
    ----------
    rotation : array (k, k)
        Eigenvectors of the error covariance in columns.
    variances : array (k,)
        Its eigenvalues.
    ones, data : array (k,)
        Vector of ones and estimates in these directions.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> spectrum_of(np.array([1.0, 3.0]), np.eye(2)).variances.tolist()
    [1.0, 1.0]
    """

    rotation: FloatArray
    variances: FloatArray
    ones: FloatArray
    data: FloatArray


def spectrum_of(estimate: FloatArray, cov: FloatArray) -> Spectrum:
    """Eigen-decomposition of the error covariance.

    Parameters
    ----------
    estimate : array (k,)
    cov : array (k, k)
        Symmetric; eigenvalues below 1e-12 of the largest are set to that.

    Returns
    -------
    Spectrum

    Raises
    ------
    numpy.linalg.LinAlgError
        If the covariance is not finite.

    Examples
    --------
    >>> spectrum = spectrum_of(np.array([1.0, 3.0]), np.array([[2.0, 1.0], [1.0, 2.0]]))
    >>> spectrum.variances.round(12).tolist(), np.abs(spectrum.data).round(6).tolist()
    ([1.0, 3.0], [1.414214, 2.828427])
    """
    variances, rotation = np.linalg.eigh(cov)
    variances = np.maximum(variances, _FLOOR * variances[-1])
    return Spectrum(
        rotation=rotation,
        variances=variances,
        ones=rotation.T @ np.ones(len(estimate)),
        data=rotation.T @ estimate,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Conditional:
    """What is known given each value of ``τ``.

    Parameters
    ----------
    log_likelihood : array (g,)
        Logarithm of the density of the estimates given ``τ``, with ``μ`` integrated out.
    mean, precision : array (g,)
        Of the normal posterior of ``μ``.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> given = condition(spectrum_of(np.array([1.0, 3.0]), np.eye(2)), 0.0, np.array([1.0]))
    >>> given.mean.tolist(), given.precision.round(12).tolist()
    ([2.0], [1.0])
    """

    log_likelihood: FloatArray
    mean: FloatArray
    precision: FloatArray


def condition(spectrum: Spectrum, mean_precision: float, tau: FloatArray) -> Conditional:
    """Posterior of ``μ`` and marginal likelihood given ``τ``.

    Parameters
    ----------
    spectrum : Spectrum
    mean_precision : float
        Precision of the prior of ``μ``; zero means flat, whose density is taken as 1.
    tau : array (g,)

    Returns
    -------
    Conditional

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    With ``W = (V + τ²I)⁻¹``: precision ``P = 1'W1 + s⁻²``, mean ``m = 1'Wy / P``, and
    ``log p(y|τ) = −½[K log 2π + log|V + τ²I| + log P + (y − m1)'W(y − m1) + m²s⁻²]`` plus ``½ log 2π`` if the prior of ``μ``
    is flat, ``½ log s⁻²`` otherwise.

    Examples
    --------
    >>> spectrum = spectrum_of(np.array([0.0]), np.eye(1))
    >>> condition(spectrum, 1.0, np.array([1.0])).log_likelihood.round(6).tolist()  # N(0; 0, 1 + 1 + 1)
    [-1.468245]
    """
    total = spectrum.variances + tau[:, None] ** 2
    precision = (1.0 / total) @ spectrum.ones**2 + mean_precision
    mean = (1.0 / total) @ (spectrum.ones * spectrum.data) / precision
    residual = spectrum.data - mean[:, None] * spectrum.ones
    quadratic = (residual**2 / total).sum(axis=1) + mean_precision * mean**2
    constant = np.log(mean_precision) if mean_precision > 0 else np.log(2.0 * np.pi)
    log_det = np.log(total).sum(axis=1) + np.log(precision)
    log_likelihood = -0.5 * (len(spectrum.data) * np.log(2.0 * np.pi) + log_det + quadratic - constant)
    return Conditional(log_likelihood=log_likelihood, mean=mean, precision=precision)
