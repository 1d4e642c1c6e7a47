"""Design-based means of finite populations; arrays only."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignMean:
    """A mean, its variance over samples from the population, and its degrees of freedom.

    Parameters
    ----------
    mean, variance, df : float
    n : int
        Units answered.
    population : float
        Units in the population, infinite if unknown or not finite.
    sd : float
        Standard deviation of the answers (divisor ``n − 1``); NaN for a mean of several strata.
    reason : str
        Why there is no variance; empty if there is one.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> round(simple_mean(np.array([1.0, 2.0, 3.0, 4.0]), population=8).std_error, 4)
    0.4564
    """

    mean: float
    variance: float
    df: float
    n: int
    population: float
    sd: float = np.nan
    reason: str = ""

    @property
    def std_error(self) -> float:
        """Root of the variance."""
        return float(np.sqrt(self.variance))


def simple_mean(values: FloatArray, population: float = np.inf) -> DesignMean:
    """Mean of a simple random sample without replacement: variance ``(1 − n/N) s²/n``, ``n − 1`` degrees of freedom.

    Parameters
    ----------
    values : array (n,)
        One value per unit, none missing.
    population : float
        Size ``N`` of the population; infinite means no finite-population correction.

    Returns
    -------
    DesignMean
        With a reason instead of a variance if fewer than two units answered.

    Raises
    ------
    ValueError
        If more units answered than there are, or a value is not finite.

    References
    ----------
    Cochran, W. G. (1977). *Sampling Techniques*, 3rd ed., section 2.6. Equals ``svymean`` of the R package survey.

    Examples
    --------
    >>> simple_mean(np.array([3.0])).reason
    'one answer has no standard error'
    """
    n = len(values)
    if n > population:
        raise ValueError(f"{n} units answered out of {population:g}")
    if not np.isfinite(values).all():
        raise ValueError("a value is missing or infinite")
    if n < 2:
        reason = "one answer has no standard error" if n else "nobody answered"
        mean = float(values[0]) if n else np.nan
        return DesignMean(mean=mean, variance=np.nan, df=np.nan, n=n, population=population, reason=reason)
    sd = float(values.std(ddof=1))
    variance = (1 - n / population) * sd**2 / n
    return DesignMean(mean=float(values.mean()), variance=variance, df=n - 1, n=n, population=population, sd=sd)


def stratified_mean(strata: Sequence[DesignMean]) -> DesignMean:
    """Mean over strata, each weighted by its population: variance ``Σ (N_h/N)² V_h``, ``n − H`` degrees of freedom.

    Parameters
    ----------
    strata : sequence of DesignMean
        With finite populations. A stratum in which nobody answered is not part of the population that the mean is
        about; one with a single answer leaves the mean without a standard error.

    Returns
    -------
    DesignMean

    Raises
    ------
    ValueError
        If the population of a stratum is not finite.

    References
    ----------
    Cochran, W. G. (1977). *Sampling Techniques*, 3rd ed., section 5.3. Equals ``svymean`` of the R package survey for
    ``svydesign(strata, fpc)`` with ``survey.lonely.psu = "fail"``.

    Examples
    --------
    >>> a = simple_mean(np.array([1.0, 3.0]), population=10)
    >>> b = simple_mean(np.array([5.0, 5.0]), population=30)
    >>> stratified_mean([a, b]).mean
    4.25
    """
    if any(not np.isfinite(stratum.population) for stratum in strata):
        raise ValueError("every stratum needs the size of its population")
    answered = [stratum for stratum in strata if stratum.n]
    if not answered:
        return simple_mean(np.empty(0))
    sizes = np.array([stratum.population for stratum in answered])
    share = sizes / sizes.sum()
    n = sum(stratum.n for stratum in answered)
    lonely = sum(stratum.n == 1 for stratum in answered)
    return DesignMean(
        mean=float(share @ [stratum.mean for stratum in answered]),
        variance=float(share**2 @ [stratum.variance for stratum in answered]),
        df=float(n - len(answered)) if not lonely else np.nan,
        n=n,
        population=float(sizes.sum()),
        reason=f"{lonely} strata have one answer only" if lonely else "",
    )


def clustered_mean(values: FloatArray, clusters: Sequence[Hashable]) -> DesignMean:
    """Mean of units that come in clusters: variance ``G/(G − 1) Σ_g (Σ_{i∈g} (x_i − x̄))²/n²``, ``G − 1`` degrees of freedom.

    Parameters
    ----------
    values : array (n,)
        One value per unit, none missing.
    clusters : sequence (n,)
        Cluster of each unit.

    Returns
    -------
    DesignMean
        With a reason instead of a variance if there are fewer than two clusters.

    Raises
    ------
    ValueError
        If a value is not finite, or values and clusters differ in number.

    References
    ----------
    Cochran, W. G. (1977). *Sampling Techniques*, 3rd ed., chapter 9A (ratio estimate). Equals ``svymean`` of the R
    package survey for ``svydesign(ids = ~cluster)``.

    Examples
    --------
    >>> found = clustered_mean(np.array([1.0, 2.0, 4.0, 5.0]), ["a", "a", "b", "b"])
    >>> found.mean, found.std_error, found.df
    (3.0, 1.5, 1.0)
    """
    if len(values) != len(clusters) or not np.isfinite(values).all():
        raise ValueError("a value or a cluster is missing, or a value is infinite")
    names = {name: i for i, name in enumerate(dict.fromkeys(clusters))}
    n, count = len(values), len(names)
    if count < 2:
        reason = "one cluster has no standard error" if n else "nobody answered"
        mean = float(values.mean()) if n else np.nan
        return DesignMean(mean=mean, variance=np.nan, df=np.nan, n=n, population=np.inf, reason=reason)
    mean = float(values.mean())
    total = np.zeros(count)
    np.add.at(total, [names[name] for name in clusters], values - mean)
    variance = count / (count - 1) * float(total @ total) / n**2
    sd = float(values.std(ddof=1))
    return DesignMean(mean=mean, variance=variance, df=float(count - 1), n=n, population=np.inf, sd=sd)


def difference(a: DesignMean, b: DesignMean) -> DesignMean:
    """Difference of two independent means, with Welch–Satterthwaite degrees of freedom.

    Parameters
    ----------
    a, b : DesignMean

    Returns
    -------
    DesignMean
        ``n`` is that of both together.

    Raises
    ------
    TypeError
        If an argument is not a mean.

    References
    ----------
    Welch, B. L. (1947). *Biometrika*, 34, 28–35.

    Examples
    --------
    >>> a, b = simple_mean(np.array([1.0, 2.0, 3.0])), simple_mean(np.array([2.0, 4.0, 6.0]))
    >>> difference(b, a).mean, round(difference(b, a).df, 3)
    (2.0, 2.941)
    """
    variance = a.variance + b.variance
    with np.errstate(divide="ignore", invalid="ignore"):
        df = np.float64(variance) ** 2 / (np.float64(a.variance) ** 2 / a.df + np.float64(b.variance) ** 2 / b.df)
    return DesignMean(
        mean=a.mean - b.mean,
        variance=variance,
        df=float(df),
        n=a.n + b.n,
        population=np.inf,
        reason=" and ".join(dict.fromkeys(reason for reason in (a.reason, b.reason) if reason)),
    )
