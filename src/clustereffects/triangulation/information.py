"""What an observation that has not been made yet can be expected to tell about benefit."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from clustereffects.triangulation.cells import CellModel
from clustereffects.triangulation.engine import posterior_cells
from clustereffects.triangulation.estimates import likelihood_terms
from clustereffects.triangulation.likelihoods import log_constants
from clustereffects.triangulation.options import Thresholds
from clustereffects.triangulation.verdicts import decide

FloatArray = NDArray[np.float64]

_NODES, _REACH = 121, 7.0
_BENEFIT = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Preview:
    """Posteriors that an observation can lead to, with their probabilities before it is made.

    Parameters
    ----------
    weight : array, shape (n,)
        Predictive probabilities; they sum to one.
    probability : array, shape (n, 3)
        Of harm, negligible effect and benefit after each.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> seen = Preview(weight=np.array([0.5, 0.5]), probability=np.array([[0.1, 0.0, 0.9], [0.9, 0.0, 0.1]]))
    >>> round(seen.reduction, 2), seen.decided(Thresholds())
    (0.16, 1.0)
    """

    weight: FloatArray
    probability: FloatArray

    @property
    def now(self) -> FloatArray:
        """Probabilities before the observation, which are the expected ones after it."""
        return np.asarray(self.weight @ self.probability)

    @property
    def reduction(self) -> float:
        """Expected reduction of the variance p(1 − p) of whether there is benefit."""
        p, after = self.now[_BENEFIT], self.probability[:, _BENEFIT]
        return float(p * (1 - p) - self.weight @ (after * (1 - after)))

    @property
    def share(self) -> float:
        """Reduction as a share of the present variance; 0 if nothing is uncertain."""
        p = self.now[_BENEFIT]
        return self.reduction / float(p * (1 - p)) if 0 < p < 1 else 0.0

    def decided(self, thresholds: Thresholds) -> float:
        """Chance that a state then reaches its threshold."""
        return float(self.weight @ (decide(self.probability, thresholds) < self.probability.shape[1]))

    def changed(self, thresholds: Thresholds, now: int) -> float:
        """Chance that the verdict then is another one than the class ``now``."""
        return float(self.weight @ (decide(self.probability, thresholds) != now))


def preview_sign(probability: FloatArray, chance: FloatArray) -> Preview:
    """Posteriors after looking for a sign that depends on nothing known: seen or not seen.

    Parameters
    ----------
    probability : array, shape (3,)
        Of the states now.
    chance : array, shape (3,)
        Of a report that the sign was seen, under each state.

    Returns
    -------
    Preview

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Design-stage value of a test: p(1 − p) − E[posterior variance].

    Examples
    --------
    At p = ½ a hoop test removes 17.6 % of the variance, a smoking gun 14.6 %, a doubly decisive test 81 %, a straw in the
    wind 4 %:

    >>> half = np.array([0.0, 0.5, 0.5])
    >>> tests = {"hoop": (0.60, 0.95), "gun": (0.02, 0.30), "doubly decisive": (0.05, 0.95), "straw": (0.40, 0.60)}
    >>> [round(preview_sign(half, np.array([0.5, *pair])).share, 3) for pair in tests.values()]
    [0.176, 0.146, 0.81, 0.04]
    """
    joint = np.stack([chance, 1 - chance]) * probability
    weight = joint.sum(axis=1)
    after = joint / np.where(weight > 0, weight, 1.0)[:, None]
    return Preview(weight=weight, probability=after)


def preview_pair(now: FloatArray, seen: FloatArray, unseen: FloatArray) -> Preview:
    """Posteriors after a report that depends on known ones: what the model says if the sign is seen, and if it is not.

    Parameters
    ----------
    now, seen, unseen : array, shape (3,)
        Probabilities of the states before the report and after either answer.

    Returns
    -------
    Preview

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    A likelihood that is tempered for dependence has no predictive distribution of its own. The answers get the weights
    under which benefit is expected to stay as probable as it is now, w·seen + (1 − w)·unseen = now; for a report that
    depends on nothing these are the predictive probabilities. Where both answers would move benefit to the same side, the
    one that moves it less gets all the weight: then nothing can be expected.

    Examples
    --------
    >>> preview_pair(*np.array([[0.2, 0.2, 0.6], [0.1, 0.1, 0.8], [0.4, 0.4, 0.2]])).weight.round(3).tolist()
    [0.667, 0.333]
    """
    up, down = seen[_BENEFIT] - now[_BENEFIT], unseen[_BENEFIT] - now[_BENEFIT]
    share = float(down / (down - up)) if up * down < 0 else float(abs(up) <= abs(down))
    return Preview(weight=np.array([share, 1 - share]), probability=np.stack([seen, unseen]))


def preview_component(model: CellModel, covariance: FloatArray) -> Preview:
    """Posteriors after learning part of one source of error or bias of the estimates.

    Parameters
    ----------
    model : CellModel
    covariance : array, shape (n, n)
        Covariance matrix of the estimates afterwards: the present one less a matrix of rank one.

    Returns
    -------
    Preview

    Raises
    ------
    EstimationError
        If the integration does not converge.

    Notes
    -----
    What is learned moves the estimates along one direction by a normal amount whose variance is what the covariance
    loses. Its predictive distribution given all evidence is that normal times the evidence of each amount, so the expected
    posterior is the present one. Halving a standard error by new data of the same design, and halving the standard
    deviation of a bias by a negative control (Lipsitch, Tchetgen Tchetgen & Cohen 2010, *Epidemiology* 21(3)), are both
    of this form. Where a proportional bias is declared it is integrated as always.

    Examples
    --------
    >>> from clustereffects.results.evidence import Estimate
    >>> from clustereffects.triangulation.cells import cell_model
    >>> from clustereffects.triangulation.options import Prior
    >>> from clustereffects.triangulation.sorting import CellEvidence
    >>> from clustereffects.triangulation.theory import Claim
    >>> claim = Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01, rivals=("a",), link="l")
    >>> item = Estimate(id="did", claim="growth", group="K01", stream="economic", value=0.03, std_error=0.04)
    >>> model = cell_model(claim, "K01", CellEvidence(estimates=(item,)), Prior(sceptical_sd=0.05, wide_sd=0.15))
    >>> round(preview_component(model, model.estimates.covariance / 4).share, 2)
    0.45
    """
    lost = model.estimates.covariance - covariance
    top = int(np.diag(lost).argmax())
    direction = lost[:, top] / np.sqrt(lost[top, top])
    score = _scores(model, covariance, direction)
    residual = model.estimates.residual - score[:, None] * direction
    power = np.ones((1, len(model.streams)))
    terms = likelihood_terms(
        replace(model.estimates, covariance=covariance), residual, np.broadcast_to(power, (score.size, power.size))
    )
    log_mass = posterior_cells(model.prior, terms, model.edges).log_mass + log_constants(model.items, power)
    # The evidence of each amount: the engine leaves out the constant that makes its likelihood 0 at the peak.
    distance = np.einsum("si,ij,sj->s", residual, np.linalg.inv(covariance), residual) - terms.precision * terms.peak**2
    log_weight = logsumexp(log_mass, axis=1) - 0.5 * (distance + score**2)
    weight = np.exp(log_weight - logsumexp(log_weight))
    return Preview(weight=weight, probability=np.exp(log_mass - logsumexp(log_mass, axis=1, keepdims=True)))


def _scores(model: CellModel, covariance: FloatArray, direction: FloatArray) -> FloatArray:
    """Grid that covers the amount learned, whichever part of the prior the effect comes from."""
    factor = np.exp(model.estimates.log_factor)
    limits = []
    for centre, sd in zip(model.prior.mean, model.prior.sd, strict=True):
        total = covariance + np.outer(direction, direction) + sd**2 * np.outer(factor, factor)
        weight = np.linalg.solve(total, direction)
        mean = weight @ (model.estimates.residual - factor * centre)
        spread = np.sqrt(1 - weight @ direction)
        limits += [mean - _REACH * spread, mean + _REACH * spread]
    return np.linspace(min(limits), max(limits), _NODES)
