"""Moment matrices and their factors, with collinearity recognised in units of the matrix itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from clustereffects.errors import EstimationError

FloatArray = NDArray[np.float64]

COLLINEAR = "covariates are collinear or constant among the units compared"

_SINGULAR = 1e-11


def gram(design: FloatArray, weights: FloatArray) -> FloatArray:
    return np.asarray((design * weights[:, None]).T @ design / len(design), dtype=np.float64)


def factor_of(matrix: FloatArray, reason: str) -> tuple[FloatArray, bool]:
    """Cholesky factor of a matrix that must be clearly positive definite in units of its own diagonal."""
    scale = np.sqrt(np.diag(matrix))
    if not (np.isfinite(scale).all() and (scale > 0.0).all()):
        raise EstimationError(reason)
    if np.linalg.eigvalsh(matrix / np.outer(scale, scale))[0] < _SINGULAR:
        raise EstimationError(reason)
    return linalg.cho_factor(matrix)
