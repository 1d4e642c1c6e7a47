"""Matching: options in, a match out, for panels with staggered joining and for plain cross-sections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import clustereffects.matching._assemble as _assemble
import clustereffects.matching._checks as _checks
import clustereffects.matching._frame as _frame
import clustereffects.matching._options as _options
from clustereffects.data import Panel, require_columns
from clustereffects.data.panel import to_pandas
from clustereffects.errors import ColumnError
from clustereffects.matching._pool import Pool
from clustereffects.matching.engine import Matched, Rules, match_sets
from clustereffects.matching.match import CrossSectionMatch, Design, Match
from clustereffects.matching.reversion import MatchedPairs, mirror_difference
from clustereffects.matching.risk_set import History, RiskSet, risk_sets
from clustereffects.results import Check, Provenance, options_of

_DISTANCES = {
    "mahalanobis": "Mahalanobis, covariance within treated and candidates of each risk set",
    "scaled_euclidean": "Euclidean in standard deviations within treated and candidates of each risk set",
    "propensity": "propensity score from a logit",
}


@dataclass(frozen=True, kw_only=True)
class Matching:
    """Nearest-neighbour matching of treated units to controls.

    Parameters
    ----------
    on : sequence of str
        Columns to be near in; in a panel each at every lag. ``on=["log_value_added"], lags=(1, 2)`` is, under the
        Mahalanobis distance, the same as the level at −1 and the growth from −2 to −1.
    exact : sequence of str
        Columns that must be equal; in a panel as of the period before joining.
    forbid : sequence of str
        Columns whose value a control must not share with its treated unit; missing values never collide.
    exclude : str, optional
        Column of booleans: units that are never controls (in a panel if true in any period).
    ratio : int
        Controls per treated unit.
    method : {"nearest"}
    distance : {"mahalanobis", "propensity", "scaled_euclidean"}
    caliper : float, optional
        Largest distance of a pair: in standard deviations of the propensity, else in units of the distance.
    replace : bool
        Whether a control may serve several treated units; without replacement it serves once over all cohorts.
    lags : sequence of int
        Periods before joining at which ``on`` is read.
    horizon : int
        Candidates are never treated, or treated later than ``cohort + horizon``.
    trim : {"treated", "both"}, optional
        Leave out treated units (and candidates) whose propensity is outside the range of the other side.
    order : {"data", "largest", "smallest", "random"}, optional
        Who chooses first without replacement; default ``"largest"`` propensity, else the order of the units.
    propensity_scale : {"linear", "probability"}
        Scale on which the propensity is compared.
    rng : int or Generator, optional
        For ``order="random"``.

    Raises
    ------
    OptionError
        Lists every option with an impossible value.

    Notes
    -----
    The estimand is the effect on the matched treated units. The design stage reads no period from joining on.

    References
    ----------
    Ho, Imai, King & Stuart (2011), *Journal of Statistical Software* 42(8); Li, Propert & Rosenbaum (2001), *JASA*
    96(455), 870–882, for risk sets; Rubin (1980), *Biometrics* 36(2), for the distance.

    Examples
    --------
    >>> frame = pd.DataFrame({"member": [1, 1, 0, 0, 0], "size": [5.0, 8.0, 4.0, 9.0, 8.5], "county": list("abbba")})
    >>> match = Matching(on=["size"], forbid=["county"]).fit_frame(frame, treatment="member")
    >>> match.pairs()[["treated", "control"]].to_numpy().tolist()
    [[0, 2], [1, 4]]
    """

    on: Sequence[str]
    exact: Sequence[str] = ()
    forbid: Sequence[str] = ()
    exclude: str | None = None
    ratio: int = 1
    method: Literal["nearest"] = "nearest"
    distance: Literal["mahalanobis", "propensity", "scaled_euclidean"] = "mahalanobis"
    caliper: float | None = None
    replace: bool = True
    lags: Sequence[int] = (1, 2)
    horizon: int = 5
    trim: Literal["treated", "both"] | None = None
    order: Literal["data", "largest", "smallest", "random"] | None = None
    propensity_scale: Literal["linear", "probability"] = "linear"
    rng: int | np.random.Generator | None = None

    def __post_init__(self) -> None:
        for name in ("on", "exact", "forbid", "lags"):
            object.__setattr__(self, name, _options.as_tuple(getattr(self, name)))
        _options.validate(self)

    def fit(self, panel: Panel) -> Match:
        """Match every treated unit of a panel in its own risk set.

        Raises
        ------
        ColumnError
            If a column is missing, or one to match on is not numeric.
        EstimationError
            If nobody is treated, nobody can be a control, a covariate is constant, or no pair is possible.
        """
        history = self._history(panel)
        lagged = [(f"{column}[-{lag}]", column) for column in self.on for lag in self.lags]
        names = self._names(lagged)
        sets = risk_sets(history, lags=tuple(self.lags), horizon=self.horizon)
        matched, parts = self._match(sets, names, panel.units)
        parts["lost"] = parts["lost"].astype({"cohort": np.int64})
        parts["findings"] = (*parts["findings"], *self._reversion(history, matched))
        return Match(
            panel=panel,
            design=self._design(
                f"never treated, or treated later than {self.horizon} periods after the cohort", self.horizon
            ),
            provenance=self._provenance(panel.fingerprint(*self.on)),
            **parts,
        )

    def fit_frame(self, frame: Any, *, treatment: str, unit: str | None = None) -> CrossSectionMatch:
        """Match the treated rows of a table with one row per unit; ``lags`` and ``horizon`` do not apply.

        Columns to match on may be text or categories: they become one indicator per category. With ``unit`` the rows
        are put in the order of that column first, which settles ties; without it their own order does.

        Raises
        ------
        ColumnError
            If a column is missing or the treatment is not 0 and 1.
        EstimationError
            If nobody is treated, nobody can be a control, a covariate is constant, or no pair is possible.
        """
        wanted = [*self.on, *self.exact, *self.forbid, treatment, *(name for name in (unit, self.exclude) if name)]
        table = to_pandas(frame)
        require_columns(wanted, list(table.columns), "the frame")
        table, labels = _frame.in_order(table, unit)
        x, covariates = _frame.covariates(table, list(self.on))
        names = self._names(covariates)
        excluded = _frame.flags(table[self.exclude]) if self.exclude else np.zeros(len(table), dtype=np.bool_)
        one = _frame.cross_section(table, names, x, (_frame.flags(table[treatment], missing=None), excluded))
        _, parts = self._match([one], names, labels)
        parts["lost"] = parts["lost"].drop(columns="cohort")
        provenance = self._provenance(_frame.fingerprint(table[wanted]))
        return CrossSectionMatch(
            labels=labels, design=self._design("all untreated", None), provenance=provenance, **parts
        )

    def _names(self, covariates: list[tuple[str, str]]) -> _assemble.Names:
        labels, columns = zip(*covariates, strict=True)
        return _assemble.Names(labels, columns, tuple(self.exact), tuple(self.forbid))

    def _match(
        self, sets: list[RiskSet], names: _assemble.Names, labels: pd.Index[Any]
    ) -> tuple[Matched, dict[str, Any]]:
        _assemble.require_candidates(sets)
        _assemble.require_variation(sets, names)
        rules = self._rules()
        matched = match_sets(sets, rules)
        lost = _assemble.unmatched_table(sets, matched, names, rules)
        _assemble.require_pairs(matched, lost)
        sample = _assemble.account(sets, matched, lost)
        return matched, {
            **_assemble.set_fields(matched),
            "covariates": names.covariates,
            "pool": Pool(matched.sets, names.exact, names.forbid),
            "lost": lost.assign(unit=labels[lost["unit"].to_numpy(dtype=np.int64)]),
            "sample": sample,
            "findings": self._rank_check(matched, len(names.covariates)),
        }

    def _rank_check(self, matched: Matched, n_variables: int) -> tuple[Check, ...]:
        if self.distance != "mahalanobis":
            return ()
        ranks = {
            f"{one.cohort:g}": task.treated.z.shape[1] for one, task in zip(matched.sets, matched.tasks, strict=True)
        }
        return tuple(_checks.rank_check(ranks, n_variables))

    def _rules(self) -> Rules:
        return Rules(
            distance=self.distance,
            propensity_scale=self.propensity_scale,
            ratio=self.ratio,
            replace=self.replace,
            caliper=self.caliper,
            trim=self.trim,
            order=self.order or ("largest" if self.distance == "propensity" else "data"),
            rng=self.rng,
        )

    def _history(self, panel: Panel) -> History:
        wanted = [*self.on, *self.exact, *self.forbid, *([self.exclude] if self.exclude else [])]
        require_columns(wanted, panel.columns)
        return History(
            panel.cohorts,
            panel.times,
            tuple(panel.wide(column) for column in self.on),
            tuple(panel.wide_codes(column) for column in self.exact),
            tuple(panel.wide_codes(column) for column in self.forbid),
            _ever(panel, self.exclude),
        )

    def _reversion(self, history: History, matched: Matched) -> list[Check]:
        treated, control = matched.units()
        weight = 1.0 / np.bincount(treated)[treated]
        pairs = MatchedPairs(treated, control, weight, history.cohorts[treated])
        lag = max(self.lags)
        return [
            _checks.reversion_check(column, mirror_difference(values, history.times, pairs, lag), lag)
            for column, values in zip(self.on, history.values, strict=True)
        ]

    def _design(self, candidates: str, horizon: int | None) -> Design:
        scale = f", {self.propensity_scale}" if self.distance == "propensity" else ""
        caliper = f", caliper {self.caliper:g}" if self.caliper is not None else ""
        reuse = "with" if self.replace else "without"
        exact = f", exact on {', '.join(self.exact)}" if self.exact else ""
        barred = f", not sharing {', '.join(self.forbid)}" if self.forbid else ""
        return Design(
            estimand="average effect on the matched treated units (ATT)",
            method=f"{self.ratio} nearest neighbour(s) {reuse} replacement{exact}{barred}{caliper}",
            distance=_DISTANCES[self.distance] + scale,
            candidates=candidates,
            ratio=self.ratio,
            replace=self.replace,
            horizon=horizon,
        )

    def _provenance(self, fingerprint: str) -> Provenance:
        seed = self.rng if isinstance(self.rng, int) else None
        return Provenance.now(fingerprint=fingerprint, options=options_of(self), seed=seed)


def _ever(panel: Panel, column: str | None) -> NDArray[np.bool_]:
    """Units for which a boolean column is true in any period."""
    if column is None:
        return np.zeros(panel.n_units, dtype=np.bool_)
    values = panel.wide(column)
    known = values[np.isfinite(values)]
    if not np.isin(known, (0.0, 1.0)).all():
        raise ColumnError(_frame.not_boolean(column))
    return np.asarray((values == 1.0).any(axis=1))
