"""Simulation: intervals cover, alpha's interval covers, and courtesy alone does not pass for an effect."""

import json

import numpy as np
import pandas as pd
import pytest

from clustereffects.datasets import RegionOptions, simulate_region
from clustereffects.inference.quantiles import critical_value
from clustereffects.results import Diagnostic
from clustereffects.survey import Codebook, Scale, Survey, cronbach_alpha
from clustereffects.survey.design import simple_mean

GRID = [(40, 20, 1500), pytest.param(200, 30, 20000, marks=pytest.mark.slow)]


@pytest.mark.parametrize(("population", "n", "draws"), GRID)
def test_interval_of_a_finite_population_covers(population, n, draws):
    rng = np.random.default_rng(20)
    scores = rng.integers(4, 21, population) / 4
    found = [simple_mean(rng.choice(scores, n, replace=False), population) for _ in range(draws)]
    critical = critical_value(0.95, n - 1)
    covered = np.mean([abs(f.mean - scores.mean()) <= critical * f.std_error for f in found])
    assert abs(covered - 0.95) < 4 * np.sqrt(0.95 * 0.05 / draws)
    spread = np.std([f.mean for f in found])
    assert np.sqrt(np.mean([f.variance for f in found])) == pytest.approx(spread, rel=0.05)


@pytest.mark.parametrize(("respondents", "draws"), [(60, 600), pytest.param(60, 10000, marks=pytest.mark.slow)])
def test_feldt_interval_covers_and_the_standard_error_is_right(respondents, draws):
    """Four parallel normal items with communality 0.4: alpha is 4·0.4 / (1 + 3·0.4)."""
    rng, truth = np.random.default_rng(21), 1.6 / 2.2
    found = []
    for _ in range(draws):
        common = rng.normal(0, np.sqrt(0.4), (respondents, 1))
        found.append(cronbach_alpha(common + rng.normal(0, np.sqrt(0.6), (respondents, 4))))
    covered = np.mean([f.low <= truth <= f.high for f in found])
    assert abs(covered - 0.95) < 4 * np.sqrt(0.95 * 0.05 / draws)
    assert np.mean([f.std_error for f in found]) == pytest.approx(np.std([f.alpha for f in found]), rel=0.1)


def _survey(rng, organisations, firms, effect):
    """Organisations whose respondents share a courtesy that has nothing to do with effects."""
    codebook = Codebook(
        scales=(
            Scale(name="growth", items=("g1", "g2", "g3"), reversed=("g3",), minimum=1, maximum=5, claim="growth"),
            Scale(name="control", items=("c1", "c2"), minimum=1, maximum=5, negative_control=True),
        )
    )
    names = np.repeat([f"K{i:02d}" for i in range(organisations)] + [""], [firms] * organisations + [8 * firms])
    courtesy = dict(zip(np.unique(names), [0.0, *rng.normal(0.4, 0.4, organisations)], strict=True))
    mood = np.array([courtesy[name] for name in names]) + rng.normal(0, 0.5, len(names))
    gain = mood + np.where(names == "", 0.0, effect)
    signs = {"g1": (gain, 1), "g2": (gain, 1), "g3": (gain, -1), "c1": (mood, 1), "c2": (mood, 1)}
    answers = pd.DataFrame(
        {
            item: np.clip(np.round(3 + sign * (level + rng.normal(0, 0.7, len(names)))), 1, 5)
            for item, (level, sign) in signs.items()
        }
    )
    keys = {"respondent": range(len(names)), "orgnr": np.arange(len(names)) + 5561000000, "organisation": names}
    return Survey(answers.assign(**keys, wave=2012), codebook=codebook)


@pytest.mark.parametrize(("draws", "firms"), [(12, 25), pytest.param(80, 25, marks=pytest.mark.slow)])
def test_courtesy_passes_no_more_often_than_the_size_of_the_test(draws, firms):
    rng = np.random.default_rng(22)
    null = [item.observed for _ in range(draws) for item in _survey(rng, 20, firms, 0.0).as_evidence()]
    assert len(null) == 20 * draws
    assert np.mean(null) < 0.1 + 4 * np.sqrt(0.1 * 0.9 / len(null))
    real = [item.observed for _ in range(draws) for item in _survey(rng, 20, firms, 0.6).as_evidence()]
    assert np.mean(real) > 0.85


def test_the_courtesy_bias_of_an_estimate_brings_it_back():
    rng = np.random.default_rng(23)
    raw, adjusted = [], []
    for _ in range(12):
        for item in _survey(rng, 20, 25, 0.0).as_evidence(estimates=["growth"]):
            (bias,) = item.bias
            raw.append(item.value)
            adjusted.append((item.value - bias.mean) / np.hypot(item.std_error, bias.sd))
    assert np.mean(raw) > 0.25
    assert abs(np.mean(adjusted)) < 0.5
    assert np.mean(np.abs(adjusted) < 1.96) > 0.9


def test_a_simulated_region_is_read_as_it_was_written(tmp_path):
    simulate_region(tmp_path, RegionOptions(n_firms=2000, n_members=200, n_interviews=16), rng=24)
    truth = json.loads((tmp_path / "truth.json").read_text(encoding="utf-8"))
    waves = sorted(tmp_path.glob("survey_20*"))
    assert len(waves) == 3
    codebook = Codebook.from_toml(tmp_path / "codebook.toml")
    survey = Survey(waves, codebook=codebook, frame=tmp_path / "survey_frame.csv")
    rates = survey.nonresponse().query("wave == 'all'").set_index("organisation")["response_rate"]
    for name, organisation in truth["survey"]["organisations"].items():
        assert rates[name] == pytest.approx(organisation["response_rate"], abs=1e-12)
    claims = {name: organisation["claims"] for name, organisation in truth["organisations"].items()}
    tests = [item for item in survey.as_evidence() if isinstance(item, Diagnostic)]
    passed = {item.observed: [] for item in tests}
    for item in tests:
        passed[item.observed].append(claims[item.group][item.claim]["value"])
    assert np.mean(passed[True]) > np.mean(passed[False])
