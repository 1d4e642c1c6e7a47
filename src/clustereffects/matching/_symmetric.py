"""Generalised inverse of a Gram matrix whose columns may differ in size by many orders."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

FloatArray = NDArray[np.float64]

_COLLINEAR = 1e-12


def whitening(gram: FloatArray) -> FloatArray:
    """Matrix ``T`` (p, r) with ``T'GT = I`` on the range of ``G``; scaling first makes the tolerance mean the same for all."""
    size = np.sqrt(np.diag(gram))
    size = np.where(size > 0, size, 1.0)
    values, vectors = eigh(gram / np.outer(size, size))
    keep = values > _COLLINEAR * max(values.max(initial=0.0), 1e-300)
    return np.asarray(vectors[:, keep] / np.sqrt(values[keep]) / size[:, None])


def pseudo_inverse(gram: FloatArray) -> FloatArray:
    """Symmetric reflexive inverse: it solves consistent normal equations of any rank."""
    half = whitening(gram)
    return half @ half.T
