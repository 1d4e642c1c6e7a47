"""Diagnostics as likelihoods of harm, negligible effect and benefit: contamination, dependence, powers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

#: Logarithm that stands for a probability of zero: far below anything else, yet finite.
IMPOSSIBLE = -1e6
_HALVINGS = 60


@dataclass(frozen=True, slots=True, eq=False)
class DiagnosticArrays:
    """Diagnostics of one claim and group, one row for each test, and the dependence groups of the whole cell.

    Parameters
    ----------
    low, middle, high : array, shape (n, 3)
        Log-likelihood of what was observed under harm, negligible effect and benefit; the range and its centre.
    stream, block : array of int, shape (n,)
        Stream and dependence group of each test.
    rho_low, rho, rho_high : array, shape (blocks,)
        Correlation within each dependence group.
    count : array, shape (blocks, streams)
        Informative items by dependence group and stream; estimates are items too.
    informative : array, shape (n,)
        Reports on each test that are among the informative items.

    Raises
    ------
    TypeError
        If a field is missing.

    Examples
    --------
    >>> import numpy as np
    >>> none = np.zeros((0, 3))
    >>> DiagnosticArrays(low=none, middle=none, high=none, stream=np.zeros(0, int), block=np.zeros(0, int),
    ...                  rho_low=np.zeros(0), rho=np.zeros(0), rho_high=np.zeros(0), count=np.zeros((0, 1)),
    ...                  informative=np.zeros(0)).low.size
    0
    """

    low: FloatArray
    middle: FloatArray
    high: FloatArray
    stream: IntArray
    block: IntArray
    rho_low: FloatArray
    rho: FloatArray
    rho_high: FloatArray
    count: FloatArray
    informative: FloatArray


def contaminated(
    chance: FloatArray, observed: NDArray[np.bool_], unreliability: FloatArray, noise: FloatArray
) -> FloatArray:
    """Probability of what was reported when some reports are uninformative.

    Parameters
    ----------
    chance : array, shape (n, 3)
        Probability of seeing the sign under each state.
    observed : array of bool, shape (n,)
        Whether it was reported as seen.
    unreliability : array, shape (n,)
        Probability ε that a report is uninformative.
    noise : array, shape (n,)
        Probability q that an uninformative report says "seen".

    Returns
    -------
    array, shape (n, 3)
        ``(1 − ε)·p + ε·q`` if seen, one minus that if looked for and not seen.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    ε caps the likelihood ratio: with q = ½ and ε = .05, .10, .20 no item reaches more than 39, 19, 9.

    Examples
    --------
    >>> import numpy as np
    >>> p = contaminated(np.array([[0.0, 0.5, 1.0]]), np.array([True]), np.array([0.1]), np.array([0.5]))
    >>> p.round(3).tolist()
    [[0.05, 0.5, 0.95]]
    """
    seen = (1 - unreliability[:, None]) * chance + (unreliability * noise)[:, None]
    return np.where(observed[:, None], seen, 1 - seen)


def log_likelihoods(reports: Reports) -> FloatArray:
    """Log-likelihood of what was reported on each test, over the declared ranges.

    Parameters
    ----------
    reports : Reports

    Returns
    -------
    array, shape (3, tests, 3)
        Smallest, central and largest value for each test and state.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    A range says that the probability of the sign is not known. Whatever it is, it is the same for every report on the
    test: what would make the reports that were seen most likely makes those that were not seen least likely. The sum over
    a test's reports is concave in the probability; its smallest value lies at an end of the range, its largest where the
    derivative changes sign, found by bisection.

    Examples
    --------
    Of two reports one was seen, so that nothing between 0.4 and 0.6 is more likely than one half:

    >>> import numpy as np
    >>> two = Reports(chance=np.full((2, 3, 2), [0.4, 0.6]), observed=np.array([True, False]), unreliability=np.zeros(2),
    ...               noise=np.zeros(2), test=np.zeros(2, int))
    >>> np.exp(log_likelihoods(two))[:, 0, 0].round(4).tolist()
    [0.24, 0.25, 0.25]
    """
    low, high = reports.chance[:, :, 0], reports.chance[:, :, 1]
    ends = np.stack([reports.log_likelihood(end) for end in (low, high)])
    middle, best = reports.log_likelihood((low + high) / 2), reports.log_likelihood(reports.likeliest())
    return np.stack([np.minimum(ends.min(axis=0), middle), middle, np.maximum(np.maximum(*ends), best)])


@dataclass(frozen=True, slots=True, eq=False)
class Reports:
    """Reports on registered tests.

    Parameters
    ----------
    chance : array, shape (n, 3, 2)
        Lower and upper probability of seeing the sign under harm, negligible effect and benefit; the same for all reports
        on a test.
    observed : array of bool, shape (n,)
    unreliability, noise : array, shape (n,)
    test : array of int, shape (n,)
        Test that each report is about, from 0 on.
    weight : array, shape (n,), optional
        Exponent of each report's likelihood, 1 by default.

    Raises
    ------
    TypeError
        If a field is missing.

    Examples
    --------
    >>> Reports.__slots__[0]
    'chance'
    """

    chance: FloatArray
    observed: NDArray[np.bool_]
    unreliability: FloatArray
    noise: FloatArray
    test: IntArray
    weight: FloatArray | None = None

    def log_likelihood(self, chance: FloatArray) -> FloatArray:
        """Log-likelihood of all reports on each test (tests, 3) if the sign has these probabilities (n, 3)."""
        seen = contaminated(chance, self.observed, self.unreliability, self.noise)
        with np.errstate(divide="ignore"):
            return self._sums(np.maximum(np.log(seen), IMPOSSIBLE))

    def over(self, *, log_odds: FloatArray | None = None, unreliability: FloatArray | None = None) -> FloatArray:
        """Log-likelihoods (scenarios, tests, 3) at the centres of the ranges when reporting is not as declared.

        ``log_odds`` (scenarios,): how much too high the log-odds of reporting a sign of benefit are, and too low those
        of a sign against it, in every state. ``unreliability`` (scenarios, n): instead of the declared one.
        """
        chance = self.chance.mean(axis=2)[None]
        if log_odds is not None:
            omega = np.exp(log_odds[:, None] * np.sign(chance[0, :, 2] - chance[0, :, 1]))[:, :, None]
            chance = omega * chance / (1 + (omega - 1) * chance)
        epsilon = self.unreliability[None] if unreliability is None else unreliability
        seen = (1 - epsilon[:, :, None]) * chance + (epsilon * self.noise)[:, :, None]
        with np.errstate(divide="ignore"):
            value = np.maximum(np.log(np.where(self.observed[:, None], seen, 1 - seen)), IMPOSSIBLE)
        weight = 1.0 if self.weight is None else self.weight
        return np.asarray(((np.arange(self.tests)[:, None] == self.test) * weight) @ value)

    def impossible(self) -> NDArray[np.bool_]:
        """Where (tests, 3) one report alone rules the state out at the centres of the ranges, however little it counts."""
        seen = contaminated(self.chance.mean(axis=2), self.observed, self.unreliability, self.noise)
        found = np.zeros((self.tests, 3), dtype=bool)
        np.logical_or.at(found, self.test, seen == 0)
        return found

    @property
    def tests(self) -> int:
        """How many tests the reports are about."""
        return int(self.test.max(initial=-1)) + 1

    def likeliest(self) -> FloatArray:
        """Probability within each range (n, 3) that makes the reports on the test most likely."""
        low, high = self.chance[:, :, 0], self.chance[:, :, 1]
        for _ in range(_HALVINGS if (low < high).any() else 0):
            middle = (low + high) / 2
            rising = self._sums(self._slope(middle))[self.test] > 0
            low, high = np.where(rising, middle, low), np.where(rising, high, middle)
        return np.asarray((low + high) / 2)

    def _slope(self, chance: FloatArray) -> FloatArray:
        share = contaminated(chance, self.observed, self.unreliability, self.noise)
        sign = np.where(self.observed, 1.0, -1.0) * (1 - self.unreliability)
        return np.asarray(sign[:, None] / np.maximum(share, 1e-300))

    def _sums(self, values: FloatArray) -> FloatArray:
        total = np.zeros((self.tests, 3))
        np.add.at(total, self.test, values if self.weight is None else values * self.weight[:, None])
        return total


def tempering(count: FloatArray, power: FloatArray, rho: FloatArray) -> FloatArray:
    """Exponent that each dependence group gives the items of each stream.

    Parameters
    ----------
    count : array, shape (blocks, streams) or (scenarios, blocks, streams)
        Informative items.
    power : array, shape (scenarios, streams)
    rho : array, shape (blocks,) or (scenarios, blocks)

    Returns
    -------
    array, shape (scenarios, blocks, streams)
        ``1/(1 + (n − 1)ρ)``, where n counts the items of the stream itself in full and those of other streams by power.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    The exponent of Clemen & Winkler (1985, *Operations Research* 33(2)) for equicorrelated sources, n_eff =
    n/(1 + (n − 1)ρ): exact for identical items (ρ = 1) and for independent ones (ρ = 0), an approximation in between.

    Examples
    --------
    >>> import numpy as np
    >>> tempering(np.array([[3.0]]), np.ones((1, 1)), np.array([0.5])).tolist()
    [[[0.5]]]
    """
    others = power[:, None, :] * count
    size = count + others.sum(axis=2, keepdims=True) - others
    excess = np.maximum(size - 1.0, 0.0)
    return np.asarray(1.0 / (1.0 + excess * np.atleast_2d(rho)[:, :, None]))


def log_constants(
    items: DiagnosticArrays, power: FloatArray, exponent: FloatArray | None = None, middle: FloatArray | None = None
) -> FloatArray:
    """Logarithm of the diagnostics' likelihood of each state, at the centre of every range.

    Parameters
    ----------
    items : DiagnosticArrays
    power : array, shape (scenarios, streams)
    exponent : array, shape (scenarios, blocks, streams), optional
        What ``tempering`` returns, if it is not to be computed from the declared correlations.
    middle : array, shape (scenarios, tests, 3), optional
        Log-likelihoods to use instead of the declared ones.

    Returns
    -------
    array, shape (scenarios, 3)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> one = np.log([[0.05, 0.5, 0.95]])
    >>> items = DiagnosticArrays(low=one, middle=one, high=one, stream=np.zeros(1, int), block=np.zeros(1, int),
    ...                          rho_low=np.zeros(1), rho=np.zeros(1), rho_high=np.zeros(1), count=np.ones((1, 1)),
    ...                          informative=np.ones(1))
    >>> np.exp(log_constants(items, np.ones((1, 1)))).round(3).tolist()
    [[0.05, 0.5, 0.95]]
    """
    if exponent is None:
        exponent = tempering(items.count, power, items.rho)
    weight = exponent[:, items.block, items.stream] * power[:, items.stream]
    return np.asarray((weight[:, None, :] @ (items.middle if middle is None else middle))[:, 0, :])


def odds_words(ratio: float) -> str:
    """Put a likelihood ratio into words.

    Parameters
    ----------
    ratio : float
        How many times more probable the observation is under one state than under the other.

    Returns
    -------
    str
        Degree and direction.

    Raises
    ------
    ValueError
        If the ratio is negative.

    Notes
    -----
    In the style of the scale of the European Network of Forensic Science Institutes (ENFSI 2015, *Guideline for
    Evaluative Reporting in Forensic Science*): up to 10 limited, 100 moderate, 1 000 moderately strong, 10 000 strong,
    beyond that extremely strong support; the guideline divides the top step further.

    Examples
    --------
    >>> odds_words(19.0), odds_words(0.5), odds_words(1.0)
    ('moderate support', 'limited support against', 'no support either way')
    """
    if ratio < 0 or np.isnan(ratio):
        raise ValueError(f"a likelihood ratio is not negative, got {ratio}")
    size = ratio if ratio >= 1 else (np.inf if ratio == 0 else 1 / ratio)
    if size == 1:
        return "no support either way"
    steps = ((10, "limited"), (100, "moderate"), (1000, "moderately strong"), (10_000, "strong"))
    word = next((name for limit, name in steps if size <= limit), "extremely strong")
    return f"{word} support" + ("" if ratio > 1 else " against")
