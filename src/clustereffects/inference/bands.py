"""Simultaneous confidence bands: sup-t critical values from the Gaussian limit or from a multiplier bootstrap."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clustereffects.inference._blas import one_thread
from clustereffects.inference.quantiles import critical_value

FloatArray = NDArray[np.float64]


@one_thread()
def sup_t_critical_value(cov: FloatArray, level: float, *, draws: int = 20_000, seed: int = 0) -> float:
    """Critical value of ``max |t|`` when the estimates are jointly normal with covariance ``cov``.

    Parameters
    ----------
    cov : array (k, k)
        Rows with zero or missing variance are left out.
    level : float
    draws : int
        Number of simulated vectors; the Monte-Carlo error of the value is about 0.01 at the default.
    seed : int
        The draws are deterministic, so that the same result always shows the same band.

    Returns
    -------
    float
        NaN when no term has a positive variance; never below the pointwise critical value.

    Raises
    ------
    ValueError
        If ``level`` is not strictly between 0 and 1.

    References
    ----------
    Montiel Olea & Plagborg-Møller (2019), *Journal of Applied Econometrics* 34(1), algorithm 1.

    Examples
    --------
    >>> round(sup_t_critical_value(np.eye(1), 0.95), 1), sup_t_critical_value(np.eye(4), 0.95) > 2.4
    (2.0, True)
    """
    pointwise = critical_value(level)
    variance = np.diag(cov)
    keep = np.isfinite(variance) & (variance > 0)
    if not keep.any():
        return float("nan")
    scale = np.sqrt(variance[keep])
    correlation = cov[np.ix_(keep, keep)] / np.outer(scale, scale)
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    normals = np.random.default_rng(seed).standard_normal((draws, len(scale)))
    return max(float(np.quantile(np.abs(normals @ root.T).max(axis=1), level)), pointwise)


def interquartile_scale(draws: FloatArray) -> FloatArray:
    """Standard errors from the interquartile range of bootstrap draws, robust to a few wild draws.

    Parameters
    ----------
    draws : array (n_draws, k)

    Returns
    -------
    array (k,)

    Raises
    ------
    ValueError
        If there are no draws.

    References
    ----------
    Callaway & Sant'Anna (2021), algorithm 1, step 3 (divisor: interquartile range of the standard normal).

    Examples
    --------
    >>> interquartile_scale(np.random.default_rng(0).standard_normal((20_000, 1))).round(1).tolist()
    [1.0]
    """
    if not len(draws):
        raise ValueError("a scale needs at least one draw")
    low, high = np.quantile(draws, [0.25, 0.75], axis=0, method="inverted_cdf")
    return np.asarray((high - low) / 1.3489795003921634, dtype=np.float64)
