"""What the triangulation found: verdicts, posteriors, and everything a verdict hangs on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias

import pandas as pd

from clustereffects.data import SampleAccount
from clustereffects.errors import EstimationError, NotStoredError, OptionError, Problem
from clustereffects.results import draw
from clustereffects.results._evidence_checks import is_number
from clustereffects.triangulation._convergence_tables import (
    agreement_table,
    assessment_table,
    completeness_table,
    conflicts_table,
    convergence_table,
    matrix_table,
    overrides_table,
)
from clustereffects.triangulation._sensitivity_tables import (
    left_out_table,
    multiverse_table,
    reach_table,
    rho_table,
    sensitivity_table,
    tipping_table,
    weights_table,
)
from clustereffects.triangulation._tables import (
    VERDICT_COLUMNS,
    borrowed_table,
    bounds_table,
    effects_table,
    rivals_table,
    verdict_row,
)
from clustereffects.triangulation._theory_tables import attribution_table, links_table, paths_table
from clustereffects.triangulation.audit import audit_record, differences, read_record, restored, write_record
from clustereffects.triangulation.bands import bands_table
from clustereffects.triangulation.cell_finding import CellFinding
from clustereffects.triangulation.comparison import ENGINES, compare
from clustereffects.triangulation.convergence import CellConvergence, cell_convergence
from clustereffects.triangulation.elicitation import Calibration, CalibrationOptions, calibrate_tests
from clustereffects.triangulation.given import Given, find_cells
from clustereffects.triangulation.next_evidence import next_evidence_table
from clustereffects.triangulation.options import Prior, Thresholds
from clustereffects.triangulation.overrides import Override, check_overrides
from clustereffects.triangulation.posterior import Posterior, posterior_curve
from clustereffects.triangulation.scorecard import RunFacts, Scorecard, scorecard
from clustereffects.triangulation.sentences import Language, check_language
from clustereffects.triangulation.sorting import use_of_evidence
from clustereffects.triangulation.theory import Theory

__all__ = ["VERDICT_COLUMNS", "Findings"]

Figure: TypeAlias = Literal["verdicts", "convergence", "theory", "waterfall", "posterior", "tipping"]
_FIGURES: dict[Figure, str] = {
    "convergence": "convergence_matrix",
    "theory": "theory_graph",
    "waterfall": "evidence_waterfall",
    "posterior": "posterior_with_bounds",
    "tipping": "tipping_curves",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Findings:
    """Findings on every claim for every organisation; made by ``Triangulation``.

    Parameters
    ----------
    given : Given
        Everything that was handed in.
    cells : tuple of CellFinding
        In the order of the theory's claims, then of the groups.

    Raises
    ------
    OptionError
        If an override is about nothing that was computed.

    Examples
    --------
    >>> from clustereffects.results import Estimate
    >>> from clustereffects.triangulation import Theory, Triangulation
    >>> theory = Theory.from_dict({"nodes": {"a": {"kind": "activity"}, "b": {"kind": "outcome"}},
    ...     "links": {"ab": {"from": "a", "to": "b"}}, "rivals": {"boom": {}},
    ...     "claims": {"growth": {"outcome": "y", "scale": "log", "horizon": 3, "delta": 0.01, "rivals": ["boom"],
    ...                           "link": "ab"}}})
    >>> item = Estimate(id="did", claim="growth", group="K01", stream="economic", value=0.09, std_error=0.02)
    >>> Triangulation(theory).fit([item]).verdicts()["verdict"].tolist()
    ['beneficial']
    """

    given: Given
    cells: tuple[CellFinding, ...]

    def __post_init__(self) -> None:
        if self.given.overrides:
            check_overrides(self.given.overrides, self._computed)

    @classmethod
    def of(cls, given: Given) -> Findings:
        """Findings on what was handed in."""
        return cls(given=given, cells=find_cells(given))

    @classmethod
    def from_audit(cls, path: str | Path) -> Findings:
        """Findings computed again from an audit file, after checking its hashes and that every figure is the same.

        Raises
        ------
        FileError
            If the file is no audit file, or a part of it was changed.
        EstimationError
            With every figure that came out differently.
        """
        return cls._again(read_record(Path(path)))

    @classmethod
    def _again(cls, record: Mapping[str, Any]) -> Findings:
        again = cls.of(restored(record))
        if unequal := differences(record, json.loads(json.dumps(again.to_dict()))):
            raise EstimationError(unequal)
        return again

    @property
    def theory(self) -> Theory:
        """Theory of change."""
        return self.given.theory

    @property
    def thresholds(self) -> Thresholds:
        """Probabilities from which a verdict is given."""
        return self.given.thresholds

    @property
    def priors(self) -> tuple[tuple[str, Prior], ...]:
        """Prior of each claim."""
        return tuple(self.given.priors.items())

    def __repr__(self) -> str:
        counts = self.verdicts()["verdict"].value_counts()
        return f"<Findings: {len(self.cells)} cells; " + ", ".join(f"{n} {word}" for word, n in counts.items()) + ">"

    def verdicts(self, language: Language = "en") -> pd.DataFrame:
        """Verdict for each claim and group, with bounds on the probability of benefit and the tipping sentence.

        Probabilities are empty where the verdict is withheld (the bounds contain a threshold) or silent.
        """
        check_language(language)
        rows = [verdict_row(cell, self.thresholds, language) for cell in self.cells]
        return pd.DataFrame(rows, columns=list(VERDICT_COLUMNS))

    def bands(self, language: Language = "en") -> pd.DataFrame:
        """Leading state of each cell in words ("likely, 88–99 %"), the inputs that are judgement, and what tips it.

        The number is left out where the bounds contain a threshold.
        """
        check_language(language)
        return bands_table(self._speaking(), self.thresholds, language)

    def _speaking(self) -> Iterator[CellFinding]:
        return (cell for cell in self.cells if cell.verdict != "silent")

    def cell(self, claim: str, group: str) -> CellFinding:
        """Everything on one claim for one group."""
        found = {(cell.model.claim.id, cell.model.group): cell for cell in self.cells}
        if (claim, group) not in found:
            raise NotStoredError(
                Problem(
                    what=f"no finding on claim {claim!r} for group {group!r}",
                    where="findings",
                    expected=f"claims {', '.join(dict.fromkeys(c for c, _ in found))}; "
                    f"groups {', '.join(dict.fromkeys(g for _, g in found))}",
                    remedy="use one of these",
                )
            )
        return found[claim, group]

    def posterior(self, claim: str, group: str) -> Posterior:
        """Posterior distribution at the centre of all ranges, also where the verdict is withheld."""
        return posterior_curve(self.cell(claim, group).model)

    def bounds(self) -> pd.DataFrame:
        """Lower and upper probability of every state over all declared ranges."""
        return bounds_table(self._speaking())

    def effects(self, level: float = 0.95) -> pd.DataFrame:
        """Posterior mean, standard deviation and credible interval at the centre of all ranges, in units of the claim."""
        return effects_table(self._speaking(), level)

    def leave_one_out(self) -> pd.DataFrame:
        """Posterior without each stream, each dependence group and each item in turn, at the centre of all ranges."""
        return left_out_table(self._speaking())

    def tipping(self, threshold: float | None = None) -> pd.DataFrame:
        """Smallest change of each input that changes the verdict, at one threshold for all states.

        At the centre of all ranges, so that ``verdict`` may be one that is withheld. ``tips_at`` is NaN where nothing
        within reach changes it. Without a threshold those of the verdicts apply.

        Raises
        ------
        OptionError
            If the threshold is not above ½ and at most 1.
        """
        if threshold is not None and not (is_number(threshold) and 0.5 < threshold <= 1):
            expected = "a probability above 0.5 and at most 1"
            what = f"threshold is {threshold!r}"
            raise OptionError(Problem(what=what, where="tipping", expected=expected, remedy="correct the option"))
        return tipping_table(self._speaking(), self.thresholds, threshold)

    def rho_sweep(self) -> pd.DataFrame:
        """Probabilities as the correlation within groups of diagnostics goes from 0 to 1, other ranges at their centre."""
        return rho_table(self._speaking(), self.thresholds)

    def sensitivity(self) -> pd.DataFrame:
        """What a verdict was tested against, one row per test: streams, groups and items left out, tipping points, ρ.

        At the centre of all ranges: ``verdict`` and ``flips`` are about what would be said if all were known exactly, also
        where the verdict is withheld.
        """
        return sensitivity_table(tuple(self._speaking()), self.thresholds)

    def stream_weights(self) -> pd.DataFrame:
        """Share of all weightings of the streams that leads to each verdict, with the weights at its centre (SMAA).

        All ranges at their centre.
        """
        return weights_table(self._speaking())

    def multiverse(self) -> pd.DataFrame:
        """Verdict under every combination of other reasonable models; ``same`` is the share that keeps the verdict."""
        return multiverse_table(self._speaking())

    def reach(self) -> pd.DataFrame:
        """Largest probability of each state that infinitely precise estimates with the declared biases could give.

        Where ``possible`` is false, no amount of data of the same kind can lead to the verdict.
        """
        return reach_table(self._speaking())

    def conflicts(self) -> pd.DataFrame:
        """Conflict between the estimates of every two streams, among all estimates, and between prior and estimates.

        ``test`` says which of the three a row is about. ``p_holm`` allows for the number of node splits in the table.
        """
        return conflicts_table(self._speaking())

    @cached_property
    def _assessed(self) -> tuple[tuple[CellFinding, CellConvergence], ...]:
        rules = self.given.rules
        return tuple(
            (cell, cell_convergence(cell.model, cell.evidence.silences, self._expected[cell.model.claim.id], rules))
            for cell in self.cells
        )

    @property
    def _expected(self) -> dict[str, tuple[str, ...]]:
        """Streams that the theory expects to speak on each claim."""
        return {claim.id: self.theory.link(claim.link).perspectives for claim in self.theory.claims}

    @cached_property
    def _computed(self) -> dict[tuple[str, ...], str]:
        """Computed verdicts and codes that researchers may judge."""
        verdicts: dict[tuple[str, ...], str] = {tuple(cell.key.values()): cell.verdict for cell in self.cells}
        if not any(isinstance(one, Override) and one.code for one in self.given.overrides):
            return verdicts
        codes = {
            (*c.key.values(), one.first, one.second): one.code for c, found in self._assessed for one in found.codes
        }
        return verdicts | codes

    def convergence(self) -> pd.DataFrame:
        """Convergence code of every two streams on every claim, and beside it what researchers coded."""
        return convergence_table(self._assessed, self.given.overrides)

    def convergence_matrix(self) -> pd.DataFrame:
        """Convergence codes with claims and pairs of streams as rows and organisations as columns."""
        return matrix_table(self.convergence())

    def assessment(self) -> pd.DataFrame:
        """One assessment of convergence for every claim and organisation."""
        return assessment_table(self._assessed)

    def completeness(self) -> pd.DataFrame:
        """What each stream contributes to every cell, and why it is silent where it is."""
        return completeness_table(self._assessed, self._expected)

    def overrides(self) -> pd.DataFrame:
        """What researchers judged, with their reasons, beside what was computed; it changes no figure."""
        return overrides_table(self.given.overrides, self._computed)

    def override_agreement(self, least: int = 10) -> pd.DataFrame:
        """Cohen's κ between each researcher and what was computed; none below ``least`` judgements."""
        return agreement_table(self.given.overrides, self._computed, least)

    def rivals(self) -> pd.DataFrame:
        """Likelihood ratio of each rival explanation against the claim; it never enters that of the effect."""
        return rivals_table(self.cells)

    def attribution(self, priors: Mapping[str, Mapping[str, float]] | None = None) -> pd.DataFrame:
        """What the signs of rivals alone say of who accounts for an outcome: the organisation, a rival or something else.

        No evidence on the effect enters: read it beside the verdict. Cells without signs of rivals have no row.
        ``priors`` gives the weights of the hypotheses by claim; without it they are the same for all.
        """
        return attribution_table(self.theory, self.cells, priors)

    def paths(self, group: str = "", *, independence: str = "") -> pd.DataFrame:
        """Bounds on the probability that every link of a path holds, and its weakest link.

        Fréchet bounds; with ``independence`` (who declares it, and why) the product as well.
        """
        return paths_table(self.theory, self.cells, group, independence)

    def links(self, group: str = "") -> pd.DataFrame:
        """Bounds on the probability of every link of the theory from the claims about it."""
        return links_table(self.theory, self.cells, group)

    def compare(self, engines: Sequence[str] = tuple(ENGINES)) -> pd.DataFrame:
        """What other ways of joining the same evidence conclude, each with its assumption and its warnings."""
        return compare(self.cells, engines, self.thresholds)

    def calibration(self, options: CalibrationOptions | None = None) -> Calibration:
        """How often each test was passed where accounts say benefit and where they do not, over all organisations."""
        return calibrate_tests(self.cells, options or CalibrationOptions())

    def borrowed(self) -> pd.DataFrame:
        """What the other organisations contributed to each prior, and whether the own evidence accepts it."""
        return borrowed_table(self._speaking())

    def scorecard(self, facts: RunFacts | None = None) -> Scorecard:
        """Audit questions with the answers that this run gives; ``facts`` says what only a study knows."""
        return scorecard(self.theory, self.cells, self.given.overrides, facts)

    def next_evidence(self) -> pd.DataFrame:
        """What further evidence can be expected to tell, the most informative first."""
        return next_evidence_table(self.cells, self.thresholds)

    def account(self) -> SampleAccount:
        """Evidence items in, used, and not used by reason."""
        uses = use_of_evidence([cell.evidence for cell in self.cells])
        dropped = {use.removeprefix("not used: "): n for use, n in uses.items() if use.startswith("not used")}
        used = {use: n for use, n in uses.items() if not use.startswith("not used")}
        total = sum(uses.values())
        return SampleAccount(rows_in=total, rows_used=total - sum(dropped.values()), dropped=dropped, counts=used)

    def to_dict(self) -> dict[str, Any]:
        """Everything that was handed in with its hashes, verdicts and figures, as plain data."""
        return audit_record(self.given, self.cells, self.verdicts())

    def audit(self, path: str | Path) -> Path:
        """Write ``to_dict`` as JSON, so that every figure can be traced to hashed inputs; returns the path."""
        return write_record(self.to_dict(), Path(path))

    def replay(self) -> Findings:
        """Findings computed again from the audit record alone, which proves that the record is complete.

        Raises
        ------
        EstimationError
            With every figure that came out differently.
        """
        return self._again(json.loads(json.dumps(self.to_dict())))

    def plot(self, ax: Any = None, *, kind: Figure = "verdicts", **options: Any) -> Any:
        """Draw the findings; returns the Axes.

        ``verdicts``: matrix of claims and groups. ``convergence``: the same with a sign for each stream. ``theory``: the
        theory of change, coloured by verdict (``group=``). ``waterfall``, ``posterior``, ``tipping``: one cell
        (``claim=``, ``group=``). ``language=`` chooses the words. Subplots of a figure without a layout engine get the
        constrained one, so that labels and legends have room.

        Raises
        ------
        OptionError
            If the kind is unknown.
        """
        if kind == "verdicts":
            return draw("verdict_matrix", self.verdicts(), ax, **options)
        if kind not in _FIGURES:
            expected = ", ".join(["verdicts", *_FIGURES])
            raise OptionError(Problem(what=f"kind {kind!r}", where="plot", expected=expected, remedy="use one of them"))
        return draw(_FIGURES[kind], self, ax, **options)
