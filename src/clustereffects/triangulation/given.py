"""Everything that was handed to the triangulation, and nothing else: what determines the findings."""

from __future__ import annotations

from dataclasses import dataclass, field

from clustereffects.errors import EvidenceError, Problem
from clustereffects.results.evidence import POOLED, Estimate, Evidence
from clustereffects.triangulation.cell_finding import CellFinding, find_cell
from clustereffects.triangulation.convergence import ConvergenceRules
from clustereffects.triangulation.dependence import DependenceGroup, declaration_problems, joined
from clustereffects.triangulation.options import OrganisationPrior, Prior, PriorChoice, Thresholds, prior_of
from clustereffects.triangulation.organisation_prior import organisation_priors
from clustereffects.triangulation.overrides import Override
from clustereffects.triangulation.sorting import CellEvidence, sort_evidence
from clustereffects.triangulation.theory import Theory


@dataclass(frozen=True, kw_only=True)
class Given:
    """Theory, options, evidence, declared dependence and overrides of one triangulation.

    Parameters
    ----------
    theory : Theory
    prior : "provisional", Prior, OrganisationPrior, or mapping of str to Prior
    thresholds : Thresholds
    rules : ConvergenceRules
    evidence : tuple of evidence items
        As handed in, before dependence is sorted out.
    dependence : tuple of DependenceGroup
    overrides : tuple of Override

    Raises
    ------
    TypeError
        If the theory is missing.

    Examples
    --------
    >>> theory = Theory.from_dict({"nodes": {"a": {"kind": "activity"}, "b": {"kind": "outcome"}},
    ...     "links": {"ab": {"from": "a", "to": "b"}}, "rivals": {"boom": {}},
    ...     "claims": {"growth": {"outcome": "y", "scale": "log", "horizon": 3, "delta": 0.01, "rivals": ["boom"],
    ...                           "link": "ab"}}})
    >>> Given(theory=theory).priors["growth"].sceptical_sd
    0.05
    """

    theory: Theory
    prior: PriorChoice = "provisional"
    thresholds: Thresholds = field(default_factory=Thresholds)
    rules: ConvergenceRules = field(default_factory=ConvergenceRules)
    evidence: tuple[Evidence, ...] = ()
    dependence: tuple[DependenceGroup, ...] = ()
    overrides: tuple[Override, ...] = ()

    @property
    def priors(self) -> dict[str, Prior]:
        """Prior of each claim; the robust part where organisations learn from each other."""
        return {claim.id: prior_of(self.prior, claim) for claim in self.theory.claims}


def find_cells(given: Given) -> tuple[CellFinding, ...]:
    """Find what the evidence says on every claim for every group that it names.

    Parameters
    ----------
    given : Given

    Returns
    -------
    tuple of CellFinding
        In the order of the theory's claims, then of the groups.

    Raises
    ------
    EvidenceError
        With every item that cannot enter, or where the diagnostics rule out every state.

    Examples
    --------
    >>> theory = Theory.from_dict({"nodes": {"a": {"kind": "activity"}, "b": {"kind": "outcome"}},
    ...     "links": {"ab": {"from": "a", "to": "b"}}, "rivals": {"boom": {}},
    ...     "claims": {"growth": {"outcome": "y", "scale": "log", "horizon": 3, "delta": 0.01, "rivals": ["boom"],
    ...                           "link": "ab"}}})
    >>> find_cells(Given(theory=theory))
    ()
    """
    cells = _sorted(given)
    keys = [(claim, group) for claim in given.theory.claims for group in sorted({group for _, group in cells})]
    choice = given.prior
    borrowed = organisation_priors(cells, given.theory, choice) if isinstance(choice, OrganisationPrior) else {}
    priors, found, problems = given.priors, [], list[Problem]()
    for claim, group in keys:
        prior = borrowed.get((claim.id, group), priors[claim.id])
        try:
            found.append(find_cell(claim, group, cells.get((claim.id, group), CellEvidence()), prior, given.thresholds))
        except EvidenceError as error:
            problems += error.problems
    if problems:
        raise EvidenceError(problems)
    return tuple(found)


def _sorted(given: Given) -> dict[tuple[str, str], CellEvidence]:
    """Evidence by cell, or everything that is wrong with items and declared dependence in one error."""
    problems = [*declaration_problems(given.evidence, given.dependence), *_pooled_twice(given)]
    try:
        cells = sort_evidence(given.theory, joined(given.evidence, given.dependence))
    except EvidenceError as error:
        raise EvidenceError([*problems, *error.problems]) from error
    if problems:
        raise EvidenceError(problems)
    return cells


def _pooled_twice(given: Given) -> list[Problem]:
    """Effects that are pooled over organisations hold what a prior from the other organisations would add again."""
    if not isinstance(given.prior, OrganisationPrior):
        return []
    return [
        Problem(
            what=f"estimate {one.id!r} is pooled over organisations already",
            where=f"{one.claim} × {one.group}",
            expected="effects that are not pooled, where the prior is an OrganisationPrior",
            remedy="hand in the effects that are not pooled, or choose another prior",
        )
        for one in given.evidence
        if isinstance(one, Estimate) and one.id.startswith(POOLED)
    ]
