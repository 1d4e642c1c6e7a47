"""Everything that was handed to the triangulation, and nothing else: what determines the findings."""

from __future__ import annotations

from dataclasses import dataclass, field

from clustereffects.results.evidence import Evidence
from clustereffects.triangulation.cell_finding import CellFinding, find_cell
from clustereffects.triangulation.convergence import ConvergenceRules
from clustereffects.triangulation.dependence import DependenceGroup, grouped
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
    cells = sort_evidence(given.theory, grouped(given.evidence, given.dependence))
    keys = [(claim, group) for claim in given.theory.claims for group in sorted({group for _, group in cells})]
    choice = given.prior
    borrowed = organisation_priors(cells, given.theory, choice) if isinstance(choice, OrganisationPrior) else {}
    priors = given.priors
    return tuple(
        find_cell(
            claim,
            group,
            cells.get((claim.id, group), CellEvidence()),
            borrowed.get((claim.id, group), priors[claim.id]),
            given.thresholds,
        )
        for claim, group in keys
    )
