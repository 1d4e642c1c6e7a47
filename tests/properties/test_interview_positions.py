"""Whatever the text and the way of counting line breaks: the quotes come back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustereffects.interviews._positions import Place, read_places
from clustereffects.interviews.probative import bias_probability, report_error

LINES = st.lists(st.text("aåö .,é😀", min_size=1, max_size=30), min_size=2, max_size=8)
SHARES = st.floats(0.01, 0.99)


@given(LINES, st.sampled_from([("\n", 1), ("\n", 2), ("\r\n", 1), ("\r\n", 2), ("\r", 1)]))
def test_numbered_lines_come_back_under_every_convention(lines, style):
    newline, counted = style
    quotes = [f"rad {number}: {line.strip()} slut" for number, line in enumerate(lines)]
    text = "\n".join(quotes)
    starts = np.cumsum([0, *(len(quote) + counted for quote in quotes[:-1])])
    places = [Place(int(start), int(start) + len(quote), quote) for start, quote in zip(starts, quotes, strict=True)]
    reading = read_places(text.replace("\n", newline), places)
    assert reading.text == text
    assert [reading.text[place.start : place.end] for place in reading.places] == quotes
    assert {place.status for place in reading.places} == {"exact"}


@given(st.text("ab \r\n", max_size=40), st.integers(-5, 60), st.integers(-5, 60), st.text("ab \n", max_size=10))
def test_any_positions_are_survived(raw, start, end, hint):
    (place,) = read_places(raw, [Place(start, end, hint)]).places
    assert place.status in {"exact", "moved", "mismatch", "unverifiable", "outside"}


@given(SHARES, SHARES, st.integers(1, 5), st.sampled_from(["either", "both"]))
def test_joint_reports_are_probabilities(epsilon, noise, coders, combine):
    joint, q = report_error(epsilon, noise, coders, combine)
    assert 0 <= joint <= 1
    assert 0 <= q <= 1


@given(st.integers(1, 12), SHARES, SHARES)
def test_a_bias_becomes_more_probable_the_more_interviews_raise_it(interviews, anyway, prior):
    chances = [bias_probability(heard, interviews, anyway, prior) for heard in range(interviews + 1)]
    assert (np.diff(chances) > -1e-9).all()
    assert all(0 <= chance <= 1 for chance in chances)
    assert bias_probability(0, 0, anyway, prior) == pytest.approx(prior)
