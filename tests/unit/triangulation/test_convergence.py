import numpy as np
import pytest
from scipy import stats

from clustereffects.errors import OptionError
from clustereffects.results import BiasTerm, Silence
from clustereffects.triangulation import Triangulation
from clustereffects.triangulation.bias_alone import bias_alone
from clustereffects.triangulation.convergence import ConvergenceRules, cell_convergence
from triangulation_cases import KEY, did, interviews, model, sign, survey, theory

PAIR = ("economic", "survey")


def _codes(items, rules=None, expected=PAIR):
    silences = [item for item in items if isinstance(item, Silence)]
    built = model([item for item in items if not isinstance(item, Silence)])
    return cell_convergence(built, silences, expected, rules or ConvergenceRules())


def _code(items, rules=None):
    return _codes(items, rules).codes[0]


def test_rules_name_everything_that_is_impossible():
    with pytest.raises(OptionError) as caught:
        ConvergenceRules(class_probability=0.5, least_gain=-1, compatible=0.01, conflict=1)
    assert len(caught.value.problems) == 4


def test_limits_are_options():
    items = [did(0.08, 0.01, 0.0), survey(0.12, 0.02, 0.0, 0.0)]
    assert _code(items).code == "partial"
    assert _code(items, ConvergenceRules(conflict=0.01, compatible=0.05)).code == "agreement"
    assert _code(items, ConvergenceRules(conflict=0.08, compatible=0.10)).code == "dissonance"
    assert _code(items, ConvergenceRules(least_gain=50)).code == "uninformative"
    weak = [did(0.03, 0.05, 0.0), survey(0.03, 0.05, 0.0, 0.0)]
    assert _code(weak).state_first == "benefit"
    assert _code(weak, ConvergenceRules(class_probability=0.95)).code == "partial"


def test_limits_reach_the_findings():
    items = [did(0.08, 0.01, 0.0), survey(0.12, 0.02, 0.0, 0.0)]
    loose = Triangulation(theory(), rules=ConvergenceRules(conflict=0.01, compatible=0.05)).fit(items)
    assert loose.convergence()["code"][0] == "agreement"


def test_shared_bias_can_explain_agreement():
    up = (BiasTerm(domain="optimism", mean=0.06, sd=0.03),)
    found = _code([did(0.09, 0.01, bias=up), survey(0.1, 0.01, bias=up)])
    assert (found.code, found.overlay) == ("agreement", "shared bias")
    variance = 0.01**2 + 0.03**2
    assert found.p_bias_only == pytest.approx(stats.chi2.sf((0.03**2 + 0.04**2) / variance, 2))
    assert "fit bias without any effect" in found.note
    both = Triangulation(theory()).fit([did(0.09, 0.01, bias=up), survey(0.1, 0.01, bias=up)])
    assert found.p_other == pytest.approx(1 - both.verdicts()["p_benefit"][0], abs=1e-9)


def test_bias_that_does_not_suffice_is_said_not_to():
    up = (BiasTerm(domain="optimism", mean=0.01, sd=0.01),)
    found = _code([did(0.09, 0.01, bias=up), survey(0.1, 0.01, bias=up)])
    assert found.overlay == "shared bias"
    assert found.p_bias_only < 1e-6
    assert "bias without any effect does not fit them" in found.note


def test_agreement_on_harm_mirrors_agreement_on_benefit():
    def items(sign_of):
        term = (BiasTerm(domain="optimism", mean=0.06 * sign_of, sd=0.03),)
        return [did(0.09 * sign_of, 0.01, bias=term), survey(0.1 * sign_of, 0.01, bias=term)]

    good, bad = _code(items(1)), _code(items(-1))
    assert (bad.state_first, bad.overlay) == ("harm", "shared bias")
    assert (bad.p_other, bad.p_bias_only) == (pytest.approx(good.p_other), pytest.approx(good.p_bias_only))


def test_biases_that_point_away_explain_nothing():
    down = (BiasTerm(domain="selection", mean=-0.02, sd=0.01),)
    found = _code([did(0.06, 0.01, bias=down), survey(0.07, 0.01, bias=down)])
    assert (found.code, found.overlay, found.note) == ("agreement", "", "")
    assert np.isnan(found.p_other)


def test_a_null_finding_can_hide_behind_shared_bias_and_gain_from_opposing_ones():
    def items(first, second):
        terms = [(BiasTerm(domain="b", mean=mean, sd=0.001),) for mean in (first, second)]
        return [did(first, 0.003, bias=terms[0]), survey(second, 0.003, bias=terms[1])]

    assert _code(items(0.02, 0.02)).state_first == "negligible"
    assert _code(items(0.02, 0.02)).overlay == "shared bias"
    assert _code(items(0.02, -0.02)).overlay == "strong"
    assert _codes(items(0.02, -0.02)).assessment == "convergent despite opposing biases"


def test_proportional_bias_has_a_direction():
    twice = (BiasTerm(domain="scale", kind="proportional", mean=np.log(2), sd=0.1),)
    built = model([did(0.12, 0.01, bias=twice), survey(-0.12, 0.01, bias=twice)])
    assert bias_alone(built, PAIR, "benefit").directions == (1.0, -1.0)


def test_a_bias_of_mean_zero_has_no_direction():
    built = model([did(0.06), survey(0.07, bias_mean=0.0)])
    assert bias_alone(built, PAIR, "benefit").directions == (0.0, 0.0)
    assert np.isnan(bias_alone(built, PAIR, "undecided").p_other)


def test_conflict_resolved_by_adjustment_is_said():
    found = _code([did(0.06, 0.02, 0.03), survey(0.2, 0.02, 0.06, 0.1)])
    assert found.code == "agreement"
    assert "raw estimates conflict, adjusted ones do not" in found.note
    still = _code([did(0.0, 0.005, 0.0), survey(0.06, 0.01, 0.03, 0.0)])
    assert (still.code, still.overlay) == ("partial", "resolved by adjustment")


@pytest.mark.parametrize("reason", ["not_asked", "not_measured", "missing", "searched_not_found"])
def test_reasons_of_silence_are_kept_apart(reason):
    found = _code([did(), Silence(**KEY, stream="survey", reason=reason)])
    assert (found.code, found.silence_first, found.silence_second) == ("silence", "", reason)


def test_a_search_with_a_chance_of_finding_is_no_silence():
    searched = Silence(**KEY, stream="survey", reason="searched_not_found", p_detect=0.9)
    built = Triangulation(theory()).fit([did(), searched])
    row = built.completeness().set_index("stream").loc["survey"]
    assert (row["status"], row["items"], row["reason"]) == ("speaks", 1, "searched_not_found")


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([], "no information"),
        ([did(0.08, 0.01, 0.0)], "economic only"),
        ([did(0.08, 0.01, 0.0), survey(0.08, 0.01, 0.0, 0.0)], "convergent"),
        ([did(0.08, 0.01, 0.0), survey(0.12, 0.02, 0.0, 0.0)], "partial"),
        ([did(0.08, 0.01, 0.0), survey(-0.08, 0.01, 0.0, 0.0)], "dissonance"),
        ([did(0.06, 0.01, 0.0), survey(0.1, 0.02, 0.0, 0.0), *interviews()], "partly convergent"),
        ([did(0.08, 0.01, 0.0), sign("weak", (0.5, 0.49, 0.5))], "economic only"),
    ],
)
def test_assessment_of_a_cell(items, expected):
    assert _codes(items).assessment == expected


@pytest.mark.parametrize(
    "second",
    [
        Silence(**KEY, stream="documents", reason="searched_not_found", p_detect=0.6),
        sign("absent", (0.9, 0.4, 0.4), observed=False),
        sign("nearly", (0.1, 0.4, 0.41)),
    ],
)
def test_signs_that_do_not_tell_no_effect_from_harm_are_no_harm(second):
    found = Triangulation(theory()).fit([did(0.09, 0.02, 0.0), second])
    row = found.convergence().set_index(["first", "second"]).loc["economic", second.stream]
    assert (row["state_second"], row["code"]) == ("undecided", "partial")
    assert row["note"] == f"{second.stream}: harm and negligible are not told apart"
    assert found.assessment()["assessment"][0] == "partial"


def test_equal_likelihoods_are_not_told_apart_whatever_the_least_gain():
    signs = [did(0.09, 0.02, 0.0), sign("absent", (0.9, 0.4, 0.4), observed=False)]
    assert _codes(signs, ConvergenceRules(least_gain=0)).readings[-1].state == "undecided"


def test_signs_that_only_rule_out_harm_are_no_benefit():
    found = _codes([did(-0.09, 0.02, 0.0), sign("spared", (0.9, 0.9, 0.1))])
    assert found.readings[-1].state == "undecided"
    assert found.codes[1].code == "partial"


def test_signs_that_do_tell_harm_apart_still_contradict():
    found = _codes([did(0.09, 0.02, 0.0), sign("loss", (0.05, 0.2, 0.9))])
    assert (found.readings[-1].state, found.assessment) == ("harm", "dissonance")


def test_a_stream_with_an_estimate_tells_states_apart_by_it():
    mixed = sign("absent", (0.9, 0.4, 0.4), observed=False, stream="economic")
    assert _codes([did(-0.09, 0.02, 0.0), mixed]).readings[0].state == "harm"


def test_shared_bias_marks_the_assessment_only_if_it_fits():
    up = (BiasTerm(domain="optimism", mean=0.01, sd=0.01),)
    found = _codes([did(0.09, 0.01, bias=up), survey(0.1, 0.01, bias=up)])
    assert found.codes[0].overlay == "shared bias"
    assert "could explain" not in found.codes[0].note
    assert found.assessment == "convergent"


def test_shared_bias_marks_the_assessment():
    up = (BiasTerm(domain="optimism", mean=0.06, sd=0.03),)
    found = _codes([did(0.09, 0.01, bias=up), survey(0.1, 0.01, bias=up)])
    assert found.assessment == "convergent, but shared bias could explain it"


def test_tables_of_convergence():
    silence = Silence(claim="growth", group="K02", stream="survey", reason="missing")
    findings = Triangulation(theory()).fit([did(), survey(), *interviews(), silence])
    assessed = findings.assessment().set_index("group")
    assert assessed["assessment"].tolist() == ["convergent", "no information"]
    assert assessed.loc["K01", "speaking"] == "economic, survey, interviews"
    assert assessed.loc["K02", ["agreement", "silence"]].tolist() == [0, 3]
    complete = findings.completeness().set_index(["group", "stream"])
    assert complete.loc[("K01", "interviews"), ["expected", "status", "items", "reason"]].tolist() == [
        True,
        "speaks",
        3,
        "",
    ]
    assert complete.loc[("K02", "survey"), "reason"] == "missing"
    assert complete.loc[("K02", "economic"), "reason"] == "nothing handed in"
    matrix = findings.convergence_matrix()
    assert matrix.columns.tolist() == ["claim", "first", "second", "K01", "K02"]
    assert matrix["K02"].tolist() == ["silence"] * 3


def test_tables_of_nothing_have_their_columns():
    findings = Triangulation(theory()).fit([])
    for table in (findings.convergence(), findings.assessment(), findings.completeness(), findings.conflicts()):
        assert table.empty
        assert table.columns[:2].tolist() == ["claim", "group"]
    assert findings.convergence_matrix().empty
