"""Two-way fixed effects against fixest (R), linearmodels and statsmodels; see the README beside the data."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import clustereffects as ce
from clustereffects.did import TwoWayFixedEffects

HERE = Path(__file__).parent / "two_way"
FIXEST = json.loads((HERE / "expected.json").read_text(encoding="utf-8"))
EXACT = {"rtol": 1e-8, "atol": 0.0}


def _mpdta(**roles):
    return ce.Panel(ce.datasets.load_mpdta(), unit="countyreal", time="year", cohort="first.treat", **roles)


def _castle(**roles):
    return ce.Panel(pd.read_csv(HERE / "castle.csv"), unit="state", time="year", cohort="effyear", **roles)


def _base_stagg():
    frame = pd.read_csv(HERE / "base_stagg.csv")
    frame["year_treated"] = frame["year_treated"].where(frame["year_treated"] < 1000)
    return ce.Panel(frame, unit="id", time="year", cohort="year_treated")


@pytest.mark.parametrize(
    ("case", "panel", "outcome", "covariates", "unit"),
    [
        ("mpdta_twfe", _mpdta(), "lemp", None, "countyreal"),
        ("castle_twfe", _castle(), "l_homicide", None, "state"),
        ("castle_twfe_weighted", _castle(weights="popwt"), "l_homicide", None, "state"),
        ("base_stagg_twfe", _base_stagg(), "y", "x1", "id"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_fixest_with_nested_effects_not_counted(case, panel, outcome, covariates, unit):
    expected = FIXEST[case]
    estimator = TwoWayFixedEffects(covariates=covariates, variance=ce.Cluster(unit, small_sample="nested"))
    effects = estimator.fit(panel, outcome)
    assert effects.sample.rows_used == expected["nobs"]
    for term, value in expected["coef"].items():
        np.testing.assert_allclose(effects.params[term], value, **EXACT)
        np.testing.assert_allclose(effects.std_errors[term], expected["se"][f"cluster:{unit}"][term], **EXACT)


def test_linearmodels_is_the_default_convention():
    from linearmodels.panel import PanelOLS

    frame = ce.datasets.load_mpdta()
    frame["post"] = ((frame["first.treat"] > 0) & (frame["year"] >= frame["first.treat"])).astype(float)
    frame = frame.set_index(["countyreal", "year"])
    model = PanelOLS(frame["lemp"], frame[["post"]], entity_effects=True, time_effects=True)
    expected = model.fit(cov_type="clustered", cluster_entity=True)
    effects = TwoWayFixedEffects().fit(_mpdta(), "lemp")
    np.testing.assert_allclose(effects.params, expected.params, **EXACT)
    np.testing.assert_allclose(effects.std_errors, expected.std_errors, **EXACT)


def _dummies(frame):
    units = pd.get_dummies(frame["unit"], dtype=float)
    times = pd.get_dummies(frame["time"], dtype=float, drop_first=True)
    return np.column_stack([frame["post"], frame["x"], units, times])


def _unbalanced(seed=3):
    rng = np.random.default_rng(seed)
    n, times = 60, np.arange(2001, 2007)
    joined = rng.choice([2002.0, 2003.0, 2005.0, np.nan], n)
    frame = pd.DataFrame(
        {
            "unit": np.repeat(np.arange(n), len(times)),
            "time": np.tile(times, n),
            "joined": np.repeat(joined, len(times)),
            "town": np.repeat(np.arange(n) % 11, len(times)),
            "x": rng.standard_normal(n * len(times)),
        }
    )
    frame["post"] = (frame["time"] >= frame["joined"]).astype(float)
    frame["y"] = frame["post"] + 0.5 * frame["x"] + rng.standard_normal(len(frame))
    return frame[rng.random(len(frame)) > 0.1].reset_index(drop=True)


@pytest.mark.parametrize(("small_sample", "corrected"), [("none", False), ("stata", True)])
def test_statsmodels_with_dummies(small_sample, corrected):
    frame = _unbalanced()
    groups = {"groups": frame["town"], "use_correction": corrected}
    expected = sm.OLS(frame["y"], _dummies(frame)).fit(cov_type="cluster", cov_kwds=groups)
    panel = ce.Panel(frame, unit="unit", time="time", cohort="joined")
    estimator = TwoWayFixedEffects(covariates="x", variance=ce.Cluster("town", small_sample=small_sample))
    effects = estimator.fit(panel, "y")
    np.testing.assert_allclose(effects.params, expected.params.iloc[:2], **EXACT)
    np.testing.assert_allclose(effects.cov, expected.cov_params().iloc[:2, :2], **EXACT)


def test_weights_of_the_treated_explain_the_coefficient():
    """de Chaisemartin & D'Haultfœuille (2020), theorem 1: without noise, the coefficient is the weighted sum of effects."""
    frame = _unbalanced()
    effect = np.random.default_rng(8).standard_normal(len(frame)) * frame["post"]
    frame["y"] = effect + frame["unit"] * 0.3 + frame["time"] * 0.1
    others = np.delete(_dummies(frame), [0, 1], axis=1)
    residual = frame["post"] - others @ np.linalg.lstsq(others, frame["post"], rcond=None)[0]
    treated = frame["post"] == 1
    weights = residual[treated] / residual[treated].sum()
    panel = ce.Panel(frame, unit="unit", time="time", cohort="joined")
    effects = TwoWayFixedEffects().fit(panel, "y")
    np.testing.assert_allclose(effects.params["post"], weights @ effect[treated], **EXACT)
    check = effects.checks()[0]
    np.testing.assert_allclose(check.statistic, (weights < -1e-10).mean(), **EXACT)
    assert f"{weights[weights < 0].sum():.3f} in sum" in check.message
