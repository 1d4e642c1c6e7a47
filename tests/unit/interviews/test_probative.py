import math
from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad

from clustereffects.errors import OptionError
from clustereffects.interviews import BiasRule, Bridge, BridgeRow, Codings, DiagnosticOptions
from clustereffects.interviews.probative import bias_probability, chance_weight, report_error, shrunken_alpha
from clustereffects.results.evidence import BiasEvidence, Diagnostic, Silence

CHANCES = {"p_benefit": 0.6, "p_negligible": (0.2, 0.3), "p_harm": 0.15}
BEFORE = date(2013, 2, 15)


def row(**changes):
    values = {"code": "M1", "claim": "growth", "test": "T01", "group": "contacts", "registered": BEFORE}
    return BridgeRow(**(values | CHANCES | changes))


def codings(**organisations):
    """``K01="++-"``: three interviews of K01, the code M1 in the first two; all read by AL."""
    rows = [
        {"source": f"{name}-{i}", "organisation": name, "coder": "AL", "code": "M1" if mark == "+" else "",
         "role": "VD" if i else "Tjänsteman", "coded_at": "2013-06-01"}
        for name, marks in organisations.items()
        for i, mark in enumerate(marks)
    ]  # fmt: skip
    return Codings(pd.DataFrame(rows), origin="codings.csv", codebook=("M1", "M2"))


def evidence(rows, options=None, **organisations):
    return codings(**(organisations or {"K01": "++-", "K02": "-"})).diagnostics(Bridge(rows=tuple(rows)), options)


def test_one_item_per_interview_heard_or_not():
    items = evidence([row()])
    assert [item.id for item in items] == ["T01:K01-0", "T01:K01-1", "T01:K01-2", "T01:K02-0"]
    assert [item.observed for item in items] == [True, True, False, False]
    first = items[0]
    assert isinstance(first, Diagnostic)
    assert (first.p_benefit, first.p_negligible, first.p_harm) == (0.6, (0.2, 0.3), 0.15)
    assert (first.claim, first.group, first.stream, first.target) == ("growth", "K01", "interviews", "effect")
    assert (first.dependence, first.rho, first.test) == ("interviews:K01:contacts", 0.3, "T01")
    assert first.source == "codings.csv K01-0"
    assert first.note == ""
    assert first.unreliability == 0.2, "assumed, because nobody coded twice"


def test_tests_of_a_group_share_dependence_and_a_test_without_a_group_has_its_own():
    rows = [row(), row(code="M2", test="T02"), row(test="T03", group="", claim="jobs")]
    groups = {item.test: item.dependence for item in evidence(rows, K01="+")}
    assert groups == {"T01": "interviews:K01:contacts", "T02": "interviews:K01:contacts", "T03": "interviews:K01:T03"}


def test_a_rival_keeps_its_target():
    assert {item.target for item in evidence([row(target="rival:export_boom")])} == {"rival:export_boom"}


def test_only_interviews_in_which_the_code_could_come_up():
    items = evidence([row(roles=("vd",))])
    assert [item.id for item in items if isinstance(item, Diagnostic)] == ["T01:K01-1", "T01:K01-2"]
    silence = items[-1]
    assert isinstance(silence, Silence)
    assert (silence.claim, silence.group, silence.reason) == ("growth", "K02", "not_asked")


def test_a_code_that_nobody_looked_for_is_silence_and_not_absence():
    items = evidence([row(code="Q9")])
    assert all(isinstance(item, Silence) for item in items)
    assert [item.group for item in items] == ["K01", "K02"]


def test_a_code_without_a_test_moves_nothing():
    assert evidence([row(code="M2")])[0].test == "T01"
    assert {item.test for item in evidence([row(code="M2")])} == {"T01"}
    assert not any(item.observed for item in evidence([row(code="M2")]))


def test_interviews_without_an_organisation_or_a_reader_give_nothing():
    frame = pd.DataFrame({"source": ["I1", "I2"], "organisation": ["", "K01"], "coder": "AL", "code": "M1"})
    listed = pd.DataFrame({"source": ["I3"], "organisation": ["K01"]})
    items = Codings(frame, sources=listed).diagnostics(Bridge(rows=(row(),)))
    assert [item.id for item in items] == ["T01:I2"]


@pytest.mark.parametrize(
    ("registered", "note", "late"),
    [
        (date(2013, 6, 1), "", False),
        (date(2013, 6, 2), "registered after the data (2013-06-02, data from 2013-06-01)", True),
        (None, "not registered: treated like a test that the data suggested", True),
    ],
)
def test_registration(registered, note, late):
    first = evidence([row(registered=registered)])[0]
    assert first.note == note
    assert first.rho == (1.0 if late else 0.3)
    assert first.dependence == "interviews:K01:contacts" + (":late:T01" if late else "")


def test_late_tests_can_be_left_out():
    rows = [row(), row(test="T02", code="M2", registered=date(2014, 1, 1))]
    assert {item.test for item in evidence(rows, DiagnosticOptions(late="omit"))} == {"T01"}


def test_the_first_day_of_the_data_can_be_given_or_unknown():
    early = DiagnosticOptions(data_from=date(2013, 1, 1))
    assert "data from 2013-01-01" in evidence([row()], early)[0].note
    frame = pd.DataFrame({"source": ["I1"], "organisation": ["K01"], "code": ["M1"]})
    item = Codings(frame).diagnostics(Bridge(rows=(row(),)))[0]
    assert item.note == "the codings carry no dates: registration before the data cannot be verified"
    assert item.rho == 0.3


def test_bias_evidence_counts_interviews():
    items = evidence([row(target="bias:economic", group="selection")], K01="++++++++--", K02="+---------")
    assert all(isinstance(item, BiasEvidence) for item in items)
    many, few = items
    assert (many.id, many.target_stream, many.domain, many.observed) == ("T01:K01", "economic", "selection", True)
    assert 0 < many.shift < 0.02
    assert 0 < many.sd < 0.03
    assert many.note.startswith("raised in 8 of 10 interviews")
    assert (few.observed, few.shift, few.sd) == (False, 0.0, 0.0)


def test_bias_evidence_by_hand():
    options = DiagnosticOptions(rho=0.0, floor=0.0, default=0.0)
    item = evidence([row(target="bias:survey")], options, K01="++++----")[0]
    chance = bias_probability(4, 8, 0.6)
    assert chance < 0.5
    assert not item.observed
    options = DiagnosticOptions(rho=0.2, floor=0.0, default=0.0, bias=(BiasRule(stream="survey", shift=0.1, sd=0.2),))
    item = evidence([row(target="bias:survey", p_benefit=0.3, p_negligible=0.1)], options, K01="+++++++-")[0]
    temper = 1 / (1 + 7 * 0.2)
    excess = 2 * bias_probability(7 * temper, 8 * temper, 0.3) - 1
    assert item.shift == pytest.approx(excess * 0.1)
    assert item.sd == pytest.approx(math.sqrt(excess * 0.2**2 + excess * (1 - excess) * 0.1**2))


def test_a_late_test_of_a_bias_counts_as_one_observation():
    early = evidence([row(target="bias:economic")], K01="+" * 10)[0]
    late = evidence([row(target="bias:economic", registered=None)], K01="+" * 10)[0]
    assert late.shift < early.shift
    assert "not registered" in late.note


def test_a_bias_without_a_rule_is_refused():
    with pytest.raises(OptionError, match="a rule for the stream 'survey', which T01 is about"):
        evidence([row(target="bias:survey")], DiagnosticOptions(bias=()))


def test_certain_bias_beforehand_adds_nothing():
    item = evidence([row(target="bias:economic")], DiagnosticOptions(bias_prior=1.0), K01="++")[0]
    assert not item.observed


@pytest.mark.parametrize(("heard", "interviews", "anyway"), [(6, 8, 0.3), (0, 5, 0.1), (2.5, 4.2, 0.5), (10, 10, 0.25)])
def test_bias_probability_is_the_integral(heard, interviews, anyway):
    def likelihood(share):
        return share**heard * (1 - share) ** (interviews - heard)

    factor = quad(likelihood, anyway, 1)[0] / (1 - anyway) / likelihood(anyway)
    assert bias_probability(heard, interviews, anyway, 0.3) == pytest.approx(0.3 * factor / (0.3 * factor + 0.7))


def test_bias_probability_needs_a_share():
    with pytest.raises(OptionError, match="false_positive is 0"):
        bias_probability(1, 2, 0)


def test_joint_reports_against_enumeration():
    miss, false = 0.13, 0.045
    epsilon, noise = miss + false, false / (miss + false)
    assert report_error(epsilon, noise, 1, "either") == pytest.approx((epsilon, noise))
    for coders in (1, 2, 3):
        for combine, heard_if_there, heard_if_not in (
            ("either", 1 - miss**coders, 1 - (1 - false) ** coders),
            ("both", (1 - miss) ** coders, false**coders),
        ):
            joint, q = report_error(epsilon, noise, coders, combine)
            assert (1 - joint) + joint * q == pytest.approx(heard_if_there)
            assert joint * q == pytest.approx(heard_if_not)
    assert report_error(0.0, 0.4, 2, "both") == (0.0, 0.5)
    assert report_error(0.2, 0.3, 1, "both") == (0.2, 0.3)
    with pytest.raises(OptionError, match="coders is 0"):
        report_error(0.1, 0.4, 0, "both")


def test_interviews_that_two_coders_read_are_more_reliable():
    rng = np.random.default_rng(1)
    rows = []
    for i in range(80):
        there = rng.random() < 0.4
        for coder in ("AL", "BK") if i < 40 else ("AL",):
            heard = there != (rng.random() < 0.1)
            rows.append({"source": f"I{i}", "organisation": "K01", "coder": coder, "code": "M1" if heard else ""})
    items = Codings(pd.DataFrame(rows)).diagnostics(Bridge(rows=(row(),)))
    assert items[0].unreliability < items[-1].unreliability
    assert items[0].noise > items[-1].noise


def test_the_floor_holds_for_joint_reports():
    rows = [
        {"source": f"I{i}", "organisation": "K01", "coder": coder, "code": "M1" if i % 2 else ""}
        for i in range(10)
        for coder in ("AL", "BK")
    ]
    items = Codings(pd.DataFrame(rows)).diagnostics(Bridge(rows=(row(),)))
    assert [item.unreliability for item in items] == pytest.approx([0.05] * 10)


def test_unreliability_table():
    table = codings(K01="++-").unreliability().set_index("code")
    assert (table["unreliability"] == 0.2).all()
    assert table["basis"].str.startswith("assumed").all()
    assert table.loc["M1", "noise"] == pytest.approx(2.5 / 4)
    assert table.loc["M2", "noise"] == pytest.approx(0.5 / 4)


def test_shrinking():
    weights = [10.0, 30.0, 0.0]
    options = DiagnosticOptions(pool=0)
    np.testing.assert_allclose(shrunken_alpha([0.2, 0.8, np.nan], weights, options), [0.2, 0.8, 0.65])
    np.testing.assert_allclose(
        shrunken_alpha([0.2, 0.8, np.nan], weights, DiagnosticOptions(pool=1e9)), 0.65, rtol=1e-6
    )
    assert np.isnan(shrunken_alpha([np.nan], [0.0], options)).all()


def test_chance_weight_inverts_the_model():
    epsilon = np.array([0.1, 0.3, 0.9])
    np.testing.assert_allclose(chance_weight((1 - epsilon) ** 2, DiagnosticOptions(floor=0)), epsilon)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rho": 1.2}, "rho is 1.2 – expected a probability"),
        ({"floor": -0.1}, "floor is -0.1"),
        ({"default": math.nan}, "default is nan"),
        ({"bias_prior": 2}, "bias_prior is 2"),
        ({"pool": -1}, "pool is -1"),
        ({"combine": "first"}, "combine is 'first'"),
        ({"late": "keep"}, "late is 'keep'"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(OptionError, match=message):
        DiagnosticOptions(**options)


def test_bias_rules_are_checked():
    with pytest.raises(OptionError, match="sd of a bias rule is -1"):
        BiasRule(stream="survey", shift=0.0, sd=-1)


SUGGESTED = {"test": "T09", "code": "M2", "registered": date(2013, 9, 1), "suggested_by": "T01"}


def test_a_late_test_is_one_observation_with_what_suggested_it():
    items = {item.id: item for item in evidence([row(), row(**SUGGESTED)], K01="++-")}
    late = items["T09:K01-0"]
    assert (late.dependence, late.rho, late.suggested_by) == ("interviews:K01:contacts", 0.3, "T01:K01-0")
    assert late.note == "registered after the data (2013-09-01, data from 2013-06-01); suggested by T01"
    assert items["T01:K01-0"].suggested_by == ""


def test_a_late_test_beyond_what_suggested_it_is_kept_apart():
    rows = [row(roles=("VD",)), row(**SUGGESTED)]
    items = {item.id: item for item in evidence(rows, K01="++-")}
    assert (items["T09:K01-0"].suggested_by, items["T09:K01-0"].rho) == ("", 1.0)
    assert items["T09:K01-0"].dependence == "interviews:K01:contacts:late:T09"
    assert items["T09:K01-1"].suggested_by == "T01:K01-1"


def test_tests_that_suggested_each_other_in_turn_go_back_to_the_first():
    second = row(**SUGGESTED)
    third = row(test="T10", code="M3", registered=date(2013, 10, 1), suggested_by="T09", group="other")
    frame = codings(K01="++")
    read = Codings(frame.frame, sources=frame.sources, codebook=("M1", "M2", "M3"))
    items = {item.id: item for item in read.diagnostics(Bridge(rows=(row(), second, third)))}
    assert items["T10:K01-0"].suggested_by == "T01:K01-0"
    assert items["T10:K01-0"].dependence == "interviews:K01:contacts"


def test_a_suggestion_before_the_data_is_a_test_like_any_other():
    items = evidence([row(), row(**(SUGGESTED | {"registered": BEFORE}))], K01="+")
    assert [item.suggested_by for item in items] == ["", ""]
    assert items[1].note == ""


def test_a_late_test_of_what_nobody_looked_for_is_kept_apart():
    item = evidence([row(code="Q9"), row(**SUGGESTED)], K01="+")[0]
    assert (item.test, item.rho, item.suggested_by) == ("T09", 1.0, "")


def test_biases_are_large_or_small_in_units_of_the_effect_of_interest():
    options = DiagnosticOptions(deltas={"growth": 0.1})
    plain, scaled = (evidence([row(target="bias:economic")], one, K01="+" * 10)[0] for one in (None, options))
    assert scaled.shift == pytest.approx(10 * plain.shift)
    assert scaled.sd == pytest.approx(10 * plain.sd)
    same = evidence([row(target="bias:economic")], DiagnosticOptions(deltas={"growth": 0.01, "jobs": 1}), K01="+" * 10)[
        0
    ]
    assert (same.shift, same.sd) == (plain.shift, plain.sd)
    with pytest.raises(OptionError, match="deltas is"):
        DiagnosticOptions(deltas={"growth": 0.0})


def _people(**columns):
    rows = pd.DataFrame({"source": ["I1", "I2"], "organisation": "K01", "coder": "AL", "code": "M1", **columns})
    return Codings(rows).diagnostics(Bridge(rows=(row(),)), key="secret")


def test_respondents_enter_evidence_as_keyed_pseudonyms_only():
    items = _people(respondent=["IP1", "IP2"], orgnr=["556100-0001", "165561000001"])
    shared = set(items[0].respondents) & set(items[1].respondents)
    assert [len(item.respondents) for item in items] == [2, 2]
    assert len(shared) == 1, "the same firm, written in two ways"
    assert all(name.startswith("P-") for item in items for name in item.respondents)
    assert [len(item.respondents) for item in _people(respondent=["Anna + Bo", ""])] == [2, 0]


def test_without_a_key_nobody_can_be_traced():
    assert [item.respondents for item in evidence([row()])] == [()] * 4


def test_pseudonymised_codings_keep_their_pseudonyms():
    frame = pd.DataFrame(
        {"source": ["I1"], "organisation": "K01", "code": "M1", "respondent": "IP1", "firm": "5561000001"}
    )
    before = Codings(frame)
    after = before.pseudonymised("secret")
    assert set(after.sources["firm"]).isdisjoint({"5561000001"})
    bridge = Bridge(rows=(row(),))
    assert before.diagnostics(bridge, key="secret")[0].respondents == after.diagnostics(bridge, key="x")[0].respondents


def test_a_late_test_of_unknown_origin_does_not_make_others_depend_on_it():
    frame = pd.DataFrame({"source": ["I1"], "organisation": "K01", "code": "M1", "respondent": "IP1"})
    rows = (row(), row(test="T02", registered=None, claim="jobs"))
    items = Codings(frame).diagnostics(Bridge(rows=rows), key="secret")
    assert [len(item.respondents) for item in items] == [1, 0]


def test_where_an_item_comes_from():
    frame = codings(K01="+-")
    bridge = Bridge(rows=(row(), row(test="T02", code="M2", registered=None), row(target="bias:economic", test="T03")))
    first, _, late, _, bias = frame.diagnostics(bridge)
    assert (first.provenance.locator, first.provenance.coder) == ("K01-0", "AL")
    assert first.provenance.source_hash == frame.fingerprint()
    assert first.provenance.version == f"bridge {bridge.fingerprint}"
    assert [item.provenance.pre_registered for item in (first, late, bias)] == [True, False, True]
    assert bias.provenance.locator == "K01-0, K01-1"
    undated = Codings(pd.DataFrame({"source": ["I1"], "organisation": ["K01"], "code": ["M1"]}))
    assert undated.diagnostics(bridge)[0].provenance.pre_registered is None
    assert undated.fingerprint() != frame.fingerprint()
