import numpy as np
import pytest

from clustereffects.triangulation import VERDICTS, Reasons, Thresholds, Tip, tipping_sentence
from clustereffects.triangulation.sensitivity import LeftOut
from clustereffects.triangulation.sentences import percent, two_digits
from clustereffects.triangulation.verdicts import verdict


def _exact(*probability):
    p = np.array(probability)
    return verdict(p, np.stack([p, p], axis=1), Thresholds())


@pytest.mark.parametrize(
    ("probability", "word"),
    [
        ((0.0, 0.005, 0.995), "beneficial"),
        ((0.02, 0.03, 0.95), "probably beneficial"),
        ((0.02, 0.95, 0.03), "no material effect"),
        ((0.001, 0.998, 0.001), "no material effect"),
        ((0.95, 0.03, 0.02), "probably harmful"),
        ((0.995, 0.005, 0.0), "harmful"),
        ((0.1, 0.05, 0.85), "undecided"),
    ],
)
def test_vocabulary(probability, word):
    assert _exact(*probability) == word
    assert word in VERDICTS


def test_a_threshold_inside_the_bounds_withholds_the_verdict():
    p = np.array([0.02, 0.03, 0.95])
    bounds = np.array([[0.0, 0.1], [0.0, 0.1], [0.89, 0.97]])
    assert verdict(p, bounds, Thresholds()) == "withheld"
    assert verdict(p, bounds, Thresholds(benefit=0.85)) == "probably beneficial"
    assert verdict(p, np.array([[0.9, 0.95], [0.0, 0.1], [0.0, 0.1]]), Thresholds()) == "probably beneficial"


def test_probably_is_dropped_only_if_the_lower_bound_allows_it():
    p = np.array([0.0, 0.005, 0.995])
    assert verdict(p, np.array([[0.0, 0.01], [0.0, 0.02], [0.98, 0.999]]), Thresholds()) == "probably beneficial"


def _left(stream, *, flips):
    return LeftOut(
        kind="stream", name=stream, verdict="undecided", probability=(0.1, 0.1, 0.8), mean=0.0, sd=1.0, flips=flips
    )


def _tip(quantity, stream, current, tips_at):
    becomes = "" if np.isnan(tips_at) else "undecided"
    return Tip(quantity=quantity, stream=stream, current=current, tips_at=tips_at, verdict="x", becomes=becomes)


def test_sentences_name_what_the_verdict_hangs_on():
    reasons = Reasons(
        verdict="probably beneficial",
        left_out=(_left("economic", flips=True), _left("survey", flips=False)),
        tips=(
            _tip("bias", "economic", 0.0, -0.0391),
            _tip("power", "economic", 1.0, 0.42),
            _tip("power", "survey", 1, np.nan),
        ),
    )
    assert tipping_sentence(reasons) == (
        "Without the economic estimate the verdict would change. A mean bias of -0.039 in the economic estimate "
        "(assumed 0) would change the verdict; giving the economic estimate 42 % of the weight would change it."
    )
    assert tipping_sentence(reasons, "sv") == (
        "Utan den ekonomiska skattningen skulle omdömet ändras. En genomsnittlig skevhet på -0,039 i den "
        "ekonomiska skattningen (antagen 0) skulle ändra omdömet; att ge den ekonomiska skattningen 42 % av vikten "
        "skulle ändra det."
    )


def test_sentences_of_one_stream_and_of_nothing_to_tip():
    reasons = Reasons(
        verdict="beneficial",
        left_out=(_left("survey", flips=True),),
        tips=(_tip("bias", "survey", 0.1, np.nan), _tip("power", "survey", 1.0, np.nan)),
    )
    assert tipping_sentence(reasons) == (
        "Rests on the survey alone. No bias within reach would change it; no weight of a single stream would change it."
    )
    assert not tipping_sentence(Reasons(verdict="undecided"))


def test_sentences_without_estimates_name_the_likelihood_ratio():
    tips = (_tip("power", "interviews", 1.0, np.nan), _tip("ratio", "", 12.0, 4.26), _tip("prior", "", 0.2, np.nan))
    reasons = Reasons(verdict="probably beneficial", tips=tips)
    assert tipping_sentence(reasons) == (
        "A combined likelihood ratio of 4.3 for benefit (now 12) would change the verdict; no weight of a single stream "
        "would change it."
    )
    assert tipping_sentence(reasons, "sv").startswith("En sammanlagd sannolikhetskvot på 4,3 för nytta (nu 12)")


def test_sentences_of_withheld_and_silent():
    straddling = (("benefit", 0.8794, 0.9923, 0.9),)
    assert tipping_sentence(Reasons(verdict="withheld", straddling=straddling)) == (
        "Withheld: within the declared ranges the probability of benefit runs from 88 % to 99 %, across the limit of 90 %."
    )
    assert tipping_sentence(Reasons(verdict="silent")) == "No evidence: nothing was handed in."
    silent = Reasons(verdict="silent", silences={"survey": "not_asked", "documents": "searched_not_found"})
    assert tipping_sentence(silent, "sv").startswith("Inget underlag: enkäten (inte tillfrågad), dokumenten (eftersökt")
    aside = Reasons(verdict="silent", silences={"survey": "missing"}, aside=True)
    assert tipping_sentence(aside) == "No evidence: the survey (missing), nothing but signs of biases or of rivals."


def test_numbers_in_sentences_have_two_digits():
    assert [two_digits(x) for x in (0.0, 0.0391, -0.125, 12.34, 98765.0)] == ["0", "0.039", "-0.12", "12", "99000"]
    assert [percent(x) for x in (0.0049, 0.005, 0.9949, 0.995)] == ["less than 1 %", "0 %", "99 %", "more than 99 %"]
    with pytest.raises(ValueError, match="has no digits"):
        two_digits(np.nan)
