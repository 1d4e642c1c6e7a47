"""From the unit in which something was measured to the unit of a claim."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from clustereffects.errors import EvidenceError, Problem
from clustereffects.results.evidence import BiasTerm, Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleMap:
    """A line that translates an estimate into the unit of a claim, with the uncertainty of the line itself.

    Parameters
    ----------
    name : str
    factor : float
        Units of the claim per unit of the estimate.
    factor_sd : float
        Standard deviation of the factor.
    offset, offset_sd : float
        Value in the unit of the claim where the estimate is zero, and its standard deviation.
    source : str
        Where the line comes from, such as a calibration study.
    unit : str
        Unit of the claim.

    Raises
    ------
    EvidenceError
        If a number is not finite, a standard deviation is negative or the factor is zero.

    Notes
    -----
    With ``θ = offset + factor·x``, the errors of all three independent, the variance of a product of independent variables
    is exact for any distributions with the true mean μ of x (Goodman 1960, *Journal of the American Statistical
    Association* 55, 708–713): ``Var θ = offset_sd² + factor²·s² + μ²·factor_sd² + s²·factor_sd²``. The estimate takes the
    place of μ, so the variance is on average too large by ``s²·factor_sd²``: on the side of caution.
    An additive bias of the estimate is multiplied by the factor; the uncertainty of the factor is in the standard error
    already. A proportional bias is a ratio to the effect and has no unit: with an offset other than zero its meaning
    changes, which is refused. A bias shared with estimates that the map does not translate is then declared in two units;
    the triangulation refuses that.

    Several estimates translated by one map share its error. The map does not say so itself: put them into one
    ``DependenceGroup``.

    Examples
    --------
    One step of agreement is 2 % growth, give or take 1:

    >>> steps = ScaleMap(name="steps", factor=0.02, factor_sd=0.01, unit="log")
    >>> item = Estimate(id="scale", claim="growth", group="K01", stream="survey", value=1.5, std_error=0.2, unit="steps")
    >>> found = steps.estimate(item)
    >>> round(found.value, 4), round(found.std_error, 5), found.unit
    (0.03, 0.01565, 'log')
    """

    name: str
    factor: float
    factor_sd: float
    offset: float = 0.0
    offset_sd: float = 0.0
    source: str = ""
    unit: str = ""

    def __post_init__(self) -> None:
        numbers = {key: getattr(self, key) for key in ("factor", "factor_sd", "offset", "offset_sd")}
        problems = [
            self._problem(f"{key} is {value}", "a finite number")
            for key, value in numbers.items()
            if not math.isfinite(value)
        ]
        problems += [
            self._problem(f"{key} is {numbers[key]}", "at least 0")
            for key in ("factor_sd", "offset_sd")
            if numbers[key] < 0
        ]
        problems += [] if self.factor else [self._problem("factor is 0", "a factor that tells effects apart")]
        if problems:
            raise EvidenceError(problems)

    def estimate(self, estimate: Estimate) -> Estimate:
        """The estimate in the unit of the claim.

        Parameters
        ----------
        estimate : Estimate

        Returns
        -------
        Estimate

        Raises
        ------
        EvidenceError
            If the estimate has a proportional bias and the map an offset.

        Examples
        --------
        >>> item = Estimate(id="p", claim="growth", group="K01", stream="survey", value=3.0, std_error=1.0)
        >>> ScaleMap(name="percent", factor=0.01, factor_sd=0.0).estimate(item).std_error
        0.01
        """
        proportional = [term.domain for term in estimate.bias if term.kind == "proportional"]
        if proportional and (self.offset or self.offset_sd):
            what = f"estimate {estimate.id!r} has a proportional bias ({', '.join(proportional)})"
            raise EvidenceError(self._problem(what, "additive biases where the map has an offset"))
        spread = math.hypot(
            self.offset_sd,
            self.factor * estimate.std_error,
            estimate.value * self.factor_sd,
            estimate.std_error * self.factor_sd,
        )
        origin = f"scale map {self.name}" + (f" ({self.source})" if self.source else "")
        return replace(
            estimate,
            value=self.offset + self.factor * estimate.value,
            std_error=spread,
            bias=tuple(self._bias(term) for term in estimate.bias),
            unit=self.unit,
            source="; ".join(part for part in (estimate.source, origin) if part),
        )

    def _bias(self, term: BiasTerm) -> BiasTerm:
        if term.kind == "proportional":
            return term
        ends = term.mean_range and sorted(self.factor * end for end in term.mean_range)
        return replace(
            term,
            mean=self.factor * term.mean,
            sd=abs(self.factor) * term.sd,
            mean_range=(ends[0], ends[1]) if ends else None,
        )

    def _problem(self, what: str, expected: str) -> Problem:
        return Problem(what=what, where=f"scale map {self.name!r}", expected=expected, remedy="correct the map")
