"""Quantiles and tail probabilities of the reference distributions, without loading scipy.stats."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

FloatArray = NDArray[np.float64]


def critical_value(level: float, df: float = np.inf) -> float:
    """Two-sided critical value of the normal or Student t distribution.

    Parameters
    ----------
    level : float
        Coverage, strictly between 0 and 1.
    df : float
        Degrees of freedom; infinite means normal.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If ``level`` is not strictly between 0 and 1.

    Examples
    --------
    >>> round(critical_value(0.95), 6), round(critical_value(0.95, df=9), 6)
    (1.959964, 2.262157)
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie strictly between 0 and 1, got {level}")
    tail = 0.5 + level / 2.0
    return float(special.ndtri(tail) if np.isinf(df) else special.stdtrit(df, tail))


def two_sided_p(statistic: FloatArray, df: float = np.inf) -> FloatArray:
    """Two-sided p-values of z or t statistics.

    Parameters
    ----------
    statistic : array of float
        NaN stays NaN.
    df : float
        Degrees of freedom; infinite means normal.

    Returns
    -------
    array of float
        Same shape.

    Raises
    ------
    TypeError
        If the statistic is not numeric.

    Examples
    --------
    >>> two_sided_p(np.array([0.0, 1.959963984540054])).round(6).tolist()
    [1.0, 0.05]
    """
    magnitude = -np.abs(np.asarray(statistic, dtype=np.float64))
    tail = special.ndtr(magnitude) if np.isinf(df) else special.stdtr(df, magnitude)
    return np.asarray(2.0 * tail, dtype=np.float64)


def chi_square_p(statistic: float, df: int) -> float:
    """Upper tail probability of the chi-square distribution.

    Parameters
    ----------
    statistic : float
    df : int

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If ``df`` is below 1.

    Examples
    --------
    >>> round(chi_square_p(7.7912366272, 5), 5)
    0.16812
    """
    if df < 1:
        raise ValueError(f"a chi-square test needs at least 1 degree of freedom, got {df}")
    return float(special.chdtrc(df, statistic))


def f_p(statistic: float, df_first: float, df_second: float) -> float:
    """Upper tail probability of the F distribution.

    Parameters
    ----------
    statistic, df_first, df_second : float

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If a number of degrees of freedom is not positive.

    Examples
    --------
    >>> round(f_p(4.0, 1.0, 10.0), 4)
    0.0734
    """
    if not (df_first > 0 and df_second > 0):
        raise ValueError(f"an F test needs positive degrees of freedom, got {df_first} and {df_second}")
    return float(special.fdtrc(df_first, df_second, statistic))
