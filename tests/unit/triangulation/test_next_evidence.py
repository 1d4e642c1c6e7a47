import numpy as np
import pytest
from scipy import stats

from clustereffects.results import BiasTerm, Silence
from clustereffects.triangulation import Thresholds, Triangulation
from clustereffects.triangulation.cells import cell_model
from clustereffects.triangulation.information import preview_component, preview_pair, preview_sign
from clustereffects.triangulation.sensitivity import scenarios
from clustereffects.triangulation.sorting import CellEvidence
from triangulation_cases import PRIOR, did, interviews, model, sign, survey, theory, worked_example

HALF = np.array([0.0, 0.5, 0.5])
THETA = np.linspace(-0.9, 0.9, 6001)


@pytest.mark.parametrize(
    ("seen", "share"),
    [((0.95, 0.60), 0.176), ((0.30, 0.02), 0.146), ((0.95, 0.05), 0.81), ((0.60, 0.40), 0.04)],
)
def test_published_values_of_the_four_tests(seen, share):
    benefit, otherwise = seen
    assert preview_sign(HALF, np.array([otherwise, otherwise, benefit])).share == pytest.approx(share, abs=5e-4)


def test_posteriors_of_a_sign_are_those_of_bayes():
    prior, chance = np.array([0.2, 0.3, 0.5]), np.array([0.1, 0.3, 0.9])
    found = preview_sign(prior, chance)
    assert found.weight[0] == pytest.approx(prior @ chance)
    np.testing.assert_allclose(found.probability[0], prior * chance / (prior @ chance))
    np.testing.assert_allclose(found.now, prior)


def test_weights_of_a_dependent_report_expect_no_change():
    now, seen, unseen = np.array([[0.2, 0.2, 0.6], [0.1, 0.1, 0.8], [0.4, 0.4, 0.2]])
    found = preview_pair(now, seen, unseen)
    np.testing.assert_allclose(found.now, now)
    independent = preview_sign(now, np.array([0.1, 0.3, 0.9]))
    again = preview_pair(now, *independent.probability)
    np.testing.assert_allclose(again.weight, independent.weight)
    assert preview_pair(now, now, unseen).reduction == pytest.approx(0)
    assert preview_pair(now, now, now).reduction == pytest.approx(0)


def test_a_certain_state_has_nothing_to_learn():
    certain = np.array([0.0, 0.0, 1.0])
    found = preview_sign(certain, np.array([0.1, 0.3, 0.9]))
    assert found.share == found.reduction == 0
    impossible = preview_sign(np.array([0.5, 0.5, 0.0]), np.array([0.0, 0.0, 0.9]))
    assert impossible.weight.tolist() == [0, 1]


def _prior():
    return 0.8 * stats.norm.pdf(THETA, 0, 0.05) + 0.2 * stats.norm.pdf(THETA, 0, 0.15)


def _reduction(joint):
    """Expected reduction from a density over (new observation, effect), by sums over a grid."""
    joint = joint / joint.sum()
    weight = joint.sum(axis=1)
    after = joint[:, THETA > 0.01].sum(axis=1) / weight
    now = weight @ after
    return now * (1 - now) - weight @ (after * (1 - after))


@pytest.mark.parametrize(("value", "error", "bias_sd"), [(0.03, 0.04, 0.0), (0.06, 0.025, 0.03), (-0.02, 0.05, 0.01)])
def test_new_data_of_the_same_design(value, error, bias_sd):
    """The same by integrating over a second estimate with the same bias and a third of the sampling variance."""
    built = model([did(value, error, bias_sd)])
    later = model([did(value, error / 2, bias_sd)])
    found = preview_component(built, later.estimates.covariance)
    covariance = bias_sd**2 + np.diag([error**2, error**2 / 3])
    slope = covariance[0, 1] / covariance[0, 0]
    sd = np.sqrt(covariance[1, 1] - slope * covariance[0, 1])
    second = np.linspace(-0.6, 0.6, 1201)[:, None]
    joint = _prior() * stats.norm.pdf(value, THETA, np.sqrt(covariance[0, 0]))
    joint = joint * stats.norm.pdf(second, THETA + slope * (value - THETA), sd)
    assert found.reduction == pytest.approx(_reduction(joint), abs=2e-4)
    np.testing.assert_allclose(found.now, scenarios(built).probability[0], atol=1e-6)


def test_a_negative_control():
    """The same by integrating over an observation of the bias that halves its standard deviation."""
    term = BiasTerm(domain="selection", mean=0.02, sd=0.04)
    built = model([did(0.07, 0.02, bias=(term,))])
    halved = BiasTerm(domain="selection", mean=0.02, sd=0.02)
    found = preview_component(built, model([did(0.07, 0.02, bias=(halved,))]).estimates.covariance)
    variance = 0.02**2 + 0.04**2
    slope = 0.04**2 / variance
    sd = np.sqrt(0.04**2 * 4 / 3 - slope * 0.04**2)
    control = np.linspace(-0.5, 0.5, 1201)[:, None]
    joint = _prior() * stats.norm.pdf(0.05, THETA, np.sqrt(variance))
    joint = joint * stats.norm.pdf(control, slope * (0.05 - THETA), sd)
    assert found.reduction == pytest.approx(_reduction(joint), abs=2e-4)


@pytest.mark.parametrize("value", [-0.4, 0.0, 0.9])
def test_expected_posterior_is_the_present_one(value):
    shared = BiasTerm(domain="optimism", mean=0.05, sd=0.05, shared="optimism")
    scale = BiasTerm(domain="scale", kind="proportional", sd=0.2)
    items = [did(value, 0.03), survey(0.1, 0.02, bias=(shared,)), survey(0.2, 0.04, bias=(shared, scale), id="two")]
    built = model([*items, *interviews()])
    halved = BiasTerm(domain="optimism", mean=0.05, sd=0.025, shared="optimism")
    later = [did(value, 0.03), survey(0.1, 0.02, bias=(halved,)), survey(0.2, 0.04, bias=(halved, scale), id="two")]
    found = preview_component(built, model([*later, *interviews()]).estimates.covariance)
    np.testing.assert_allclose(found.now, scenarios(built).probability[0], atol=1e-7)
    assert found.reduction >= 0
    assert found.weight.sum() == pytest.approx(1)
    assert max(found.weight[0], found.weight[-1]) < 1e-9


def test_expected_posterior_where_estimates_and_signs_hang_together():
    def items(error):
        same = {"dependence": "persons", "rho": 0.4}
        return [did(0.04, 0.03), survey(0.1, error, **same), sign("a", **same), sign("b", (0.5, 0.3, 0.2), **same)]

    built = model(items(0.04))
    found = preview_component(built, model(items(0.02)).estimates.covariance)
    np.testing.assert_allclose(found.now, scenarios(built).probability[0], atol=1e-7)
    assert found.reduction > 0


def _table(items, **options):
    return Triangulation(theory(), prior=PRIOR, **options).fit(items).next_evidence()


def test_what_can_come_next_in_the_worked_example():
    signs = [sign(name, c, test=name, dependence="r", rho=0.5, unreliability=0.1) for name, c in _SIGNS.items()]
    table = _table([did(), survey(bias_range=(0.02, 0.10)), *signs])
    assert set(table["kind"]) == {"report", "data", "negative control", "judgement"}
    assert set(table.loc[table["kind"] == "report", "item"]) == {f"interviews: {name}" for name in _SIGNS}
    assert set(table.loc[table["kind"] == "data", "item"]) == {"economic: did", "survey: scale"}
    assert set(table.loc[table["kind"] == "negative control", "item"]) == {
        "economic: did, selection",
        "survey: scale, self-report",
    }
    assert table["reduction"].is_monotonic_decreasing
    assert table["share"].between(0, 1).all()
    assert table[["p_decided", "p_changes"]].stack().between(0, 1 + 1e-9).all()


_SIGNS = {"hoop": (0.9, 0.5, 0.5), "gun": (0.30, 0.05, 0.02)}


def test_a_test_used_elsewhere_is_offered_where_nobody_used_it():
    known = sign("T1: one", (0.9, 0.3, 0.2), test="T1")
    quiet = Silence(claim="growth", group="K02", stream="interviews", reason="not_asked")
    table = _table([known, quiet]).set_index("group")
    assert table["item"].tolist() == ["interviews: T1"] * 2
    prior = scenarios(cell_model(theory().claim("growth"), "K02", CellEvidence(), PRIOR)).probability[0]
    assert table.loc["K02", "reduction"] == pytest.approx(preview_sign(prior, np.array([0.2, 0.3, 0.9])).reduction)


def test_a_report_by_a_dependent_person_tells_less_than_one_by_another():
    def value(rho):
        return _table(
            [sign("one", test="T1", dependence="g", rho=rho), sign("two", test="T1", dependence="g", rho=rho)]
        )

    shares = [value(rho)["share"][0] for rho in (0.0, 0.5, 1.0)]
    assert shares[0] > shares[1] > shares[2] == pytest.approx(0, abs=1e-12)


def _report(items):
    table = _table(items)
    return table[table["kind"] == "report"].set_index("item").loc["interviews: T1"]


def test_a_dependent_report_is_worth_what_the_engine_makes_of_it():
    """Two were seen: the share by hand, from the posteriors with a third one seen and not seen."""
    more = {"dependence": "g", "rho": 0.5, "test": "T1"}
    two = [sign(name, (0.9, 0.3, 0.3), **more) for name in ("one", "two")]
    now, seen, unseen = (
        scenarios(model([*two, *third])).probability[0, 2]
        for third in ([], [sign("x", (0.9, 0.3, 0.3), **more)], [sign("x", (0.9, 0.3, 0.3), observed=False, **more)])
    )
    assert (seen, unseen) == (pytest.approx(0.798, abs=5e-4), pytest.approx(0.462, abs=5e-4))
    weight = (now - unseen) / (seen - unseen)
    left = weight * seen * (1 - seen) + (1 - weight) * unseen * (1 - unseen)
    assert _report(two)["share"] == pytest.approx(1 - left / (now * (1 - now)))
    assert _report(two)["share"] == pytest.approx(0.053, abs=1e-3)


def test_items_that_tell_nothing_do_not_make_a_further_report_worth_less():
    more = {"dependence": "g", "rho": 0.5}
    one = sign("one", (0.9, 0.3, 0.3), test="T1", **more)
    vague = [sign(f"v{i}", (0.5, 0.5, 0.5), **more) for i in range(4)]
    assert _report([one, *vague])["share"] == pytest.approx(_report([one])["share"])


def test_an_answer_that_cannot_be_given_tells_nothing():
    more = {"dependence": "g", "rho": 0.5, "test": "T1"}
    found = _report([sign("one", (1.0, 0.0, 0.0), **more)])
    assert found["share"] == 0


def test_a_range_that_withholds_the_verdict_is_worth_narrowing():
    table = _table([did(bias_range=(-0.02, 0.02)), survey(bias_range=(0.02, 0.10)), *interviews()])
    rows = table[table["kind"] == "judgement"].set_index("item")
    assert rows.index.tolist() == ["mean of survey: scale, self-report", "mean of economic: did, selection"]
    width = table.loc[table["kind"] == "data", "bounds_width"].iloc[0]
    assert (rows["bounds_width"] < width).all()
    assert (rows["reduction"] == 0).all()
    assert set(rows["p_decided"]) <= {0.0, 1.0}


def test_ranges_of_signs_and_correlations_can_be_narrowed():
    items = [
        sign("one", ((0.7, 0.95), 0.4, 0.4), test="T1", dependence="g", rho=(0.0, 0.8)),
        sign("two", (0.8, 0.3, (0.1, 0.4)), test="T2", dependence="g", rho=(0.0, 0.8)),
    ]
    rows = _table(items)
    narrowed = rows[rows["kind"] == "judgement"].set_index("item")["bounds_width"]
    assert set(narrowed.index) == {"probabilities of T1", "probabilities of T2", "correlation within g"}
    assert (narrowed < rows.loc[rows["kind"] == "report", "bounds_width"].iloc[0]).all()


def test_shared_bias_is_one_item():
    shared = BiasTerm(domain="optimism", sd=0.05, shared="o")
    table = _table([survey(0.1, bias=(shared,)), survey(0.2, bias=(shared,), id="two")])
    assert table.loc[table["kind"] == "negative control", "item"].tolist() == ["shared: optimism"]


def test_a_firm_verdict_hardly_changes_and_a_weak_one_can():
    firm = _table([did(0.2, 0.02, 0.0)])
    assert firm["p_decided"].to_numpy() == pytest.approx(1, abs=1e-3)
    assert firm["p_changes"].to_numpy() == pytest.approx(0, abs=1e-3)
    weak = _table([did(0.03, 0.03, 0.0)])
    assert 0.05 < weak["p_decided"][0] < 0.95
    assert weak["p_decided"][0] == pytest.approx(weak["p_changes"][0])


def test_nothing_to_learn_from_nothing():
    assert _table([]).empty
    assert (
        Triangulation(theory(), thresholds=Thresholds(benefit=0.8)).fit(worked_example()).next_evidence().shape[0] == 7
    )
