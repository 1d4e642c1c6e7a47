"""Estimates without one cluster at a time, which aggregate as the estimates themselves do."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clustereffects.inference.factored import FactoredInfluence
from clustereffects.inference.influence import Influence, read_only
from clustereffects.inference.jackknife import Deviations
from clustereffects.inference.membership import Membership
from clustereffects.results.aggregation import Aggregated, Averaging
from clustereffects.results.description import Sampling

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


_ALL = 1e-12


def rows_left(whole: FloatArray, gone: FloatArray, share: FloatArray) -> FloatArray:
    """Estimates without some rows of their influence function and without the weight of these.

    Parameters
    ----------
    whole : array (k,)
    gone : array (R, k)
        Sum of the rows over the number of all rows.
    share : array (R, k)
        Their share in what each estimate counts.

    Returns
    -------
    array (R, k)
        NaN where nothing is left.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> rows_left(np.array([2.0]), np.array([[-0.5]]), np.array([[0.5]])).tolist()
    [[3.0]]
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(whole - gone / np.where(share < 1 - _ALL, 1 - share, np.nan), dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Replicates:
    """Estimates without one cluster at a time.

    Parameters
    ----------
    column : str
        Column whose clusters were left out.
    left_out : array (R,) of int
        Codes of the clusters that were left out: all that hold treated units, and others of more than one unit.
    whole : array (k,)
        Estimate with all clusters.
    without : array (R, k)
        Estimate without each; NaN where it is not identified then.
    alone : array (n,) of int
        Cluster of each unit whose cluster was not left out, −1 for the others: these enter through their influence.
    gone, share : array (R, k), optional
        Where estimates without a cluster are those without its rows of the influence function: the sum of these rows over
        the number of units, and the share of the cluster in what the term counts. Then ``without`` is
        ``whole − gone / (1 − share)``, and aggregates are so too, whatever terms belong to one cluster.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> town = np.array([0, 0, 1, 2, 3])
    >>> moved = Replicates(column="town", left_out=np.array([0]), whole=np.zeros(3), without=np.ones((1, 3)),
    ...                    alone=np.where(town == 0, -1, town))
    >>> moved.n_terms
    3
    """

    column: str
    left_out: IntArray
    whole: FloatArray
    without: FloatArray
    alone: IntArray
    gone: FloatArray | None = None
    share: FloatArray | None = None

    def __post_init__(self) -> None:
        if self.without.shape != (len(self.left_out), len(self.whole)):
            raise ValueError(
                f"{len(self.left_out)} clusters and {len(self.whole)} terms need replicates of that shape, got "
                f"{self.without.shape}"
            )
        # A view that is read-only already is kept: covariances are remembered by the identity of their codes.
        for name in ("left_out", "whole", "without", "alone", "gone", "share"):
            held = getattr(self, name)
            if held is not None and held.flags.writeable:
                object.__setattr__(self, name, read_only(held))

    @property
    def n_terms(self) -> int:
        """Number of terms."""
        return len(self.whole)

    def lone(self) -> BoolArray:
        """Terms (k,) that are not identified without one of the clusters."""
        return np.asarray(np.isfinite(self.whole) & np.isnan(self.without).any(axis=0))

    def select(self, terms: IntArray) -> Replicates:
        """Replicates of some of the terms."""
        gone, share = (None if part is None else part[:, terms] for part in (self.gone, self.share))
        return replace(self, whole=self.whole[terms], without=self.without[:, terms], gone=gone, share=share)

    def aggregate(self, means: Aggregated, sampling: Sampling, how: Averaging) -> Replicates:
        """Means of the terms in every replicate, with the weights that are left without the cluster.

        ``means`` are those with all clusters; terms that are not identified without a cluster drop out of its replicate.
        Totals take their weights as given: their replicates are means with all weights, times the sum of these.
        """
        n_targets = len(means.estimate)
        chosen = np.zeros((self.n_terms, n_targets))
        entering = np.flatnonzero(means.codes >= 0)
        chosen[entering, means.codes[entering]] = 1.0
        if self.gone is not None and self.share is not None and how != "equal":
            return self._rows_left(means, sampling, chosen, how)
        known = np.isfinite(self.without)
        mass = self._weights(sampling, how)
        weight = np.where(known, mass, 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            without = (weight * np.where(known, self.without, 0.0)) @ chosen / (weight @ chosen)
        if how == "total":
            without = without * (mass[0] * np.isfinite(self.whole) * sampling.membership.n_units @ chosen)
        return replace(self, whole=means.estimate, without=without, gone=None, share=None)

    def _rows_left(self, means: Aggregated, sampling: Sampling, chosen: FloatArray, how: Averaging) -> Replicates:
        """Means without rows: what a cluster takes with it is its rows and its weight, also where it is all of a term."""
        gone, share = np.asarray(self.gone), np.asarray(self.share)
        mass = sampling.membership.mass()
        total = mass @ chosen
        with np.errstate(invalid="ignore", divide="ignore"):
            weight = np.nan_to_num(chosen * mass[:, None] / total)
            out = np.where(mass > 0, 1 - self._mass(sampling) / (mass * sampling.membership.n_units), 0.0)
            kept = np.where(share < 1 - _ALL, (1 - out) / (1 - share), 1.0)
        value = np.nan_to_num(self.whole)
        theta = value @ weight
        gone = (gone * kept + out * value) @ weight - (out @ weight) * theta
        factor = total * sampling.membership.n_units if how == "total" else 1.0
        without = rows_left(theta, gone, out @ weight) * factor
        return replace(self, whole=means.estimate, without=without, gone=gone * factor, share=out @ weight)

    def _weights(self, sampling: Sampling, how: Averaging) -> FloatArray:
        """Weight of each term in each replicate (R, k)."""
        if how == "mass":
            return self._mass(sampling)
        given = np.ones(self.n_terms) if how == "equal" else sampling.membership.mass()
        return np.asarray(np.broadcast_to(given, self.without.shape), dtype=np.float64)

    def _mass(self, sampling: Sampling) -> FloatArray:
        """Weight that falls to each term without each cluster (R, k)."""
        membership = sampling.membership
        own = self._arms(membership, sampling.clusters[self.column])
        left = membership.n_units * membership.arm_mass() - own
        # What is left of an arm that belongs to the cluster is rounding.
        return np.where(left > 1e-12 * own, left, 0.0) @ membership.incidence

    def _arms(self, membership: Membership, codes: IntArray) -> FloatArray:
        """Weight of each cluster that was left out in each arm (R, A)."""
        place = np.full(int(codes.max(initial=-1)) + 1, -1, dtype=np.int64)
        place[self.left_out] = np.arange(len(self.left_out))
        there = (membership.arms >= 0) & (place[codes] >= 0)
        entries = place[codes[there]] * membership.n_arms + membership.arms[there]
        shape = (len(self.left_out), membership.n_arms)
        return np.asarray(
            np.bincount(entries, membership.weight[there], minlength=shape[0] * shape[1]).reshape(shape),
            dtype=np.float64,
        )

    def deviations(self, influence: Influence | FactoredInfluence, sampling: Sampling) -> Deviations:
        """How far the estimates move without each cluster; clusters that were not left out through their influence.

        Parameters
        ----------
        influence : Influence or FactoredInfluence (n, k)
        sampling : Sampling

        Returns
        -------
        Deviations
            NaN where an estimate is not identified without a cluster.
        """
        treated = self._arms(sampling.treated, sampling.clusters[self.column]) @ sampling.treated.incidence > 0
        there = self.alone[self.alone >= 0]
        return Deviations(
            values=self.without - self.whole,
            treated=treated,
            alone=influence.covariance(self.alone) if len(there) else np.zeros((self.n_terms,) * 2),
            n_alone=int(np.count_nonzero(np.bincount(there))),
        )
