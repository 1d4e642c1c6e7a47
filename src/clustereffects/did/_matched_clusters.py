"""Clusters of a matched difference-in-differences: matched sets, and estimates without one cluster from influence alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from clustereffects.did._jackknife import with_replicates
from clustereffects.did.group_time_checks import ENOUGH_CLUSTERS
from clustereffects.did.matched_arrays import MatchedSample
from clustereffects.did.matched_influence import FactorSource
from clustereffects.errors import EstimationError, Problem
from clustereffects.inference import Influence, Membership
from clustereffects.inference.factored import FactoredInfluence
from clustereffects.results import Check, Effects, Jackknife
from clustereffects.results.replicates import rows_left

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SET = "matched_set"


def set_codes(sample: MatchedSample, *, merge: bool) -> IntArray:
    """Cluster of each row of the influence function.

    Where a row is a unit, sets with a unit in common are one cluster; where it is a unit in a set, each set is one.
    """
    _require_several(sample)
    if not merge:
        return np.concatenate([sample.treated_set, sample.control_set])
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    rows = np.concatenate([sample.treated_row, sample.control_row])
    sets = np.concatenate([sample.treated_set, sample.control_set]) + sample.n_rows
    size = sample.n_rows + sample.n_sets
    graph = coo_array((np.ones(len(rows)), (rows, sets)), shape=(size, size))
    codes = connected_components(graph, directed=False)[1][: sample.n_rows]
    found = np.unique(codes, return_inverse=True)[1].ravel().astype(np.int64)
    if sample.n_sets > 1 and found.max(initial=0) == 0:
        raise EstimationError(
            Problem(
                what="standard errors cannot be clustered by matched set",
                where=f"controls that serve several sets join all {sample.n_sets} sets into one cluster",
                expected="sets without common controls",
                remedy="match without replacement, cluster by Cluster('matched_set', unit) in two ways, or by unit",
            )
        )
    return found


def _require_several(sample: MatchedSample) -> None:
    """With one set per cohort the deviations in each set sum to zero, and so would the standard error."""
    if sample.n_sets == len(sample.treated) or sample.n_sets > len(np.unique(sample.set_cohort)):
        return
    raise EstimationError(
        Problem(
            what="standard errors cannot be clustered by matched set",
            where="all treated units of a cohort are one set, as weighting makes them",
            expected="several matched sets per cohort",
            remedy="cluster by unit, or by the level at which treatment was assigned",
        )
    )


def set_check(sample: MatchedSample, codes: IntArray) -> tuple[Check, ...]:
    """How many clusters the matched sets make."""
    clusters = len(np.unique(codes[sample.treated_row]))
    if clusters == sample.n_sets:
        return _few_check(clusters)
    return (
        Check(
            name="matched sets as clusters",
            verdict="warn",
            statistic=float(clusters),
            threshold=float(sample.n_sets),
            message=f"the {sample.n_sets} matched sets share controls and make {clusters} clusters",
            remedy="cluster by set and unit in two ways, or by unit, where each control's re-use is accounted for",
        ),
    )


def _few_check(clusters: int) -> tuple[Check, ...]:
    if clusters >= ENOUGH_CLUSTERS:
        return ()
    return (
        Check(
            name="matched sets as clusters",
            verdict="warn",
            statistic=float(clusters),
            threshold=float(ENOUGH_CLUSTERS),
            message=f"standard errors rest on {clusters} matched sets",
            remedy="cluster by unit, or by the level at which treatment was assigned",
        ),
    )


def with_rows_left_out(effects: Effects, column: str) -> Effects:
    """Effects with estimates without one cluster at a time, where a jackknife is wanted or treated clusters are few.

    A cluster takes its rows of the influence function and its weight with it; matched sets and the model of the
    controls' changes stay, so that nothing is estimated again.
    """
    influence, sampling = effects.influence_function, effects.sampling
    if influence is None or sampling is None:
        return effects

    held: list[tuple[FloatArray, FloatArray]] = []

    def without(clusters: IntArray) -> FloatArray:
        codes = sampling.clusters[column]
        place = np.full(int(codes.max(initial=-1)) + 1, -1, dtype=np.int64)
        place[clusters] = np.arange(len(clusters))
        rows = np.flatnonzero(place[codes] >= 0)
        gone = np.zeros((len(clusters), influence.n_terms))
        np.add.at(gone, place[codes][rows], _rows(influence, rows) / influence.n_units)
        held.append((gone, _share(sampling.membership, place[codes], len(clusters))))
        return rows_left(effects.estimate, *held[0])

    wanted = isinstance(effects.variance, Jackknife)
    found = with_replicates(effects if wanted else replace(effects, variance=None), column, without)
    if found.replicates is None:
        return effects
    gone, share = held[0]
    return replace(effects, replicates=replace(found.replicates, gone=gone, share=share))


def _rows(influence: Influence | FactoredInfluence, rows: IntArray) -> FloatArray:
    """Some rows of the influence function of cells."""
    if isinstance(influence, FactoredInfluence) and isinstance(influence.source, FactorSource):
        return influence.source.rows(rows)
    return influence.values[rows]


def _share(membership: Membership, rows: IntArray, count: int) -> FloatArray:
    """Share of each cluster in the treated weight behind each effect (R, k)."""
    there = (membership.arms >= 0) & (rows >= 0)
    entries = rows[there] * membership.n_arms + membership.arms[there]
    weight = np.bincount(entries, membership.weight[there], count * membership.n_arms).reshape(count, -1)
    total = membership.mass() * membership.n_units
    return np.asarray(weight @ membership.incidence / np.where(total > 0, total, 1.0), dtype=np.float64)
