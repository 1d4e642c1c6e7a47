import pytest

from clustereffects.errors import OptionError
from clustereffects.triangulation import bias


@pytest.mark.parametrize(
    ("design", "sd"),
    [
        ({"pretest": True, "local": True, "rich": True}, 0.075),
        ({"pretest": True, "local": True, "rich": False}, 0.10),
        ({"pretest": True, "local": False, "rich": False}, 0.12),
        ({"pretest": False, "local": False, "rich": False}, 0.15),
    ],
)
def test_did_bias_grows_with_what_the_design_lacks(design, sd):
    (term,) = bias.did_bias(**design, outcome_sd=2.0)
    assert term.sd == pytest.approx(2 * sd)
    assert term.mean == 0
    assert "provisional" in term.note


def test_did_bias_refuses_an_impossible_unit():
    with pytest.raises(OptionError, match="outcome_sd is 0"):
        bias.did_bias(outcome_sd=0)


def test_self_report_bias():
    (term,) = bias.self_report_bias(range=(0.02, 0.10), mean=0.05)
    assert (term.mean, term.sd, term.mean_range, term.shared) == (0.05, 0.05, (0.02, 0.10), "self-report")
    with pytest.raises(OptionError, match=r"mean 0.5 with the range \(0.02, 0.1\)"):
        bias.self_report_bias(mean=0.5)


def test_judgements_in_words():
    assert bias.judged_bias("economic", "none", delta=0.01) == ()
    (economic,) = bias.judged_bias("economic", "moderate", delta=0.01)
    (survey,) = bias.judged_bias("survey", "favours the programme", delta=0.01)
    assert (economic.mean, economic.sd) == (0.0, pytest.approx(0.03))
    assert (survey.mean, survey.sd) == (pytest.approx(0.05), pytest.approx(0.05))
    assert survey.mean_range == (pytest.approx(0.02), pytest.approx(0.10))
    with pytest.raises(OptionError, match="judgement 'huge' on stream 'economic'"):
        bias.judged_bias("economic", "huge", delta=0.01)
    with pytest.raises(OptionError, match="on stream 'gossip'"):
        bias.judged_bias("gossip", "low", delta=0.01)


def test_unreliability_in_words():
    assert [bias.judged_unreliability(word) for word in ("none", "some", "serious")] == [0.0, 0.1, 0.2]
    with pytest.raises(OptionError, match="judgement 'little'"):
        bias.judged_unreliability("little")
