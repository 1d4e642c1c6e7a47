"""Worlds in which evidence comes about as an evaluator declared it, or otherwise; and what is then said.

Effects, standard errors and biases are in multiples of the smallest effect of interest, states in the order harm,
negligible, benefit.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import special

from clustereffects.results import BiasTerm, Diagnostic, Estimate
from clustereffects.triangulation import Prior, Theory, Thresholds
from clustereffects.triangulation.cells import cell_model
from clustereffects.triangulation.sensitivity import cell_bounds, scenarios
from clustereffects.triangulation.sorting import CellEvidence
from clustereffects.triangulation.verdicts import verdict

CLAIM = "growth"
NARROW, WIDE, WIDE_WEIGHT = 5.0, 15.0, 0.2
#: Chance of seeing each sign under harm, negligible effect and benefit.
SIGNS = {"hoop": (0.5, 0.5, 0.9), "gun": (0.02, 0.05, 0.30), "straw": (0.35, 0.40, 0.60)}
CHANCES = np.array(list(SIGNS.values()))


@dataclass(frozen=True, kw_only=True)
class Design:
    """What an evaluator has and declares: accounts (standard error, bias sd), survey, respondents to interviews.

    The survey's bias has the mean and sd ``survey_bias`` and, unless it is empty, a range of means.
    """

    delta: float = 0.01
    accounts: tuple[float, float] | None = (2.5, 3.0)
    survey_error: float | None = 2.0
    survey_bias: tuple[float, float] = (5.0, 5.0)
    survey_range: tuple[float, float] | None = (2.0, 10.0)
    respondents: int = 4
    epsilon: float = 0.1
    rho: float | tuple[float, float] = 0.5

    @property
    def prior(self) -> Prior:
        """The provisional prior: of the effects of a world as declared, too."""
        return Prior(sceptical_sd=NARROW * self.delta, wide_sd=WIDE * self.delta, wide_weight=WIDE_WEIGHT)

    @property
    def theory(self) -> Theory:
        """A theory with one claim."""
        return _theory(self.delta)


@dataclass(frozen=True, kw_only=True)
class World:
    """How evidence truly comes about; the defaults are what a `Design` declares.

    Effects: standard deviation times ``spread``, plus ``centre``; a share ``lumped`` is exactly ``point``. Biases: mean off by so
    many declared standard deviations, standard deviation times a factor, correlation ``common`` between accounts and
    survey. Reports: a share ``epsilon`` is uninformative and then says "seen" with the chance ``noise``; respondents of
    one organisation correlate by ``rho`` in each sign (beta-binomial), or, with ``mood``, by that in the latent normal
    variable behind all their answers; ``told`` is the correlation of that mood with the survey's bias. The signs are
    ``telling`` times as different between states as declared.
    """

    spread: float = 1.0
    centre: float = 0.0
    lumped: float = 0.0
    point: float = 0.0
    accounts_mean: float = 0.0
    accounts_sd: float = 1.0
    survey_mean: float = 0.0
    survey_sd: float = 1.0
    common: float = 0.0
    epsilon: float = 0.1
    noise: float = 0.5
    rho: float = 0.5
    mood: bool = False
    told: float = 0.0
    telling: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Effects with their states, both estimates (worlds,), and what was seen (worlds, signs, respondents)."""

    effect: np.ndarray
    state: np.ndarray
    accounts: np.ndarray
    survey: np.ndarray
    seen: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Verdict, probabilities (worlds, 3) and their bounds (worlds, 3, 2)."""

    verdict: np.ndarray
    probability: np.ndarray
    bounds: np.ndarray


def draw(world: World, design: Design, worlds: int, seed: int) -> Drawn:
    """Effects and evidence; the same seed gives the same random numbers in every world."""
    rng = np.random.default_rng(seed)
    sd = np.where(rng.random(worlds) < WIDE_WEIGHT, WIDE, NARROW) * world.spread
    effect = rng.standard_normal(worlds) * sd + world.centre
    effect = np.where(rng.random(worlds) < world.lumped, world.point, effect)
    state = np.searchsorted([-1.0, 1.0], effect)
    own, accounts, mood = rng.standard_normal((3, worlds))
    noise = rng.standard_normal((2, worlds))
    error, spread = design.accounts or (0.0, 0.0)
    measured = effect + spread * (world.accounts_mean + world.accounts_sd * accounts) + error * noise[0]
    mean, spread = design.survey_bias
    answers = world.common * accounts + world.told * mood + np.sqrt(1 - world.common**2 - world.told**2) * own
    told = effect + mean + spread * (world.survey_mean + world.survey_sd * answers)
    told += (design.survey_error or 0.0) * noise[1]
    seen = _reports(world, state, mood, design.respondents, rng)
    return Drawn(effect=effect, state=state, accounts=measured, survey=told, seen=seen)


def _reports(world, state, mood, respondents, rng):
    shape = (state.size, len(SIGNS), respondents)
    tested, said, useless, guess = rng.random(shape[:2]), rng.random(shape), rng.random(shape), rng.random(shape)
    anyway = CHANCES[:, [1]]
    chance = (anyway + world.telling * (CHANCES - anyway)).T[state]
    if world.mood:
        latent = np.sqrt(world.rho) * mood[:, None, None] + np.sqrt(1 - world.rho) * special.ndtri(said)
        heard = latent > special.ndtri(1 - chance)[:, :, None]
    else:
        heard = said < _common_chance(chance, tested, world.rho)[:, :, None]
    return np.where(useless < world.epsilon, guess < world.noise, heard)


def _common_chance(chance, score, rho):
    """Beta-distributed chances with the given mean, which make Bernoulli draws correlate by rho."""
    if rho == 0:
        return chance
    if rho == 1:
        return (score < chance).astype(float)
    size = (1 - rho) / rho
    return special.betaincinv(chance * size, (1 - chance) * size, score)


def evidence(drawn: Drawn, one: int, design: Design, group: str = "K01") -> CellEvidence:
    """Evidence of one world as the evaluator declares it."""
    about = {"claim": CLAIM, "group": group}
    delta, estimates = design.delta, []
    if design.accounts:
        error, spread = design.accounts
        terms = (BiasTerm(domain="selection", sd=spread * delta),)
        value = float(drawn.accounts[one] * delta)
        item = {"id": "did", "stream": "economic", "value": value, "std_error": error * delta, "bias": terms}
        estimates.append(Estimate(**item, **about))
    if design.survey_error:
        value = float(drawn.survey[one] * delta)
        item = {"id": "scale", "stream": "survey", "value": value, "std_error": design.survey_error * delta}
        estimates.append(Estimate(**item, bias=_self_report(design), **about))
    signs = [
        _sign(name, person, bool(drawn.seen[one, place, person]), design, group)
        for place, name in enumerate(SIGNS)
        for person in range(design.respondents)
    ]
    return CellEvidence(estimates=tuple(estimates), diagnostics=tuple(signs))


@cache
def _self_report(design):
    delta, (mean, spread) = design.delta, design.survey_bias
    ends = design.survey_range and (design.survey_range[0] * delta, design.survey_range[1] * delta)
    return (BiasTerm(domain="self-report", mean=mean * delta, sd=spread * delta, mean_range=ends),)


@cache
def _sign(name, person, seen, design, group):
    harm, negligible, benefit = SIGNS[name]
    return Diagnostic(
        id=f"{name}:{person}",
        claim=CLAIM,
        group=group,
        stream="interviews",
        observed=seen,
        p_benefit=benefit,
        p_negligible=negligible,
        p_harm=harm,
        unreliability=design.epsilon,
        dependence=f"interviews:{group}:{name}",
        rho=design.rho,
        test=name,
    )


@cache
def _theory(delta):
    claim = {"outcome": "value_added", "scale": "log", "horizon": 3, "delta": delta, "rivals": ["boom"], "link": "ab"}
    return Theory.from_dict(
        {
            "nodes": {"a": {"kind": "activity"}, "b": {"kind": "outcome"}},
            "links": {"ab": {"from": "a", "to": "b", "perspectives": ["economic", "survey", "interviews"]}},
            "claims": {CLAIM: claim},
            "rivals": {"boom": {"en": "Export boom"}},
        }
    )


def judge(drawn: Drawn, design: Design, thresholds: Thresholds | None = None) -> Judged:
    """What the library says in each world; without the sensitivity analyses of ``Triangulation.fit``."""
    limits, claim = thresholds or Thresholds(), design.theory.claim(CLAIM)
    words, stated, bounds = [], [], []
    for one in range(drawn.effect.size):
        model = cell_model(claim, "K01", evidence(drawn, one, design), design.prior)
        posterior = scenarios(model)
        limit = cell_bounds(model, posterior)
        words.append(verdict(posterior.probability[0], limit, limits))
        stated.append(posterior.probability[0])
        bounds.append(limit)
    return Judged(verdict=np.array(words), probability=np.array(stated), bounds=np.array(bounds))
