import pytest

from clustereffects.errors import OptionError
from clustereffects.results import BiasEvidence, BiasTerm, Check
from clustereffects.results.evidence_provenance import EvidenceProvenance
from clustereffects.triangulation import Triangulation
from clustereffects.triangulation._scorecard_words import ANSWERS, CRITERIA, QUESTIONS, STATUS
from clustereffects.triangulation.overrides import Override
from clustereffects.triangulation.scorecard import RunFacts, effect_word
from triangulation_cases import KEY, did, interviews, sign, survey, theory, worked_example

TRENDS = "parallel trends before joining"
GROUNDED = BiasTerm(domain="selection", sd=0.03, note="within-study comparisons")
ANNOUNCED = EvidenceProvenance(pre_registered=True)
FULL = RunFacts(
    comparison="matched firms of the same county",
    checks=(Check(name=TRENDS, verdict="pass"), Check(name="balance", verdict="fail")),
    plan_registered=True,
    designs=("matched",),
)


def _complete():
    return [
        did(0.1, 0.02, bias=(GROUNDED,)),
        survey(0.1, 0.02, bias=(GROUNDED,), respondents=("P-1",)),
        sign("T1", (0.9, 0.2, 0.2), test="T1", provenance=ANNOUNCED, respondents=("P-2",)),
        sign("R1", (0.2, 0.6, 0.5), target="rival:boom", provenance=ANNOUNCED, respondents=("P-2",)),
    ]


def _lines(items, facts=None, overrides=()):
    card = Triangulation(theory()).fit(items, overrides=overrides).scorecard(facts)
    return card, {line.id: line for line in card.lines}


def test_a_run_that_meets_everything_may_say_effect():
    doubt = Override(**KEY, by="AL", reason="small", verdict="undecided")
    card, lines = _lines(_complete(), FULL, [doubt])
    assert {line.status for line in lines.values()} == {"met"}
    assert card.may_say_effect
    assert card.open == ()
    assert (effect_word(card), effect_word(card, "sv")) == ("effect", "effekt")


def test_without_facts_the_counterfactual_is_unknown_and_nothing_is_called_an_effect():
    card, lines = _lines(_complete())
    assert (lines["comparison"].status, lines["trends"].status, lines["design"].status) == ("unknown",) * 3
    assert card.open == ("comparison", "trends", "design")
    assert (effect_word(card), effect_word(card, "sv")) == ("difference", "skillnad")


def test_without_an_economic_estimate_there_is_no_counterfactual():
    card, lines = _lines([one for one in _complete() if one.stream != "economic"], FULL)
    assert lines["comparison"].status == "not met"
    assert not card.may_say_effect


@pytest.mark.parametrize(
    ("verdict", "status"), [("pass", "met"), ("warn", "not met"), ("fail", "not met"), ("info", "unknown")]
)
def test_trends_before_joining(verdict, status):
    facts = RunFacts(comparison="matched firms", checks=(Check(name=TRENDS, verdict=verdict),), plan_registered=True)
    card, lines = _lines(_complete(), facts)
    assert lines["trends"].status == status
    assert card.may_say_effect == (status == "met")


@pytest.mark.parametrize(
    ("registered", "designs", "status"),
    [
        (None, (), "unknown"),
        (None, ("matched",), "not met"),
        (None, ("matched", "group-time"), "met"),
        (False, ("matched", "group-time"), "met"),
        (False, (), "not met"),
        (True, (), "met"),
    ],
)
def test_the_design_is_registered_or_compared(registered, designs, status):
    card, lines = _lines(_complete(), RunFacts(plan_registered=registered, designs=designs))
    assert lines["design"].status == status
    text = card.table().set_index("question")["evidence"][
        "Was the design registered beforehand, or compared with others?"
    ]
    assert text.startswith(
        {None: "plan registered: not known", True: "plan registered: yes"}.get(registered, "plan registered: no")
    )


def test_bias_must_be_stated_and_grounded():
    silent = [did(0.1, 0.02, bias=()), *_complete()[1:]]
    card, lines = _lines(silent, FULL)
    assert lines["biases"].status == "not met"
    assert lines["biases"].named == ("did (growth × K01)",)
    assert not card.may_say_effect
    groundless = [did(0.1, 0.02), *_complete()[1:]]
    card, lines = _lines(groundless, FULL)
    assert (lines["biases"].status, lines["grounds"].status) == ("met", "not met")
    assert card.open == ("grounds",)


def test_blank_notes_and_a_bias_of_nothing_state_nothing():
    """An answer by form only is no answer."""

    def first(**term):
        return [did(0.1, 0.02, bias=(BiasTerm(domain="selection", **term),)), *_complete()[1:]]

    assert _lines(first(sd=0.03, note="  "), FULL)[1]["grounds"].named == ("did (growth × K01)",)
    assert _lines(first(sd=0.0, note="randomised"), FULL)[1]["biases"].named == ("did (growth × K01)",)
    assert _lines(first(sd=0.0, mean_range=(-0.01, 0.01), note="experts"), FULL)[1]["biases"].status == "met"
    assert _lines(first(sd=0.0, mean=0.01, note="a trial"), FULL)[1]["biases"].status == "met"
    blank = BiasEvidence(id="B", **KEY, stream="interviews", target_stream="economic", shift=0.01, note=" ", source="X")
    assert _lines([*_complete(), blank], FULL)[1]["grounds"].status == "met"


def test_blank_comparisons_and_designs_named_twice_answer_nothing():
    _, lines = _lines(_complete(), RunFacts(comparison="  ", designs=("matched", "matched ", " ")))
    assert (lines["comparison"].status, lines["comparison"].named) == ("unknown", ())
    assert (lines["design"].status, lines["design"].named) == ("not met", ("matched",))
    assert _lines(_complete(), RunFacts(designs=(" ",)))[1]["design"].status == "unknown"


def test_bias_evidence_needs_a_ground_too():
    shift = BiasEvidence(id="B", **KEY, stream="interviews", target_stream="economic", shift=0.01)
    _, lines = _lines([*_complete(), shift], FULL)
    assert lines["grounds"].named == ("B (growth × K01)",)


def test_rivals_that_nobody_looked_into():
    card, lines = _lines([one for one in _complete() if one.id != "R1"], FULL)
    assert lines["rivals named"].status == "met"
    assert lines["rivals examined"].named == ("boom (growth)",)
    assert card.may_say_effect


def test_signs_announced_late_or_by_nobody():
    known = [did(0.1, 0.02, bias=(GROUNDED,)), sign("T1", provenance=ANNOUNCED)]
    late = sign("T2", provenance=EvidenceProvenance(pre_registered=False))
    suggested = sign("T3", suggested_by="T1", dependence="T", rho=1.0)
    assert _lines([*known, late])[1]["tests"].status == "not met"
    assert _lines([*known, suggested])[1]["tests"].status == "not met"
    assert _lines([*known, sign("T4")])[1]["tests"].status == "unknown"
    assert _lines([*known, sign("T4")])[1]["tests"].named == ("T4 (growth × K01)",)
    assert _lines(known[:1])[1]["tests"].status == "not applicable"


def test_answers_from_unnamed_persons_and_fragile_verdicts():
    _, lines = _lines([did(0.1, 0.01, 0.0), sign("T1", (0.5, 0.45, 0.45))])
    assert lines["dependence"].named == ("T1 (growth × K01)",)
    assert lines["robust"].status == "not met"
    assert lines["robust"].named == ("growth × K01",)
    _, lines = _lines([did(0.03, 0.05)])
    assert (lines["dependence"].status, lines["robust"].status) == ("not applicable", "not applicable")


def test_a_group_within_one_perspective_does_not_say_who_answered_in_the_other():
    apart = [survey(dependence="survey:K01"), sign("T1", dependence="interviews:K01", rho=0.5)]
    named = ("scale (growth × K01)", "T1 (growth × K01)")
    _, lines = _lines(apart)
    assert (lines["dependence"].status, lines["dependence"].named) == ("not met", named)
    assert [_lines([one])[1]["dependence"].status for one in apart] == ["met", "met"]
    together = [survey(dependence="both", rho=0.5), sign("T1", dependence="both", rho=0.5)]
    assert _lines(together)[1]["dependence"].status == "met"
    on_a_rival = [apart[0], sign("R1", dependence="interviews:K01", rho=0.5, target="rival:boom")]
    assert _lines(on_a_rival)[1]["dependence"].status == "met"
    known = [survey(respondents=("P-1",)), sign("T1", dependence="interviews:K01", rho=0.5, respondents=("P-2",))]
    assert _lines(known)[1]["dependence"].status == "met"


def test_estimates_far_from_the_prior():
    _, lines = _lines([did(0.9, 0.02, 0.0)])
    assert lines["prior"].named == ("growth × K01",)


def test_the_table_speaks_two_languages_and_shortens_lists():
    many = [did(0.1, 0.02, bias=(), group=f"K{i}", id=f"did {i}") for i in range(9)]
    card, _ = _lines(many, FULL)
    table = card.table()
    assert table.columns.tolist() == ["criterion", "question", "status", "evidence", "essential"]
    assert table["criterion"].nunique() == 3
    row = table.set_index("question").loc["Is the bias of every estimate stated?"]
    assert row["status"] == "not met"
    assert row["evidence"].startswith("0 of 9 estimates state a bias; without: did 0 (growth × K0)")
    assert row["evidence"].endswith("4 more")
    assert card.table("sv")["status"].isin(STATUS["sv"].values()).all()
    assert not (card.table("sv")["question"] == table["question"]).any()


@pytest.mark.parametrize("words", [ANSWERS, CRITERIA, QUESTIONS, STATUS])
def test_both_languages_have_the_same_entries(words):
    assert list(words["en"]) == list(words["sv"])


def test_empty_runs_have_a_scorecard():
    card, lines = _lines([])
    assert lines["comparison"].status == "not met"
    assert not card.may_say_effect
    assert len(card.table()) == len(lines) == 12
    assert len(_lines([*worked_example(), *interviews()[:0]])[1]) == 12


def test_other_languages_are_refused():
    card, _ = _lines([did()])
    for ask in (card.table, lambda language: effect_word(card, language)):
        with pytest.raises(OptionError, match="language 'de'"):
            ask("de")
