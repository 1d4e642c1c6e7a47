"""Worlds drawn from the triangulation's own model: effect from the prior, evidence from the likelihood.

Each function takes a random generator and returns the effect and the evidence. Options that declare less than there is
serve as controls: with them, calibration has to fail.
"""

import numpy as np

from clustereffects.results import BiasEvidence, BiasTerm, Silence
from triangulation_cases import KEY, PRIOR, did, sign, survey

CHANCES = {"hoop": (0.5, 0.5, 0.9), "gun": (0.02, 0.05, 0.3), "trace": (0.6, 0.4, 0.1)}
EPSILON, NOISE = 0.1, 0.3
FOUND = 0.6


def effect(rng, spread=1.0):
    """An effect drawn from the prior, and its state: 0 harm, 1 negligible, 2 benefit."""
    wide = rng.random() < PRIOR.wide_weight
    value = spread * rng.normal(0, PRIOR.wide_sd if wide else PRIOR.sceptical_sd)
    return value, int(np.searchsorted([-0.01, 0.01], value))


def report(rng, chance):
    """What is reported on a sign that is there with this chance: a share of reports is uninformative."""
    return bool(rng.random() < (NOISE if rng.random() < EPSILON else chance))


def signs(rng, state, *, declared=EPSILON):
    """One independent report on each sign."""
    return [
        sign(name, chance[::-1], observed=report(rng, chance[state]), unreliability=declared, noise=NOISE)
        for name, chance in CHANCES.items()
    ]


def plain(rng, *, epsilon=EPSILON, spread=1.0):
    """Accounts and a survey with biases of their own, and independent signs."""
    value, state = effect(rng, spread)
    measured = value + rng.normal(0, 0.03) + rng.normal(0, 0.025)
    told = value + rng.normal(0.05, 0.05) + rng.normal(0, 0.02)
    return value, [did(measured), survey(told), *signs(rng, state, declared=epsilon)]


def shared(rng, *, name="same persons"):
    """Three scales of one survey with one bias, each with some of its own, beside the accounts."""
    value, _ = effect(rng)
    common = rng.normal(0.04, 0.04)
    one_bias = BiasTerm(domain="courtesy", mean=0.04, sd=0.04, shared=name)
    own = BiasTerm(domain="wording", sd=0.01)
    scales = [
        survey(value + common + rng.normal(0, 0.01) + rng.normal(0, 0.02), id=f"scale {i}", bias=(one_bias, own))
        for i in range(3)
    ]
    return value, [did(value + rng.normal(0, 0.03) + rng.normal(0, 0.025)), *scales]


def dependent(rng, *, rho=0.6):
    """Three analyses of the same accounts, whose errors correlate by .6, and the same report handed in three times."""
    value, state = effect(rng)
    total = np.hypot(0.03, 0.025)
    errors = total * (np.sqrt(0.6) * rng.normal() + np.sqrt(0.4) * rng.normal(size=3))
    estimates = [did(value + x, id=f"did {i}", dependence="accounts", rho=rho) for i, x in enumerate(errors)]
    repeated = 1.0 if rho else 0.0
    seen = report(rng, CHANCES["hoop"][state])
    same = [
        sign(
            f"hoop {i}",
            CHANCES["hoop"][::-1],
            observed=seen,
            unreliability=EPSILON,
            noise=NOISE,
            dependence="one person",
            rho=repeated,
        )
        for i in range(3)
    ]
    return value, [*estimates, *same]


def about_bias(rng, *, told=True):
    """Interviews that show selection in half of the worlds, and a search for a trace that only a benefit leaves."""
    value, state = effect(rng)
    selected = bool(rng.random() < 0.5)
    bias = rng.normal(0, 0.03) + selected * rng.normal(0.06, 0.03)
    shown = BiasEvidence(
        id="grew before", stream="interviews", target_stream="economic", shift=0.06, sd=0.03, observed=selected, **KEY
    )
    if state == 2 and rng.random() < FOUND:
        trace = sign("trace", (FOUND, 0.0, 0.0), stream="documents")
    else:
        trace = Silence(stream="documents", reason="searched_not_found", p_detect=FOUND, **KEY)
    return value, [did(value + bias + rng.normal(0, 0.025)), *([shown] if told else []), trace]


def proportional(rng, *, log_sd=0.5):
    """Two scales of a survey that exaggerate, or play down, by one and the same factor, beside the accounts."""
    value, _ = effect(rng)
    factor = np.exp(rng.normal(-(0.5**2) / 2, 0.5))
    terms = (BiasTerm(domain="scale", sd=log_sd, kind="proportional", shared="scale"),) if log_sd else ()
    scales = [survey(factor * value + rng.normal(0, 0.02), id=f"scale {i}", bias=terms) for i in range(2)]
    return value, [did(value + rng.normal(0, 0.03) + rng.normal(0, 0.025)), *scales]
