"""The worked example, the metamorphic figures and the beta-carotene synthesis, digit by digit."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from clustereffects.results import BiasTerm, Estimate
from clustereffects.triangulation import Prior, Triangulation
from clustereffects.triangulation.conflict import node_splits
from clustereffects.triangulation.engine import log_prior
from clustereffects.triangulation.estimates import likelihood_terms, log_likelihood
from clustereffects.triangulation.likelihoods import contaminated, log_constants
from clustereffects.triangulation.sensitivity import cell_bounds, leave_one_out, scenarios
from clustereffects.triangulation.tipping import tipping_points
from triangulation_cases import KEY, PRIOR, did, interviews, model, sign, survey, theory, worked_example

HERE = Path(__file__).parent
EXPECTED = json.loads((HERE / "triangulation_worked_example" / "expected.json").read_text(encoding="utf-8"))
BETA = HERE / "triangulation_beta_carotene"
FLAT = Prior(sceptical_sd=1e4, wide_sd=1e4)


def _cases():
    half = {"economic": did(bias_mean=0.02), "survey": survey(bias_mean=0.10)}
    other = {"economic": did(bias_mean=-0.02), "survey": survey(bias_mean=0.02)}
    return {
        "naive": [did(bias_sd=0), survey(bias_sd=0, bias_mean=0), *interviews(unreliability=0, rho=0)],
        "economic": [did()],
        "survey": [survey()],
        "interviews": interviews(),
        "full": worked_example(),
        "without economic": [survey(), *interviews()],
        "without survey": [did(), *interviews()],
        "without interviews": [did(), survey()],
        "lower": [*half.values(), *interviews()],
        "upper": [*other.values(), *interviews()],
    }


@pytest.mark.parametrize("case", EXPECTED["exact_p_benefit"])
def test_probabilities_are_exact(case):
    found = scenarios(model(_cases()[case]))
    assert found.probability[0, 2] == pytest.approx(EXPECTED["exact_p_benefit"][case], rel=1e-8)


@pytest.mark.parametrize("case", EXPECTED["printed"])
def test_printed_figures_are_met_to_three_decimals(case):
    found = scenarios(model(_cases()[case]))
    printed = EXPECTED["printed"][case]
    assert found.probability[0, 2] == pytest.approx(printed["p_benefit"], abs=1e-3)
    for name in ("mean", "sd"):
        if printed[name] is not None:
            assert getattr(found, name)[0] == pytest.approx(printed[name], abs=6e-4)


def _on_the_prototypes_grid(built):
    theta = np.arange(-3000, 3001) * 0.0002
    power = np.ones((1, len(built.streams)))
    terms = likelihood_terms(built.estimates, built.estimates.residual[None, :], power)
    state = np.where(theta >= 0.01 - 1e-9, 2, np.where(theta <= -0.01 + 1e-9, 0, 1))
    value = log_prior(built.prior, theta) + log_likelihood(terms, np.zeros(1, int), theta[None, :])[0]
    density = np.exp(value - value.max() + log_constants(built.items, power)[0][state])
    density /= density.sum()
    mean = (density * theta).sum()
    return density[state == 2].sum(), mean, np.sqrt((density * (theta - mean) ** 2).sum())


@pytest.mark.parametrize("case", EXPECTED["printed"])
def test_printed_figures_come_from_the_prototypes_grid(case):
    benefit, mean, sd = _on_the_prototypes_grid(model(_cases()[case]))
    printed = EXPECTED["printed"][case]
    assert round(benefit, 3) == printed["p_benefit"]
    if printed["mean"] is not None:
        assert round(mean, 3) == printed["mean"]
    if printed["sd"] is not None:
        assert round(round(sd, 4) + 1e-9, 3) == printed["sd"]


def test_bounds():
    built = model([did(bias_range=(-0.02, 0.02)), survey(bias_range=(0.02, 0.10)), *interviews()])
    bounds = cell_bounds(built, scenarios(built))
    exact = [EXPECTED["exact_p_benefit"][name] for name in ("lower", "upper")]
    np.testing.assert_allclose(bounds[2], exact, rtol=1e-8)


def test_conflict_before_and_after_adjustment():
    split = node_splits(model([did(), survey()]))[0]
    assert round(split.p_raw, 2) == EXPECTED["conflict"]["raw"]
    assert round(split.p_adjusted, 2) == EXPECTED["conflict"]["adjusted"]


def test_tipping_points():
    findings = Triangulation(theory(), prior=PRIOR).fit(worked_example())
    table = findings.tipping(threshold=0.9).set_index(["quantity", "stream"])
    for stream, printed in EXPECTED["tipping"].items():
        assert table.loc[("bias", stream), "tips_at"] == pytest.approx(printed, abs=1e-3)
    assert table.loc["power", "tips_at"].isna().all()


def test_no_single_stream_carries_the_verdict():
    findings = Triangulation(theory(), prior=PRIOR).fit(worked_example())
    assert not findings.leave_one_out()["flips"].any()
    assert findings.verdicts()["verdict"].tolist() == ["probably beneficial"]
    assert findings.verdicts()["tipping"][0] == (
        "Dropping any one stream leaves the verdict unchanged. A mean bias of 0.039 in the economic estimate "
        "(assumed 0) or 0.12 in the survey (assumed 0.05) would change the verdict; no weight of a single stream "
        "would change it."
    )


def test_share_of_weight_space():
    given = EXPECTED["smaa"]
    draws = np.random.default_rng(given["seed"]).dirichlet(given["dirichlet"], given["draws"])
    power = np.clip(draws * given["times"], 0, 1)
    found = scenarios(model(worked_example()), power=power)
    assert (found.probability[:, 2] >= 0.9).mean() == given["share"]


def test_flat_prior_without_bias_is_inverse_variance_pooling():
    found = scenarios(model([did(bias_sd=0), survey(bias_sd=0, bias_mean=0)], FLAT))
    assert round(found.mean[0], 5) == EXPECTED["flat_prior"]["mean"]
    assert round(found.sd[0], 5) == EXPECTED["flat_prior"]["sd"]


def test_posterior_odds_are_prior_odds_times_likelihood_ratio():
    before = scenarios(model([])).probability[0]
    after = scenarios(model([sign("test", (0.95, 0.05, 0.05))])).probability[0]
    ratio = after[2] / (1 - after[2]) / (before[2] / (1 - before[2]))
    assert ratio == pytest.approx(EXPECTED["likelihood_ratio"], rel=1e-10)


@pytest.mark.parametrize(("count", "sd"), EXPECTED["shared_bias_floor"].items())
def test_shared_bias_sets_a_floor(count, sd):
    shared = (BiasTerm(domain="optimism", sd=0.05, shared="respondents"),)
    items = [survey(id=f"item {i}", bias=shared) for i in range(int(count))]
    assert round(scenarios(model(items, FLAT)).sd[0], 4) == sd


@pytest.mark.parametrize("unreliability", EXPECTED["largest_ratio"])
def test_unreliability_caps_the_likelihood_ratio(unreliability):
    chance = np.array([[0.0, 0.05, 0.95], [0.0, 0.0, 1.0]])
    epsilon = np.full(2, float(unreliability))
    reported = contaminated(chance, np.ones(2, bool), epsilon, np.full(2, 0.5))
    ratio = reported[:, 2] / reported[:, 1]
    assert round(ratio[0], 1) == EXPECTED["ratio_of_19"][unreliability]
    assert ratio[1] == pytest.approx(EXPECTED["largest_ratio"][unreliability])


def _beta_carotene():
    with (BETA / "data.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


_SIZES = {
    "Moderate": (0.09, 0.05, 0.03, 0.016),
    "High": (0.18, 0.10, 0.06, 0.032),
    "Critical": (0.36, 0.20, 0.12, 0.064),
}
_DIRECTIONS = {"Favours experimental": -1, "Towards null": -1, "Favours comparator": 1, "Away from null": 1}


def _judgements(row):
    for k in range(1, 8):
        level, kind, direction = row[f"d{k}j"], row[f"d{k}t"], _DIRECTIONS.get(row[f"d{k}d"], 0)
        if level in _SIZES and kind in {"Add", "Prop"}:
            size = _SIZES[level][:2] if kind == "Add" else _SIZES[level][2:]
            yield kind, direction * size[0], size[1]


def _pooled(values, errors):
    items = [
        Estimate(id=str(i), stream="economic", value=v, std_error=e, **KEY)
        for i, (v, e) in enumerate(zip(values, errors, strict=True))
    ]
    found = scenarios(model(items, FLAT, delta=0.05))
    return np.exp(found.mean[0] + 1.959964 * found.sd[0] * np.array([0, -1, 1]))


@pytest.mark.parametrize("design", ["RCT", "MR", "Obs"])
def test_beta_carotene_raw(design):
    expected = json.loads((BETA / "expected.json").read_text(encoding="utf-8"))
    rows = [row for row in _beta_carotene() if row["type"] == design]
    found = _pooled([float(row["yi"]) for row in rows], [float(row["se_logRR"]) for row in rows])
    assert found.round(3).tolist() == expected[design]


def test_beta_carotene_adjusted_by_moments():
    expected = json.loads((BETA / "expected.json").read_text(encoding="utf-8"))
    values, errors, narrower = [], [], 0
    for row in _beta_carotene():
        shift, spread, log_mean, log_var = (
            sum(one[k] for one in _judgements(row) if one[0] == kind)
            for kind, k in (("Add", 1), ("Add", 2), ("Prop", 1), ("Prop", 2))
        )
        factor = np.exp(log_mean + log_var / 2)
        factor_var = np.exp(2 * log_mean + log_var) * np.expm1(log_var)
        value = (float(row["yi"]) - shift) / factor
        error = np.sqrt(float(row["vi"]) + factor_var * value**2 + spread) / factor
        narrower += error < float(row["se_logRR"])
        values.append(value)
        errors.append(error)
    assert _pooled(values, errors).round(3).tolist() == expected["adjusted"]
    assert narrower == expected["more_precise_after_adjustment"]


def _adjusted_item(row):
    terms = tuple(
        BiasTerm(domain=str(i), mean=mean, sd=np.sqrt(variance), kind="additive" if kind == "Add" else "proportional")
        for i, (kind, mean, variance) in enumerate(_judgements(row))
    )
    name, value, error = row["result_id"], float(row["yi"]), float(row["se_logRR"])
    return Estimate(id=name, stream="economic", value=value, std_error=error, bias=terms, **KEY)


def test_beta_carotene_with_factors_of_mean_one():
    items = [_adjusted_item(row) for row in _beta_carotene()]
    for item in items:
        assert scenarios(model([item], FLAT, delta=0.05)).sd[0] > item.std_error
    found = scenarios(model(items, FLAT, delta=0.05))
    interval = np.exp(found.mean[0] + 1.959964 * found.sd[0] * np.array([0, -1, 1]))
    np.testing.assert_allclose(interval, [1.005585, 0.988372, 1.023098], atol=2e-6)


def test_every_printed_stream_alone_agrees_with_leave_one_out():
    without = {
        one.name: one.probability[2]
        for one in leave_one_out(model(worked_example()), Triangulation(theory()).thresholds)
        if one.kind == "stream"
    }
    for stream, p in without.items():
        assert p == pytest.approx(EXPECTED["exact_p_benefit"][f"without {stream}"], rel=1e-8)


def test_tipping_biases_are_roots():
    built = model(worked_example())
    for tip in tipping_points(built, Triangulation(theory()).thresholds):
        if tip.quantity == "bias":
            shift = np.zeros((1, 3))
            shift[0, built.streams.index(tip.stream)] = tip.tips_at - tip.current
            assert scenarios(built, shift=shift).probability[0, 2] == pytest.approx(0.9, abs=1e-6)
