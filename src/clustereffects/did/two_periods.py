"""Every estimator of a comparison of two periods on a panel."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from clustereffects.did._means import Part, combine, unnormalised
from clustereffects.did.calibrated import fit_calibrated
from clustereffects.did.group_time_cell import TRIM, CellEffect, Comparison, compare, regress_controls
from clustereffects.did.logit import fit_propensity, odds_weights

PanelMethod = Literal["dr", "dr_improved", "ipw", "ipw_unnormalised", "reg", "twfe"]


def two_periods(cell: Comparison, method: PanelMethod, trim: float = TRIM) -> CellEffect:
    """Average effect on the treated in a comparison of two periods of a panel.

    Parameters
    ----------
    cell : Comparison
    method : {"dr", "dr_improved", "ipw", "ipw_unnormalised", "reg", "twfe"}
        Doubly robust; the same with a calibrated propensity score and a regression weighted by its odds, for which
        the standard error too is right if only one of both models is; inverse-probability weighting, normalised or
        not; outcome regression; two-way fixed effects, for comparison only.
    trim : float
        Comparison units with a propensity score of this or more get no weight.

    Returns
    -------
    CellEffect

    Raises
    ------
    EstimationError
        If the covariates are collinear or treated and comparison units do not overlap.

    Notes
    -----
    "dr", "ipw" and "reg" are those of ``compare``. "dr_improved" is ``E[w₁r]/E[w₁] − E[w₀r]/E[w₀]`` as "dr", with
    ``w₀ = w(1 − D) exp(x'γ)`` from ``fit_calibrated`` and ``r = Δy − x'β`` from the regression weighted by ``w₀``. Then
    β and γ have no first-order influence and none is computed. "ipw_unnormalised" is ``E[(wD − w₀)Δy]/E[wD]`` with the
    odds of the logit. "twfe" leaves covariates out: in two periods of a panel, covariates that do not change and enter
    linearly drop out of two-way fixed effects. Without covariates all are the difference of mean changes.

    References
    ----------
    Sant'Anna & Zhao (2020), *Journal of Econometrics* 219(1), eq. 3.1 and section 3.1 ("dr_improved"); Abadie (2005),
    *Review of Economic Studies* 72(1), lemma 3.1 ("ipw_unnormalised"). The numbers equal those of the R package DRDID:
    ``drdid_panel``, ``drdid_imp_panel``, ``std_ipw_did_panel``, ``ipw_did_panel``, ``reg_did_panel``,
    ``twfe_did_panel``.

    Examples
    --------
    >>> cell = Comparison(change=np.array([3.0, 1.0, 0.0]), treated=np.array([True, True, False]),
    ...                   design=np.ones((3, 1)), weights=np.ones(3))
    >>> two_periods(cell, "dr_improved").estimate
    2.0
    """
    if method == "twfe" or cell.design.shape[1] == 1:
        return compare(replace(cell, design=np.ones((cell.size, 1))), "reg")
    scaled = replace(cell, weights=cell.weights / cell.weights.mean())
    if method == "dr_improved":
        return _improved(scaled, trim)
    if method == "ipw_unnormalised":
        return unnormalised(scaled, fit_propensity(cell.design, cell.treated, scaled.weights), trim)
    return compare(cell, method, trim=trim)


def _improved(cell: Comparison, trim: float) -> CellEffect:
    score = fit_calibrated(cell.design, cell.treated, cell.weights)
    own = np.where(cell.treated, cell.weights, 0.0)
    other = odds_weights(cell.treated, cell.weights, score, trim)
    rows = other > 0.0
    line = regress_controls(cell.change[rows], cell.design[rows], other[rows])
    residual = cell.change - cell.design @ line.coefficients
    return combine([Part(1.0, own, residual), Part(-1.0, other, residual)])
