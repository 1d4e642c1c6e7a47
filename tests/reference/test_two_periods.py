"""Every two-period estimator of DRDID (R) and a textbook oracle; the README beside the data says where DRDID departs."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from clustereffects.did.cross_sections import CrossSections, two_cross_sections
from clustereffects.did.group_time_cell import Comparison
from clustereffects.did.logit import fit_propensity
from clustereffects.did.two_periods import two_periods
from support.cross_section_oracle import two_cross_sections as oracle

HERE = Path(__file__).parent / "drdid"
DRDID = json.loads((HERE / "expected.json").read_text(encoding="utf-8"))
EXACT = {"rtol": 1e-8}
NAMES = ["age", "educ", "black", "married", "nodegree", "hisp", "re74"]
PANEL = {
    "dr": "drdid_panel",
    "dr_improved": "drdid_imp_panel",
    "ipw": "std_ipw_did_panel",
    "ipw_unnormalised": "ipw_did_panel",
    "reg": "reg_did_panel",
    "twfe": "twfe_did_panel",
}
SECTIONS = {
    "dr": "drdid_rc",
    "dr_simple": "drdid_rc1",
    "dr_improved": "drdid_imp_rc",
    "dr_improved_simple": "drdid_imp_rc1",
    "ipw": "std_ipw_did_rc",
    "ipw_unnormalised": "ipw_did_rc",
    "reg": "reg_did_rc",
    "twfe": "twfe_did_rc",
}
WRAPPERS = {"wrapper_drdid_imp": "dr_improved", "wrapper_drdid_trad": "dr"} | {
    "wrapper_ordid": "reg",
    "wrapper_ipwdid": "ipw",
}


def _design(frame, names, covariates):
    return np.column_stack([np.ones(len(frame)), frame[names if covariates == "cov" else []]])


def _nsw():
    return pd.read_csv(HERE / "nsw_cps.csv.gz").astype(np.float32).astype(float)


def _panel(family, covariates):
    frame = _nsw()
    return Comparison(
        change=(frame["re78"] - frame["re75"]).to_numpy(),
        treated=frame["experimental"].to_numpy() == 1,
        design=_design(frame, NAMES, covariates),
        weights=(0.5 + frame["age"] % 10 / 10).to_numpy() if family.endswith("weighted") else np.ones(len(frame)),
    )


def _sections(family, covariates):
    if family == "rc_sim":
        frame = pd.read_csv(HERE / "sim_rc.csv.gz")
        design = _design(frame, ["x1", "x2", "x3", "x4"], covariates)
        y, d, t = (frame[name].to_numpy(float) for name in ("y", "d", "post"))
    else:
        frame = _nsw()
        y = np.concatenate([frame["re75"], frame["re78"]])
        d, t = np.tile(frame["experimental"], 2), np.repeat([0.0, 1.0], len(frame))
        design = np.tile(_design(frame, NAMES, covariates), (2, 1))
    return CrossSections(outcome=y, treated=d == 1, current=t == 1, design=design, weights=np.ones(len(y)))


def _se(influence):
    return np.sqrt(np.sum(influence**2)) / len(influence)


def _same(effect, expected, *, rtol=1e-8):
    np.testing.assert_allclose(effect.estimate, expected["ATT"], **EXACT)
    np.testing.assert_allclose(_se(effect.influence), expected["se"], rtol=rtol)


def test_every_configuration_is_used():
    panel, sections = ("panel_cps", "panel_cps_weighted"), ("rc_nsw_long_cps", "rc_sim")
    both = ("cov", "nocov")
    assert all(set(DRDID[family]) == {f"{name}|{c}" for name in PANEL.values() for c in both} for family in panel)
    assert all(set(DRDID[family]) == {f"{name}|{c}" for name in SECTIONS.values() for c in both} for family in sections)
    assert set(DRDID["wrappers"]) == set(WRAPPERS)


@pytest.mark.parametrize("family", ["panel_cps", "panel_cps_weighted"])
@pytest.mark.parametrize("method", [m for m in PANEL if m not in {"dr_improved", "twfe"}])
@pytest.mark.parametrize("covariates", ["cov", "nocov"])
def test_panel(family, method, covariates):
    effect = two_periods(_panel(family, covariates), method)
    _same(effect, DRDID[family][f"{PANEL[method]}|{covariates}"])


@pytest.mark.parametrize("family", ["panel_cps", "panel_cps_weighted"])
@pytest.mark.parametrize("covariates", ["cov", "nocov"])
def test_panel_improved(family, covariates):
    """DRDID stops minimising before its odds have all digits: the estimate does not feel it, the standard error does."""
    effect = two_periods(_panel(family, covariates), "dr_improved")
    _same(effect, DRDID[family][f"drdid_imp_panel|{covariates}"], rtol=1e-6)


@pytest.mark.parametrize("family", ["panel_cps", "panel_cps_weighted"])
def test_panel_improved_with_as_many_steps_as_drdid(family):
    cell, expected = _panel(family, "cov"), DRDID[family]["drdid_imp_panel|cov"]
    w, d, x = cell.weights / cell.weights.mean(), cell.treated * 1.0, cell.design
    gamma = fit_propensity(x, cell.treated, w).coefficients
    for _ in range(3):
        odds = w * (1 - d) * np.exp(x @ gamma)
        gamma = gamma + np.linalg.solve((x.T * odds) @ x, (w * d - odds) @ x)
    odds = w * (1 - d) * np.exp(x @ gamma)
    residual = cell.change - x @ np.linalg.solve((x.T * odds) @ x, (odds * cell.change) @ x)
    first = np.mean(w * d * residual) / np.mean(w * d)
    psi = (w * d * (residual - first) - odds * residual) / np.mean(w * d)
    np.testing.assert_allclose([first, _se(psi)], [expected["ATT"], expected["se"]], rtol=1e-11)


@pytest.mark.parametrize("family", ["panel_cps", "panel_cps_weighted"])
@pytest.mark.parametrize("covariates", ["cov", "nocov"])
def test_panel_two_way_fixed_effects(family, covariates):
    expected = DRDID[family][f"twfe_did_panel|{covariates}"]
    cell = _panel(family, covariates)
    effect = two_periods(cell, "twfe")
    if covariates == "nocov":
        _same(effect, expected)
        return
    np.testing.assert_allclose(effect.estimate, expected["ATT"], **EXACT)
    # With covariates DRDID takes both periods of a unit for independent observations, and divides by n − 1.
    sections = replace(_sections("rc_nsw_long_cps", "cov"), weights=np.tile(_panel(family, covariates).weights, 2))
    rows = two_cross_sections(sections, "twfe")
    n = sections.size
    np.testing.assert_allclose(_se(rows.influence) * np.sqrt(n / (n - 1)), expected["se"], **EXACT)


@pytest.mark.parametrize("name", WRAPPERS)
def test_wrappers(name):
    effect = two_periods(_panel("panel_cps", "cov"), WRAPPERS[name])
    _same(effect, DRDID["wrappers"][name], rtol=1e-6 if name.endswith("imp") else 1e-8)


@pytest.mark.parametrize("family", ["rc_nsw_long_cps", "rc_sim"])
@pytest.mark.parametrize("method", ["ipw", "ipw_unnormalised", "reg"])
@pytest.mark.parametrize("covariates", ["cov", "nocov"])
def test_cross_sections(family, method, covariates):
    effect = two_cross_sections(_sections(family, covariates), method)
    _same(effect, DRDID[family][f"{SECTIONS[method]}|{covariates}"])


@pytest.mark.parametrize("family", ["rc_nsw_long_cps", "rc_sim"])
@pytest.mark.parametrize("method", ["dr_improved", "dr_improved_simple"])
@pytest.mark.parametrize("covariates", ["cov", "nocov"])
def test_cross_sections_improved(family, method, covariates):
    effect = two_cross_sections(_sections(family, covariates), method)
    _same(effect, DRDID[family][f"{SECTIONS[method]}|{covariates}"], rtol=1e-6)


@pytest.mark.parametrize("family", ["rc_nsw_long_cps", "rc_sim"])
@pytest.mark.parametrize("method", ["dr", "dr_simple"])
def test_cross_sections_doubly_robust(family, method):
    """DRDID 1.2.3 adds the error of the base period's comparison regression with the wrong sign."""
    cell, expected = _sections(family, "cov"), DRDID[family][f"{SECTIONS[method]}|cov"]
    effect = two_cross_sections(cell, method)
    np.testing.assert_allclose(effect.estimate, expected["ATT"], **EXACT)
    given = cell.outcome, cell.treated, cell.current, cell.design, cell.weights, method
    estimate, theirs = oracle(*given, drdid=True)
    np.testing.assert_allclose([estimate, _se(theirs)], [expected["ATT"], expected["se"]], rtol=1e-9)
    _same(two_cross_sections(cell, method, convention="drdid_1.2.3"), expected)
    ours = oracle(*given)[1]
    np.testing.assert_allclose(effect.influence, ours, rtol=1e-8, atol=1e-8 * np.abs(ours).max())
    bare = two_cross_sections(_sections(family, "nocov"), method)
    _same(bare, DRDID[family][f"{SECTIONS[method]}|nocov"])


@pytest.mark.parametrize("family", ["rc_nsw_long_cps", "rc_sim"])
@pytest.mark.parametrize("covariates", ["cov", "nocov"])
def test_cross_sections_two_way_fixed_effects(family, covariates):
    cell, expected = _sections(family, covariates), DRDID[family][f"twfe_did_rc|{covariates}"]
    effect = two_cross_sections(cell, "twfe")
    np.testing.assert_allclose(effect.estimate, expected["ATT"], **EXACT)
    np.testing.assert_allclose(_se(effect.influence) * np.sqrt(cell.size / (cell.size - 1)), expected["se"], **EXACT)


@pytest.mark.parametrize("method", ["ipw", "ipw_unnormalised"])
@pytest.mark.parametrize("family", ["rc_nsw_long_cps", "rc_sim"])
def test_logit_stopped_where_drdid_stops(method, family):
    cell, expected = _sections(family, "cov"), DRDID[family][f"{SECTIONS[method]}|cov"]
    given = cell.outcome, cell.treated, cell.current, cell.design, cell.weights, method
    estimate, psi = oracle(*given, drdid=True)
    np.testing.assert_allclose([estimate, _se(psi)], [expected["ATT"], expected["se"]], rtol=2e-12)


@pytest.mark.parametrize("method", SECTIONS)
@pytest.mark.parametrize("seed", range(3))
def test_oracle_on_random_cross_sections(method, seed):
    rng = np.random.default_rng(seed)
    m = 400
    x = np.column_stack([np.ones(m), rng.standard_normal((m, 2))])
    treated = rng.random(m) < 1 / (1 + np.exp(0.5 - 0.7 * x[:, 1]))
    current = rng.random(m) < 0.6
    y = x[:, 1] ** 2 + current * (1 + x[:, 2] + treated) + rng.standard_normal(m)
    w = rng.uniform(0.5, 2.0, m)
    effect = two_cross_sections(CrossSections(outcome=y, treated=treated, current=current, design=x, weights=w), method)
    estimate, psi = oracle(y, treated, current, x, w, method)
    np.testing.assert_allclose(effect.estimate, estimate, **EXACT)
    np.testing.assert_allclose(effect.influence, psi, rtol=1e-8, atol=1e-9)
