import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import clustereffects as ce
from clustereffects.errors import ColumnError, EstimationError, OptionError
from clustereffects.matching import CrossSectionMatch, Design, MatchedSets


def world(n=400, rng=0):
    rng = np.random.default_rng(rng)
    x = rng.normal(size=(n, 2))
    d = rng.random(n) < 1 / (1 + np.exp(1.2 - 0.6 * x[:, 0] + 0.4 * x[:, 1]))
    y = 1.0 + x @ [0.5, -0.3] + 0.4 * d + rng.normal(size=n)
    return pd.DataFrame(
        {"d": d.astype(int), "x": x[:, 0], "w": x[:, 1], "g": rng.integers(0, 3, n).astype(str), "y": y}
    )


FRAME = world()


def fit(**options):
    return ce.Matching(**{"on": ["x", "w"]} | options).fit_frame(FRAME, treatment="d")


def weighted_fit(match, columns=()):
    weights = match.weights
    rows = FRAME.loc[weights.index]
    design = sm.add_constant(rows[["d", *columns]].astype(float))
    return sm.WLS(rows["y"], design, weights=weights), weights


@pytest.mark.parametrize("errors", ["HC0", "HC1", "HC3"])
@pytest.mark.parametrize(
    "options", [{"replace": False}, {"ratio": 3}, {"method": "full"}, {"method": "coarsened_exact"}]
)
def test_errors_are_those_of_weighted_least_squares(options, errors):
    match = fit(**options)
    model, _ = weighted_fit(match)
    expected = model.fit(cov_type=errors)
    effect = match.effect("y", errors=errors)
    np.testing.assert_allclose(effect.params["ATT"], expected.params["d"], rtol=1e-10)
    np.testing.assert_allclose(effect.std_errors["ATT"], expected.bse["d"], rtol=1e-10)
    assert errors in effect.uncertainty.convention


def test_matched_sets_are_clusters_where_they_share_nobody():
    match = fit(replace=False, ratio=2)
    members = match.members().set_index("unit")
    model, weights = weighted_fit(match)
    expected = model.fit(cov_type="cluster", cov_kwds={"groups": members.loc[weights.index, "set"]})
    effect = match.effect("y")
    np.testing.assert_allclose(effect.std_errors["ATT"], expected.bse["d"], rtol=1e-10)
    assert effect.uncertainty.convention.startswith("clustered by matched set (CR1)")
    assert effect.uncertainty.df == len(match.sets.mass) - 1
    assert match.effect(FRAME["y"]).params["ATT"] == effect.params["ATT"]
    assert match.effect(FRAME["y"].to_numpy()).params["ATT"] == effect.params["ATT"]


def test_default_errors_follow_the_match():
    assert "HC1" in fit(ratio=3).effect("y").uncertainty.convention
    assert "M-estimation" in fit(method="entropy").effect("y").uncertainty.convention
    weights = {"method": "propensity_weighting", "distance": "propensity"}
    assert "M-estimation" in fit(**weights).effect("y").uncertainty.convention
    assert "HC1" in fit(**weights, link="probit").effect("y").uncertainty.convention
    assert "HC1" in fit(weigh="entropy", ratio=3).effect("y").uncertainty.convention


def test_adjustment_is_said_and_moves_the_effect_a_little():
    match = fit(replace=False)
    plain, adjusted = match.effect("y"), match.effect("y", ["x", "w", "g"])
    assert "g-computation with x, w, g" in adjusted.description.method
    assert 0 < abs(adjusted.params["ATT"] - plain.params["ATT"]) < plain.std_errors["ATT"]


@pytest.mark.parametrize(
    "options", [{"method": "entropy"}, {"method": "propensity_weighting", "distance": "propensity"}]
)
@pytest.mark.parametrize("estimand", ["ATT", "ATE"])
def test_errors_of_estimated_weights_cover(options, estimand):
    """A Monte-Carlo check in small; the errors themselves are compared with WeightIt and stacked equations elsewhere."""
    found = []
    for seed in range(60):
        frame = world(n=300, rng=seed)
        match = ce.Matching(on=["x", "w"], estimand=estimand, **options).fit_frame(frame, treatment="d")
        effect = match.effect("y")
        found.append((effect.params.iloc[0] - 0.4) / effect.std_errors.iloc[0])
    assert 0.75 < np.std(found) < 1.3
    assert abs(np.mean(found)) < 0.5


def test_exact_strata_are_moments_of_entropy_weights():
    match = fit(method="entropy", exact=["g"])
    shares = match.members().merge(FRAME, left_on="unit", right_index=True).groupby(["side", "g"])["weight"].sum()
    np.testing.assert_allclose(shares["control"], shares["treated"], rtol=1e-8)
    assert match.effect("y").std_errors["ATT"] > 0


def test_what_does_not_fit_is_refused():
    match = fit(ratio=2)
    with pytest.raises(OptionError, match=r"errors='CR1'.*sets that share no unit"):
        match.effect("y", errors="CR1")
    with pytest.raises(OptionError, match=r"errors='M'.*weights that were estimated"):
        match.effect("y", errors="M")
    with pytest.raises(OptionError, match=r"errors='HC9'.*one of HC0"):
        match.effect("y", errors="HC9")
    with pytest.raises(ColumnError, match="'sales'"):
        match.effect("sales")
    with pytest.raises(ColumnError, match="'g' is not numeric"):
        match.effect("g")
    with pytest.raises(ColumnError, match="3 outcomes for 400 units"):
        match.effect([1.0, 2.0, 3.0])
    gone = FRAME["y"].copy()
    gone[match.weights.index[0]] = np.nan
    with pytest.raises(EstimationError, match="missing values of y – 1 matched units"):
        match.effect(gone)


def test_a_match_by_hand_has_no_estimand():
    match = CrossSectionMatch(
        labels=pd.Index(["a", "b"]),
        design=Design(estimand="effect", method="by hand", distance="none", candidates="all"),
        sets=MatchedSets.of_pairs(np.array([0]), np.array([1])),
        covariates=("x",),
        x_treated=[[1.0]],
        x_control=[[2.0]],
    )
    with pytest.raises(EstimationError, match="made by hand"):
        match.effect([1.0, 2.0])
