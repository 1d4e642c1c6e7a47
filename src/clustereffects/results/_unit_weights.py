"""Weights of treated units for aggregations: a column of the panel before treatment, or values by unit."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.data import Panel, shown
from clustereffects.errors import ColumnError, NotStoredError, Problem
from clustereffects.results.description import Sampling

FloatArray = NDArray[np.float64]


def unit_weights(sampling: Sampling, weights: str | pd.Series, anticipation: int) -> FloatArray:
    """Weight of every unit (n,); zero for units that are not treated."""
    treated = sampling.membership.treated()
    name = weights if isinstance(weights, str) else str(weights.name or "weights")
    values = (
        _from_column(sampling, weights, anticipation)
        if isinstance(weights, str)
        else weights.reindex(sampling.units).to_numpy(dtype=np.float64, na_value=np.nan)
    )
    bad = np.flatnonzero(treated & ~(np.isfinite(values) & (values >= 0)))
    if len(bad):
        raise ColumnError(
            Problem(
                what=f"{len(bad)} of {int(treated.sum())} treated units have no weight {name!r}, or a negative one",
                where=f"units {shown(sampling.units[bad[:3]].tolist(), len(bad))}",
                expected="a weight of at least 0 for every treated unit, in the last period before treatment",
                remedy="fill in the column, give the weights as a Series by unit, or leave these units out of the panel",
            )
        )
    if not values[treated].any():
        raise ColumnError(
            Problem(
                what=f"the weights {name!r} of all treated units are 0",
                where="",
                expected="a weight above 0 for some treated unit",
                remedy="look whether it is the right column, or leave weights out",
            )
        )
    return np.where(treated, values, 0.0)


def _from_column(sampling: Sampling, column: str, anticipation: int) -> FloatArray:
    panel = sampling.panel
    if panel is None:
        raise NotStoredError(
            f"these effects do not hold the panel with the column {column!r} – give the weights as a Series by unit"
        )
    if panel.cross_sections:
        return panel.column(column)[panel.units.get_indexer(sampling.units)]
    return _before_treatment(panel, column, anticipation)[panel.units.get_indexer(sampling.units)]


def _before_treatment(panel: Panel, column: str, anticipation: int) -> FloatArray:
    """Values in the last period before treatment and anticipation (n_units,)."""
    last = np.searchsorted(panel.times + anticipation, np.nan_to_num(panel.cohorts, nan=np.inf)) - 1
    values = panel.wide(column)[np.arange(panel.n_units), np.maximum(last, 0)]
    return np.where((last >= 0) & np.isfinite(panel.cohorts), values, np.nan)
