"""From means to evidence: tests, estimates with courtesy bias, and four kinds of silence."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from clustereffects.errors import OptionError, SurveyError
from clustereffects.results import Diagnostic, Estimate, Silence, pseudonym
from clustereffects.survey import Codebook, Scale, Survey, SurveyRules

GROWTH = Scale(name="growth", items=("g1",), minimum=1, maximum=5, claim="growth")
NETWORK = Scale(name="network", items=("n1",), minimum=1, maximum=5, claim="network")
CONTROL = Scale(name="control", items=("c1",), minimum=1, maximum=5, negative_control=True)


def _answers(**changes):
    """Ten members of K01 who agree, ten of K02 who are as the non-members, two of K03, twenty non-members."""
    data = {
        "organisation": ["K01"] * 10 + ["K02"] * 10 + ["K03"] * 2 + [""] * 20,
        "g1": [5, 4] * 5 + [3, 2, 4, 3, 3] * 2 + [5, 5] + [3, 2, 4, 3, 3] * 4,
        "n1": [5, 4] * 5 + [3, 2, 4, 3, 3] * 2 + [5, 5] + [3, 2, 4, 3, 3] * 4,
        "c1": [3, 4] * 5 + [3, 2, 4, 3, 3] * 2 + [5, 5] + [3, 4, 2, 3, 3] * 4,
    }
    table = pd.DataFrame(data | changes)
    return table.assign(respondent=range(len(table)), orgnr=np.arange(len(table)) + 5561000000, wave=2012)


def _survey(scales=(GROWTH, NETWORK, CONTROL), answers=None, frame=None):
    return Survey(_answers() if answers is None else answers, codebook=Codebook(scales=scales), frame=frame)


def _by_group(items):
    return {item.group: item for item in items if item.claim == "growth"}


def test_a_scale_in_other_units_is_a_test():
    items = _by_group(_survey().as_evidence())
    first, second = items["K01"], items["K02"]
    assert isinstance(first, Diagnostic)
    assert (first.observed, second.observed) == (True, False)
    assert (first.stream, first.dependence, first.test) == ("survey", "survey:K01", "survey:growth")
    assert first.id == "survey:growth:K01"
    assert first.p_benefit == (0.5, 0.85)
    # One non-member in five answers more than half a step above neutral.
    assert first.p_negligible == first.p_harm == (0.1, 0.2)
    assert "10 firms, 20 non-members, net of the negative control" in first.note


def test_too_few_firms_say_nothing():
    item = _by_group(_survey().as_evidence())["K03"]
    assert isinstance(item, Silence)
    assert (item.reason, item.note) == ("missing", "2 firms answered, fewer than 3")


def test_an_organisation_that_was_never_asked_is_silent_for_another_reason():
    answers = _answers()
    frame = answers[["orgnr", "organisation", "wave"]].assign(asked=1)
    extra = pd.DataFrame({"orgnr": [5561009999], "organisation": ["K04"], "wave": [2012], "asked": [0]})
    items = _by_group(_survey(answers=answers, frame=pd.concat([frame, extra])).as_evidence())
    assert items["K04"].reason == "not_asked"
    assert items["K03"].reason == "missing"


def test_a_claim_that_no_scale_asks_about():
    items = _survey().as_evidence({"employment": ""})
    assert [item.reason for item in items] == ["not_asked"] * 3
    assert items[0].note == "no scale of the codebook asks about the claim"


def test_agreement_with_everything_is_no_evidence():
    answers = _answers(c1=[5, 4] * 5 + [3, 2, 4, 3, 3] * 2 + [5, 5] + [3, 4, 2, 3, 3] * 4)
    assert not _by_group(_survey(answers=answers).as_evidence())["K01"].observed
    unadjusted = _survey(scales=(GROWTH, NETWORK), answers=answers)
    item = _by_group(unadjusted.as_evidence())["K01"]
    assert item.observed
    assert item.p_negligible == (0.1, 0.5)
    assert "no negative control" in item.note


def test_without_non_members_the_neutral_answer_is_the_comparison():
    answers = _answers().query("organisation != ''")
    item = _by_group(_survey(answers=answers).as_evidence())["K01"]
    assert item.observed
    assert item.p_negligible == (0.1, 0.5)
    assert "0 non-members" in item.note


def test_a_control_on_another_range_is_not_subtracted():
    wide = Scale(name="control", items=("c1",), minimum=0, maximum=10, negative_control=True)
    assert "no negative control" in _by_group(_survey(scales=(GROWTH, wide)).as_evidence())["K01"].note


def test_the_margin_must_be_exceeded():
    item = _by_group(_survey().as_evidence(rules=SurveyRules(margin=2.0)))["K01"]
    assert not item.observed


def test_the_plan_may_give_every_probability():
    rules = SurveyRules(p_benefit=0.8, p_negligible=0.3, p_harm=0.1, unreliability=0.05, rho=(0.2, 0.6))
    item = _by_group(_survey().as_evidence(rules=rules))["K01"]
    assert (item.p_benefit, item.p_negligible, item.p_harm, item.unreliability) == (0.8, 0.3, 0.1, 0.05)
    assert item.rho == (0.2, 0.6)


def test_unreliability_is_what_alpha_leaves():
    both = Scale(name="growth", items=("g1", "n1"), minimum=1, maximum=5, claim="growth")
    survey = _survey(scales=(both, CONTROL))
    alpha = survey.reliability().query("scale == 'growth' and wave == 'all'")["alpha"].item()
    assert _by_group(survey.as_evidence())["K02"].unreliability == pytest.approx(1 - alpha)
    assert _by_group(_survey().as_evidence())["K02"].unreliability == 0.3


def test_a_scale_in_the_units_of_the_claim_is_an_estimate():
    item = _by_group(_survey().as_evidence(estimates=["growth"]))["K01"]
    assert isinstance(item, Estimate)
    members, others = np.array([5, 4] * 5), np.array([3, 2, 4, 3, 3] * 4)
    assert item.value == pytest.approx(1.5)
    own, their = members.var(ddof=1) / 10, others.var(ddof=1) / 20
    df = (own + their) ** 2 / (own**2 / 9 + their**2 / 19)
    widened = np.sqrt(own + their) * stats.t.ppf(0.975, df) / stats.norm.ppf(0.975)
    assert item.std_error == pytest.approx(widened, rel=1e-10)
    (bias,) = item.bias
    assert (bias.domain, bias.shared, bias.kind) == ("courtesy", "survey:K01", "additive")
    assert bias.mean_range == pytest.approx((0.3, 0.5))
    assert bias.mean == pytest.approx(0.4)
    control_error = np.sqrt(np.array([3, 4] * 5).var(ddof=1) / 10 + others.var(ddof=1) / 20)
    assert bias.sd == pytest.approx(np.hypot(0.8 * control_error, 0.1), rel=1e-12)


def test_the_estimate_has_no_finite_population_correction():
    answers = _answers()
    frame = answers[["orgnr", "organisation", "wave"]].assign(asked=1)
    with_frame = _by_group(_survey(answers=answers, frame=frame).as_evidence(estimates=["growth"]))["K01"]
    assert with_frame.std_error == _by_group(_survey().as_evidence(estimates=["growth"]))["K01"].std_error


def test_courtesy_is_a_range_without_a_negative_control():
    item = _by_group(_survey(scales=(GROWTH,)).as_evidence(estimates=["growth"]))["K01"]
    assert item.bias[0].mean_range == (0.0, 0.5)
    assert item.bias[0].note == "provisional: no negative control"


def test_identical_answers_have_no_standard_error():
    answers = _answers(g1=[5] * 42).query("organisation != ''")
    item = _by_group(_survey(scales=(GROWTH,), answers=answers).as_evidence(estimates=["growth"]))["K01"]
    assert isinstance(item, Silence)
    assert "all firms gave the same answer" in item.note
    assert _by_group(_survey(scales=(GROWTH,), answers=answers).as_evidence())["K01"].observed


def test_claims_and_scales_must_exist():
    with pytest.raises(SurveyError, match="the claim 'trust' has no scale"):
        _survey().as_evidence(estimates=["trust"])
    with pytest.raises(SurveyError, match="the codebook has no scale 'trust'"):
        _survey().as_evidence({"growth": "trust"})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"p_benefit": 1.2}, "p_benefit is 1.2"),
        ({"p_negligible": (0.5, 0.2)}, r"p_negligible is \(0.5, 0.2\)"),
        ({"unreliability": -0.1}, "unreliability is -0.1"),
        ({"test_size": 0.5}, "test_size is 0.5"),
        ({"courtesy_sd": -1}, "courtesy_sd is -1"),
        ({"courtesy_share": (1.0, 0.5)}, r"courtesy_share is \(1.0, 0.5\)"),
        ({"minimum_firms": 1}, "minimum_firms is 1"),
    ],
)
def test_impossible_rules(options, message):
    with pytest.raises(OptionError, match=message):
        SurveyRules(**options)


def test_all_impossible_rules_come_at_once():
    with pytest.raises(OptionError) as raised:
        SurveyRules(p_benefit=2.0, rho=-1.0, minimum_firms=0)
    assert len(raised.value.problems) == 3


def _programme(survey=None, **options):
    items = (_survey() if survey is None else survey).as_evidence(by="programme", **options)
    assert {item.group for item in items} == {"programme"}
    return next(item for item in items if item.claim == "growth")


def test_the_programme_is_all_members_clustered_by_organisation():
    item = _programme(estimates=["growth"])
    first, second = [5, 4] * 5, [3, 2, 4, 3, 3] * 2
    members, others = np.array(first + second), np.array([3, 2, 4, 3, 3] * 4)
    assert item.value == pytest.approx(members.mean() - others.mean())
    sums = np.array([np.sum(np.array(part) - members.mean()) for part in (first, second)])
    own, their = 2 * np.sum(sums**2) / 20**2, others.var(ddof=1) / 20
    df = (own + their) ** 2 / (own**2 / 1 + their**2 / 19)
    widened = np.sqrt(own + their) * stats.t.ppf(0.975, df) / stats.norm.ppf(0.975)
    assert item.std_error == pytest.approx(widened, rel=1e-10)
    assert (item.id, item.dependence, item.bias[0].shared) == ("survey:growth:programme", *["survey:programme"] * 2)


def test_few_organisations_leave_the_programme_undecided():
    """Ten firms that agree and ten that do not are two organisations, not twenty firms."""
    item = _programme()
    assert isinstance(item, Diagnostic)
    assert not item.observed
    assert "20 firms of 2 organisations, 20 non-members, net of the negative control" in item.note
    many = _answers(
        organisation=[f"K{i // 3:02d}" for i in range(12)] + ["K09"] * 10 + [""] * 20, g1=[5] * 22 + [3] * 20
    )
    assert _programme(_survey(answers=many)).observed


def test_organisations_with_too_few_firms_are_not_in_the_programme_either():
    answers = _answers()
    without = answers.query("organisation != 'K03'")
    assert _programme(_survey(answers=answers)).note == _programme(_survey(answers=without)).note


def test_one_organisation_is_no_programme():
    item = _programme(_survey(answers=_answers().query("organisation != 'K02'")))
    assert (item.reason, item.note) == ("missing", "one organisation's firms only: no other to tell its own error from")
    nobody = _programme(_survey(answers=_answers().query("organisation in ['K03', '']")))
    assert (nobody.reason, nobody.note) == ("missing", "0 firms answered, fewer than 3")
    with pytest.raises(OptionError, match="by is 'region'"):
        _survey().as_evidence(by="region")


def test_the_programme_without_controls_and_without_a_question():
    item = _programme(_survey(scales=(GROWTH, NETWORK)))
    assert "no negative control" in item.note
    assert [one.reason for one in _survey().as_evidence({"employment": ""}, by="programme")] == ["not_asked"]


def test_respondents_are_pseudonyms_under_a_key():
    first = _by_group(_survey().as_evidence(key="secret"))["K01"]
    assert len(first.respondents) == 20, "ten persons and ten firms"
    assert pseudonym("5561000000", "secret") in first.respondents
    assert pseudonym("0", "secret") in first.respondents
    assert len(_programme(key="secret").respondents) == 40
    assert _by_group(_survey().as_evidence())["K01"].respondents == ()


def test_only_those_who_answered_the_scale_are_its_respondents():
    answers = _answers(n1=[np.nan] * 5 + [5, 4, 5, 4, 5] + [3] * 32)
    items = [item for item in _survey(answers=answers).as_evidence(key="secret") if item.group == "K01"]
    assert {item.claim: len(item.respondents) for item in items} == {"growth": 20, "network": 10}


def test_items_carry_the_fingerprint_of_the_answers():
    survey = _survey()
    assert _by_group(survey.as_evidence())["K01"].provenance.source_hash == survey.fingerprint()
