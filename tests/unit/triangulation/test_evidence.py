import dataclasses

import numpy as np
import pytest

from clustereffects.errors import EvidenceError, OptionError
from clustereffects.results import BiasEvidence, BiasTerm, Estimate, Silence
from clustereffects.triangulation import DependenceGroup, OrganisationPrior, Prior, Thresholds, Triangulation
from clustereffects.triangulation.cells import cell_model, rival_support
from clustereffects.triangulation.sensitivity import scenarios
from clustereffects.triangulation.sorting import CellEvidence, sort_evidence
from triangulation_cases import KEY, PRIOR, did, model, sign, survey, theory


def _probability(evidence):
    return scenarios(model(evidence)).probability[0]


def test_all_problems_at_once():
    shared = [BiasTerm(domain="optimism", sd=sd, shared="s") for sd in (0.1, 0.2)]
    evidence = [
        "hearsay",
        dataclasses.replace(did(), claim="growing", id="x"),
        sign("target", target="rival:drizzle"),
        sign("bias", target="bias:survey"),
        sign("twice"),
        sign("twice"),
        sign("rho1", dependence="g", rho=0.1),
        sign("rho2", dependence="g", rho=0.2),
        survey(id="s1", bias=(shared[0],)),
        survey(id="s2", bias=(shared[1],)),
        did(id="d1", bias_mean=0.0, bias_range=(0.02, 0.1)),
        did(id="d2", bias=(BiasTerm(domain="f", kind="proportional", sd=0.1, mean_range=(0, 1)),)),
    ]
    with pytest.raises(EvidenceError) as caught:
        sort_evidence(theory(), evidence)
    text = str(caught.value)
    for part in (
        "an item of type str",
        "unknown claim 'growing'",
        "unknown target 'rival:drizzle'",
        "unknown target 'bias:survey'",
        "2 × Diagnostic 'twice'",
        "dependence group 'g' has several ρ",
        "shared bias 's' is declared in different ways",
        "bias 'selection' has mean 0.0",
        "proportional bias 'f' has a range",
    ):
        assert part in text


def test_diagnostics_that_rule_out_everything():
    evidence = [sign("a", (0.0, 0.0, 0.5)), sign("b", (0.5, 0.5, 0.0))]
    with pytest.raises(EvidenceError, match="rule out benefit, harm and a negligible effect"):
        Triangulation(theory()).fit(evidence)


def test_every_cell_in_which_everything_is_ruled_out_is_named():
    chances = {"a": (0.0, 0.0, 0.5), "b": (0.5, 0.5, 0.0)}
    evidence = [sign(name, p, group=group) for name, p in chances.items() for group in ("K01", "K02")]
    with pytest.raises(EvidenceError) as caught:
        Triangulation(theory()).fit([*evidence, did(group="K03")])
    assert [problem.where for problem in caught.value.problems] == ["growth × K01", "growth × K02"]


def test_problems_of_items_and_of_declared_dependence_come_together():
    group = DependenceGroup(id="g", members=("did", "none"), reason="same_dataset")
    with pytest.raises(EvidenceError) as caught:
        Triangulation(theory()).fit([did(), did(), sign("a", target="rival:drizzle")], dependence=[group])
    for part in ("unknown members: none", "2 × Estimate 'did'", "unknown target 'rival:drizzle'"):
        assert part in str(caught.value)


@pytest.mark.parametrize("reason", ["searched_not_found", "missing"])
def test_a_stream_has_one_silence(reason):
    search = Silence(**KEY, stream="documents", reason="searched_not_found", p_detect=0.6)
    other = dataclasses.replace(search, reason=reason, p_detect=0.6 if reason == "searched_not_found" else 0.0)
    with pytest.raises(EvidenceError, match=r"2 × Silence 'documents' – growth × K01 – expected one silence"):
        Triangulation(theory()).fit([search, other])
    elsewhere = [dataclasses.replace(search, stream="survey"), dataclasses.replace(search, group="K02")]
    assert len(Triangulation(theory()).fit([search, *elsewhere]).cells) == 2


@pytest.mark.parametrize(("changes", "what"), [
    ({"value": 150_000, "std_error": 20_000}, r"value is 150000, 1.5e\+07 times δ"),
    ({"value": 5000.0}, r"value is 5000, 5e\+05 times δ"),
    ({"value": 1e154}, "value is 1e"),
    ({"std_error": 1e300}, "standard error is 1e"),
    ({"std_error": 1e-300}, "standard error is 1e-300"),
    ({"value": 90.0, "std_error": 0.001}, r"value is 90, 9e\+04 standard errors"),
    ({"bias_mean": 1e9}, "mean of bias 'selection' is 1e"),
    ({"bias_sd": 1e9}, "sd of bias 'selection' is 1e"),
])  # fmt: skip
def test_numbers_of_another_unit_are_refused(changes, what):
    with pytest.raises(EvidenceError, match=f"{what}.*check the units"):
        Triangulation(theory()).fit([did(**changes)])


def test_a_delta_of_another_unit_is_refused():
    with pytest.raises(EvidenceError, match="check the units"):
        Triangulation(theory(delta=1e-8)).fit([did()])
    shift = BiasEvidence(id="B", stream="interviews", target_stream="economic", shift=1e9, **KEY)
    with pytest.raises(EvidenceError, match="shift is 1e"):
        Triangulation(theory()).fit([did(), shift])


@pytest.mark.parametrize(
    ("value", "std_error", "bias_sd"), [(99, 99, 0.0), (99, 0.01, 0.0), (-99, 99, 99), (1e-3, 1.1e-6, 0.0)]
)
def test_what_may_enter_can_be_reported(value, std_error, bias_sd):
    found = Triangulation(theory()).fit([did(value, std_error, bias_sd)])
    assert np.isfinite(found.effects()[["mean", "sd", "conf_low", "conf_high"]]).all(axis=None)
    assert len(found.convergence()) == 3
    assert len(found.compare())
    assert found.reach()["largest"].between(0, 1).all()


def test_organisations_that_differ_in_blanks_alone_are_pointed_out():
    with pytest.raises(EvidenceError, match="groups 'K01' and 'K01 '"):
        Triangulation(theory()).fit([did(), did(group="K01 ")])


def test_pooled_effects_do_not_enter_beside_a_prior_from_other_organisations():
    pooled = did(id="economic:pooled:value_added:K01")
    assert len(Triangulation(theory()).fit([pooled]).cells) == 1
    with pytest.raises(EvidenceError, match="pooled over organisations already"):
        Triangulation(theory(), prior=OrganisationPrior()).fit([pooled])


_ONE_STATE_EACH = ((0.0, 0.5, 0.5), (0.5, 0.0, 0.5), (0.5, 0.5, 0.0))


def test_dependence_does_not_make_the_impossible_possible():
    """However little each report counts, three that rule out one state each leave nothing."""
    more = {"dependence": "g", "rho": 1.0}
    with pytest.raises(EvidenceError, match="rule out benefit, harm and a negligible effect"):
        model([sign(str(i), chances, **more) for i, chances in enumerate(_ONE_STATE_EACH)])
    vague = [sign(f"v{i}", (0.6, 0.5, 0.5), suggested_by="0") for i in range(5)]
    chained = [sign(str(i), chances, suggested_by="0" if i else "") for i, chances in enumerate(_ONE_STATE_EACH)]
    with pytest.raises(EvidenceError, match="rule out benefit, harm and a negligible effect"):
        model([*chained, *vague])
    ruled_out = model([sign(str(i), _ONE_STATE_EACH[0], **more) for i in range(3)])
    assert scenarios(ruled_out).probability[0, 2] == 0


def test_a_search_without_a_find_speaks_against_benefit():
    found = Silence(**KEY, stream="documents", reason="searched_not_found", p_detect=0.8)
    before, after = _probability([]), _probability([found])
    assert after[2] / after[1] == pytest.approx(0.2 * before[2] / before[1])
    assert after[0] / after[1] == pytest.approx(before[0] / before[1])


def test_a_search_that_may_find_what_is_not_there_says_less():
    about = {"stream": "documents", "reason": "searched_not_found", "p_detect": 0.8, **KEY}
    before, after = _probability([]), _probability([Silence(p_false=0.5, **about)])
    assert after[2] / after[1] == pytest.approx(0.2 / 0.5 * before[2] / before[1])
    np.testing.assert_array_equal(_probability([Silence(p_false=0.8, **about)]), before)


@pytest.mark.parametrize("reason", ["not_asked", "not_measured", "missing", "searched_not_found"])
def test_other_silences_move_nothing(reason):
    np.testing.assert_array_equal(_probability([Silence(**KEY, stream="survey", reason=reason)]), _probability([]))


def _bias(name, **more):
    given = {"stream": "interviews", "target_stream": "economic", "shift": 0.02, "sd": 0.03, **KEY} | more
    return BiasEvidence(id=name, **given)


def test_bias_evidence_shifts_and_widens_the_target_stream():
    expected = did(bias_mean=0.02, bias_sd=np.hypot(0.03, 0.03))
    np.testing.assert_allclose(_probability([did(), _bias("b")]), _probability([expected]), rtol=1e-12)


def test_bias_evidence_of_one_domain_counts_once():
    one, many = [did(), _bias("b")], [did(), *(_bias(f"b{i}") for i in range(5))]
    np.testing.assert_allclose(_probability(many), _probability(one), rtol=1e-12)


def test_bias_evidence_that_was_not_seen_or_has_no_target_moves_nothing():
    evidence = [did(), _bias("unseen", observed=False), _bias("other", target_stream="survey")]
    np.testing.assert_array_equal(_probability(evidence), _probability([did()]))
    account = Triangulation(theory()).fit(evidence).account()
    assert dict(account.dropped) == {"sign of a bias, not seen": 1, "bias of a stream without estimates": 1}


def test_bias_evidence_is_shared_by_the_estimates_of_its_stream():
    built = model([did(id="a"), did(id="b"), _bias("b")])
    assert built.estimates.covariance[0, 1] == pytest.approx(0.03**2)


def test_dependent_estimates_count_as_one():
    twice = [did(id=name, dependence="accounts") for name in ("a", "b")]
    np.testing.assert_allclose(_probability(twice), _probability([did()]), rtol=1e-10)
    apart = [did(id=name, dependence="accounts", rho=0.0) for name in ("a", "b")]
    np.testing.assert_allclose(_probability(apart), _probability([did(id="a"), did(id="b")]), rtol=1e-10)


def test_estimate_refuses_an_impossible_rho():
    with pytest.raises(EvidenceError, match="rho of estimate 'a' is 2"):
        Estimate(id="a", stream="economic", value=0, std_error=1, rho=2, **KEY)


def test_rivals_stay_out_of_the_effect():
    rival = sign("R1", (0.2, 0.6, 0.4), target="rival:boom")
    np.testing.assert_array_equal(_probability([did(), rival]), _probability([did()]))
    table = Triangulation(theory()).fit([did(), rival]).rivals()
    assert table[["rival", "items", "seen"]].iloc[0].tolist() == ["boom", 1, 1]
    assert table["likelihood_ratio"][0] == pytest.approx(3.0)
    assert table["words"][0] == "limited support"


def test_rival_support_with_ranges_and_dependence():
    items = [
        sign(f"R{i}", ((0.2, 0.4), (0.4, 0.8), 0.4), target="rival:boom", dependence="g", rho=1.0) for i in range(3)
    ]
    ratio, low, high = rival_support(items)
    assert (ratio, low, high) == (pytest.approx(2.0), pytest.approx(1.0), pytest.approx(4.0))


def test_streams_keep_their_order():
    cell = sort_evidence(theory(), [sign("i"), survey(), did()])[("growth", "K01")]
    assert cell.streams == ("economic", "survey", "interviews")
    assert CellEvidence().streams == ()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sceptical_sd": 0.0, "wide_sd": 1.0}, "sceptical_sd is 0.0"),
        ({"sceptical_sd": 1.0, "wide_sd": float("inf")}, "wide_sd is inf"),
        ({"sceptical_sd": 1.0, "wide_sd": 1.0, "wide_weight": 2.0}, "wide_weight is 2.0"),
    ],
)
def test_impossible_priors(options, message):
    with pytest.raises(OptionError, match=message):
        Prior(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"benefit": 0.5}, "benefit is 0.5"),
        ({"harm": 1.1}, "harm is 1.1"),
        ({"firm": 0.8}, "at least the other thresholds"),
    ],
)
def test_impossible_thresholds(options, message):
    with pytest.raises(OptionError, match=message):
        Thresholds(**options)


def test_priors_by_claim_and_scale():
    narrow = Prior(sceptical_sd=0.001, wide_sd=0.002)
    for prior in (narrow, {"growth": narrow}, {"log": narrow}):
        findings = Triangulation(theory(), prior=prior).fit([did()])
        assert dict(findings.priors) == {"growth": narrow}
    assert dict(Triangulation(theory()).fit([did()]).priors)["growth"] == PRIOR
    with pytest.raises(OptionError, match="a prior for gowth"):
        Triangulation(theory(), prior={"gowth": narrow})
    with pytest.raises(OptionError, match="growth is 'flat'"):
        Triangulation(theory(), prior="flat")


def _past_the_entry(items):
    """The engine's own limits are wider than those of what may enter, for who calls it directly."""
    return cell_model(theory().claim("growth"), "K01", CellEvidence(estimates=tuple(items)), PRIOR)


def _huge(**more):
    return (BiasTerm(domain="huge", **more),)


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([did(1e155)], "the value of estimate 'did' is 1e[+]155"),
        ([did(std_error=1e-300)], "the standard error of estimate 'did' is 1e-300"),
        ([did(std_error=1e300)], "the standard error of estimate 'did' is 1e[+]300"),
        ([did(bias=_huge(sd=1e200))], "the additive bias 'huge' has mean 0.0 and sd 1e[+]200"),
        ([did(bias=_huge(mean_range=(0, 1e200)))], "the additive bias 'huge'"),
        ([did(bias=_huge(mean=800.0, kind="proportional"))], "the proportional bias 'huge' has mean 800.0"),
        ([did(std_error=1e-9, bias=_huge(sd=0.1, shared="s"), id=name) for name in "ab"], "lost beside the bias"),
    ],
)
def test_numbers_that_cannot_be_computed_with_are_refused(items, expected):
    with pytest.raises(EvidenceError, match=expected):
        _past_the_entry(items)


@pytest.mark.parametrize("delta", [float("nan"), 0.0, float("inf")])
def test_a_claim_without_a_smallest_effect_is_refused(delta):
    claim = dataclasses.replace(theory().claim("growth"), delta=delta)
    with pytest.raises(EvidenceError, match="the smallest effect of interest is"):
        cell_model(claim, "K01", CellEvidence(estimates=(did(),)), PRIOR)


@pytest.mark.parametrize("item", [did(1e7), did(std_error=1e-9, bias_sd=0.0), did(std_error=1e7), did(bias_sd=1e7)])
def test_numbers_within_the_limits_are_computed_with(item):
    assert scenarios(_past_the_entry([item])).probability[0].sum() == pytest.approx(1)


def test_the_wide_part_of_a_prior_is_not_the_narrow_one():
    with pytest.raises(OptionError, match=r"wide_sd is 0\.05"):
        Prior(sceptical_sd=0.2, wide_sd=0.05)
    assert Prior(sceptical_sd=0.2, wide_sd=0.2).wide_sd == 0.2
