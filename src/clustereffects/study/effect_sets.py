"""Effects of one estimator on one outcome, in the aggregations that a study needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from clustereffects.results import Check, Effects


@dataclass(frozen=True, kw_only=True, eq=False)
class EffectSet:
    """Effects of one estimator on one outcome in every aggregation that a study needs.

    The cells themselves are not kept: by organisation, cohort and year they are thousands, each with a value for every
    firm.

    Parameters
    ----------
    by : mapping of str to Effects
        By aggregation: ``overall``, ``event``, ``cohort``, ``calendar`` and, where there are organisations, ``group``.
    from_horizon : mapping of int to (Effects, Effects)
        Mean effects from so many years after joining on, by organisation and for the programme.
    findings : tuple of Check

    Raises
    ------
    KeyError
        When an aggregation is asked for that the estimator does not have.

    Examples
    --------
    >>> sorted(EffectSet.__dataclass_fields__)
    ['by', 'findings', 'from_horizon']
    """

    by: Mapping[str, Effects]
    from_horizon: Mapping[int, tuple[Effects, Effects]]
    findings: tuple[Check, ...]


def effect_set(cells: Effects, horizons: frozenset[int], window: tuple[int, int]) -> EffectSet:
    """Aggregate the cells of an estimator, all of them over the same event times.

    Parameters
    ----------
    cells : Effects
        As the estimator returned them.
    horizons : frozenset of int
        Years after joining from which claims count.
    window : tuple of two int
        First and last event time. Estimators that go further are cut off here, so that what stands side by side in a
        report is about the same years.

    Returns
    -------
    EffectSet

    Raises
    ------
    NotStoredError
        If the influence function was not stored.

    Examples
    --------
    >>> import clustereffects as ce
    >>> panel = ce.Panel(ce.datasets.load_mpdta(), unit="countyreal", time="year", cohort="first.treat")
    >>> sorted(effect_set(ce.GroupTimeDiD().fit(panel, "lemp"), frozenset({1}), (-3, 3)).by)
    ['calendar', 'cohort', 'event', 'overall']
    """
    grouped = "group" in cells.labels
    names = ("overall", "event", "cohort", "calendar", *(("group",) if grouped else ()))
    from_horizon = {one: (one, window[1]) for one in sorted(horizons) if grouped and one <= window[1]}
    return EffectSet(
        by={name: cells.aggregate(name, window=window) for name in names},
        from_horizon={
            one: (cells.aggregate("group", window=years), cells.aggregate("overall", window=years))
            for one, years in from_horizon.items()
        },
        findings=cells.findings,
    )


def at_both_levels(overall: Effects) -> tuple[Effects, Effects]:
    """The same effect with standard errors by firm and by organisation: two questions, two intervals.

    Parameters
    ----------
    overall : Effects
        Effect on the whole programme.

    Returns
    -------
    by_firm, by_organisation : Effects
        About these members, and about organisations of this kind.

    Raises
    ------
    NotStoredError
        If the influence function was not stored.

    Examples
    --------
    >>> at_both_levels.__name__
    'at_both_levels'
    """
    by_organisation = replace(overall, variance=None, stored=None)
    units = None if overall.sampling is None else replace(overall.sampling, assignment=())
    return replace(overall, variance=None, sampling=units, stored=None), by_organisation
