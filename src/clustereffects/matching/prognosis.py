"""Prognostic scores: what the outcome of the untreated says about the units, in one number."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def prognosis(parts: Iterable[tuple[FloatArray, FloatArray]]) -> FloatArray:
    """Coefficients of the least-squares regression of an outcome on covariates, among controls.

    Parameters
    ----------
    parts : iterable of tuple of array (n, p) and array (n,)
        Covariates of controls and their outcome without treatment, cohort by cohort; each cohort has its own constant.
        Rows with missing values are left out.

    Returns
    -------
    array (p,)
        ``x @ coefficients`` is the prognostic score, but for the constants, which a comparison within cohorts does
        not need. Of collinear covariates the shortest solution in standardised units.

    Raises
    ------
    ValueError
        If no row is complete.

    Notes
    -----
    A difference in the prognostic score between treated units and their controls weighs differences in the covariates
    by what they matter for the outcome, in its units. Controls only: the outcome of the treated must play no part in
    the choice of a match.

    References
    ----------
    Hansen (2008), *Biometrika* 95(2), section 2; Stuart, Lee & Leacy (2013), *Journal of Clinical Epidemiology* 66(8).

    Examples
    --------
    >>> x = np.array([[0.0], [1.0], [2.0]])
    >>> prognosis([(x, np.array([1.0, 3.0, 5.0])), (x, np.array([9.0, np.nan, 13.0]))]).round(6).tolist()
    [2.0]
    """
    moments: list[FloatArray] = []
    for x, outcome in parts:
        known = np.isfinite(outcome) & np.isfinite(x).all(axis=1)
        if known.any():
            rows = np.column_stack([x[known], outcome[known]])
            rows -= rows.mean(axis=0)
            moments.append(rows.T @ rows)
    if not moments:
        raise ValueError("no control has an outcome and all covariates")
    total = np.sum(moments, axis=0)
    gram, cross = total[:-1, :-1], total[:-1, -1]
    spread = np.sqrt(np.diag(gram))
    spread[spread == 0] = 1.0
    inverse = np.linalg.pinv(gram / np.outer(spread, spread), rcond=1e-12, hermitian=True)
    return np.asarray(inverse @ (cross / spread) / spread, dtype=np.float64)
