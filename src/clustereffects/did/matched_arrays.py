"""Matched difference-in-differences on arrays: the effect of every treated unit at one event time."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from clustereffects.did.matched_model import ControlRows, Level, fit_change_model

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

REFERENCE = -1
# What became of a treated unit at an event time …
OUTSIDE, NO_BASE, NO_OUTCOME, NO_CONTROL, USED = range(5)
# … and of a control in a set.
KEPT, MISSING, JOINED = range(3)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MatchedSample:
    """Outcomes of the units involved and the sets in which treated units meet their weighted controls.

    A set may hold one treated unit with its controls, as pairs do, or several that share all of them.

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
        What each treated unit counts.
    treated_set : array (m,) of int
    control : array (l,) of int
        Row of each control in ``outcome``, once per set that it is in.
    control_set : array (l,) of int
    share : array (l,)
        Weight of the control in its set; sums to one.
    stratum : array (s,) of int
        Exact stratum of each set; cohorts are kept apart whether or not it does.
    x_treated, x_control : array (m, q), (l, q)
        Matching covariates.
    treated_row, control_row : array (m,), (l,) of int, optional
        Row of the influence function to which each belongs; default: one row per unit.

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
    treated_set: IntArray
    control: IntArray
    control_set: IntArray
    share: FloatArray
    stratum: IntArray
    x_treated: FloatArray
    x_control: FloatArray
    treated_row: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    control_row: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    n_rows: int = field(init=False)
    set_cohort: IntArray = field(init=False)
    cell: IntArray = field(init=False)
    entry: IntArray = field(init=False)

    def __post_init__(self) -> None:
        if not len(self.treated_row):
            object.__setattr__(self, "treated_row", self.treated)
            object.__setattr__(self, "control_row", self.control)
        last = max(self.treated_row.max(initial=-1), self.control_row.max(initial=-1))
        object.__setattr__(self, "n_rows", int(last) + 1)
        cohort = np.zeros(len(self.stratum), dtype=np.int64)
        cohort[self.treated_set] = self.cohort
        keys = np.stack([cohort, self.stratum], axis=1)
        cell = np.unique(keys, axis=0, return_inverse=True)[1].ravel()
        distinct = cell[self.control_set] * len(self.outcome) + self.control
        object.__setattr__(self, "set_cohort", cohort)
        object.__setattr__(self, "cell", cell)
        object.__setattr__(self, "entry", np.unique(distinct, return_inverse=True)[1].ravel())

    @property
    def cohort(self) -> IntArray:
        """First treated period of each treated unit."""
        return self.joined[self.treated].astype(np.int64)

    @property
    def n_sets(self) -> int:
        """Number of sets."""
        return len(self.stratum)

    def at(self, rows: IntArray, periods: IntArray) -> FloatArray:
        """Outcome of these rows in these periods; NaN where not observed or outside the panel."""
        column = np.minimum(np.searchsorted(self.times, periods), len(self.times) - 1)
        return np.where(self.times[column] == periods, self.outcome[rows, column], np.nan)

    def sums(self, values: FloatArray) -> FloatArray:
        """Sums over the controls of each set: (l,) to (s,), or (l, q) to (s, q)."""
        columns = values.reshape(len(values), -1).T
        total = np.array([np.bincount(self.control_set, column, self.n_sets) for column in columns])
        return total.T.reshape(self.n_sets, *values.shape[1:])

    def set_mass(self, used: BoolArray) -> FloatArray:
        """Mass of the treated units of each set that are used (s,)."""
        return np.bincount(self.treated_set, self.mass * used, self.n_sets).astype(np.float64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EventTime:
    """Effects of the treated units at one event time and what their errors consist of.

    Parameters
    ----------
    event_time : int
    fate : array (m,) of int
        ``OUTSIDE`` the panel, ``NO_BASE`` period, ``NO_OUTCOME``, ``NO_CONTROL`` left, or ``USED``.
    lost : array (l,) of int
        ``KEPT``, ``MISSING`` outcome of the control, or control ``JOINED`` itself.
    effect : array (m,)
        NaN where not used.
    own : array (m,)
        Effect without the noise of the controls: the unit's change minus what the model predicts for it.
    adjustment : array (m,)
        What the bias adjustment subtracted.
    weight : array (l,)
        Weight of each control in its set, renormalised over those that are left; zero where not used.
    residual, noise : array (l,)
        Residual of the control's change, and the same scaled to the variance of the change.
    shift : array (m, q)
        Matching covariates of the treated unit minus those of its weighted controls; zero without adjustment.
    slope_noise : array (n_rows, q)
        What each row of the influence function adds to the error of the slopes.
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
    residual: FloatArray
    noise: FloatArray
    shift: FloatArray
    slope_noise: FloatArray
    level: Level

    @property
    def used(self) -> BoolArray:
        """Treated units with an effect."""
        return np.asarray(self.fate == USED)


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    """Model of the controls' changes, spread over the controls of all sets."""

    slope: FloatArray
    level: Level
    residual: FloatArray
    noise: FloatArray
    slope_noise: FloatArray


def effects_at(sample: MatchedSample, event_time: int, *, bias_adjust: bool) -> EventTime:
    """Effect of every treated unit at one event time, relative to the period before joining.

    ``τ_i = ΔY_i − Σ_j w_ij ΔY_j − (x_i − Σ_j w_ij x_j)'β`` with ``ΔY = Y_{c+e} − Y_{c−1}``. A control without an
    outcome, or treated itself by ``c + e``, gives its weight to the set's other controls.

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
    ...     group=first, mass=np.ones(1), treated_set=first, control=np.ones(1, int), control_set=first, share=np.ones(1),
    ...     stratum=first, x_treated=none, x_control=none)
    >>> effects_at(sample, 0, bias_adjust=True).effect.tolist()
    [2.0]
    """
    own = _changes(sample, sample.treated, sample.cohort, event_time)
    theirs = _changes(sample, sample.control, sample.set_cohort[sample.control_set], event_time)
    lost = _lost(sample, theirs, event_time)
    total = sample.sums(np.where(lost == KEPT, sample.share, 0.0))
    fate = _fate(sample, own, total[sample.treated_set], event_time)
    served = np.bincount(sample.treated_set, fate == USED, sample.n_sets) > 0
    kept = (lost == KEPT) & served[sample.control_set] & (sample.share > 0)
    weight = np.where(kept, sample.share / np.where(kept, total[sample.control_set], 1.0), 0.0)
    fitted = _fit(sample, theirs, weight, sample.set_mass(fate == USED))
    adjusts = bias_adjust and fitted.level != "none"
    shift = sample.x_treated - sample.sums(weight[:, None] * sample.x_control)[sample.treated_set]
    shift = np.where((fate == USED)[:, None], shift, 0.0) * adjusts
    matched = sample.sums(weight * np.where(kept, theirs, 0.0))[sample.treated_set]
    adjustment = shift @ fitted.slope
    effect = np.where(fate == USED, own - matched - adjustment, np.nan)
    return EventTime(
        event_time=event_time,
        fate=fate,
        lost=lost,
        effect=effect,
        own=effect + sample.sums(weight * fitted.residual)[sample.treated_set],
        adjustment=adjustment,
        weight=weight,
        residual=fitted.residual,
        noise=fitted.noise,
        shift=shift,
        slope_noise=fitted.slope_noise,
        level=fitted.level,
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
    ...     group=first, mass=np.ones(1), treated_set=first, control=np.ones(1, int), control_set=first, share=np.ones(1),
    ...     stratum=first, x_treated=none, x_control=none)
    >>> reference(sample, np.array([True])).effect.tolist()
    [0.0]
    """
    links, covariates = sample.x_control.shape
    zero = np.where(used, 0.0, np.nan)
    return EventTime(
        event_time=REFERENCE,
        fate=np.where(used, USED, OUTSIDE),
        lost=np.zeros(links, dtype=np.int64),
        effect=zero,
        own=zero,
        adjustment=zero,
        weight=np.zeros(links),
        residual=np.zeros(links),
        noise=np.zeros(links),
        shift=np.zeros((len(sample.treated), covariates)),
        slope_noise=np.zeros((sample.n_rows, covariates)),
        level="none",
    )


def _changes(sample: MatchedSample, rows: IntArray, cohort: IntArray, event_time: int) -> FloatArray:
    return sample.at(rows, cohort + event_time) - sample.at(rows, cohort + REFERENCE)


def _lost(sample: MatchedSample, change: FloatArray, event_time: int) -> IntArray:
    """Fate of each control: one that joins by the later of the two periods compared is no control any more."""
    last = sample.set_cohort[sample.control_set] + max(event_time, REFERENCE)
    joined = sample.joined[sample.control] <= last
    return np.select([joined, np.isnan(change)], [JOINED, MISSING], KEPT)


def _fate(sample: MatchedSample, change: FloatArray, total: FloatArray, event_time: int) -> IntArray:
    outside = ~np.isin(sample.cohort + event_time, sample.times)
    no_base = np.isnan(sample.at(sample.treated, sample.cohort + REFERENCE))
    states = [outside, no_base, np.isnan(change), total <= 0]
    return np.select(states, [OUTSIDE, NO_BASE, NO_OUTCOME, NO_CONTROL], USED)


def _fit(sample: MatchedSample, change: FloatArray, weight: FloatArray, mass: FloatArray) -> _Fitted:
    """Fit the model to distinct controls per cohort and stratum and spread it over the controls of all sets."""
    used = np.flatnonzero(weight)
    residual, noise = np.zeros(len(weight)), np.zeros(len(weight))
    slope_noise = np.zeros((sample.n_rows, sample.x_control.shape[1]))
    if not len(used):
        return _Fitted(np.zeros(slope_noise.shape[1]), "none", residual, noise, slope_noise)
    own = weight[used] * mass[sample.control_set[used]]
    row, count = _consecutive(sample.entry[used])
    example = np.empty(count, dtype=np.int64)
    example[row[::-1]] = used[::-1]
    of_set = sample.control_set[example]
    total = np.bincount(row, own).astype(np.float64)
    model = fit_change_model(
        ControlRows(
            change=change[example],
            covariates=sample.x_control[example],
            weight=total,
            stratum=_consecutive(sample.cell[of_set])[0],
            cohort=_consecutive(sample.set_cohort[of_set] - sample.set_cohort.min())[0],
        )
    )
    residual[used], noise[used] = model.residual[row], model.noise[row]
    part = own / np.where(total > 0, total, 1.0)[row]
    for column, values in enumerate(model.slope_noise.T):
        slope_noise[:, column] = np.bincount(sample.control_row[used], part * values[row], sample.n_rows)
    return _Fitted(model.slope, model.level, residual, noise, slope_noise)


def _consecutive(codes: IntArray) -> tuple[IntArray, int]:
    """Codes numbered from zero in their order, and their number; without sorting what may be millions."""
    there = np.bincount(codes) > 0
    return (np.cumsum(there) - 1)[codes], int(there.sum())
