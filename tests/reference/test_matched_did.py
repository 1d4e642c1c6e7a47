"""Matched difference-in-differences against MatchIt and Matching (R), statsmodels and published formulae."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import clustereffects as ce
from clustereffects.did import MatchedDiD
from matched_worlds import World, as_match, draw
from support.links import links

CASE = Path(__file__).parent / "matched_did"
EXPECTED = json.loads((CASE / "expected.json").read_text(encoding="utf-8"))
COVARIATES = ["age", "educ", "black", "hisp", "married", "nodegree", "re74", "re75", "u74", "u75"]


def two_periods(units, pairs, columns):
    """Panel in which the outcome is 0 the period before and re78 after treatment, and the match of the given pairs."""
    n = len(units)
    frame = pd.DataFrame(
        {
            "person": np.tile(np.arange(n), 2),
            "year": np.repeat([1977, 1978], n),
            "earnings": np.r_[np.zeros(n), units["re78"]],
            "cohort": np.tile(np.where(units["treat"] == 1, 1978.0, np.nan), 2),
        }
    )
    panel = ce.Panel(frame, unit="person", time="year", cohort="cohort")
    times = pd.Series([pair[0] for pair in pairs]).value_counts()
    weighted = [(treated, control, 1 / times[treated]) for treated, control in pairs]
    return as_match(panel, weighted, units[columns].to_numpy(float), np.zeros(n, dtype=int), names=tuple(columns))


def fitted(match, *, adjust):
    return MatchedDiD(window=(0, 0), bias_adjust=adjust).fit(match, "earnings").aggregate("overall")


def matchit(name):
    units = ce.datasets.load_lalonde()
    position = {key: row for row, key in enumerate(units["id"])}
    pairs = pd.read_csv(CASE / "matchit_pairs.csv").query("case == @name")
    return two_periods(
        units, [(position[t], position[c]) for t, c in zip(pairs["treated"], pairs["control"], strict=True)], []
    )


@pytest.mark.parametrize("name", EXPECTED["matchit"])
def test_difference_in_means_of_matchit(name):
    effect = fitted(matchit(name), adjust=True)
    assert effect.estimate[0] == pytest.approx(EXPECTED["matchit"][name]["estimate"], rel=1e-8)


@pytest.mark.parametrize("name", ["nearest", "nearest_caliper02", "nearest_mahalanobis", "nearest_ratio2"])
def test_standard_errors_without_reuse_and_covariates(name):
    """With 1:1 (k:1) pairs, each control once: R's HC0, but for the divisor n − 1 among the controls.

    MatchIt's vignette clusters by pair instead and thereby counts the covariance within pairs, which the model of
    changes has no covariates to see here.
    """
    match = matchit(name)
    effect = fitted(match, adjust=False)
    changes = match.panel.wide("earnings")[:, 1]
    members, controls = np.unique(links(match).treated), np.unique(links(match).control)
    n, m = len(members), len(controls)
    treated = ((changes[members] - changes[members].mean()) ** 2).sum() / n**2
    others = ((changes[controls] - changes[controls].mean()) ** 2).sum() / m**2
    assert np.sqrt(treated + others) == pytest.approx(EXPECTED["matchit"][name]["se_HC0"], rel=1e-8)
    expected = np.sqrt(treated + others * m / (m - 1))
    assert effect.std_errors.iloc[0] == pytest.approx(expected, rel=1e-8)


def test_clustering_by_pair_is_another_convention():
    """MatchIt's cluster-robust error, from the pairs: HC0 plus twice the covariance within pairs."""
    match = matchit("nearest")
    changes = match.panel.wide("earnings")[:, 1]
    gaps = changes[links(match).treated] - changes[links(match).control]
    clustered = np.sqrt(((gaps - gaps.mean()) ** 2).sum()) / len(gaps)
    published = EXPECTED["matchit"]["nearest"]["se_CR_subclass_HC1"]
    pairs, rows = len(gaps), 2 * len(gaps)
    assert clustered * np.sqrt(pairs / (pairs - 1) * (rows - 1) / (rows - 2)) == pytest.approx(published, rel=1e-8)
    assert published < fitted(match, adjust=False).std_errors.iloc[0]
    model = MatchedDiD(window=(0, 0), bias_adjust=False, variance=ce.Cluster("matched_set"))
    assert model.fit(match, "earnings").aggregate("overall").std_errors.iloc[0] == pytest.approx(clustered, rel=1e-8)


def dehejia_wahba(name, matches):
    units = pd.read_csv(CASE / "units.csv").query("sample == @name").rename(columns={"treated": "treat"})
    pairs = pd.read_csv(CASE / "pairs.csv").query("sample == @name and matches == @matches")
    return two_periods(units, list(zip(pairs["treated"], pairs["control"], strict=True)), COVARIATES)


@pytest.mark.parametrize(
    ("name", "matches", "adjust", "key"),
    [
        ("cps1", 1, False, "M1"),
        ("cps1", 1, True, "M1_adjusted"),
        ("cps1", 4, False, "M4"),
        ("psid1", 1, False, "M1"),
        ("psid1", 1, True, "M1_adjusted"),
    ],
)
def test_estimates_of_matching(name, matches, adjust, key):
    """R's Matching with replacement and ties, without and with the bias adjustment; four published decimals."""
    effect = fitted(dehejia_wahba(name, matches), adjust=adjust)
    assert effect.estimate[0] == pytest.approx(EXPECTED["matching"][name][key], abs=3e-4)


@pytest.mark.parametrize("name", ["cps1", "psid1"])
def test_standard_error_of_abadie_and_imbens(name):
    """Their formula with one variance for both arms, from the pairs, and how ours relates to it.

    Ours takes the controls' noise from the controls alone, after covariates; the formula takes it from differences
    between treated and controls, whose earnings vary more.
    """
    match = dehejia_wahba(name, 1)
    changes = match.panel.wide("earnings")[:, 1]
    n = len(np.unique(links(match).treated))
    gap = changes[links(match).treated] - changes[links(match).control]
    effect = np.bincount(links(match).treated, links(match).weight * gap)[:n]
    mean = effect.mean()
    variance = 0.5 * (links(match).weight * (gap - mean) ** 2).sum() / n
    use = np.bincount(links(match).control, links(match).weight)
    squares = np.bincount(links(match).control, links(match).weight ** 2)
    total = ((effect - mean) ** 2).sum() + ((use**2 - squares) * variance).sum()
    assert np.sqrt(total) / n == pytest.approx(EXPECTED["matching"][name]["M1_se"], abs=1e-4)
    ours = fitted(match, adjust=False).std_errors.iloc[0]
    ignoring_reuse = np.sqrt(((effect - mean) ** 2).sum()) / n
    assert ours < EXPECTED["matching"][name]["M1_se"]
    assert ours > (ignoring_reuse if name == "cps1" else 0)


def test_weighted_least_squares_of_statsmodels():
    """Change on treatment, treated with weight 1 and controls with the sum of their pair weights."""
    drawn = draw(World(cohorts=(6,), controls=3), rng=4)
    effects = MatchedDiD(window=(-3, 3), bias_adjust=False).fit(drawn.match, "y").aggregate("event")
    wide = drawn.panel.wide("y")
    weights = drawn.match.weights
    rows = drawn.panel.units.get_indexer(weights.index)
    treated = np.isfinite(drawn.panel.cohorts[rows]).astype(float)
    for event in (-3, -2, 0, 1, 2, 3):
        change = wide[rows, 6 + event] - wide[rows, 5]
        ols = sm.WLS(change, sm.add_constant(treated), weights=weights.to_numpy()).fit()
        assert effects.params[f"event_time[{event}]"] == pytest.approx(ols.params[1], rel=1e-8)


def test_bias_adjustment_is_a_regression_of_statsmodels():
    """The adjusted effect of one stratum and cohort equals imputation from a weighted regression of the controls."""
    drawn = draw(World(cohorts=(6,), controls=3, strata=1), rng=4)
    effect = MatchedDiD(window=(2, 2)).fit(drawn.match, "y").aggregate("overall")
    wide, match = drawn.panel.wide("y"), drawn.match
    change = wide[:, 8] - wide[:, 5]
    use = np.bincount(links(match).control, links(match).weight, len(change))
    x = drawn.frame.groupby("firm")["x"].first().to_numpy()
    controls = np.flatnonzero(use)
    slope = sm.WLS(change[controls], sm.add_constant(x[controls]), weights=use[controls]).fit().params[1]
    gap = np.bincount(
        links(match).treated, links(match).weight * (links(match).x_treated - links(match).x_control)[:, 0]
    )
    raw = change[:60] - np.bincount(links(match).treated, links(match).weight * change[links(match).control])
    assert effect.estimate[0] == pytest.approx((raw - gap * slope).mean(), rel=1e-8)
