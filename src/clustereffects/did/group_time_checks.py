"""What the group-time estimator found on its way, as checks."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from clustereffects.data import shown
from clustereffects.errors import FewClustersWarning
from clustereffects.results import Check

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

ENOUGH_CLUSTERS = 8


def identification_checks(terms: Sequence[str], reasons: Sequence[str]) -> tuple[Check, ...]:
    """One check for every reason why cells are not identified.

    Parameters
    ----------
    terms, reasons : sequence of str
        One per cell; an empty reason means that the cell is identified.

    Returns
    -------
    tuple of Check

    Raises
    ------
    ValueError
        If the lengths differ.

    Examples
    --------
    >>> identification_checks(["ATT(2004, 2004)"], ["no comparison unit"])[0].message
    '1 effect: no comparison unit – ATT(2004, 2004)'
    """
    cells: dict[str, list[str]] = {}
    for term, reason in zip(terms, reasons, strict=True):
        if reason:
            cells.setdefault(reason, []).append(term)
    return tuple(
        Check(
            name="identified cells",
            verdict="warn",
            statistic=float(len(lost)),
            threshold=0.0,
            message=f"{len(lost)} effect{'s' * (len(lost) > 1)}: {reason} – {shown(lost)}",
            remedy="use fewer covariates, a wider control group, or drop these cohorts",
        )
        for reason, lost in cells.items()
    )


def lone_treated_check(terms: Sequence[str], n_treated: IntArray) -> tuple[Check, ...]:
    """Effects that rest on one treated unit, whose own variation no standard error can show.

    Parameters
    ----------
    terms : sequence of str
    n_treated : array (k,) of int

    Returns
    -------
    tuple of Check

    Raises
    ------
    ValueError
        If the lengths differ.

    Examples
    --------
    >>> lone_treated_check(["ATT(2004, 2004)"], np.array([2]))
    ()
    """
    lone = [term for term, count in zip(terms, n_treated, strict=True) if count == 1]
    if not lone:
        return ()
    return (
        Check(
            name="treated units per effect",
            verdict="warn",
            statistic=1.0,
            threshold=2.0,
            message=f"{len(lone)} effect{'s rest' if len(lone) > 1 else ' rests'} on one treated unit: {shown(lone)}; "
            "such standard errors show the comparison units' variation only",
            remedy="read them only in aggregates",
        ),
    )


def cluster_checks(clusters: Mapping[str, IntArray], treated: BoolArray) -> tuple[Check, ...]:
    """How many clusters hold treated units; warns when they are few.

    Parameters
    ----------
    clusters : mapping of str to array (n,) of int
        Codes of the columns at which treatment was assigned or errors are clustered.
    treated : array (n,) of bool

    Returns
    -------
    tuple of Check

    Raises
    ------
    ValueError
        If the shapes differ.

    Warns
    -----
    FewClustersWarning
        With fewer than eight treated clusters: most kinds of 95 % intervals then cover clearly less.

    References
    ----------
    MacKinnon & Webb (2018), *Econometrics Journal* 21(2), on few treated clusters.

    Examples
    --------
    >>> cluster_checks({"organisation": np.arange(20)}, np.arange(20) < 9)[0].verdict
    'pass'
    """
    checks = []
    for column, codes in clusters.items():
        count = len(np.unique(codes[treated]))
        few = count < ENOUGH_CLUSTERS
        message = f"treatment reached {count} clusters of {column!r}"
        remedy = (
            "use ce.Jackknife(), the default of GroupTimeDiD and MatchedDiD, whose long intervals are honest; those of ce.Cluster(...), "
            "ce.MultiplierBootstrap(...) and ce.WildBootstrap(...) are too short here; show the effects by organisation "
            "and pool them with HierarchicalEffects"
        )
        if few:
            warnings.warn(f"{message}, fewer than {ENOUGH_CLUSTERS} – {remedy}", FewClustersWarning, stacklevel=4)
        checks.append(
            Check(
                name="treated clusters",
                verdict="warn" if few else "pass",
                statistic=float(count),
                threshold=float(ENOUGH_CLUSTERS),
                message=message,
                remedy=remedy if few else "",
            )
        )
    return tuple(checks)
