"""Standard errors that are nothing but rounding, where there is no error to show."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from clustereffects.results.uncertainty import Uncertainty

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# Sums that cancel leave about 1e-16 of what was added up, second moments the root of that.
_CANCELLED = 1e-7
_EXACT = 1e-10


def without_cancelled(found: Uncertainty, by_unit: FloatArray) -> Uncertainty:
    """Uncertainty with zeros where sums over clusters cancel.

    ``by_unit`` (k,) are the variances with independent units: those that are zero are exactly so, such as of reference
    periods, and a clustered error far below the others is what is left of sums that cancel.
    """
    return _without(found, (by_unit <= 0) | (found.std_error <= _CANCELLED * np.sqrt(by_unit)))


def without_exact(found: Uncertainty, estimate: FloatArray) -> Uncertainty:
    """Uncertainty with zeros where a single treated unit is compared with a regression that fits exactly."""
    return _without(found, found.std_error <= _EXACT * np.abs(estimate))


def _without(found: Uncertainty, nothing: BoolArray) -> Uncertainty:
    nothing = nothing & (found.std_error > 0)
    if not nothing.any():
        return found
    return replace(
        found, covariance=partial(_zeroed, found, nothing), std_error=np.where(nothing, 0.0, found.std_error)
    )


def _zeroed(found: Uncertainty, nothing: BoolArray) -> FloatArray:
    cov = found.cov.copy()
    cov[nothing] = cov[:, nothing] = 0.0
    return cov
