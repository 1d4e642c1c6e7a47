"""How often each engine is wrong in worlds whose effects are known: why the comparison engines are not the verdict."""

import numpy as np
import pytest

from clustereffects.triangulation import Thresholds
from clustereffects.triangulation.cell_finding import find_cell
from clustereffects.triangulation.comparison import compare
from clustereffects.triangulation.sorting import sort_evidence
from triangulation_cases import PRIOR, did, sign, survey, theory

CHANCES = (0.6, 0.4, 0.35)
INTERVIEWS = 8
ENGINES = ["bayes", "linear_pool", "log_pool", "vote", "p_values"]


def organisation(rng, name, effect):
    """Accounts without bias, a survey whose respondents are too kind, and interviews that all repeat one rumour."""
    heard = rng.uniform() < (CHANCES[0] if effect > 0.01 else CHANCES[1] if effect >= -0.01 else CHANCES[2])
    kindness = rng.normal(0.05, 0.03)
    accounts = did(value=rng.normal(effect, 0.03), std_error=0.03, bias_sd=0.0, group=name)
    answers = survey(value=rng.normal(effect + kindness, 0.02), bias_sd=0.03, group=name)
    rumour = {"observed": heard, "dependence": "rumour", "rho": 1.0, "group": name}
    return [accounts, answers, *(sign(f"I{i}", CHANCES, **rumour) for i in range(INTERVIEWS))]


def world(effects, seed):
    rng, built = np.random.default_rng(seed), theory()
    items = [item for i, effect in enumerate(effects) for item in organisation(rng, f"K{i:04d}", effect)]
    cells = [
        find_cell(built.claim(claim), group, cell, PRIOR, Thresholds())
        for (claim, group), cell in sort_evidence(built, items).items()
    ]
    return compare(cells, ENGINES)


def share(table, word):
    return (table["verdict"] == word).groupby(table["engine"]).mean()


def check_false_benefit(count):
    found = share(world(np.zeros(count), seed=7), "probably beneficial")
    slack = 3 * np.sqrt(0.05 * 0.95 / count)
    assert found["bayes"] < 0.05 + slack
    # What ignores the survey's kindness and the rumour is wrong about half of the time.
    assert found["p_values"] > 0.4
    assert found["vote"] > 0.25
    assert found["vote"] > 3 * found["bayes"]
    assert found[["linear_pool", "log_pool"]].max() <= found["bayes"] + slack


def check_calibration(count):
    rng = np.random.default_rng(11)
    sd = np.where(rng.uniform(size=count) < PRIOR.wide_weight, PRIOR.wide_sd, PRIOR.sceptical_sd)
    effects = sd * rng.normal(size=count)
    table = world(effects, seed=12).set_index(["engine", "group"])
    scores = {name: table.loc[name, "score"].to_numpy(float) for name in ("bayes", "linear_pool", "log_pool")}
    brier = {name: np.mean((score - (effects > 0.01)) ** 2) for name, score in scores.items()}
    assert brier["bayes"] < brier["log_pool"] < brier["linear_pool"]
    sure = scores["bayes"] >= 0.9
    assert (effects[sure] > 0.01).mean() == pytest.approx(
        scores["bayes"][sure].mean(), abs=3 * 0.3 / np.sqrt(sure.sum())
    )


def test_who_calls_nothing_a_benefit():
    check_false_benefit(50)


def test_whose_probabilities_can_be_believed():
    check_calibration(50)


@pytest.mark.slow
def test_who_calls_nothing_a_benefit_in_full():
    check_false_benefit(1000)


@pytest.mark.slow
def test_whose_probabilities_can_be_believed_in_full():
    check_calibration(1500)
