"""Whole studies on simulated regions against their truth; docs/explanation/validation.md has the full tables."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from clustereffects.datasets import RegionOptions

_FILE = Path(__file__).parents[2] / "benchmarks" / "validation.py"
_SPEC = importlib.util.spec_from_file_location("validation", _FILE)
validation = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(validation)

SMALL = RegionOptions(n_firms=5_000, n_organisations=8, n_members=240, n_interviews=32)
LARGE = RegionOptions(n_firms=8_000, n_organisations=10, n_members=400, n_interviews=60)


def shares(records):
    """Coverage of organisations' intervals, errors of the programme in standard errors by firm, verdicts."""
    estimates = validation.errors_of_estimates(records, "organisations", ["kind"]).set_index("kind")
    scores = [
        1.96 * (row["estimate"] - row["truth"]) / (row["high"] - row["estimate"])
        for record in records
        for row in record["programme"]
        if (row["way"], row["errors"]) == ("matched_did", "firm")
    ]
    return estimates["covered"], np.array(scores), validation.verdict_frame(records)


def false_verdicts(frame, state):
    """Verdicts for a state among the claims of which it is not true, and among the verdicts given."""
    wrong = int(((frame["said"] == state) & (frame["state"] != state)).sum())
    return wrong / (frame["state"] != state).sum(), wrong / max((frame["said"] == state).sum(), 1)


def assert_honest(records):
    covered, scores, frame = shares(records)
    assert (np.abs(scores) < 3.5).all()
    assert covered["own"] > 0.8
    assert covered["pooled"] > 0.75
    for state in ("benefit", "harm"):
        among_others, among_given = false_verdicts(frame, state)
        assert among_others <= 0.08
        if (frame["state"] == state).any():
            assert among_given <= 0.15
    opposite = {"benefit": "harm", "harm": "benefit"}
    assert not (frame["said"] == frame["state"].map(opposite)).any()


def test_what_is_there_is_found_and_nothing_else():
    records = [validation.measure(seed, "baseline", SMALL) for seed in (1, 2)]
    assert_honest(records)
    frame = validation.verdict_frame(records)
    there = frame[frame["state"] == "benefit"]
    assert (there["said"] == "benefit").mean() > 0.2
    tables = validation.programme_table, validation.organisation_table
    assert [len(table(records)) for table in tables] == [4, 2]
    assert validation.verdict_table(frame)["n"].sum() == len(frame) == 2 * 6 * 8
    assert validation.calibration(frame)["n"].sum() == frame["p_benefit"].count() + frame["p_harm"].count()
    assert set(validation.calibration_table(frame)["chance of"]) == {"benefit", "harm"}


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["baseline", "null"])
def test_intervals_cover_and_verdicts_are_seldom_false(scenario):
    records = [validation.measure(seed, scenario, LARGE) for seed in range(1, 9)]
    assert_honest(records)
    covered, scores, frame = shares(records)
    assert 0.88 < covered["own"] <= 1.0
    assert covered["pooled"] > 0.88
    assert np.sqrt((scores**2).mean()) < 1.7
    if scenario == "null":
        assert (frame["said"].isin(["benefit", "harm"])).mean() < 0.02


@pytest.mark.slow
def test_diverging_trends_mislead_and_the_page_says_so():
    records = [validation.measure(seed, "violated", LARGE) for seed in range(1, 5)]
    found = validation.errors_of_estimates(records, "programme", ["way", "errors"]).set_index(["way", "errors"])
    assert found.loc[("matched_did", "firm"), "error"] > 0.03
    assert found.loc[("matched_did", "firm"), "covered"] < 0.5
    frame = validation.verdict_frame(records)
    assert not ((frame["said"] == "benefit") & (frame["state"] == "harm")).any()
