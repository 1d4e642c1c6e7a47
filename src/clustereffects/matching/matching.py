"""Matching: options in, a match out, for panels with staggered joining and for plain cross-sections."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import clustereffects.matching._checks as _checks
import clustereffects.matching._frame as _frame
import clustereffects.matching._options as _options
import clustereffects.matching._words as _words
from clustereffects.data import Panel, require_columns
from clustereffects.data.by_period import ByPeriod
from clustereffects.data.panel import to_pandas
from clustereffects.matching._assemble import Found, Watch
from clustereffects.matching._history import Labels, Wanted, frame_history, panel_history
from clustereffects.matching._prepare import Maker
from clustereffects.matching._refusals import Overlap
from clustereffects.matching.engine import match
from clustereffects.matching.history import History
from clustereffects.matching.match import CrossSectionMatch, Design, Match
from clustereffects.matching.options import Caliper, Coarsening, Score, VariableRatio, frozen_mapping
from clustereffects.matching.reversion import mirror_of_sets
from clustereffects.matching.risk_set import RiskSet, cross_section, risk_sets
from clustereffects.matching.rules import Rule
from clustereffects.matching.sets import MatchedSets
from clustereffects.results import Check, Provenance, options_of

FloatArray = NDArray[np.float64]
Method = Literal["nearest", "optimal", "full", "coarsened_exact", "subclass", "entropy", "propensity_weighting"]
Distance = (
    Literal["mahalanobis", "robust_mahalanobis", "scaled_euclidean", "propensity"]
    | Score
    | Callable[[FloatArray, FloatArray], FloatArray]
)


@dataclass(frozen=True, kw_only=True)
class Matching:
    """Matching of treated units to controls, in a panel each in its own risk set.

    Parameters
    ----------
    on : sequence of str
        Columns to be near in; in a panel each at every lag. ``on=["log_value_added"], lags=(1, 2)`` is, under the
        Mahalanobis distance, the same as the level at −1 and the growth from −2 to −1.
    exact : sequence of str
        Columns that must be equal; in a panel as of the period before joining. With ``method="entropy"`` and ``weigh``
        weights are of everybody together: the former makes each stratum's share equal, the latter means only.
    forbid : sequence of str
        Columns whose value a control must not share with its treated unit; missing values never collide.
    exclude : str, optional
        Column of booleans: units that are never controls (in a panel if true in any period).
    ratio : int or VariableRatio
        Controls per treated unit, of the methods that make pairs; the others use all that fit.
    method : str
        ``"nearest"`` (greedy), ``"optimal"`` (least total distance), ``"full"``, ``"coarsened_exact"``,
        ``"subclass"``, ``"entropy"`` (weights that balance means), ``"propensity_weighting"``. Subclasses and
        propensity weights need ``distance="propensity"`` or a score.
    distance : {"mahalanobis", "robust_mahalanobis", "scaled_euclidean", "propensity"}, Score or callable
        A callable gets ``x_treated`` (a, p) and ``x_control`` (b, p) and returns distances (a, b).
    caliper : float or Caliper, optional
        Largest distance of a pair: in standard deviations of the propensity, else in units of the distance.
    replace : bool
        Whether a control may serve several treated units of pairs; without replacement it serves once over all cohorts.
    reuse : int, optional
        With replacement: how many treated units one control may serve over all cohorts.
    lags : sequence of int, or mapping of str to sequence of int
        Periods before joining at which ``on`` is read; with a mapping, columns that are not named at lag 1.
    growth : sequence of str
        Columns whose mean change per period from the largest lag to the smallest is matched on, in a panel.
    near : sequence of str
        Columns of the Mahalanobis or Euclidean distance if not all of ``on``; the propensity of a caliper uses all.
    horizon : int
        Candidates are never treated, or treated later than ``cohort + horizon``.
    candidates : {"not_yet_treated", "never_treated"}
    active : int
        Periods before joining in each of which a candidate must be observed.
    ladder : mapping of str to sequence
        Steps by which an exact column is loosened, treated unit by treated unit, where too few candidates are left:
        whole numbers are leading digits, texts are other columns. ``{"industry": (5, 4, 3, 2)}``.
    rules : sequence of Rule
        Who cannot be a control because the programme may have touched it.
    trim : {"treated", "both"}, optional
        Leave out treated units (and candidates) whose propensity is outside the range of the other side.
    order : {"data", "largest", "smallest", "random", "closest", "farthest"}, optional
        Who chooses first without replacement; default ``"largest"`` propensity of being treated (``"smallest"`` for
        the effect on the untreated), without a propensity the order of the units.
    link : {"logit", "probit"}
        Model of the propensity.
    propensity_scale : {"linear", "probability"}
        Scale on which the propensity is compared.
    estimand : {"ATT", "ATC", "ATE", "ATO"}
        Whose effect: treated, controls, all, or the overlap (propensity weighting only). In a panel the treated.
    coarsening : Coarsening
        Classes of ``method="coarsened_exact"``.
    subclasses : int
        Number of subclasses of ``method="subclass"``.
    moments : {1, 2}
        Entropy balancing of means, or of means and squares.
    weigh : {"entropy"}, optional
        After matching, reweigh the controls of each cohort until the means are those of its treated units.
    workers, backend : int, str
        Strata matched at the same time, and the joblib backend that does it.
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
    96(455), 870–882, for risk sets; Rubin (1980), *Biometrics* 36(2), for the distance; Rosenbaum (1991), *JRSS B*
    53(3), for full matching; Hainmueller (2012), *Political Analysis* 20(1), for entropy balancing.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"member": [1, 1, 0, 0, 0], "size": [5.0, 8.0, 4.0, 9.0, 8.5], "county": list("abbba")})
    >>> match = Matching(on=["size"], forbid=["county"]).fit_frame(frame, treatment="member")
    >>> match.pairs()[["treated", "control"]].to_numpy().tolist()
    [[0, 2], [1, 4]]
    """

    on: Sequence[str]
    exact: Sequence[str] = ()
    forbid: Sequence[str] = ()
    exclude: str | None = None
    ratio: int | VariableRatio = 1
    method: Method = "nearest"
    distance: Distance = "mahalanobis"
    caliper: float | Caliper | None = None
    replace: bool = True
    reuse: int | None = None
    lags: Sequence[int] | Mapping[str, Sequence[int]] = (1, 2)
    growth: Sequence[str] = ()
    near: Sequence[str] = ()
    horizon: int = 5
    candidates: Literal["not_yet_treated", "never_treated"] = "not_yet_treated"
    active: int = 0
    ladder: Mapping[str, Sequence[int | str]] | Sequence[tuple[str, Any]] = ()
    rules: Sequence[Rule] = ()
    trim: Literal["treated", "both"] | None = None
    order: Literal["data", "largest", "smallest", "random", "closest", "farthest"] | None = None
    link: Literal["logit", "probit"] = "logit"
    propensity_scale: Literal["linear", "probability"] = "linear"
    estimand: Literal["ATT", "ATC", "ATE", "ATO"] = "ATT"
    coarsening: Coarsening = field(default_factory=Coarsening)
    subclasses: int = 6
    moments: Literal[1, 2] = 1
    weigh: Literal["entropy"] | None = None
    workers: int = 1
    backend: str = "threading"
    rng: int | np.random.Generator | None = None

    def __post_init__(self) -> None:
        for name in ("on", "exact", "forbid", "growth", "near", "rules"):
            object.__setattr__(self, name, _options.as_tuple(getattr(self, name)))
        for name in ("lags", "ladder"):
            object.__setattr__(self, name, _options.as_tuple(frozen_mapping(getattr(self, name))))
        _options.validate(self)

    def fit(self, panel: Panel) -> Match:
        """Match every treated unit of a panel in its own risk set.

        Raises
        ------
        ColumnError
            If a column is missing, or one to match on is not numeric.
        OptionError
            If another effect than that on the treated is asked for.
        EstimationError
            If nobody is treated, nobody can be a control, a covariate is constant, or no pair is possible.
        """
        _options.require_treated(self)
        wanted = self._wanted()
        require_columns(wanted.columns, panel.columns)
        history, labels = panel_history(panel, wanted)
        sets = risk_sets(history, horizon=self.horizon, active=self.active, candidates=self.candidates)
        found = self._work(history, labels, sets)
        waiting = f", or treated later than {self.horizon} periods after the cohort"
        candidates = f"never treated{waiting if self.candidates == 'not_yet_treated' else ''}"
        parts = found.parts(panel.units, panel.by_period().codes)
        parts["findings"] = (*parts["findings"], *self._reversion(panel, parts["sets"]))
        return Match(
            panel=panel,
            design=self._design(candidates, self.horizon),
            provenance=self._provenance(panel.fingerprint(*dict.fromkeys([*self.on, *self.growth]))),
            **parts,
        )

    def fit_frame(self, frame: Any, *, treatment: str, unit: str | None = None) -> CrossSectionMatch:
        """Match the treated rows of a table with one row per unit; lags, growth, horizon and windows do not apply.

        Columns to match on may be text or categories: they become one indicator per category. With ``unit`` the rows
        are put in the order of that column first, which settles ties; without it their own order does, and units are
        named by the index of a pandas frame, or by their place where it has none or one with duplicates.

        Raises
        ------
        ColumnError
            If a column is missing or the treatment is not 0 and 1.
        EstimationError
            If nobody is treated, nobody can be a control, a covariate is constant, or no pair is possible.
        """
        wanted = self._wanted()
        table = to_pandas(frame)
        used = [*dict.fromkeys([*wanted.columns, treatment, *([unit] if unit else [])])]
        require_columns(used, list(table.columns), "the frame")
        table, labels_of_units = _frame.in_order(table, unit)
        if unit is None:
            labels_of_units = _frame.own_labels(frame, labels_of_units)
        x, covariates = _frame.covariates(table, [*dict.fromkeys([*self.on, *self.growth])])
        treated = _frame.flags(table[treatment], missing=None)
        focal = ~treated if _options.pairs_untreated(self) else treated
        history, labels = frame_history(table, x, covariates, (focal, wanted))
        found = self._work(history, labels, [cross_section(history)])
        return CrossSectionMatch(
            labels=labels_of_units,
            table=table,
            options=self,
            design=self._design("all treated" if _options.pairs_untreated(self) else "all untreated", None),
            provenance=self._provenance(_frame.fingerprint(table[used])),
            **found.parts(labels_of_units, ByPeriod.once(table).codes),
        )

    def _wanted(self) -> Wanted:
        caliper = _options.caliper_of(self)
        bounds = {**{name: False for name, _ in caliper.widths}, **{name: True for name, _ in caliper.ratios}}
        if isinstance(self.distance, Score):
            bounds.setdefault(self.distance.column, False)
        return Wanted(
            on=tuple(self.on),
            growth=tuple(self.growth),
            lags=_options.lags_of(self),
            exact=tuple(self.exact),
            ladder=_options.ladder_of(self),
            forbid=tuple(self.forbid),
            exclude=self.exclude,
            bounds=bounds,
            rules=tuple(self.rules),
            active=self.active,
        )

    def _work(self, history: History, labels: Labels, sets: Iterable[RiskSet]) -> Found:
        rng = np.random.default_rng(self.rng) if self.order == "random" else None
        watch = Watch(labels, Overlap(labels))
        tasks = Maker(self, labels, rng).all(watch.over(sets))
        watch.overlap.require()
        pieces = match(tasks, self, labels)
        return Found(options=self, history=history, labels=labels, watch=watch, tasks=tasks, pieces=pieces)

    def _reversion(self, panel: Panel, sets: MatchedSets) -> list[Check]:
        lags = {column: max(each) for column, each in _options.lags_of(self).items() if column in self.on}
        return [
            _checks.reversion_check(column, mirror_of_sets(panel.wide(column), panel.times, sets, lag), lag)
            for column, lag in lags.items()
        ]

    def _design(self, candidates: str, horizon: int | None) -> Design:
        return Design(
            estimand=_words.estimand(self),
            method=_words.method(self),
            distance=_words.distance(self),
            candidates=candidates,
            ratio=self.ratio if isinstance(self.ratio, int) else self.ratio.least,
            replace=self.replace,
            horizon=horizon,
            side="untreated" if _options.pairs_untreated(self) else "treated",
        )

    def _provenance(self, fingerprint: str) -> Provenance:
        seed = self.rng if isinstance(self.rng, int) else None
        return Provenance.now(fingerprint=fingerprint, options=options_of(self), seed=seed)
