"""Simulated coders with known errors: unreliability, noise and intervals come back, and evidence points the right way."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from clustereffects.interviews import Bridge, BridgeRow, Codings, DiagnosticOptions, bootstrap_agreement

MISS, FALSE = 0.13, 0.045
CODES = [f"M{i}" for i in range(12)]


def coded(rng, interviews, twice, shares, organisation="K01"):
    """Two coders with the same errors; the second reads ``twice`` of the interviews."""
    truth = rng.random((interviews, len(shares))) < shares
    rows = []
    for coder, read in (("AL", interviews), ("BK", twice)):
        heard = np.where(truth, rng.random(truth.shape) > MISS, rng.random(truth.shape) < FALSE)
        for i in range(read):
            codes = [CODES[j] for j in np.flatnonzero(heard[i])] or [""]
            rows += [
                {"source": f"{organisation}-{i}", "organisation": organisation, "coder": coder, "code": code}
                for code in codes
            ]
    return pd.DataFrame(rows)


def test_errors_come_back_in_a_large_sample():
    """With q equal to the base rate the model is exact: misses ε(1-q), false alarms εq."""
    rng = np.random.default_rng(1)
    share = np.full(len(CODES), FALSE / (MISS + FALSE))
    table = Codings(coded(rng, 3000, 3000, share)).unreliability(DiagnosticOptions(pool=0))
    miss = table["unreliability"] * (1 - table["noise"])
    false = table["unreliability"] * table["noise"]
    assert miss.mean() == pytest.approx(MISS, abs=0.01)
    assert false.mean() == pytest.approx(FALSE, abs=0.005)


def test_pooling_over_codes_helps_when_few_interviews_are_read_twice():
    rng = np.random.default_rng(2)
    share = np.full(len(CODES), 0.3)
    errors = {pool: [] for pool in (0.0, 30.0)}
    for _ in range(20):
        codings = Codings(coded(rng, 60, 25, share))
        for pool, collected in errors.items():
            epsilon = codings.unreliability(DiagnosticOptions(pool=pool))["unreliability"]
            collected.append(((epsilon - MISS - FALSE) ** 2).mean())
    assert np.mean(errors[30.0]) < 0.6 * np.mean(errors[0.0])


def coverage(units, repetitions):
    rng = np.random.default_rng(units)
    # Two exchangeable coders: alpha is the covariance of their reports over the variance of one.
    share = 0.3
    reported = share * (1 - MISS) + (1 - share) * FALSE
    true = (1 - MISS - FALSE) ** 2 * share * (1 - share) / (reported * (1 - reported))
    hits = 0
    for _ in range(repetitions):
        truth = rng.random(units) < share
        ratings = [np.where(truth, rng.random(units) > MISS, rng.random(units) < FALSE) for _ in range(2)]
        interval = bootstrap_agreement(np.column_stack(ratings).astype(float), "alpha", draws=199, rng=rng)
        hits += interval.low <= true <= interval.high
    return hits / repetitions


def test_bootstrap_interval_covers():
    assert coverage(150, 150) == pytest.approx(0.94, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("units", [40, 150, 400])
def test_bootstrap_interval_covers_in_full_size(units):
    assert coverage(units, 1000) == pytest.approx(0.94, abs=0.03)


def log_score(items, truth, believe):
    """Mean log probability of the true state, states equally probable beforehand."""
    states = ("benefit", "negligible", "harm")
    scores = []
    for organisation, state in truth.items():
        own = [item for item in items if item.group == organisation]
        temper = 1 / (1 + (len(own) - 1) * own[0].rho)
        weight = np.zeros(3)
        for item in own:
            chances = np.array([item.p_benefit, item.p_negligible, item.p_harm])
            epsilon = item.unreliability if believe else 0.0
            chances = (1 - epsilon) * chances + epsilon * item.noise
            weight += temper * np.log(chances if item.observed else 1 - chances)
        scores.append((weight - np.logaddexp.reduce(weight))[states.index(state)])
    return float(np.mean(scores))


def test_evidence_points_to_the_true_state_and_unreliability_prevents_overconfidence():
    rng = np.random.default_rng(3)
    chances = {"benefit": 0.6, "negligible": 0.15, "harm": 0.02}
    states = list(chances) * 20
    truth = {f"K{i:02d}": state for i, state in enumerate(states)}
    frames = [
        coded(rng, 8, 3, np.array([chances[state], *[0.3] * (len(CODES) - 1)]), organisation)
        for organisation, state in truth.items()
    ]
    row = BridgeRow(
        code="M0",
        claim="growth",
        test="T01",
        p_benefit=0.6,
        p_negligible=0.15,
        p_harm=0.02,
        registered=date(2013, 1, 1),
    )
    options = DiagnosticOptions(rho=0.0, combine="both")
    items = Codings(pd.concat(frames)).diagnostics(Bridge(rows=(row,)), options)
    believed, naive = (log_score(items, truth, believe) for believe in (True, False))
    assert believed > naive
    assert believed > -0.8 * np.log(3)
