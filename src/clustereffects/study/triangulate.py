"""From a plan to the triangulation: prior, thresholds, and what only a study can tell an auditor."""

from __future__ import annotations

from collections.abc import Collection

from clustereffects.results import Check
from clustereffects.study.firms import FirmEffects
from clustereffects.study.inputs import PROGRAMME
from clustereffects.study.plan import Plan
from clustereffects.triangulation import OrganisationPrior, RunFacts, Theory, Thresholds, Triangulation


def triangulation_of(plan: Plan, theory: Theory, hidden: Collection[tuple[str, str]]) -> Triangulation:
    """Triangulation with the choices of a plan.

    Parameters
    ----------
    plan : Plan
    theory : Theory
    hidden : collection of (claim, organisation)
        Cells that are not published. Where organisations learn from each other, these organisations stand apart: what the
        others learned from them would give them away.

    Returns
    -------
    Triangulation

    Raises
    ------
    OptionError
        If a choice is impossible.

    Examples
    --------
    >>> from pathlib import Path
    >>> triangulation_of(Plan(folder=Path()), Theory.preset("seven_innovation_gaps"), ()).prior
    'provisional'
    """
    choice, default = plan.thresholds, Thresholds()
    firm = max(choice.benefit, choice.harm, default.firm)
    thresholds = Thresholds(benefit=choice.benefit, harm=choice.harm, firm=firm)
    if plan.triangulation.prior == "provisional":
        return Triangulation(theory, thresholds=thresholds)
    prior = OrganisationPrior(
        robust_weight=plan.triangulation.robust_weight,
        heterogeneity_sd=plan.triangulation.heterogeneity,
        apart=(PROGRAMME, *sorted({group for _, group in hidden})),
    )
    return Triangulation(theory, prior=prior, thresholds=thresholds)


def run_facts(plan: Plan, theory: Theory, firms: FirmEffects, checks: Collection[tuple[str, Check]]) -> RunFacts:
    """What the evidence alone cannot tell: whom members are compared with, trends before, registration, designs.

    Parameters
    ----------
    plan : Plan
    theory : Theory
    firms : FirmEffects
    checks : collection of (str, Check)
        Area and check of the whole study. Those on trends count where they are about the estimator whose effects enter
        and an outcome that a claim is about.

    Returns
    -------
    RunFacts

    Raises
    ------
    AttributeError
        If a part is missing.

    Examples
    --------
    >>> run_facts.__name__
    'run_facts'
    """
    registered = plan.study.registered
    outcomes = {f"log_{claim.outcome}" for claim in theory.claims}
    wanted = {f"({firms.primary}, {outcome})" for outcome in outcomes}
    designs = [name for name, _ in firms.effects]
    if firms.designs is not None:
        designs += firms.designs.table()["design"].tolist()
    return RunFacts(
        comparison=firms.primary,
        checks=tuple(check for area, check in checks if area == "effects" and any(w in check.name for w in wanted)),
        plan_registered=None if not registered else registered == plan.hash,
        designs=tuple(dict.fromkeys(designs)),
    )
