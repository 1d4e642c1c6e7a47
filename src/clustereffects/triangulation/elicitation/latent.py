"""Sensitivity and type I error of tests against uncertain states of organisations: exact integration on arrays.

Whether an organisation had a benefit is never observed. Its economic stream gives a probability; the reports on a test
then are a mixture of those under benefit and those without. Everything is integrated over cells of the two
probabilities; there are no random numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustereffects.triangulation.elicitation.unit_grid import NODES, prior_weights, state_prior
from clustereffects.triangulation.likelihoods import contaminated

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

_NOTHING = 1e-300  # a likelihood ratio that nothing can turn round
_NOBODY: IntArray = np.zeros(0, dtype=np.intp)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReportsOnTest:
    """All reports on one test.

    Parameters
    ----------
    organisation : array of int, shape (n,)
        Position of the organisation in the array of probabilities of benefit.
    observed : array of bool, shape (n,)
    unreliability, noise : array, shape (n,)
        ε and q of each report.
    weight : array, shape (n,)
        Power of each report, below 1 where reports of one organisation hang together.
    elicited : tuple of two floats
        Judged probability of the sign under benefit, and without.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> one = ReportsOnTest(organisation=np.array([0]), observed=np.array([True]), unreliability=np.zeros(1),
    ...                   noise=np.full(1, 0.5), weight=np.ones(1), elicited=(0.6, 0.3))
    >>> one.elicited
    (0.6, 0.3)
    """

    organisation: IntArray
    observed: NDArray[np.bool_]
    unreliability: FloatArray
    noise: FloatArray
    weight: FloatArray
    elicited: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ErrorPosterior:
    """Posterior of the probability of a sign under benefit, and without, for each test.

    Parameters
    ----------
    benefit, without : array, shape (tests, cells)
        Probability of each cell around ``NODES``.
    prior_benefit, prior_without : array, shape (tests, cells)
        The same before any report.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> flat = np.full((1, NODES.size), 1 / NODES.size)
    >>> ErrorPosterior(benefit=flat, without=flat, prior_benefit=flat, prior_without=flat).benefit.shape
    (1, 120)
    """

    benefit: FloatArray
    without: FloatArray
    prior_benefit: FloatArray
    prior_without: FloatArray


def organisation_likelihoods(reports: ReportsOnTest, benefit: FloatArray) -> FloatArray:
    """Log-likelihood of each organisation's reports if the sign has the probability of a node.

    Parameters
    ----------
    reports : ReportsOnTest
    benefit : array, shape (organisations,)
        Probability of benefit; only its size matters here.

    Returns
    -------
    array, shape (organisations, cells)
        Zero for organisations without a report.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> one = ReportsOnTest(organisation=np.array([0, 0]), observed=np.array([True, False]), unreliability=np.zeros(2),
    ...                   noise=np.full(2, 0.5), weight=np.ones(2), elicited=(0.6, 0.3))
    >>> found = organisation_likelihoods(one, np.array([0.5, 0.5]))
    >>> bool(np.allclose(found[0], np.log(NODES * (1 - NODES)))), float(found[1].max())
    (True, 0.0)
    """
    chance = np.broadcast_to(NODES, (reports.observed.size, NODES.size))
    seen = contaminated(chance, reports.observed, reports.unreliability, reports.noise)
    total = np.zeros((benefit.size, NODES.size))
    np.add.at(total, reports.organisation, reports.weight[:, None] * np.log(seen))
    return total


def mixture_likelihood(given: FloatArray, benefit: float) -> FloatArray:
    """Log-likelihood of one organisation's reports over both probabilities, its state summed out.

    Parameters
    ----------
    given : array, shape (cells,)
        Log-likelihood if the sign has the probability of each node.
    benefit : float
        Probability that the organisation had a benefit.

    Returns
    -------
    array, shape (cells, cells)
        Rows: probability of the sign under benefit; columns: without.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> bool(np.allclose(mixture_likelihood(np.log(NODES), 1.0), np.log(NODES)[:, None]))
    True
    """
    peak = given.max()
    one = np.exp(given - peak)
    both = np.add.outer(benefit * one, (1 - benefit) * one)
    return np.asarray(peak + np.log(np.maximum(both, _NOTHING)))


def borrowing_powers(asked: NDArray[np.bool_], benefit: FloatArray) -> FloatArray:
    """Power with which one test's reports inform the hyperparameters of another.

    Parameters
    ----------
    asked : array of bool, shape (tests, organisations)
        Which organisations have reports on which test.
    benefit : array, shape (organisations,)
        Probability of benefit.

    Returns
    -------
    array, shape (tests, tests)
        Row: the test that borrows; zero on the diagonal, since its own reports enter in full.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Tests on the same organisations share their states. Where the economic stream leaves a share u of the states' variance
    open, n such tests are worth n/(1 + (n − 1)u), the formula of Clemen & Winkler (1985, *Operations Research* 33(2)): the
    test itself counts one and the others (1 − u)/(1 + (n − 1)u) each; tests on other organisations 1/(1 + (n − 1)u).

    Examples
    --------
    >>> same = np.ones((2, 2), dtype=bool)
    >>> borrowing_powers(same, np.array([0.5, 0.5])).tolist(), borrowing_powers(same, np.array([0.0, 1.0]))[0].tolist()
    ([[0.0, 0.0], [0.0, 0.0]], [0.0, 1.0])
    """
    shared = asked.astype(np.intp) @ asked.T > 0
    left = _open_share(asked, benefit)
    size = 1 + np.maximum(shared.sum(axis=1) - 1, 0) * left
    powers = np.where(shared, (1 - left) / size, 1 / size)
    return np.asarray(powers * (1 - np.eye(len(asked))))


def _open_share(asked: NDArray[np.bool_], benefit: FloatArray) -> FloatArray:
    """Share of the variance of the states that their probabilities leave open, for the organisations of each test."""
    count = np.maximum(asked.sum(axis=1), 1)
    middle = asked @ benefit / count
    whole = middle * (1 - middle)
    left = asked @ (benefit * (1 - benefit)) / count
    return np.asarray(np.divide(left, whole, out=np.zeros(len(asked)), where=whole > 0))


class LatentTests:
    """Tests whose reports are explained by latent states of organisations.

    Parameters
    ----------
    tests : sequence of ReportsOnTest
    benefit : array, shape (organisations,)
        Probability of benefit from the economic stream.
    shift_sd : float
        Standard deviation of the judges' common error in log odds.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Each test is confronted with the economic stream alone, not with the other tests: what tests have in common beyond the
    state (the same persons, the same optimism) would otherwise pass for sensitivity. The hyperparameters are common to
    all tests, one pair (κ, shift) for benefit and one for its absence. What tests learn about them from each other is
    tempered by ``borrowing_powers``, because they share the uncertain states of the same organisations; exact for one
    test, and for any number where states are certain.

    Examples
    --------
    >>> one = ReportsOnTest(organisation=np.arange(20), observed=np.arange(20) < 10, unreliability=np.zeros(20),
    ...                   noise=np.full(20, 0.5), weight=np.ones(20), elicited=(0.6, 0.4))
    >>> latent = LatentTests([one], np.where(np.arange(20) < 10, 0.99, 0.01), 1.0)
    >>> found = latent.posterior()
    >>> round(float(found.benefit[0] @ NODES), 2), round(float(found.without[0] @ NODES), 2)
    (0.92, 0.08)
    """

    def __init__(self, tests: list[ReportsOnTest], benefit: FloatArray, shift_sd: float) -> None:
        self.tests, self.benefit = tests, benefit
        self._given = [organisation_likelihoods(one, benefit) for one in tests]
        self._members = [np.unique(one.organisation) for one in tests]
        self._prior = [[prior_weights(value, shift_sd) for value in one.elicited] for one in tests]
        self._log_likelihood = [self._summed(j, members) for j, members in enumerate(self._members)]
        self._evidence = np.array([self._log_evidence(j, total) for j, total in enumerate(self._log_likelihood)])
        self._asked = np.zeros((len(tests), benefit.size), dtype=np.bool_)
        for j, members in enumerate(self._members):
            self._asked[j, members] = True

    def posterior(self, without: IntArray = _NOBODY) -> ErrorPosterior:
        """Posterior of all tests, optionally without the reports of some organisations."""
        likelihood, evidence, asked = list(self._log_likelihood), self._evidence.copy(), self._asked.copy()
        for j, members in enumerate(self._members):
            dropped = members[np.isin(members, without)]
            if dropped.size:
                likelihood[j] = self._log_likelihood[j] - self._summed(j, dropped)
                evidence[j] = self._log_evidence(j, likelihood[j])
                asked[j, dropped] = False
        return self._posterior(likelihood, np.tensordot(borrowing_powers(asked, self.benefit), evidence, axes=1))

    def _posterior(self, likelihood: list[FloatArray], borrowed: FloatArray) -> ErrorPosterior:
        one = state_prior()
        log_share = one[:, None] + one[None, :] + borrowed
        parts = [self._marginals(j, likelihood[j], log_share[j]) for j in range(len(self.tests))]
        start = [[np.exp(one) @ weights for weights in pair] for pair in self._prior]
        shape = (len(self.tests), NODES.size)
        return ErrorPosterior(
            benefit=np.reshape([first for first, _ in parts], shape),
            without=np.reshape([second for _, second in parts], shape),
            prior_benefit=np.reshape([first for first, _ in start], shape),
            prior_without=np.reshape([second for _, second in start], shape),
        )

    def _summed(self, j: int, members: IntArray) -> FloatArray:
        total = np.zeros((NODES.size, NODES.size))
        for member in members:
            total += mixture_likelihood(self._given[j][member], float(self.benefit[member]))
        return total

    def _log_evidence(self, j: int, log_likelihood: FloatArray) -> FloatArray:
        peak = log_likelihood.max()
        first, second = self._prior[j]
        return np.asarray(peak + np.log(np.maximum(first @ np.exp(log_likelihood - peak) @ second.T, 1e-300)))

    def _marginals(self, j: int, log_likelihood: FloatArray, log_share: FloatArray) -> tuple[FloatArray, FloatArray]:
        first, second = self._prior[j]
        prior = first.T @ np.exp(log_share - log_share.max()) @ second
        cells = prior * np.exp(log_likelihood - log_likelihood.max())
        return cells.sum(axis=1) / cells.sum(), cells.sum(axis=0) / cells.sum()
