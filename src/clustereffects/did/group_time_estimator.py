"""Group-time difference-in-differences on a panel: options, work, result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args, overload

import clustereffects.did._covariates as _covariates
from clustereffects.data.panel import Panel
from clustereffects.did._cross_section_sample import estimate_cross_sections
from clustereffects.did._estimates import effects_from
from clustereffects.did._group_time_sample import estimate_panel
from clustereffects.did._private import bad_option
from clustereffects.did._roles import outcome_names, require_roles
from clustereffects.did.group_time_plan import BasePeriod, Control, Convention, Method
from clustereffects.errors import OptionError, Problem
from clustereffects.results import Effects, Variance

Incomplete = Literal["pairs", "drop", "cross_sections"]


@dataclass(frozen=True, kw_only=True)
class GroupTimeDiD:
    """Difference-in-differences with staggered treatment: an effect for every cohort and period.

    Parameters
    ----------
    control : {"not_yet_treated", "never_treated"}
        Comparison units: all that are not treated by then (nor anticipate it), or only those that never are.
    method : {"dr", "dr_improved", "ipw", "reg"}
        How covariates enter: doubly robust, the same with calibrated scores and a weighted regression (also robust in its
        standard errors), normalised inverse-probability weighting, outcome regression.
    covariates : str, optional
        Right-hand side of a formulaic formula, such as ``"log_size + C(industry)"``; read in the base period of each
        comparison. Parallel trends are then assumed among units with equal covariates.
    base_period : {"varying", "universal"}
        Base of the periods before treatment: the period before each, or the last one before treatment for all.
    anticipation : int
        Number of periods before treatment in which units may react already.
    by_group : bool
        Estimate by cohort, period and group (cluster organisation) of the panel.
    trim : float
        Comparison units with a propensity score from here on get no weight. A comparison with a score of 0.999 or more
        is not estimated.
    incomplete : {"pairs", "drop", "cross_sections"}
        Units that are not observed in all periods: each comparison uses those observed in both of its periods; only units
        observed in all periods are kept; or each period is a cross-section of the units, which together count as one
        observation of influence (``allow_unbalanced_panel = TRUE`` of the R package did).
    convention : {"paper", "did_2.5.1"}
        The second reproduces that version of the R package (with DRDID 1.2.3) where it departs: covariates of early
        periods on a universal base, base of the periods of anticipation, a sign in the standard errors of "dr" from
        cross-sections.
    variance : Cluster, MultiplierBootstrap, Jackknife or WildBootstrap, optional
        Default: at the panel's assignment level if one is declared – ``Jackknife()`` where at most 50 of its clusters hold
        treated units, clustered where they are more –, else independent units.

    Raises
    ------
    OptionError
        If an option has a value it cannot have; all problems are listed.

    Notes
    -----
    Estimand: ``ATT(g, t)``, the average effect in period ``t`` on the units first treated in ``g``, identified by
    (conditional) parallel trends and limited anticipation. Standard errors: influence functions as in DRDID.
    A panel without units (``Panel(frame, unit=None, ...)``) is one of repeated cross-sections.

    References
    ----------
    Callaway & Sant'Anna (2021), *Journal of Econometrics* 225(2), 200–230; Sant'Anna & Zhao (2020), *Journal of
    Econometrics* 219(1), 101–122.

    Examples
    --------
    >>> import clustereffects as ce
    >>> panel = ce.Panel(ce.datasets.load_mpdta(), unit="countyreal", time="year", cohort="first.treat")
    >>> effects = GroupTimeDiD(control="never_treated", covariates="lpop").fit(panel, "lemp")
    >>> effects.aggregate("overall").params.round(4).to_dict()
    {'overall': -0.0418}
    """

    control: Control = "not_yet_treated"
    method: Method = "dr"
    covariates: str | None = None
    base_period: BasePeriod = "varying"
    anticipation: int = 0
    by_group: bool = False
    trim: float = 0.995
    incomplete: Incomplete = "pairs"
    convention: Convention = "paper"
    variance: Variance | None = None

    def __post_init__(self) -> None:
        problems = _problems(self)
        if problems:
            raise OptionError(problems)

    @overload
    def fit(self, panel: Panel, outcome: str) -> Effects: ...

    @overload
    def fit(self, panel: Panel, outcome: list[str] | tuple[str, ...]) -> dict[str, Effects]: ...

    def fit(self, panel: Panel, outcome: str | list[str] | tuple[str, ...]) -> Effects | dict[str, Effects]:
        """Estimate the effects on one outcome, or on each of several.

        Several outcomes of a panel share the work that does not depend on the outcome, such as propensity scores.

        Raises
        ------
        OptionError
            If ``by_group`` is asked for but the panel has no group, the formula cannot be read, or outcomes are not named
            once each.
        ColumnError
            If an outcome or a variable of the formula does not exist or cannot be used.
        EstimationError
            If the panel holds no comparison of treated and untreated units.

        Warns
        -----
        FewClustersWarning
            If fewer than eight clusters of the assignment level hold treated units.
        """
        require_roles(self, panel)
        names = outcome_names(panel, outcome)
        if panel.cross_sections or self.incomplete == "cross_sections":
            found = [estimate_cross_sections(self, panel, name) for name in names]
        elif self.incomplete == "drop":
            found = [one for name in names for one in estimate_panel(self, panel, [name])]
        else:
            found = estimate_panel(self, panel, names)
        effects = {name: effects_from(self, panel, name, one) for name, one in zip(names, found, strict=True)}
        return effects[outcome] if isinstance(outcome, str) else effects


def _problems(model: Any) -> list[Problem]:
    """Options that cannot be; ``model`` is untyped because users pass anything."""
    choices = {
        "control": get_args(Control),
        "method": get_args(Method),
        "base_period": get_args(BasePeriod),
        "incomplete": get_args(Incomplete),
        "convention": get_args(Convention),
    }
    problems = [
        bad_option(name, getattr(model, name), " or ".join(map(repr, values)))
        for name, values in choices.items()
        if getattr(model, name) not in values
    ]
    problems += _covariates.check_formula(model.covariates)
    if isinstance(model.anticipation, bool) or not isinstance(model.anticipation, int) or model.anticipation < 0:
        problems.append(bad_option("anticipation", model.anticipation, "a whole number of periods, 0 or more"))
    if isinstance(model.trim, bool) or not isinstance(model.trim, int | float) or not 0.0 < model.trim <= 1.0:
        problems.append(bad_option("trim", model.trim, "a score above 0, at most 1"))
    if not isinstance(model.by_group, bool):
        problems.append(bad_option("by_group", model.by_group, "True or False"))
    if not isinstance(model.variance, Variance | None):
        kinds = "Cluster(...), MultiplierBootstrap(...), Jackknife(...), WildBootstrap(...) or None"
        problems.append(bad_option("variance", model.variance, kinds))
    return problems
