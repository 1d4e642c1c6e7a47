"""Matched difference-in-differences: options, work, result."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import clustereffects.did._matched_sample as samples
from clustereffects.data import require_columns
from clustereffects.data.account import SampleAccount
from clustereffects.did._jackknife import jackknife_column
from clustereffects.did._matched_clusters import SET, set_check, set_codes, with_rows_left_out
from clustereffects.did._matched_sample import Taken
from clustereffects.did._private import bad_option, cluster_columns
from clustereffects.did.group_time_checks import cluster_checks, lone_treated_check
from clustereffects.did.matched_arrays import REFERENCE, EventTime
from clustereffects.did.matched_cells import MatchedCells, event_times, matched_cells
from clustereffects.did.matched_influence import matched_influence, membership_of
from clustereffects.errors import EstimationError, OptionError, Problem
from clustereffects.matching import Match
from clustereffects.results import (
    Check,
    Description,
    Effects,
    Jackknife,
    Provenance,
    Sampling,
    Variance,
    named_columns,
    options_of,
    seed_of,
)

IntArray = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class MatchedDiD:
    """Difference-in-differences of treated units and their matched controls, stacked by event time.

    Parameters
    ----------
    variance : Cluster, MultiplierBootstrap, Jackknife or WildBootstrap, optional
        Default: at the panel's assignment level if one is declared – ``Jackknife()`` where at most 50 of its clusters hold
        treated units, clustered where they are more –, else independent units. The column ``"matched_set"`` stands for
        the matched sets: ``Cluster("matched_set")``, or with the column of units ``Cluster("matched_set", "firm")``.
    bias_adjust : bool
        Correct for what differs between a treated unit and its controls in the matching covariates.
    window : tuple of two int
        First and last event time (periods since joining).

    Raises
    ------
    OptionError
        If an option has a value it cannot have; all problems are listed.

    Notes
    -----
    Estimand: the average effect on the treated units that have a control and are observed, from joining on. Period −1
    is the reference: its effect is zero by construction and has no standard error; earlier ones are placebos.

    Treated units of a set (``method="full"``, ``"entropy"`` and others) share its weighted controls.

    Standard errors: influence function with one row per unit. A treated unit's row holds its own deviation, so that
    effects may differ between units and inference is for the population they are drawn from; a control's row holds
    its noise times everything it serves, over all treated units and cohorts, so that re-use is accounted for. The sum of
    squares of these rows is the variance of Abadie & Imbens (2006, theorem 7), ``Σ (τ_i − τ)² + Σ_j (K_j² − K'_j) σ²_j``
    over ``N²`` with ``K_j`` the use of a control and ``K'_j`` the sum of squared shares, except that ``σ²_j`` comes from
    a regression among the controls instead of from pairs of controls, and that the own prediction error is taken out of
    ``τ_i`` instead of being subtracted in ``K'_j``. The jackknife leaves out a cluster's rows with its weight; matched
    sets and the model of the controls' changes stay, so that nothing is fitted again.

    By matched set errors are those of Abadie & Spiess (2022), valid without re-use: the spread of the sets' own
    differences. Sets that share controls are one cluster, and where that leaves a single one the choice is refused; with
    re-use cluster by set and unit in two ways, where a row is a unit in a set.

    References
    ----------
    Abadie & Imbens (2006), *Econometrica* 74(1); (2011), *Journal of Business & Economic Statistics* 29(1); (2012),
    *Journal of the American Statistical Association* 107(498). Abadie & Spiess (2022), *Journal of the American
    Statistical Association* 117(538). Karim, Nielsen, MacKinnon & Webb (2026) on the cluster jackknife. Imai, Kim & Wang (2023), *American Journal of Political
    Science* 67(3), on matching before difference-in-differences.

    Examples
    --------
    >>> import clustereffects as ce
    >>> options = ce.datasets.ProgrammeOptions(n_firms=2_000, n_members=150, n_organisations=5)
    >>> world = ce.datasets.simulate_programme(options, rng=1)
    >>> panel = ce.Panel(world.frame, unit="firm", time="year", cohort="cohort", group="organisation")
    >>> exact = ["industry_division", "size_class", "growth_class"]
    >>> match = ce.Matching(on=["log_value_added"], exact=exact, ratio=5, lags=(1,)).fit(panel)
    >>> effects = MatchedDiD(window=(-3, 5)).fit(match, "log_value_added")
    >>> effects.aggregate("overall").tidy()["std_error"].between(0.01, 0.05).all()
    np.True_
    """

    variance: Variance | None = None
    bias_adjust: bool = True
    window: tuple[int, int] = (-5, 5)

    def __post_init__(self) -> None:
        problems = _problems(self)
        if problems:
            raise OptionError(problems)

    def fit(self, match: Match, outcome: str) -> Effects:
        """Estimate the effects on one outcome from the matched sets of a match.

        Raises
        ------
        InputError
            If the match is not one of a panel, or its covariates are not finite.
        ColumnError
            If the outcome does not exist or is not numeric.
        EstimationError
            If no treated unit has an effect; the message counts the reasons.

        Warns
        -----
        FewClustersWarning
            If fewer than eight clusters of the assignment level hold treated units.
        """
        sets = SET in named_columns(self.variance)
        observations = sets and len(named_columns(self.variance)) > 1
        taken = samples.take_sample(match, outcome, observations=observations)
        parts = event_times(taken.arrays, self.window, bias_adjust=self.bias_adjust)
        if not any(part.used.any() for part in parts):
            raise EstimationError(samples.nothing_left(parts))
        work = _Work(self, match, outcome, taken, parts)
        effects = work.effects()
        return replace(effects, findings=work.findings(effects), remake=work)


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    """Effects of all treated units, from which cells are made by whatever label."""

    model: MatchedDiD
    match: Match
    outcome: str
    taken: Taken
    parts: tuple[EventTime, ...]

    def split(self, by: tuple[str, ...]) -> Effects:
        """Effects in cells that are split further by columns of the panel, read in the period before joining."""
        require_columns(by, self.match.panel.columns)
        return replace(self, taken=self.taken.regrouped(self.match.panel, by)).effects()

    def weigh(self, weights: pd.Series) -> Effects:
        """Effects in which each treated unit has its own weight; the model of the controls' changes stays."""
        arrays = self.taken.arrays
        own = weights.reindex(self.match.panel.units[self.taken.treated_rows]).to_numpy(dtype=np.float64, na_value=0.0)
        weighed = replace(self, taken=replace(self.taken, arrays=replace(arrays, mass=own)))
        return replace(weighed.effects(), remake=weighed)

    def effects(self) -> Effects:
        """Effects in cells, without what was found on the way."""
        model, panel, taken, arrays = self.model, self.match.panel, self.taken, self.taken.arrays
        cells = matched_cells(arrays, self.parts)
        columns = cluster_columns(model.variance, panel.cluster)
        sample = samples.account(self.match, taken, self.parts)
        effects = Effects(
            labels=_labels(cells, taken.labels),
            estimate=cells.estimate,
            influence_function=matched_influence(
                arrays, self.parts, cells, scaled=SET not in named_columns(model.variance)
            ),
            sampling=Sampling(
                units=panel.units[taken.positions],
                clusters={column: self._codes(column) for column in columns},
                membership=membership_of(arrays, cells),
                assignment=panel.cluster,
                panel=panel,
            ),
            variance=model.variance,
            description=_description(model, self.outcome, sample),
            sample=sample,
            provenance=_provenance(model, self.match, self.outcome),
            unit_effects=samples.unit_table(self.match, taken, self.parts),
        )
        # Leaving clusters out costs nothing here, so that it is there to compare with under any other choice too.
        column = jackknife_column(model.variance if isinstance(model.variance, Jackknife) else None, panel.cluster)
        return effects if column is None else with_rows_left_out(effects, column)

    def _codes(self, column: str) -> IntArray:
        taken = self.taken
        if column == SET:
            return set_codes(taken.arrays, merge=not taken.observations)
        codes = self.match.panel.unit_codes(column)[taken.positions]
        return np.unique(codes, return_inverse=True)[1].ravel().astype(np.int64)

    def findings(self, effects: Effects) -> tuple[Check, ...]:
        """What was found on the way."""
        taken, parts, match = self.taken, self.parts, self.match
        clusters = {} if effects.sampling is None else dict(effects.sampling.clusters)
        merged = set_check(taken.arrays, clusters.pop(SET)) if SET in clusters else ()
        treated = np.zeros(taken.arrays.n_rows, dtype=bool)
        treated[taken.arrays.treated_row] = True
        return (
            *match.checks(),
            *samples.adjustment_check(parts, match.covariates, wanted=self.model.bias_adjust),
            *samples.loss_check(taken.arrays, parts),
            *_lone_cells(effects, matched_cells(taken.arrays, parts)),
            *merged,
            *cluster_checks(clusters, treated),
        )


def _labels(cells: MatchedCells, groups: pd.DataFrame) -> pd.DataFrame:
    time = cells.cohort + cells.event_time
    columns: dict[str, Any] = {"cohort": cells.cohort, "time": time, "event_time": cells.event_time}
    columns |= {str(name): values.to_numpy()[cells.group] for name, values in groups.items()}
    rest = zip(*(columns[str(name)] for name in groups), strict=True) if len(groups.columns) else [()] * len(time)
    suffix = ["".join(f" | {value}" for value in values) for values in rest]
    terms = [f"ATT({cohort}, {period}{text})" for cohort, period, text in zip(cells.cohort, time, suffix, strict=True)]
    return pd.DataFrame(columns, index=pd.Index(terms))


def _lone_cells(effects: Effects, cells: MatchedCells) -> tuple[Check, ...]:
    """Cells of one treated unit are building blocks here, hence no warning."""
    counts = np.bincount(cells.member_cell, minlength=len(cells.estimate))
    measured = cells.event_time != REFERENCE
    found = lone_treated_check(list(effects.labels.index[measured]), counts[measured])
    return tuple(replace(check, verdict="info") for check in found)


def _description(model: MatchedDiD, outcome: str, sample: SampleAccount) -> Description:
    counts = sample.counts
    return Description(
        estimand=f"average effect on the treated, for the {counts['treated units with effects']:,} of "
        f"{counts['treated units']:,} treated units that have controls and are observed, relative to the period before "
        "treatment; inference for the population they are drawn from",
        method="matched difference-in-differences, "
        + ("bias-adjusted (Abadie & Imbens 2011)" if model.bias_adjust else "not bias-adjusted"),
        outcome=outcome,
    )


def _provenance(model: MatchedDiD, match: Match, outcome: str) -> Provenance:
    digest = hashlib.blake2b(match.panel.fingerprint(outcome).encode(), digest_size=16)
    sets = match.sets
    held = (
        sets.treated,
        sets.control,
        sets.treated_set,
        sets.control_set,
        sets.share,
        match.x_treated,
        match.x_control,
    )
    for array in (*held, sets.mass, sets.stratum):
        digest.update(np.ascontiguousarray(array).tobytes())
    options = {**options_of(model), "match": dict(match.provenance.options)}
    return Provenance.now(fingerprint=digest.hexdigest(), options=options, seed=seed_of(model.variance))


def _problems(model: Any) -> list[Problem]:
    """Options that cannot be; ``model`` is untyped because users pass anything."""
    problems = []
    if not isinstance(model.bias_adjust, bool):
        problems.append(bad_option("bias_adjust", model.bias_adjust, "True or False"))
    if not _is_window(model.window):
        problems.append(bad_option("window", model.window, "two whole numbers, the first ≤ the second, the second ≥ 0"))
    if not isinstance(model.variance, Variance | None):
        kinds = "Cluster(...), MultiplierBootstrap(...), Jackknife(...), WildBootstrap(...) or None"
        problems.append(bad_option("variance", model.variance, kinds))
    return problems


def _is_window(window: Any) -> bool:
    whole = isinstance(window, tuple) and len(window) == 2 and all(type(end) is int for end in window)
    return whole and window[0] <= window[1] and window[1] >= 0
