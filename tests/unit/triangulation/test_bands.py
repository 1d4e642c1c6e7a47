import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustereffects.results import BiasEvidence, Silence
from clustereffects.triangulation import Triangulation
from clustereffects.triangulation.bands import SCALE, band_word, bands_table, percent_range
from triangulation_cases import KEY, PRIOR, did, interviews, sign, survey, theory, worked_example


def _bands(items, language="en"):
    return Triangulation(theory(), prior=PRIOR).fit(items).bands(language)


@pytest.mark.parametrize(
    ("lower", "upper", "word"),
    [
        (0.80, 0.90, "likely"),
        (0.85, 0.85, "likely"),
        (0.88, 0.992, "likely"),
        (0.90, 0.90, "very likely"),
        (0.969, 0.969, "extremely likely"),
        (0.995, 0.999, "virtually certain"),
        (0.55, 0.60, "about as likely as not"),
        (0.55, 0.80, "more likely than not"),
        (0.30, 0.70, ""),
        (0.05, 0.20, "unlikely"),
        (0.0, 0.0, "exceptionally unlikely"),
    ],
)
def test_words_are_those_of_the_published_scale(lower, upper, word):
    assert band_word(lower, upper) == word


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_widening_bounds_never_makes_a_stronger_word(one, two, three):
    low, middle, high = sorted((one, two, three))
    names = [word for word, _, _ in SCALE] + [""]
    narrow, wide = band_word(middle, high), band_word(low, high)
    if narrow in {"virtually certain", "extremely likely", "very likely", "likely", "more likely than not"}:
        assert names.index(wide) >= names.index(narrow)
    for word, least, most in SCALE:
        if word == wide:
            assert least <= low <= high <= most


@pytest.mark.parametrize(("lower", "upper"), [(0.6, 0.5), (-0.1, 0.5), (0.5, 1.1)])
def test_what_are_no_bounds(lower, upper):
    with pytest.raises(ValueError, match="not bounds"):
        band_word(lower, upper)


@pytest.mark.parametrize(
    ("lower", "upper", "text"),
    [(0.0, 1.0, "<1–>99 %"), (0.001, 0.4, "<1–40 %"), (0.881, 0.884, "88 %"), (0.0, 0.0, "mindre än 1 %")],
)
def test_percentages_are_never_certain(lower, upper, text):
    assert percent_range(lower, upper, "sv") == text


def test_the_worked_example_in_words():
    row = _bands(worked_example()).iloc[0]
    assert row["state"] == "benefit"
    assert row["words"] == "extremely likely, 97 %"
    assert row["number"] == "97 %"
    assert row["judgement"] == (
        "prior; bias of the economic estimate (selection); bias of the survey (self-report); probabilities of signs (3); "
        "reliability of reports; correlation between answers"
    )
    assert row["tipping"].startswith("Dropping any one stream leaves the verdict unchanged.")


def test_a_withheld_verdict_has_bounds_but_no_number():
    ranged = [did(bias_range=(-0.02, 0.02)), survey(bias_range=(0.02, 0.10)), *interviews()]
    row = _bands(ranged).iloc[0]
    assert (row["verdict"], row["words"], row["number"]) == ("withheld", "likely, 88–99 %", "")
    assert "bias of the survey (self-report, as a range)" in row["judgement"]
    assert _bands(ranged, "sv").iloc[0]["words"] == "sannolikt, 88–99 %"


def test_harm_and_null_are_said_as_plainly_as_benefit():
    def mirrored(value):
        return _bands([did(value, 0.02, 0.01)]).iloc[0]

    assert mirrored(-0.1)["words"] == mirrored(0.1)["words"]
    assert (mirrored(-0.1)["state"], mirrored(0.1)["state"]) == ("harm", "benefit")
    null = _bands([did(0.0, 0.002, 0.001)]).iloc[0]
    assert (null["state"], null["verdict"]) == ("negligible effect", "no material effect")
    assert null["words"].startswith("virtually certain")
    assert _bands([did(-0.1, 0.02, 0.01)], "sv").iloc[0]["state"] == "skada"


def test_bounds_that_fit_no_word_are_open():
    row = _bands([did(0.02, 0.01, 0.01, bias_range=(-0.05, 0.05))]).iloc[0]
    assert row["words"].startswith("open, ")


def test_every_judgement_is_named():
    items = [
        did(),
        sign("one", test="T1", dependence="g", rho=0.5),
        sign("two", test="T1", dependence="g", rho=0.5),
        BiasEvidence(id="B", **KEY, stream="interviews", target_stream="economic", shift=0.01, sd=0.01),
        Silence(**KEY, stream="documents", reason="searched_not_found", p_detect=0.5),
    ]
    text = _bands(items).iloc[0]["judgement"]
    assert "probabilities of signs (1)" in text
    assert "correlation between answers" in text
    assert "size of biases that signs point to (1)" in text
    assert "chance of finding what was searched for" in text


def test_never_more_than_two_digits():
    items = [
        item for i, v in enumerate(np.linspace(-0.2, 0.2, 9)) for item in (did(v, 0.03, group=f"K{i}", id=f"d{i}"),)
    ]
    for language in ("en", "sv"):
        for text in _bands(items, language)["words"]:
            assert re.fullmatch(r"[^\d]+((<1|\d{1,2})(–>?\d{1,2})?) %", text), text


def test_silent_cells_have_no_band():
    quiet = Silence(**KEY, stream="survey", reason="not_asked")
    assert _bands([quiet]).empty
    assert bands_table([], Triangulation(theory()).thresholds, "sv").empty
