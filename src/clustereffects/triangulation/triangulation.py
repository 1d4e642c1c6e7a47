"""Join the perspectives: one posterior, one verdict and one tipping sentence per claim and organisation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass, field

from clustereffects.errors import OptionError, Problem
from clustereffects.results.evidence import Evidence
from clustereffects.triangulation.convergence import ConvergenceRules
from clustereffects.triangulation.dependence import DependenceGroup
from clustereffects.triangulation.findings import Findings
from clustereffects.triangulation.given import Given
from clustereffects.triangulation.options import OrganisationPrior, Prior, PriorChoice, Thresholds, prior_of
from clustereffects.triangulation.overrides import Override
from clustereffects.triangulation.theory import Theory


@dataclass(frozen=True)
class Triangulation:
    """Bayesian triangulation of estimates, diagnostics and bias evidence against a theory of change.

    Parameters
    ----------
    theory : Theory
    prior : "provisional", Prior, OrganisationPrior, or mapping of str to Prior
        Sceptical and symmetric around no effect. Provisional: standard deviations of 5 and 15 times the smallest
        effect of interest, the wide one with weight .2. A mapping names claims or scales. With an ``OrganisationPrior``
        each organisation's prior is what the others' estimates say.
    thresholds : Thresholds
        Posterior probabilities from which a verdict is given.
    rules : ConvergenceRules
        Limits of the convergence codes.

    Raises
    ------
    OptionError
        If the prior names neither a claim nor a scale of the theory.

    Notes
    -----
    Estimand: the effect of one organisation on one outcome, on the scale and at the horizon of its claim. Model, bounds
    and conventions are described in the method card *triangulation*. Results are deterministic.

    Examples
    --------
    >>> from clustereffects.results import BiasTerm, Estimate
    >>> theory = Theory.from_dict({"nodes": {"a": {"kind": "activity"}, "b": {"kind": "outcome"}},
    ...     "links": {"ab": {"from": "a", "to": "b"}}, "rivals": {"boom": {}},
    ...     "claims": {"growth": {"outcome": "y", "scale": "log", "horizon": 3, "delta": 0.01, "rivals": ["boom"],
    ...                           "link": "ab"}}})
    >>> item = Estimate(id="did", claim="growth", group="K01", stream="economic", value=0.06, std_error=0.025,
    ...                 bias=(BiasTerm(domain="selection", sd=0.03),))
    >>> verdicts = Triangulation(theory).fit([item]).verdicts()
    >>> verdicts["verdict"].tolist(), verdicts["p_benefit"].round(3).tolist()
    (['undecided'], [0.822])
    """

    theory: Theory
    _: KW_ONLY
    prior: PriorChoice = "provisional"
    thresholds: Thresholds = field(default_factory=Thresholds)
    rules: ConvergenceRules = field(default_factory=ConvergenceRules)

    def __post_init__(self) -> None:
        known = {name for claim in self.theory.claims for name in (claim.id, claim.scale)}
        base = self.prior.base if isinstance(self.prior, OrganisationPrior) else self.prior
        strange = [] if isinstance(base, str | Prior) else sorted(set(base) - known)
        if strange:
            raise OptionError(
                Problem(
                    what=f"a prior for {', '.join(strange)}",
                    where="prior",
                    expected="claims or scales of the theory: " + ", ".join(sorted(known)),
                    remedy="correct the name",
                )
            )
        for claim in self.theory.claims:
            prior_of(self.prior, claim)

    def fit(
        self,
        evidence: Iterable[Evidence],
        *,
        dependence: Iterable[DependenceGroup] = (),
        overrides: Iterable[Override] = (),
    ) -> Findings:
        """Findings on every claim for every group that any evidence names.

        Parameters
        ----------
        evidence : iterable of Estimate, Diagnostic, BiasEvidence or Silence
        dependence : iterable of DependenceGroup
            Items that share respondents, data, coders or a funder, in addition to what the items say themselves.
        overrides : iterable of Override
            Researchers' own verdicts and codes, kept beside the computed ones.

        Raises
        ------
        EvidenceError
            With every item that cannot enter, or where the diagnostics rule out every state.
        OptionError
            With every override that is about nothing computed.
        """
        given = Given(
            theory=self.theory,
            prior=self.prior,
            thresholds=self.thresholds,
            rules=self.rules,
            evidence=tuple(sorted(evidence, key=repr)),
            dependence=tuple(dependence),
            overrides=tuple(overrides),
        )
        return Findings.of(given)
