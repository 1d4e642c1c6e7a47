"""Errors of verdicts when evidence comes about as declared, and otherwise."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clustereffects.triangulation import Triangulation
from support.evidence_worlds import CHANCES, Design, World, draw, evidence, judge

_FILE = Path(__file__).parents[2] / "benchmarks" / "verdict_errors.py"
_SPEC = importlib.util.spec_from_file_location("verdict_errors", _FILE)
verdict_errors = importlib.util.module_from_spec(_SPEC)
sys.modules["verdict_errors"] = verdict_errors
_SPEC.loader.exec_module(verdict_errors)

GOOD = ("beneficial", "probably beneficial")
BAD = ("harmful", "probably harmful")
THREE = Design(survey_range=None)
RANGED = Design()
INTERVIEWS = Design(accounts=None, survey_error=None, respondents=8)
SHARP = Design(delta=0.05, accounts=(0.4, 0.4), survey_error=None)


def _wrong(drawn, judged, words, state):
    """False verdicts among those given, and how many were given."""
    said = np.isin(judged.verdict, words)
    return int((drawn.state[said] != state).sum()), int(said.sum())


def _at_most(wrong, given, share):
    """Whether a count is compatible with a rate of at most ``share``."""
    return wrong <= share * given + 3 * np.sqrt(share * (1 - share) * given)


def _false_benefits(world, design, worlds=800, seed=31, declared=None):
    drawn = draw(world, design, worlds, seed)
    judged = judge(drawn, declared or design)
    return np.mean(np.isin(judged.verdict[drawn.state != 2], GOOD))


@pytest.mark.parametrize("design", [RANGED, INTERVIEWS, SHARP], ids=["three streams", "interviews", "sharp"])
def test_the_harness_says_what_the_triangulation_says(design):
    drawn = draw(World(), design, 60, seed=1)
    judged = judge(drawn, design)
    chosen = [int(np.flatnonzero(judged.verdict == word)[0]) for word in sorted(set(judged.verdict))]
    chosen = list(dict.fromkeys([*chosen, *range(6)]))
    items = [item for i in chosen for item in evidence(drawn, i, design, group=f"W{i:02d}").items]
    table = Triangulation(design.theory, prior=design.prior).fit(items).verdicts().set_index("group")
    rows = table.loc[[f"W{i:02d}" for i in chosen]]
    assert rows["verdict"].tolist() == judged.verdict[chosen].tolist()
    assert rows[["lower", "upper"]].to_numpy(float) == pytest.approx(judged.bounds[chosen, 2], abs=1e-9)
    shown = rows["p_benefit"].notna().to_numpy()
    assert rows["p_benefit"][shown].to_numpy(float) == pytest.approx(judged.probability[chosen][shown, 2], abs=1e-9)


def test_worlds_are_as_described():
    drawn = draw(World(epsilon=0.0, rho=0.4), Design(respondents=2), 60_000, seed=2)
    for sign in range(3):
        for state in range(3):
            heard = drawn.seen[drawn.state == state][:, sign, :].astype(float)
            assert heard.mean() == pytest.approx(CHANCES[sign, state], abs=0.015)
            assert np.corrcoef(heard.T)[0, 1] == pytest.approx(0.4, abs=0.06)
    off = drawn.survey - drawn.effect
    assert (off.mean(), off.std()) == pytest.approx((5.0, np.hypot(5.0, 2.0)), abs=0.06)
    same = draw(World(rho=1.0, epsilon=0.0), Design(respondents=3), 500, seed=2).seen
    assert (same == same[:, :, :1]).all()
    mood = draw(World(mood=True, rho=0.5, epsilon=0.0), Design(), 60_000, seed=2)
    assert mood.seen[mood.state == 2].mean(axis=(0, 2)) == pytest.approx(CHANCES[:, 2], abs=0.015)


def test_one_mood_moves_survey_and_interviews_together():
    drawn = draw(World(mood=True, rho=0.75, told=1.0), Design(), 20_000, seed=3)
    heard = drawn.seen[drawn.state == 2].mean(axis=(1, 2))
    assert np.corrcoef(heard, (drawn.survey - drawn.effect)[drawn.state == 2])[0, 1] > 0.5


@pytest.mark.parametrize("design", [THREE, INTERVIEWS, SHARP], ids=["three streams", "interviews", "sharp"])
def test_as_declared_false_verdicts_are_at_most_what_the_thresholds_allow(design):
    drawn = draw(World(), design, 1_500, seed=32)
    judged = judge(drawn, design)
    for words, state in ((GOOD, 2), (BAD, 0), (("no material effect",), 1)):
        assert _at_most(*_wrong(drawn, judged, words, state), 0.1)
    firm = np.isin(judged.verdict, ("beneficial", "harmful"))
    assert _at_most(int((drawn.state[firm] == 1).sum()), int(firm.sum()), 0.01)


def test_ranges_withhold_verdicts_instead_of_making_them_wrong():
    drawn = draw(World(), RANGED, 400, seed=33)
    judged, without = judge(drawn, RANGED), judge(drawn, THREE)
    given = judged.verdict != "withheld"
    assert (~given).sum() > 20
    for words in (GOOD, BAD, ("no material effect",)):
        assert np.array_equal(np.isin(judged.verdict[given], words), np.isin(without.verdict[given], words))


@pytest.mark.parametrize("end", [-0.6, 1.0], ids=["lower end", "upper end"])
def test_the_promise_holds_wherever_in_its_range_the_bias_is(end):
    """A verdict is given only if it would be given with any mean in the range, so also with the true one."""
    without_accounts = replace(RANGED, accounts=None)
    drawn = draw(World(survey_mean=end), without_accounts, 400, seed=35)
    judged = judge(drawn, without_accounts)
    for words, state in ((GOOD, 2), (BAD, 0)):
        assert _at_most(*_wrong(drawn, judged, words, state), 0.1)


@pytest.mark.parametrize("rho", [0.0, 1.0])
def test_the_promise_holds_at_either_end_of_a_range_of_dependence(rho):
    ranged = replace(THREE, rho=(0.0, 1.0))
    drawn = draw(World(rho=rho), ranged, 400, seed=36)
    judged = judge(drawn, ranged)
    wrong, given = _wrong(drawn, judged, GOOD, 2)
    assert "withheld" in judged.verdict
    assert given > 50
    assert _at_most(wrong, given, 0.1)


def test_dependence_that_is_not_declared_breaks_the_promise():
    drawn, naive = draw(World(rho=1.0), INTERVIEWS, 800, seed=36), replace(INTERVIEWS, rho=0.0)
    assert not _at_most(*_wrong(drawn, judge(drawn, naive), GOOD, 2), 0.1)


@pytest.mark.parametrize("epsilon", [0.2, 0.3, 0.5])
def test_more_unreliability_than_declared_brings_no_more_false_benefits_than_the_threshold(epsilon):
    drawn = draw(World(epsilon=epsilon), THREE, 4_000, seed=34)
    assert _at_most(*_wrong(drawn, judge(drawn, THREE), GOOD, 2), 0.1)


def test_acquiescence_makes_more_false_benefits_than_random_uselessness():
    useless, polite = (_false_benefits(World(epsilon=0.5, noise=q), THREE) for q in (0.5, 1.0))
    assert polite >= useless


def test_a_bias_of_the_wrong_sign_makes_false_verdicts_and_declaring_it_prevents_them():
    off = World(accounts_mean=2.0)
    assert _false_benefits(off, SHARP) > _false_benefits(World(), SHARP)
    careful = replace(SHARP, accounts=(0.4, 1.0))
    assert _false_benefits(off, SHARP, declared=careful) <= _false_benefits(off, SHARP)


def test_declaring_nothing_makes_false_benefits():
    naive = replace(THREE, accounts=(2.5, 0.0), survey_bias=(0.0, 0.0), epsilon=0.0, rho=0.0)
    assert _false_benefits(World(), THREE, declared=naive) > 0.1
    assert _false_benefits(World(), THREE) < 0.05


@pytest.mark.parametrize("sign", ["hoop", "gun", "straw"])
def test_tempering_is_exact_at_both_ends_and_near_between(sign):
    for rho in (1e-9, 1 - 1e-9):
        assert verdict_errors.tempered(sign, 8, rho)["moved"] < 1e-5
    between = [verdict_errors.tempered(sign, n, rho) for n in (4, 8, 20) for rho in (0.25, 0.5, 0.75)]
    assert max(found["moved"] for found in between) < 0.1
    assert all(0 <= found["lost"] < 0.25 * found["gain"] for found in between)


def test_the_tables_count_every_world_once():
    design = Design()
    found = verdict_errors.study(verdict_errors.Setting("nothing", "as declared"), design, 300)
    assert sum(sum(counts) for counts in found["said"].values()) == 300
    stated = 300 - sum(found["said"]["withheld"])
    assert all(sum(band["n"] for band in bands) == stated for bands in found["bands"].values())
    table = verdict_errors.error_table({"survey / nothing / as declared": found}, "survey")
    assert len(table.splitlines()) == 3


def test_the_page_has_the_stored_figures():
    page = (_FILE.parents[1] / "docs" / "explanation" / "verdict-errors.md").read_text(encoding="utf-8")
    results = verdict_errors._stored()
    assert verdict_errors.calibration_table(results) in page
    assert all(verdict_errors.error_table(results, name) in page for name in verdict_errors.DESIGNS)
