import math

import numpy as np
import pytest

from clustereffects.errors import OptionError
from clustereffects.interviews.agreement import cohen_kappa
from clustereffects.triangulation import Triangulation
from clustereffects.triangulation.overrides import Override, check_overrides, override_agreement
from triangulation_cases import did, survey, theory, worked_example

ABOUT = {"claim": "growth", "group": "K01", "by": "AL", "reason": "the largest member moved abroad"}


def _many(words, computed):
    """One judgement of a researcher for each computed verdict."""
    groups = [f"K{i}" for i in range(len(words))]
    given = [
        Override(claim="growth", group=group, by="AL", reason="r", verdict=word)
        for group, word in zip(groups, words, strict=True)
    ]
    return given, {("growth", group): word for group, word in zip(groups, computed, strict=True)}


@pytest.mark.parametrize("reason", ["", "  ", "\n"])
def test_an_override_without_a_reason_is_refused(reason):
    with pytest.raises(OptionError, match="no reason"):
        Override(**ABOUT | {"reason": reason}, verdict="undecided")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({}, "either a verdict or a code"),
        ({"verdict": "undecided", "code": "partial", "streams": ("survey", "economic")}, "either a verdict or a code"),
        ({"verdict": "rather good"}, "unknown verdict 'rather good'"),
        ({"code": "harmony", "streams": ("economic", "survey")}, "unknown code 'harmony'"),
        ({"code": "partial"}, "two different ones"),
        ({"code": "partial", "streams": ("survey", "survey")}, "two different ones"),
        ({"code": "partial", "streams": ("survey", "gossip")}, "two different ones"),
        ({"verdict": "undecided", "streams": ("survey",)}, "streams with a code only"),
        ({"verdict": "undecided", "by": ""}, "no by"),
    ],
)
def test_what_cannot_be_an_override(more, message):
    with pytest.raises(OptionError, match=message):
        Override(**ABOUT | more)


def test_all_problems_at_once():
    with pytest.raises(OptionError) as caught:
        Override(claim="", group="", by="", reason="")
    assert len(caught.value.problems) == 5


def test_streams_have_one_order():
    one = Override(**ABOUT, code="partial", streams=("interviews", "economic"))
    assert one == Override(**ABOUT, code="partial", streams=("economic", "interviews"))
    assert one.about == ("growth", "K01", "economic", "interviews")


def test_overrides_stand_beside_what_was_computed_and_change_nothing():
    doubts = [
        Override(**ABOUT, verdict="undecided", date="2014-05-02"),
        Override(**ABOUT, code="partial", streams=("survey", "economic")),
    ]
    plain = Triangulation(theory()).fit(worked_example())
    findings = Triangulation(theory()).fit(worked_example(), overrides=doubts)
    assert findings.verdicts().equals(plain.verdicts())
    assert findings.convergence().drop(columns="researchers").equals(plain.convergence().drop(columns="researchers"))
    assert findings.convergence()["researchers"].tolist() == ["AL: partial", "", ""]
    table = findings.overrides()
    assert table["computed"].tolist() == ["probably beneficial", "agreement"]
    assert table["judged"].tolist() == ["undecided", "partial"]
    assert not table["same"].any()
    assert table["streams"].tolist() == ["", "economic, survey"]
    assert table["date"].tolist() == ["2014-05-02", ""]
    assert plain.overrides().empty


def test_overrides_on_nothing_are_refused_together():
    wrong = [
        Override(**ABOUT | {"group": "K99"}, verdict="undecided"),
        Override(**ABOUT, code="partial", streams=("survey", "documents")),
        Override(**ABOUT, verdict="undecided"),
        Override(**ABOUT, verdict="harmful"),
    ]
    with pytest.raises(OptionError) as caught:
        Triangulation(theory()).fit(worked_example(), overrides=wrong)
    assert [problem.what for problem in caught.value.problems] == [
        "no verdict was computed",
        "no code was computed",
        "AL judged twice",
    ]


def test_foreign_objects_are_no_overrides():
    with pytest.raises(OptionError, match="a str"):
        check_overrides(["undecided"], {})
    with pytest.raises(OptionError, match="a str"):
        Triangulation(theory()).fit([did(), survey()], overrides=["undecided"])


def test_kappa_is_that_of_cohen():
    words = ["undecided"] * 8 + ["probably beneficial"] * 6 + ["no material effect"] * 4
    computed = ["undecided"] * 6 + ["probably beneficial"] * 7 + ["no material effect"] * 5
    (found,) = override_agreement(*_many(words, computed))
    codes = {word: i for i, word in enumerate(sorted(set(words)))}
    expected = cohen_kappa([[codes[a], codes[b]] for a, b in zip(words, computed, strict=True)])
    assert (found.kappa, found.std_error) == (expected.value, expected.std_error)
    assert found.low < found.kappa < found.high
    assert (found.judged, found.same, found.note) == (18, 15, "")
    assert override_agreement(*_many(words, computed)) == (found,)


def test_no_kappa_from_few_judgements():
    (found,) = override_agreement(*_many(["undecided"] * 9, ["undecided"] * 8 + ["harmful"]))
    assert math.isnan(found.kappa)
    assert (found.judged, found.same) == (9, 8)
    assert found.note == "no kappa below 10 judgements"
    (lower,) = override_agreement(*_many(["undecided", "harmful"], ["undecided", "harmful"]), least=2)
    assert lower.kappa == 1


def test_only_disagreements_are_called_that():
    words = ["undecided", "harmful"] * 6
    (found,) = override_agreement(*_many(words, words[::-1]))
    assert found.kappa == pytest.approx(-1)
    assert found.note == "only disagreements were handed in"


def test_one_word_throughout_has_no_kappa():
    (found,) = override_agreement(*_many(["undecided"] * 12, ["undecided"] * 12))
    assert np.isnan(found.kappa)
    assert "undefined" in found.note


def test_agreement_table_of_findings():
    doubt = Override(**ABOUT, verdict="undecided")
    table = Triangulation(theory()).fit(worked_example(), overrides=[doubt]).override_agreement()
    assert table.loc[0, ["by", "what", "judged", "same"]].tolist() == ["AL", "verdict", 1, 0]
