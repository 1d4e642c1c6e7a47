r"""Priors from the other organisations: random effects with a bias that all share, integrated over the heterogeneity.

For organisations :math:`j = 1 \dots k` with estimates of one claim

.. math::

   y_j = \theta_j + b_j + e_j, \qquad \theta_j \sim N(\mu, \tau^2), \quad \mu \sim N(0, s^2), \quad
   \tau \sim \text{half-normal},

with errors :math:`e_j` of known variance and biases :math:`b_j` of known variance and one correlation. The prior of
:math:`\theta_c` is its distribution given the estimates of the others, :math:`y_{-c}`: given :math:`\tau` it is normal,
so that the integral over :math:`\tau` is a finite mixture of normals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustereffects.results.evidence import Stream
from clustereffects.triangulation.blocks import dependence_blocks
from clustereffects.triangulation.cell_estimates import bias_terms, linear_evidence, mean_ranges
from clustereffects.triangulation.engine import PriorMixture
from clustereffects.triangulation.options import OrganisationPrior, Prior, prior_of
from clustereffects.triangulation.sorting import CellEvidence
from clustereffects.triangulation.theory import Claim, Theory

FloatArray = NDArray[np.float64]

_SCORES = np.linspace(-3.0, 2.2, 209)
#: Components of a borrowed mixture: the Gauss rule of this many nodes for the posterior of the heterogeneity.
_COMPONENTS = 10
_NOTHING, _CHUNK = 1e-300, 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchangeable:
    """How alike organisations are taken to be before any estimate is seen.

    Parameters
    ----------
    mean_sd : float
        Standard deviation of the prior of the mean effect around zero.
    heterogeneity_sd : float
        Scale of the half-normal prior of the standard deviation between organisations.
    bias_correlation : float
        Correlation of the biases of two organisations' estimates.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> Exchangeable(mean_sd=0.05, heterogeneity_sd=0.05).bias_correlation
    1.0
    """

    mean_sd: float
    heterogeneity_sd: float
    bias_correlation: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class OwnEstimates:
    """One estimate per organisation.

    Parameters
    ----------
    value, sampling, bias : array, shape (k,)
        Estimates less their mean biases, variance of their errors and variance of their biases.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> OwnEstimates(np.array([0.04, 0.06]), np.full(2, 0.02**2), np.full(2, 0.03**2)).value.size
    2
    """

    value: FloatArray
    sampling: FloatArray
    bias: FloatArray


def borrowed_mixtures(own: OwnEstimates, alike: Exchangeable) -> list[PriorMixture]:
    r"""Prior of each organisation's effect from the estimates of the others.

    Parameters
    ----------
    own : OwnEstimates
    alike : Exchangeable

    Returns
    -------
    list of PriorMixture
        One per organisation, in order, and one more at the end for an organisation without an estimate.

    Raises
    ------
    numpy.linalg.LinAlgError
        If a variance is zero.

    Notes
    -----
    Without a shared bias this is the meta-analytic-predictive prior :math:`p(\theta_c \mid y_{-c})` (Neuenschwander et
    al. 2010, *Clinical Trials* 7(1); normal case: Röver 2020, *Journal of Statistical Software* 93(6), equations 8–14).

    With one, the shared part stays in the variance of the prior however many the others are. But the organisation's own
    estimate has it too, and prior × likelihood would count one bias as two independent ones. The others' likelihood is
    therefore raised to a power :math:`a`, as in a power prior: given :math:`\tau`, with :math:`R` the variance of the own
    estimate around :math:`\theta_c`, :math:`x` what the others say of :math:`\theta_c` (its generalised least squares
    estimate) and :math:`\kappa` the covariance of the errors of both,

    .. math::

       a = \max(0,\; 1 - 2\kappa/R),

    the largest power at which the posterior variance is no smaller than the mean square error that the posterior mean
    has in the joint model: :math:`a^2 + 2a\kappa/R \le a`. Without a shared bias :math:`a = 1`; where it is half of the own
    error, only the spread between organisations is learned from the others. The own *value* never enters its prior,
    only its standard error and its bias judgement.

    The posterior of :math:`\tau` is computed by the trapezoidal rule after the substitution of Takahasi & Mori (1974,
    *Publ. RIMS* 9) and reduced to the Gauss rule with ten nodes (Golub & Welsch 1969, *Mathematics of Computation* 23).

    Examples
    --------
    Four organisations around .06 say of a fifth that .06 is to be expected, but not what it is:

    >>> own = OwnEstimates(np.array([0.05, 0.06, 0.06, 0.07]), np.full(4, 0.01**2), np.zeros(4))
    >>> fifth = borrowed_mixtures(own, Exchangeable(mean_sd=0.5, heterogeneity_sd=0.05))[-1]
    >>> mean = fifth.weight @ fifth.mean
    >>> sd = np.sqrt(fifth.weight @ (fifth.sd**2 + (fifth.mean - mean) ** 2))
    >>> float(mean.round(3)), float(sd.round(3))
    (0.06, 0.018)
    """
    centre = min(alike.heterogeneity_sd, float(np.sqrt(np.median(own.sampling + own.bias))))
    tau = centre * np.exp(0.5 * np.pi * np.sinh(_SCORES))
    log_density = _given(own, alike, tau).log_likelihood - 0.5 * (tau[:, None] / alike.heterogeneity_sd) ** 2
    log_weight = log_density + np.log(tau * np.cosh(_SCORES))[:, None]
    weight = np.exp(log_weight - log_weight.max(axis=0))
    nodes, weights = _gauss(tau / (tau + centre), (weight / weight.sum(axis=0)).T)
    taus = centre * nodes / (1 - nodes)
    given = _given(own, alike, taus.ravel())
    before = alike.mean_sd**2 + taus.reshape(-1, 1) ** 2
    row, column = np.arange(taus.size), np.repeat(np.arange(taus.shape[0]), taus.shape[1])
    mean, variance = (part[row, column].reshape(taus.shape) for part in _discounted(own, given, before))
    return [PriorMixture(w, np.sqrt(v), m) for w, v, m in zip(weights, variance, mean, strict=True)]


@dataclass(frozen=True, slots=True, eq=False)
class _Given:
    """Given τ (rows), by organisation; the last column is one without an estimate.

    ``mean`` and ``variance`` of the effect given the others, and the ``overlap`` of their errors with the own ones.
    """

    mean: FloatArray
    variance: FloatArray
    overlap: FloatArray
    log_likelihood: FloatArray


def _given(own: OwnEstimates, alike: Exchangeable, tau: FloatArray) -> _Given:
    """In pieces, so that memory does not grow with the cube of the number of organisations."""
    pieces = -(-tau.size * own.value.size**2 // _CHUNK)
    parts = [_given_piece(own, alike, part) for part in np.array_split(tau, pieces)]
    return _Given(*(np.concatenate([getattr(part, name) for part in parts]) for name in _Given.__slots__))


def _given_piece(own: OwnEstimates, alike: Exchangeable, tau: FloatArray) -> _Given:
    """All leave-one-out moments from one inverse: u'Σ₋c⁻¹w = u'Ωw − (Ωu)_c(Ωw)_c/Ω_cc with Ω = Σ⁻¹."""
    size, spread, square = own.value.size, np.sqrt(own.bias), alike.mean_sd**2
    common = alike.bias_correlation * np.outer(spread, spread) + square
    own_part = own.sampling + (1 - alike.bias_correlation) * own.bias
    total = common + np.eye(size) * (own_part + tau[:, None] ** 2)[:, None, :]
    inverse = np.linalg.inv(total)
    known = np.stack([np.ones(size), spread, own.value], axis=1)
    applied = inverse @ known
    diagonal = np.diagonal(inverse, axis1=1, axis2=2)
    minus = applied[:, :, :, None] * applied[:, :, None, :] / diagonal[:, :, None, None]
    form = (known.T @ applied)[:, None] - np.pad(minus, ((0, 0), (0, 1), (0, 0), (0, 0)))
    log_det = np.linalg.slogdet(total)[1][:, None] + np.log(np.pad(diagonal, ((0, 0), (0, 1)), constant_values=1.0))
    before = square + tau[:, None] ** 2
    shared = alike.bias_correlation * np.append(spread, 0.0)
    return _Given(
        mean=square * form[:, :, 0, 2],
        variance=before - square**2 * form[:, :, 0, 0],
        overlap=shared * form[:, :, 0, 1] / np.maximum(form[:, :, 0, 0], _NOTHING) * before / square,
        log_likelihood=-0.5 * (log_det + form[:, :, 2, 2]),
    )


def _discounted(own: OwnEstimates, given: _Given, before: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and variance of the prior with the others' likelihood raised to its power; see ``borrowed_mixtures``."""
    power = np.ones_like(given.mean)
    power[:, :-1] = np.maximum(1 - 2 * given.overlap[:, :-1] / (own.sampling + own.bias), 0.0)
    variance = 1 / (1 / before + power * (1 / given.variance - 1 / before))
    return variance * power * given.mean / given.variance, variance


def _gauss(point: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Gauss rules of discrete distributions on common points; one distribution per row of weights, which sum to 1."""
    rows = weight.shape[0]
    matrix = np.zeros((rows, _COMPONENTS, _COMPONENTS))
    before, now, off = np.zeros_like(weight), np.ones_like(weight), np.zeros(rows)
    for j in range(_COMPONENTS):
        diagonal = (weight * point * now**2).sum(axis=1)
        matrix[:, j, j] = diagonal
        step = (point - diagonal[:, None]) * now - off[:, None] * before
        off = np.sqrt((weight * step**2).sum(axis=1))
        before, now = now, step / np.maximum(off, _NOTHING)[:, None]
        if j + 1 < _COMPONENTS:
            matrix[:, j, j + 1] = matrix[:, j + 1, j] = off
    nodes, vectors = np.linalg.eigh(matrix)
    return np.clip(nodes, point.min(), point.max()), vectors[:, 0, :] ** 2


def organisation_priors(
    cells: Mapping[tuple[str, str], CellEvidence], theory: Theory, options: OrganisationPrior
) -> dict[tuple[str, str], PriorMixture]:
    """Prior of every claim for every organisation from what the estimates of the other organisations say.

    Parameters
    ----------
    cells : mapping of (claim, group) to CellEvidence
        As ``sort_evidence`` returns them.
    theory : Theory
    options : OrganisationPrior

    Returns
    -------
    dict of (claim, group) to PriorMixture
        For every claim of the theory and every group that any evidence names. Groups that stand apart, and those that
        have nobody to learn from, get the base prior.

    Raises
    ------
    OptionError
        If the base is no prior.

    Notes
    -----
    An organisation with several estimates speaks through their generalised least squares mean. Bias means are
    subtracted. A proportional bias enters by its moments (Turner et al. 2009, *Journal of
    the Royal Statistical Society A* 172(1)): the estimate is divided by the mean factor and the variance of the factor
    times the square of the estimate counts as bias. A range of bias means is subtracted at its declared mean and counts
    as the variance of a uniform distribution: bounds move the own estimate over its range, not the prior. Estimates of different organisations may share controls; that
    correlation is not in the evidence and not in this prior.

    Examples
    --------
    >>> from clustereffects.results import Estimate
    >>> from clustereffects.triangulation.sorting import sort_evidence
    >>> theory = Theory.from_dict({"nodes": {"a": {"kind": "activity"}, "b": {"kind": "outcome"}},
    ...     "links": {"ab": {"from": "a", "to": "b"}}, "rivals": {"boom": {}},
    ...     "claims": {"growth": {"outcome": "y", "scale": "log", "horizon": 3, "delta": 0.01, "rivals": ["boom"],
    ...                           "link": "ab"}}})
    >>> items = [Estimate(id="did", claim="growth", group=f"K{i}", stream="economic", value=0.01 * i, std_error=0.02)
    ...          for i in range(5)]
    >>> prior = organisation_priors(sort_evidence(theory, items), theory, OrganisationPrior())["growth", "K4"]
    >>> round(float(prior.weight @ prior.mean), 4)
    0.0111
    """
    groups = sorted({group for _, group in cells})
    priors: dict[tuple[str, str], PriorMixture] = {}
    for claim in theory.claims:
        base = base_mixture(prior_of(options, claim))
        of_claim = {group: cells.get((claim.id, group), CellEvidence()) for group in groups}
        found = {group: pooled_estimate(cell, options.stream) for group, cell in of_claim.items()}
        speaking = {group: one for group, one in found.items() if one is not None and group not in options.apart}
        borrowed = _borrowed(list(speaking.values()), claim, options)
        for group in groups:
            alone = group in options.apart or not set(speaking) - {group}
            place = list(speaking).index(group) if group in speaking else -1
            priors[claim.id, group] = base if alone else _robust(borrowed[place], base, options.robust_weight)
    return priors


def base_mixture(prior: Prior) -> PriorMixture:
    """Mixture of a prior that does not learn from other organisations.

    Parameters
    ----------
    prior : Prior

    Returns
    -------
    PriorMixture

    Raises
    ------
    AttributeError
        If it is no prior.

    Examples
    --------
    >>> base_mixture(Prior(sceptical_sd=0.05, wide_sd=0.15)).sd.tolist()
    [0.05, 0.15]
    """
    weight = np.array([1 - prior.wide_weight, prior.wide_weight])
    return PriorMixture(weight, np.array([prior.sceptical_sd, prior.wide_sd]))


def _robust(borrowed: PriorMixture, base: PriorMixture, weight: float) -> PriorMixture:
    return PriorMixture(
        np.concatenate([(1 - weight) * borrowed.weight, weight * base.weight]),
        np.concatenate([borrowed.sd, base.sd]),
        np.concatenate([borrowed.mean, base.mean]),
    )


def _borrowed(
    own: Sequence[tuple[float, float, float]], claim: Claim, options: OrganisationPrior
) -> list[PriorMixture]:
    if not own:
        return []
    value, sampling, bias = np.array(own, dtype=np.float64).T
    alike = Exchangeable(
        mean_sd=options.mean_sd * claim.delta,
        heterogeneity_sd=options.heterogeneity_sd * claim.delta,
        bias_correlation=options.bias_correlation,
    )
    return borrowed_mixtures(OwnEstimates(value, sampling, bias), alike)


def pooled_estimate(cell: CellEvidence, stream: Stream) -> tuple[float, float, float] | None:
    """One estimate from all estimates of a stream, less the means of their biases.

    Parameters
    ----------
    cell : CellEvidence
    stream : str

    Returns
    -------
    tuple of three floats, or None
        Generalised least squares mean, variance of its error, variance of its bias; None if the stream has no estimate.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the covariance of the estimates is singular.

    Examples
    --------
    >>> from clustereffects.results import BiasTerm, Estimate
    >>> item = Estimate(id="did", claim="growth", group="K01", stream="economic", value=0.06, std_error=0.02,
    ...                 bias=(BiasTerm(domain="selection", mean=0.01, sd=0.03),))
    >>> [round(x, 6) for x in pooled_estimate(CellEvidence(estimates=(item,)), "economic")]
    [0.05, 0.0004, 0.0009]
    """
    items = tuple(one for one in cell.estimates if one.stream == stream)
    if not items:
        return None
    chosen = CellEvidence(estimates=items, bias=cell.bias)
    terms, blocks = bias_terms(chosen), dependence_blocks(items, [], chosen.streams)
    value = np.array([one.value for one in items])
    additive = [(who, term) for who, term in terms if term.kind == "additive"]
    mean = sum((who * term.mean for who, term in additive), start=np.zeros(value.size))
    biased = linear_evidence(chosen, terms, value - mean, blocks)
    sampling = linear_evidence(chosen, [], value, blocks).covariance
    factor = np.exp(biased.log_factor)
    solved = np.linalg.solve(biased.covariance, factor)
    weight = solved / (factor @ solved)
    pooled = float(weight @ biased.residual)
    scaled = weight * factor
    factors = pooled**2 * scaled @ np.expm1(biased.loading @ biased.loading.T) @ scaled
    ends = mean_ranges(additive, value.size)
    ranges = (((ends.low - ends.high) @ weight) ** 2).sum() / 12
    bias = weight @ (biased.covariance - sampling) @ weight + factors + ranges
    return pooled, float(weight @ sampling @ weight), float(bias)
