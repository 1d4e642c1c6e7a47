"""Matching with replacement, all ties kept, with the standard errors of Abadie and Imbens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustereffects.errors import EstimationError, Problem
from clustereffects.matching._symmetric import pseudo_inverse, whitening
from clustereffects.matching._ties import Nearest, nearest_with_ties
from clustereffects.matching.propensity import logit

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchRule:
    """How many units are matched.

    Parameters
    ----------
    estimand : {"ATT", "ATC", "ATE"}
    matches : int
        Nearest units of the other side; all as near as the last are taken.
    own : int
        Units of the same side, the unit itself among them, from which the variance of the outcome given the covariates
        is computed. Stata: 3 is ``teffects nnmatch, vce(robust, nn(2))``, 2 is ``teffects psmatch, vce(robust, nn(2))``:
        nnmatch counts neighbours, psmatch the unit too.

    Raises
    ------
    ValueError
        If the estimand is unknown or a number is too small.

    Examples
    --------
    >>> MatchRule(estimand="ATT").own
    3
    """

    estimand: str = "ATE"
    matches: int = 1
    own: int = 3

    def __post_init__(self) -> None:
        if self.estimand not in {"ATT", "ATC", "ATE"} or self.matches < 1 or self.own < 2:
            raise ValueError(f"estimand is ATT, ATC or ATE, matches at least 1, own at least 2, got {self}")


@dataclass(frozen=True, slots=True, eq=False)
class NearestEffect:
    """Effect from matching with replacement.

    Parameters
    ----------
    value : float
    standard_error : float
    usage : array (n,)
        How often each unit serves as a match; with ties its share.
    effect : array (n,)
        Imputed effect of each unit; NaN for units that are not matched.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> NearestEffect.__slots__
    ('value', 'standard_error', 'usage', 'effect')
    """

    value: float
    standard_error: float
    usage: FloatArray
    effect: FloatArray


def sample_coordinates(x: FloatArray) -> FloatArray:
    """Coordinates whose Euclidean distance is the Mahalanobis distance with the covariance of the whole sample.

    Parameters
    ----------
    x : array (n, p)

    Returns
    -------
    array (n, r)

    Raises
    ------
    ValueError
        If ``x`` has fewer than two rows.

    Notes
    -----
    The metric of Stata's ``teffects nnmatch``. ``distance.mahalanobis`` centres treated and controls
    separately, as MatchIt does.

    Examples
    --------
    >>> sample_coordinates(np.array([[0.0], [2.0]])).round(6).ravel().tolist()
    [-0.707107, 0.707107]
    """
    if len(x) < 2:
        raise ValueError("a covariance needs two rows")
    centred = x - x.mean(axis=0)
    return np.asarray(centred @ whitening(centred.T @ centred / (len(x) - 1)))


def nearest_effect(
    outcome: FloatArray,
    treated: BoolArray,
    coordinates: FloatArray,
    rule: MatchRule,
    *,
    adjust: FloatArray | None = None,
) -> NearestEffect:
    """Effect from nearest neighbours with replacement and the variance of Abadie and Imbens (2006).

    Parameters
    ----------
    outcome : array (n,)
    treated : array (n,) of bool
    coordinates : array (n, r)
        Euclidean distance between rows is the matching distance, such as from ``sample_coordinates``.
    rule : MatchRule
    adjust : array (n, p), optional
        Covariates whose remaining differences within matches are taken out by regressions among the matches.

    Returns
    -------
    NearestEffect

    Raises
    ------
    EstimationError
        If a side has fewer units than the rule needs.

    Notes
    -----
    The variance is that of the population effect: ``Σ(effect − mean)² / n² + Σ (K² + 2K − K') σ² / n²`` for the ATE and
    ``Σ(effect − mean)² / n₁² + Σ (K² − K') σ² / n₁²`` over controls for the ATT; K sums the shares 1/#matches with which
    a unit serves and K' their squares. Regressions for the adjustment weight matches by K.

    References
    ----------
    Abadie & Imbens (2006), *Econometrica* 74(1), theorems 6 and 7; Abadie, Drukker, Herr & Imbens (2004), *Stata Journal*
    4(3), 290–311; Abadie & Imbens (2011), *Journal of Business & Economic Statistics* 29(1), equation 4.

    Examples
    --------
    >>> z = np.array([[0.0], [1.0], [2.0], [0.1], [1.1], [2.1]])
    >>> treated = np.array([True, True, True, False, False, False])
    >>> nearest_effect(np.array([5.0, 6.0, 7.0, 4.0, 5.0, 6.0]), treated, z, MatchRule(estimand="ATT", own=2)).value
    1.0
    """
    _refuse_few(treated, rule)
    if rule.estimand == "ATC":
        return _mirrored(nearest_effect(outcome, ~treated, coordinates, _of_treated(rule), adjust=adjust))
    matched = _match(outcome, treated, coordinates, rule, adjust)
    variance = _own_variance(outcome, treated, coordinates, rule.own, matched.usage > 0)
    return _effect(matched, variance, treated, rule.estimand)


def score_effect(
    outcome: FloatArray,
    treated: BoolArray,
    design: FloatArray,
    rule: MatchRule,
) -> NearestEffect:
    """Effect from matching on an estimated propensity score, with the variance of Abadie and Imbens (2016).

    Parameters
    ----------
    outcome : array (n,)
    treated : array (n,) of bool
    design : array (n, k)
        Of the logit, with its intercept.
    rule : MatchRule
        ``own=2`` is the default of Stata's ``teffects psmatch``.

    Returns
    -------
    NearestEffect

    Raises
    ------
    EstimationError
        If the propensity cannot be estimated or a side has fewer units than the rule needs.

    Notes
    -----
    Distance: difference of probabilities. Estimating the score makes the ATE less variable (``− c'Vc``) and the ATT less
    or more (``− c'Vc + d'Vd``). Covariances of design and outcome given the score come from the ``own`` nearest units of
    each side. The derivative d of the ATT compares outcomes with those of the nearest unit of the other side by plain
    Euclidean distance in ``design``, as in the Stata manual.

    References
    ----------
    Abadie & Imbens (2016), *Econometrica* 84(2), theorems 1 and 2; StataCorp, *Causal Inference Reference Manual*,
    teffects nnmatch, "PSM, ATE, and ATET variance adjustment".

    Examples
    --------
    >>> x = np.arange(40.0)
    >>> treated = np.sin(3 * x) + x / 40 > 0.5
    >>> design = np.column_stack([np.ones(40), x])
    >>> effect = score_effect(2.0 * treated + np.cos(x), treated, design, MatchRule(own=2))
    >>> effect.standard_error > 0
    True
    """
    _refuse_few(treated, rule)
    if rule.estimand == "ATC":
        return _mirrored(score_effect(outcome, ~treated, design, _of_treated(rule)))
    score = logit(design, treated).probability
    known = nearest_effect(outcome, treated, score[:, None], rule)
    inverse = pseudo_inverse(design.T @ ((score * (1.0 - score))[:, None] * design))
    local = _Local.at(outcome, treated, score[:, None], design, rule.own)
    if rule.estimand == "ATE":
        change = _ate_change(local, score, inverse)
    else:
        near = _other_means(outcome, treated, design, rule.matches)
        own = np.where(treated, 1.0, -1.0) * (outcome - near)
        change = _att_change(local, score, inverse, np.stack([own, local.difference]) - known.value)
    variance = max(known.standard_error**2 + change, 0.0)
    return NearestEffect(known.value, float(np.sqrt(variance)), known.usage, known.effect)


@dataclass(frozen=True, slots=True, eq=False)
class _Matched:
    effect: FloatArray
    usage: FloatArray
    squared_usage: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class _Local:
    """Outcome around each unit's score on both sides: covariance with the design, and mean without the unit itself."""

    design: FloatArray
    treated: BoolArray
    with_treated: FloatArray
    with_control: FloatArray
    difference: FloatArray

    @classmethod
    def at(cls, outcome: FloatArray, treated: BoolArray, z: FloatArray, design: FloatArray, own: int) -> _Local:
        covariance = np.empty((2, *design.shape))
        mean = np.empty((2, len(outcome)))
        for arm, side in enumerate((treated, ~treated)):
            near = nearest_with_ties(z, z[side], own)
            for column in range(design.shape[1]):
                covariance[arm, :, column] = near.covariances(design[side, column], outcome[side])
            mean[arm] = near.means(outcome[side])
            mean[arm, side] = _means_of_others(outcome[side], z[side], own)
        return cls(design, treated, covariance[0], covariance[1], mean[0] - mean[1])


def _means_of_others(outcome: FloatArray, z: FloatArray, number: int) -> FloatArray:
    """Mean outcome of the ``number`` nearest other units: the set one larger without the unit itself."""
    near = nearest_with_ties(z, z, number + 1)
    return np.asarray((near.sums(outcome) - outcome) / (near.size - 1.0))


def _other_means(outcome: FloatArray, treated: BoolArray, z: FloatArray, number: int) -> FloatArray:
    mean = np.empty(len(outcome))
    for side in (treated, ~treated):
        mean[side] = nearest_with_ties(z[side], z[~side], number).means(outcome[~side])
    return mean


def _ate_change(local: _Local, score: FloatArray, inverse: FloatArray) -> float:
    density = (score * (1.0 - score))[:, None]
    c = (density * (local.with_treated / score[:, None] + local.with_control / (1.0 - score)[:, None])).mean(axis=0)
    return -float(c @ inverse @ c)


def _att_change(local: _Local, score: FloatArray, inverse: FloatArray, effects: FloatArray) -> float:
    """Change of the variance of the ATT.

    ``effects``, less the effect on the treated: from each unit's outcome and its match in the covariates, and from the
    outcomes at scores nearby.
    """
    density, n = score * (1.0 - score), int(local.treated.sum())
    own, nearby = effects
    c = local.design.T @ (density * nearby)
    c += (density[:, None] * local.with_treated + (score**2)[:, None] * local.with_control).sum(axis=0)
    d = local.design.T @ (density * own)
    return float(d @ inverse @ d - c @ inverse @ c) / n**2


def _match(
    outcome: FloatArray, treated: BoolArray, z: FloatArray, rule: MatchRule, adjust: FloatArray | None
) -> _Matched:
    effect = np.full(len(outcome), np.nan)
    usage, squared = np.zeros(len(outcome)), np.zeros(len(outcome))
    for side, sign in ((treated, 1.0), (~treated, -1.0)):
        if sign < 0 and rule.estimand == "ATT":
            continue
        near = nearest_with_ties(z[side], z[~side], rule.matches)
        usage[~side], squared[~side] = near.usage(), near.usage(2)
        imputed = near.means(outcome[~side])
        if adjust is not None:
            imputed = imputed + _remaining(near, outcome[~side], adjust[side], adjust[~side])
        effect[side] = sign * (outcome[side] - imputed)
    return _Matched(effect, usage, squared)


def _remaining(near: Nearest, outcome: FloatArray, x: FloatArray, other: FloatArray) -> FloatArray:
    """Difference in covariates within matches, times a slope among the matches weighted by their use."""
    weight = near.usage()
    middle = weight @ other / weight.sum()
    centred = other - middle
    slope = pseudo_inverse(centred.T @ (weight[:, None] * centred)) @ (centred.T @ (weight * outcome))
    return np.asarray((x - middle) @ slope - near.means(centred @ slope))


def _own_variance(outcome: FloatArray, treated: BoolArray, z: FloatArray, own: int, used: BoolArray) -> FloatArray:
    """Variance of the outcome near units that serve as matches; others do not need one."""
    variance = np.zeros(len(outcome))
    for side in (treated, ~treated):
        if (used & side).any():
            near = nearest_with_ties(z[used & side], z[side], own)
            variance[used & side] = near.covariances(outcome[side], outcome[side])
    return variance


def _effect(matched: _Matched, variance: FloatArray, treated: BoolArray, estimand: str) -> NearestEffect:
    whole = np.ones_like(treated) if estimand == "ATE" else treated
    value, n = float(matched.effect[whole].mean()), int(whole.sum())
    use = matched.usage**2 - matched.squared_usage + (2.0 * matched.usage if estimand == "ATE" else 0.0)
    spread = float(((matched.effect[whole] - value) ** 2).sum() + (use * variance).sum())
    return NearestEffect(value, float(np.sqrt(max(spread, 0.0))) / n, matched.usage, matched.effect)


def _of_treated(rule: MatchRule) -> MatchRule:
    return MatchRule(estimand="ATT", matches=rule.matches, own=rule.own)


def _mirrored(effect: NearestEffect) -> NearestEffect:
    return NearestEffect(-effect.value, effect.standard_error, effect.usage, -effect.effect)


def _refuse_few(treated: BoolArray, rule: MatchRule) -> None:
    few = min(int(treated.sum()), int((~treated).sum()))
    if few < max(rule.matches, rule.own):
        raise EstimationError(
            Problem(
                what="too few units to match with replacement",
                where=f"{int(treated.sum())} treated units, {int((~treated).sum())} controls",
                expected=f"at least {max(rule.matches, rule.own)} on each side",
                remedy="use fewer matches or a smaller own",
            )
        )
