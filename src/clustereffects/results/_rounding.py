"""Standard errors that are nothing but rounding: where influences cancel within clusters there is no error to show."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from clustereffects.results.uncertainty import Uncertainty

FloatArray = NDArray[np.float64]

# Sums that cancel leave about 1e-16 of what was added up, second moments the root of that.
_ROUNDING = 1e-7


def without_rounding(found: Uncertainty, by_unit: FloatArray) -> Uncertainty:
    """Uncertainty with zeros where sums over clusters cancel.

    ``by_unit`` (k,) are the variances with independent units: those that are zero are exactly so, such as of reference
    periods, and a clustered error far below the others is what is left of sums that cancel.
    """
    nothing = (by_unit <= 0) | (found.std_error <= _ROUNDING * np.sqrt(by_unit))
    nothing &= found.std_error > 0
    if not nothing.any():
        return found
    cov = found.cov.copy()
    cov[nothing] = cov[:, nothing] = 0.0
    return replace(found, covariance=cov, std_error=np.where(nothing, 0.0, found.std_error))
