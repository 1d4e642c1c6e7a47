"""Matched difference-in-differences on arrays: the effect of every treated unit at one event time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustereffects.did.matched_model import ChangeModel, ControlRows, Level, fit_change_model

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

REFERENCE = -1
# What became of a treated unit at an event time …
OUTSIDE, NO_BASE, NO_OUTCOME, NO_CONTROL, USED = range(5)
# … and of the control of a pair.
KEPT, MISSING, JOINED = range(3)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MatchedSample:
    """Outcomes of the units involved and who serves as a control for whom.

    Parameters
    ----------
    outcome : array (n, n_times)
        NaN where not observed.
    times : array (n_times,) of int
        Ascending.
    joined : array (n,)
        First treated period of every unit; NaN = never.
    treated : array (m,) of int
        Row of each treated unit in ``outcome``.
    group : array (m,) of int
    mass : array (m,)
        Sampling weight of each treated unit.
    member : array (p,) of int
        Position in ``treated`` of the treated unit of each pair.
    control : array (p,) of int
        Row of its control in ``outcome``.
    weight : array (p,)
        Sums to one within each treated unit.
    stratum : array (p,) of int
        Exact stratum of the pair; cohorts are kept apart whether or not it does.
    x_member, x_control : array (p, q)
        Matching covariates of both.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> MatchedSample.__slots__[:3]
    ('outcome', 'times', 'joined')
    """

    outcome: FloatArray
    times: IntArray
    joined: FloatArray
    treated: IntArray
    group: IntArray
    mass: FloatArray
    member: IntArray
    control: IntArray
    weight: FloatArray
    stratum: IntArray
    x_member: FloatArray
    x_control: FloatArray

    @property
    def cohort(self) -> IntArray:
        """First treated period of each treated unit."""
        return self.joined[self.treated].astype(np.int64)

    def at(self, rows: IntArray, periods: IntArray) -> FloatArray:
        """Outcome of these rows in these periods; NaN where not observed or outside the panel."""
        column = np.minimum(np.searchsorted(self.times, periods), len(self.times) - 1)
        return np.where(self.times[column] == periods, self.outcome[rows, column], np.nan)

    def sums(self, values: FloatArray) -> FloatArray:
        """Sums over the pairs of each treated unit: (p,) to (m,), or (p, q) to (m, q)."""
        total = np.zeros((len(self.treated), *values.shape[1:]))
        np.add.at(total, self.member, values)
        return total


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EventTime:
    """Effects of the treated units at one event time and what their errors consist of.

    Parameters
    ----------
    event_time : int
    fate : array (m,) of int
        ``OUTSIDE`` the panel, ``NO_BASE`` period, ``NO_OUTCOME``, ``NO_CONTROL`` left, or ``USED``.
    lost : array (p,) of int
        ``KEPT``, ``MISSING`` outcome of the control, or control ``JOINED`` itself.
    effect : array (m,)
        NaN where not used.
    own : array (m,)
        Effect without the noise of the controls: the unit's change minus what the model predicts for it.
    adjustment : array (m,)
        What the bias adjustment subtracted.
    weight : array (p,)
        Weight of each pair, renormalised over the controls that are left; zero where not used.
    noise : array (p,)
        Noise of the pair's control.
    shift : array (m, q)
        Matching covariates of the treated unit minus those of its weighted controls; zero without adjustment.
    slope_unit : array (r,) of int
        Rows of ``outcome`` whose noise enters the slopes …
    slope_noise : array (r, q)
        … and what each adds to their error.
    level : {"stratum", "cohort", "none"}
        Within what the slopes were estimated.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> EventTime.__slots__[:2]
    ('event_time', 'fate')
    """

    event_time: int
    fate: IntArray
    lost: IntArray
    effect: FloatArray
    own: FloatArray
    adjustment: FloatArray
    weight: FloatArray
    noise: FloatArray
    shift: FloatArray
    slope_unit: IntArray
    slope_noise: FloatArray
    level: Level

    @property
    def used(self) -> BoolArray:
        """Treated units with an effect."""
        return np.asarray(self.fate == USED)


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    """Model of the controls' changes, spread over the pairs."""

    model: ChangeModel
    unit: IntArray
    residual: FloatArray
    noise: FloatArray


def effects_at(sample: MatchedSample, event_time: int, *, bias_adjust: bool) -> EventTime:
    """Effect of every treated unit at one event time, relative to the period before joining.

    ``τ_i = ΔY_i − Σ_j w_ij ΔY_j − (x_i − Σ_j w_ij x_j)'β`` with ``ΔY = Y_{c+e} − Y_{c−1}``. A control without an
    outcome, or treated itself by ``c + e``, gives its weight to the unit's other controls.

    Parameters
    ----------
    sample : MatchedSample
    event_time : int
        Not the reference period −1.
    bias_adjust : bool
        Whether to subtract the last term.

    Returns
    -------
    EventTime

    Raises
    ------
    IndexError
        If positions lie outside the arrays.

    References
    ----------
    Abadie & Imbens (2011), *Journal of Business & Economic Statistics* 29(1), eq. 4 (bias-corrected estimator).

    Examples
    --------
    >>> two = np.array([[1.0, 4.0], [1.0, 2.0]])
    >>> first, none = np.zeros(1, int), np.zeros((1, 0))
    >>> sample = MatchedSample(outcome=two, times=np.array([4, 5]), joined=np.array([5, np.nan]), treated=first,
    ...     group=first, mass=np.ones(1), member=first, control=np.ones(1, int), weight=np.ones(1), stratum=first,
    ...     x_member=none, x_control=none)
    >>> effects_at(sample, 0, bias_adjust=True).effect.tolist()
    [2.0]
    """
    own = _changes(sample, sample.treated, sample.cohort, event_time)
    theirs = _changes(sample, sample.control, sample.cohort[sample.member], event_time)
    lost = _lost(sample, theirs, event_time)
    total = sample.sums(np.where(lost == KEPT, sample.weight, 0.0))
    fate = _fate(sample, own, total, event_time)
    kept = (lost == KEPT) & (fate == USED)[sample.member] & (sample.weight > 0)
    weight = np.where(kept, sample.weight / np.where(kept, total[sample.member], 1.0), 0.0)
    fitted = _fit(sample, theirs, weight)
    adjusts = bias_adjust and fitted.model.level != "none"
    shift = sample.sums(weight[:, None] * (sample.x_member - sample.x_control)) * adjusts
    matched = sample.sums(weight * np.where(kept, theirs, 0.0))
    adjustment = shift @ fitted.model.slope
    effect = np.where(fate == USED, own - matched - adjustment, np.nan)
    return EventTime(
        event_time=event_time,
        fate=fate,
        lost=lost,
        effect=effect,
        own=effect + sample.sums(weight * fitted.residual),
        adjustment=adjustment,
        weight=weight,
        noise=fitted.noise,
        shift=shift,
        slope_unit=fitted.unit,
        slope_noise=fitted.model.slope_noise,
        level=fitted.model.level,
    )


def reference(sample: MatchedSample, used: BoolArray) -> EventTime:
    """Effects in the reference period: zero by construction, without error.

    Parameters
    ----------
    sample : MatchedSample
    used : array (m,) of bool
        Treated units that have an effect at some event time.

    Returns
    -------
    EventTime

    Raises
    ------
    AttributeError
        If ``sample`` is not a ``MatchedSample``.

    Examples
    --------
    >>> first, none = np.zeros(1, int), np.zeros((1, 0))
    >>> sample = MatchedSample(outcome=np.ones((2, 2)), times=np.arange(2), joined=np.array([1, np.nan]), treated=first,
    ...     group=first, mass=np.ones(1), member=first, control=np.ones(1, int), weight=np.ones(1), stratum=first,
    ...     x_member=none, x_control=none)
    >>> reference(sample, np.array([True])).effect.tolist()
    [0.0]
    """
    pairs, covariates = sample.x_control.shape
    zero = np.where(used, 0.0, np.nan)
    return EventTime(
        event_time=REFERENCE,
        fate=np.where(used, USED, OUTSIDE),
        lost=np.zeros(pairs, dtype=np.int64),
        effect=zero,
        own=zero,
        adjustment=zero,
        weight=np.zeros(pairs),
        noise=np.zeros(pairs),
        shift=np.zeros((len(sample.treated), covariates)),
        slope_unit=np.zeros(0, dtype=np.int64),
        slope_noise=np.zeros((0, covariates)),
        level="none",
    )


def _changes(sample: MatchedSample, rows: IntArray, cohort: IntArray, event_time: int) -> FloatArray:
    return sample.at(rows, cohort + event_time) - sample.at(rows, cohort + REFERENCE)


def _lost(sample: MatchedSample, change: FloatArray, event_time: int) -> IntArray:
    """Fate of each control: one that joins by the later of the two periods compared is no control any more."""
    last = sample.cohort[sample.member] + max(event_time, REFERENCE)
    joined = sample.joined[sample.control] <= last
    return np.select([joined, np.isnan(change)], [JOINED, MISSING], KEPT)


def _fate(sample: MatchedSample, change: FloatArray, total: FloatArray, event_time: int) -> IntArray:
    outside = ~np.isin(sample.cohort + event_time, sample.times)
    no_base = np.isnan(sample.at(sample.treated, sample.cohort + REFERENCE))
    states = [outside, no_base, np.isnan(change), total <= 0]
    return np.select(states, [OUTSIDE, NO_BASE, NO_OUTCOME, NO_CONTROL], USED)


def _fit(sample: MatchedSample, change: FloatArray, weight: FloatArray) -> _Fitted:
    """Fit the model to distinct controls per cohort and stratum and spread it over the pairs."""
    used = np.flatnonzero(weight)
    residual, noise = np.zeros(len(weight)), np.zeros(len(weight))
    width = sample.x_control.shape[1]
    if not len(used):
        none = np.zeros(0)
        return _Fitted(ChangeModel(np.zeros(width), "none", none, none, np.zeros((0, width))), used, residual, noise)
    keys = np.stack([sample.cohort[sample.member], sample.stratum, sample.control], axis=1)[used]
    distinct, first, row = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    row, example = row.ravel(), used[first]
    model = fit_change_model(
        ControlRows(
            change=change[example],
            covariates=sample.x_control[example],
            weight=np.bincount(row, (weight * sample.mass[sample.member])[used]).astype(np.float64),
            stratum=np.unique(distinct[:, :2], axis=0, return_inverse=True)[1].ravel(),
            cohort=np.unique(distinct[:, 0], return_inverse=True)[1].ravel(),
        )
    )
    residual[used], noise[used] = model.residual[row], model.noise[row]
    return _Fitted(model, sample.control[example], residual, noise)
